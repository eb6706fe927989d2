"""The lake: what was loaded, as Parquet files that an engine on many machines reads. docs/scaling.md.

    {lake}/raw/{topic}/_load={greatest file id in it}/*.parquet   the rows that one sync brought, as raw.{topic} has them
    {lake}/raw/columns.parquet                                    the columns of every topic's table
    {lake}/raw/api_reconciliation.parquet                         what the API said
    {lake}/raw/files.parquet                                      the ledger

A row's file id is at most its load's, so that whoever wants what is newer than a file opens the folders of later loads
alone. The ledger is written last: rows that it does not know are not there, whatever a killed sync left behind.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import duckdb
import fsspec
from fsspec.core import url_to_fs

from loaders.errors import LakeRefused, LakeUnreachable, SettingsError
from loaders.progress import Line, Progress
from loaders.raw_tables import TECHNICAL_COLUMNS
from loaders.readers import folded
from loaders.seam import Seam
from loaders.warehouse import quote, quote_text, table_columns, topic_tables

LOAD = "_load"
_FILE_SIZE = "256MB"  # what one task of an engine reads well; smaller only where a sync brings less
_WHOLE = ("api_reconciliation", "files")  # written anew each time, in this order
_SAME = "(known.organization_id, known.topic, known.file_name, known.sha256)"


@dataclass(frozen=True, slots=True)
class LakeReport:
    """What a sync added to the lake: rows by topic, and the ledger's end that it holds now."""

    lake: str
    rows: dict[str, int] = field(default_factory=dict)
    file_id: int = 0


@dataclass(frozen=True, slots=True)
class Lake:
    """A folder in any store that fsspec knows; ``root`` as ``fs`` spells it."""

    fs: fsspec.AbstractFileSystem
    root: str
    seam: Seam

    def send(self, local: Path, name: str) -> None:
        """Put a local file, or a folder of files, in its place, over what is there. A file is there whole or not at all."""
        target = f"{self.root}/{name}"
        with self.seam.crossing(name, LakeUnreachable):
            self.fs.makedirs(target if local.is_dir() else self.root, exist_ok=True)
            for path in sorted(local.iterdir()) if local.is_dir() else ():
                self.fs.put_file(str(path), f"{target}/{path.name}")
            if local.is_file():
                self.fs.put_file(str(local), f"{target}.part")
                self.fs.mv(f"{target}.part", target)

    def fetch(self, name: str, local: Path) -> bool:
        """Copy a file of the lake's; False where it has none."""
        with self.seam.crossing(name, LakeUnreachable):
            self.fs.invalidate_cache()
            if not self.fs.exists(f"{self.root}/{name}"):
                return False
            self.fs.get_file(f"{self.root}/{name}", str(local))
        return True

    def drop_loads_after(self, file_id: int) -> None:
        """Take away loads that no ledger knows: a sync was killed before it wrote its own."""
        with self.seam.crossing("raw", LakeUnreachable):
            for folder in self.fs.glob(f"{self.root}/*/{LOAD}=*"):
                if int(folder.rpartition("=")[2]) > file_id:
                    self.fs.rm(folder, recursive=True)


@contextmanager
def open_lake(url: str) -> Iterator[Lake]:
    """The lake at ``url``; SettingsError when no installed package knows such a URL, LakeUnreachable."""
    parts = urlsplit(url)
    label = f"the lake {parts.scheme}://{parts.hostname or ''}{parts.path}" if parts.scheme else f"the lake {parts.path}"
    seam = Seam(label, frozenset(secret for secret in (parts.password, parts.query) if secret))
    try:
        with seam.crossing("connecting", LakeUnreachable):
            fs, root = url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise SettingsError(f"the lake's URL: {parts.scheme}:// needs a package that is not installed ({error})") from error
    yield Lake(fs, f"{root.rstrip('/')}/raw", seam)


