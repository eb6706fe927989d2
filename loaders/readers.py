"""Reading one delivered file whole, as text, with each row's number, or refusing it with the reason.

One file at a time, every column named and typed by us: a reader that guesses renames ``unitId,unitID`` in silence,
drops columns that the first file of a glob lacks, and changes types with the eleventh file.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from loaders.errors import UnreadableFile
from loaders.names import ExportName
from loaders.warehouse import quote

MAX_COLUMNS = 2_000
MAX_LINE_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Readable:
    """A file that can be selected from.

    ``select`` is a query with one parameter, ``$path``. It gives ``values`` (``v0``, ``v1``, ...: the delivered
    ``columns`` as text, in their order), then ``_row_number`` (1-based, in the file's own order; null unless
    ``numbers_rows``) and ``_op`` (upper case; null where the file has no operation column). ``row_count`` is the file's
    own claim, where its format makes one.
    """

    columns: tuple[str, ...]
    select: str
    numbers_rows: bool
    row_count: int | None

    @property
    def numbered(self) -> str:
        """``select`` with the row numbers of a format that does not number its rows; reads with one thread."""
        return self.select if self.numbers_rows else f"select * replace (row_number() over () as _row_number) from ({self.select})"

    @property
    def values(self) -> list[str]:
        """The names under which ``select`` gives the columns: a file's own names stay out of statements that read it."""
        return [f"v{i}" for i in range(len(self.columns))]

    @property
    def key(self) -> str:
        """The one of ``values`` that holds the record's id."""
        return self.values[[column.casefold() for column in self.columns].index("id")]


def open_file(connection: duckdb.DuckDBPyConnection, path: Path, name: ExportName) -> Readable:
    """How to read the file, after its header has been checked; UnreadableFile when it cannot be an export."""
    if path.stat().st_size == 0:
        raise UnreadableFile("the file is empty (zero bytes): not even a header line")
    return _open_csv(path, name) if name.format == "csv" else _open_parquet(connection, path, name)


def _open_csv(path: Path, name: ExportName) -> Readable:
    header = _csv_header(path)
    values = [f"c{i}" for i in range(len(header))]
    return _readable(header, values, _csv_source(values), None, None, name)


def _csv_source(columns: Sequence[str]) -> str:
    types = ", ".join(f"'{column}': 'varchar'" for column in columns)
    dialect = "delim=',', quote='\"', escape='\"', nullstr='', allow_quoted_nulls=false, strict_mode=true"
    limits = f"max_line_size={MAX_LINE_BYTES}, buffer_size={2 * MAX_LINE_BYTES}"
    return f"read_csv($path, auto_detect=false, header=true, {dialect}, {limits}, columns={{{types}}})"


