"""Takes the new files of each topic: ``python -m benchmarks.contestants.plain EXPORTS HOME``."""

import sys
from pathlib import Path

import duckdb

SQL = Path(__file__).parent / "sql"


def main(exports: Path, home: Path) -> None:
    """One transaction a topic."""
    home.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(home / "plain.duckdb")) as connection:
        _script(connection, "open")
        for folder in sorted(exports.glob("*/public/exported_*")):
            _take(connection, folder)


def _take(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    topic = folder.name.removeprefix("exported_")
    known = {name for (name,) in connection.execute("select file_name from files where topic = ?", [topic]).fetchall()}
    new = sorted(path for path in folder.iterdir() if path.name not in known)
    if not new:
        return
    connection.execute(f'create schema if not exists "{topic}"; use "{topic}"')
    is_first = not known
    if is_first:
        _script(connection, "tables")
    connection.execute("begin")
    number = connection.execute("select coalesce(max(file_id), 0) from main.files").fetchone()[0]
    listed = [(number + at, topic, path.name, path.stat().st_mtime) for at, path in enumerate(new, 1)]
    connection.executemany("insert into main.files values (?, ?, ?, make_timestamp((? * 1000000)::bigint))", listed)
    snapshots = [path for path in new if path.stem == "LOAD"]
    changes = [path for path in new if path.stem != "LOAD"]
    if snapshots:
        _script(connection, f"snapshot_{_form(snapshots)}", path=str(snapshots[0]), topic=topic)
        _script(connection, "snapshot")
    _script(connection, f"changes_{_form(changes)}", paths=[str(path) for path in changes], topic=topic)
    _script(connection, "changes")
    _script(connection, "steps", prior="base" if is_first else "state")
    _script(connection, "state_first" if is_first else "state_next")
    connection.execute("commit; use main")


def _form(paths: list[Path]) -> str:
    return paths[0].suffix[1:]


def _script(connection: duckdb.DuckDBPyConnection, name: str, **values: object) -> None:
    """A file's statements; ``$name`` stands for a value, as text of SQL."""
    text = (SQL / f"{name}.sql").read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"${key}", repr(value) if isinstance(value, list) else str(value))
    connection.execute(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