def write_lake(connection: duckdb.DuckDBPyConnection, url: str, work: Path, progress: Progress) -> LakeReport:
    """Bring the lake up to what is loaded. ``work`` is a folder for what is on its way.

    LakeRefused when the lake holds another warehouse's files; LakeUnreachable, and the next sync goes on from there.
    """
    with open_lake(url) as lake, TemporaryDirectory(prefix="lake-", dir=work) as folder:
        known = _known(connection, lake, Path(folder))
        lake.drop_loads_after(known)
        rows = {}
        for topic, load, files in _news(connection, known):
            rows[topic] = _send_rows(connection, lake, topic, known, load, Path(folder) / f"{load}")
            progress(Line(f"{lake.seam.label}: {topic}: {files} files, {rows[topic]:,} rows", step="lake", topic=topic, files=files))
        tables = {"columns": _columns_query(connection)} | {name: f"select * from raw._{name}" for name in _WHOLE}
        for name, query in tables.items():
            local = Path(folder) / f"{name}.parquet"
            connection.execute(f"copy ({query}) to {quote_text(str(local))} (format parquet)")
            lake.send(local, local.name)
    (end,) = connection.execute("select coalesce(max(_file_id), 0) from raw._files").fetchone() or (0,)
    return LakeReport(lake.seam.label, rows, end)


def _known(connection: duckdb.DuckDBPyConnection, lake: Lake, folder: Path) -> int:
    """The end of the lake's own ledger; 0 for an empty lake."""
    local = folder / "known.parquet"
    if not lake.fetch("files.parquet", local):
        return 0
    query = f"""
        select coalesce(max(known._file_id), 0), coalesce(max(files._file_id) filter ({_SAME} <> {_SAME.replace("known", "files")}), 0)
        from {quote_text(str(local))} as known left join raw._files as files using (_file_id)
    """
    end, differing = connection.execute(query).fetchone() or (0, 0)
    (own_end,) = connection.execute("select coalesce(max(_file_id), 0) from raw._files").fetchone() or (0,)
    if differing or end > own_end:
        raise LakeRefused(
            f"{lake.seam.label} holds the files of another warehouse, or of this one before it was restored: they have other numbers. "
            "Name another folder, or empty this one; then build on Spark once with --full-refresh."
        )
    return end


def _news(connection: duckdb.DuckDBPyConnection, known: int) -> list[tuple[str, int, int]]:
    """The topics that have rows beyond a file: topic, greatest file id, number of files."""
    query = """
        select topic, max(_file_id), count(*) from raw._files
        where row_count is not null and _file_id > ? group by topic order by topic
    """
    return connection.execute(query, [known]).fetchall()


def _send_rows(connection: duckdb.DuckDBPyConnection, lake: Lake, topic: str, known: int, load: int, local: Path) -> int:
    columns = ", ".join(f"{quote(column)} as {quote(name)}" for column, name in _columns(connection, topic))
    rows = f"select {columns} from raw.{quote(topic)} where _file_id > {known:d} and _file_id in (select _file_id from raw._files)"
    options = f"format parquet, compression zstd, file_size_bytes '{_FILE_SIZE}'"
    (count,) = connection.execute(f"copy ({rows}) to {quote_text(str(local))} ({options})").fetchone() or (0,)
    lake.send(local, f"{topic}/{LOAD}={load}")
    return count


def _columns(connection: duckdb.DuckDBPyConnection, topic: str) -> list[tuple[str, str]]:
    """The columns of a topic's table, and how the lake names them: `_load` is the folders', and staging has the same name for both."""
    columns = table_columns(connection, "raw", topic)
    return [(column, f"delivered_{column}" if folded(column) == LOAD else column) for column in columns]


def _columns_query(connection: duckdb.DuckDBPyConnection) -> str:
    """A select of topic, position, column_name and data_type, the last as Spark spells it; a topic without any file yet has none."""
    connection.execute(
        "create or replace temp table lake_columns (topic varchar, position integer, column_name varchar, data_type varchar)"
    )
    for topic in topic_tables(connection):
        names = [name for _, name in _columns(connection, topic)]
        kinds = [TECHNICAL_COLUMNS.get(name, "varchar").replace("varchar", "string") for name in names]
        rows = [[topic, *row] for row in enumerate(zip([*names, LOAD], [*kinds, "bigint"], strict=True))]
        connection.executemany("insert into lake_columns values (?, ?, ?, ?)", [[topic, place, *pair] for topic, place, pair in rows])
    return "select * from temp.lake_columns order by topic, position"