def _csv_header(path: Path) -> list[str]:
    with path.open("rb") as file:
        head = file.read(MAX_LINE_BYTES)
    if head.startswith(b"\x1f\x8b"):
        raise UnreadableFile("the file is gzip-compressed, though its name says CSV", 1)
    if head.lstrip()[:1] == b"<":
        raise UnreadableFile("the file looks like an HTML or XML page, not CSV", 1, head[:80].decode("utf-8", "replace"))
    _refuse_nul_bytes(path)
    try:  # a multi-byte character may be cut where the head ends; the header itself ends long before
        text = head.decode("utf-8-sig", "strict" if len(head) < MAX_LINE_BYTES else "replace")
    except UnicodeDecodeError as error:
        line = head.count(b"\n", 0, error.start) + 1
        raise UnreadableFile("the file is not valid UTF-8", line, repr(head[max(0, error.start - 20) : error.start + 20])) from None
    try:
        return next(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (StopIteration, csv.Error) as error:
        raise UnreadableFile(f"the header line cannot be read ({error})", 1, text[:80]) from None


def _refuse_nul_bytes(path: Path) -> None:
    line = 1
    with path.open("rb") as file:
        while chunk := file.read(2**22):
            if (at := chunk.find(b"\0")) >= 0:
                raise UnreadableFile("the file holds a NUL byte", line + chunk.count(b"\n", 0, at))
            line += chunk.count(b"\n")


def _open_parquet(connection: duckdb.DuckDBPyConnection, path: Path, name: ExportName) -> Readable:
    try:
        header = _parquet_header(connection, path)
        types = [kind for _, kind, *_ in connection.execute("describe from read_parquet($path)", {"path": str(path)}).fetchall()]
        (rows,) = connection.execute("select sum(num_rows)::bigint from parquet_file_metadata($path)", {"path": str(path)}).fetchone()
    except duckdb.Error as error:
        raise UnreadableFile(f"the Parquet file cannot be read: {first_line(error)}") from None
    _check_header(header, name)  # before its names are used: DuckDB renames the second of two equal ones
    values = [_as_text(quote(column), kind) for column, kind in zip(header, types, strict=True)]
    return _readable(header, values, "read_parquet($path, file_row_number=true)", "file_row_number + 1", rows, name)


def _parquet_header(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """Names of the top-level columns; parquet_schema lists the whole tree, depth first, the root first."""
    nodes = connection.execute("select name, coalesce(num_children, 0) from parquet_schema($path)", {"path": str(path)}).fetchall()
    names, open_children = [], [nodes[0][1]]
    for column, children in nodes[1:]:
        if len(open_children) == 1:
            names.append(column)
        open_children[-1] -= 1
        if children:
            open_children.append(children)
        while len(open_children) > 1 and open_children[-1] == 0:
            open_children.pop()
    return names


def _as_text(value: str, kind: str) -> str:
    if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION", "LIST")):
        return f"to_json({value})::varchar"
    if kind == "BLOB":  # text that the writer left unmarked; what is no text shows as escapes and is kept
        return f"coalesce(try(decode({value})), {value}::varchar)"
    return f"{value}::varchar"


def _readable(header: list[str], values: list[str], source: str, row_number: str | None, rows: int | None, name: ExportName) -> Readable:
    _check_header(header, name)
    op = next((i for i, column in enumerate(header) if column.upper() == "OP"), None)
    kept = [i for i in range(len(header)) if i != op]
    texts = [f"{values[i]} as v{place}" for place, i in enumerate(kept)]
    operation = "null::varchar" if op is None else f"upper({values[op]})"
    number = row_number or "null::bigint"
    select = f"select {', '.join(texts)}, {number} as _row_number, {operation} as _op from {source}"
    return Readable(tuple(header[i] for i in kept), select, row_number is not None, rows)


def _check_header(header: Sequence[str], name: ExportName) -> None:
    """A header can be loaded when every column has one name of its own, one is the key, and a change file has operations."""
    folded = [column.casefold() for column in header]
    faults = [f"column {i + 1} has no name" for i, column in enumerate(header) if not column.strip()]
    faults += [f"column {column!r} stands there twice" for i, column in enumerate(header) if folded[i] in folded[:i]]
    if "id" not in folded:
        faults.append("there is no column id")
    if name.kind == "change" and "op" not in folded:
        faults.append("a change file needs a column OP")
    if len(header) > MAX_COLUMNS:
        faults.append(f"{len(header):,} columns are more than the {MAX_COLUMNS:,} a file may have")
    if faults:
        raise UnreadableFile("; ".join(faults[:5]), 1, ",".join(header)[:200])


def unreadable(error: duckdb.Error) -> UnreadableFile:
    """What DuckDB said of a file, with the line and its text where it named them, without its hints for other settings."""
    message = str(error)
    place = re.search(r"CSV Error on Line: (\d+)\s*\nOriginal Line: ?(.*?)\n(.*)", message, re.DOTALL)
    if not place:
        return UnreadableFile(first_line(error))
    line, text, rest = place.groups()
    return UnreadableFile(rest.strip().split("\n")[0].rstrip("."), int(line), text[:200])


def first_line(error: Exception) -> str:
    """A library's message without its hints and its dump of the statement."""
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
