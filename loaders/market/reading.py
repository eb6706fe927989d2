"""Reading one downloaded export whole, as text, or refusing it with the reason. Its columns are its own: none is expected."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from loaders.errors import UnreadableFile
from loaders.limits import Limits
from loaders.names import ExportName
from loaders.prover import prove
from loaders.readers import check_header, csv_source, unreadable
from loaders.rfc4180 import LONGEST_LINE, read_header
from loaders.warehouse import quote_text

_LARGEST_OBJECT = f"maximum_object_size={LONGEST_LINE}"


@dataclass(frozen=True, slots=True)
class Rows:
    """``select`` is a query with the parameter ``$path``; it gives ``v0``, ``v1``, ...: the ``columns`` as text, in the order of the
    file's rows. ``row_count`` is how many there have to be, by another count than that of the query."""

    columns: tuple[str, ...]
    select: str
    row_count: int

    @property
    def values(self) -> list[str]:
        """The names under which ``select`` gives the columns."""
        return [f"v{i}" for i in range(len(self.columns))]


def open_rows(connection: duckdb.DuckDBPyConnection, path: Path, file_format: str, limits: Limits) -> Rows:
    """How to read the file, which has been read through once by then; UnreadableFile when it is not whole, or not of this format."""
    if file_format == "csv":
        return _open_csv(path)
    if file_format == "parquet":
        proven = prove(path, path.name, limits)
        return Rows(tuple(proven["columns"]), proven["select"], proven["row_count"])
    try:
        return _open_jsonl(connection, path)
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.BinderException) as error:
        raise unreadable(error) from None


def _open_csv(path: Path) -> Rows:
    """Some write no header where there are no rows: a file without a byte is a report without rows, as in JSON lines."""
    if not path.stat().st_size:
        return Rows((), "select null as v0 where $path is null", 0)
    file = read_header(path)
    _check_names(path, file.columns)
    rows = file.count()
    values = [f"c{i}" for i in range(len(file.columns))]
    texts = ", ".join(f"{value} as v{i}" for i, value in enumerate(values))
    return Rows(file.columns, f"select {texts} from {csv_source(values)}", rows)


def _open_jsonl(connection: duckdb.DuckDBPyConnection, path: Path) -> Rows:
    """One object a line; keys in the order in which they first appear. A value that is no text is kept as JSON writes it."""
    rows = _count_lines(path)
    source = f"read_ndjson_objects($path, {_LARGEST_OBJECT})"
    place = {"path": str(path)}
    kinds = connection.execute(f"select distinct json_type(json) from {source}", place).fetchall()
    if strange := [kind for (kind,) in kinds if kind != "OBJECT"]:
        raise UnreadableFile(f"a line holds JSON of the kind {strange[0]}, and no object: have it exported again")
    found = connection.execute(
        f"""
        select name from (
            select unnest(json_keys(json)) as name, row_number() over () as line, generate_subscripts(json_keys(json), 1) as place
            from {source}
        ) group by name order by min((line, place))
        """,
        place,
    ).fetchall()
    columns = tuple(name for (name,) in found)
    _check_names(path, columns)
    pointers = ", ".join(quote_text("/" + name.replace("~", "~0").replace("/", "~1")) for name in columns)
    texts = ", ".join(f"texts[{i + 1}] as v{i}" for i in range(len(columns))) or "null::varchar as v0"
    taken = f"json_extract_string(json, [{pointers}]::varchar[])" if columns else "[]"
    return Rows(columns, f"select {texts} from (select {taken} as texts from {source})", rows)


def _count_lines(path: Path) -> int:
    """The lines that are not blank."""
    count = 0
    with path.open("rb") as file:
        for number in iter(lambda: file.readline(LONGEST_LINE), b""):
            if len(number) == LONGEST_LINE:
                raise UnreadableFile(
                    f"a line of more than {LONGEST_LINE:,} bytes: its line ends are missing, or a value is too long", count + 1
                )
            count += bool(number.strip())
    return count


def _check_names(path: Path, columns: tuple[str, ...]) -> None:
    """As for any delivered file, but that no key has to be among them."""
    check_header(columns, ExportName(path.stem, "csv", "table", None, is_part=False))
