"""Reading one delivered file whole, as text, with each row's number, or refusing it with the reason.

One file at a time, every column named and typed by us: a reader that guesses renames ``unitId,unitID`` in silence,
drops columns that the first file of a glob lacks, and changes types with the eleventh file.
"""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from loaders.errors import UnreadableFile
from loaders.formats import recognised
from loaders.limits import Limits
from loaders.names import ExportName
from loaders.prover import prove
from loaders.rfc4180 import LONGEST_LINE, read_header

MAX_COLUMNS = 2_000
ENCRYPTED = "the Parquet file is encrypted, and nobody here has the key: have it exported without"

_GENEROUS = Limits()
_SMALLEST_PARQUET = 12  # the four letters twice, and between them at least the length of the footer
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")  # also what turns the text around it
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True, slots=True)
class Readable:
    """A file that can be selected from.

    ``select`` is a query with one parameter, ``$path``. It gives ``values`` (``v0``, ``v1``, ...: the delivered
    ``columns`` as text, in their order), then ``_row_number`` (1-based, in the file's own order; null unless
    ``numbers_rows``) and ``_op`` (upper case; null where the file has no operation column). ``count`` tells how many rows there
    have to be, by another count than DuckDB's own, and reads the file through if need be: UnreadableFile at the first record that
    is none. ``locate`` gives the line and the text of a row, where there are lines, and ``is_ended`` whether the last of them ends.
    """

    columns: tuple[str, ...]
    select: str
    numbers_rows: bool
    count: Callable[[], int]
    locate: Callable[[int], tuple[int, str]] | None = None
    is_ended: bool = True

    @property
    def numbered(self) -> str:
        """``select`` with the row numbers of a format that does not number its rows."""
        return self.select if self.numbers_rows else f"select * replace (row_number() over () as _row_number) from ({self.select})"

    @property
    def values(self) -> list[str]:
        """The names under which ``select`` gives the columns: a file's own names stay out of statements that read it."""
        return [f"v{i}" for i in range(len(self.columns))]

    @property
    def key(self) -> str:
        """The one of ``values`` that holds the record's id."""
        return self.values[[folded(column) for column in self.columns].index("id")]


def folded(column: str) -> str:
    """What two names of one column have in common: they may differ in case."""
    return column.lower()


def open_file(path: Path, name: ExportName, limits: Limits = _GENEROUS) -> Readable:
    """How to read the file; UnreadableFile when it is no export. That it is whole, ``count`` tells."""
    if path.stat().st_size == 0:
        raise UnreadableFile("the file is empty (zero bytes): not even a header is there; have it exported again")
    return _open_csv(path, name) if name.format == "csv" else _open_parquet(path, name, limits)


def _open_csv(path: Path, name: ExportName) -> Readable:
    file = read_header(path)
    check_header(file.columns, name)
    values = [f"c{i}" for i in range(len(file.columns))]
    select = select_of(file.columns, values, csv_source(values))
    return Readable(delivered(file.columns), select, False, file.count, file.locate, file.is_ended)


def csv_source(columns: Sequence[str]) -> str:
    """The file at ``$path`` as a table of texts with these names; what it gives counts once the file is proven to be CSV.

    With one thread: several misjudge long values with line breaks.
    """
    types = ", ".join(f"'{column}': 'varchar'" for column in columns)
    dialect = "delim=',', quote='\"', escape='\"', nullstr='', allow_quoted_nulls=false, strict_mode=true"
    limits = f"max_line_size={LONGEST_LINE}, buffer_size={2 * LONGEST_LINE}, parallel=false"
    return f"read_csv($path, auto_detect=false, hive_partitioning=false, header=true, {dialect}, {limits}, columns={{{types}}})"


def _open_parquet(path: Path, name: ExportName, limits: Limits) -> Readable:
    _refuse_torn_parquet(path)
    proven = prove(path, name.file_name, limits)
    return Readable(tuple(proven["columns"]), proven["select"], proven["numbers_rows"], lambda: proven["row_count"])


def _refuse_torn_parquet(path: Path) -> None:
    """A Parquet file begins with four letters and ends with the same ones, after all that says where its values stand."""
    with path.open("rb") as file:
        start = file.read(512)
        file.seek(-min(4, path.stat().st_size), os.SEEK_END)
        end = file.read()
    if found := recognised(start, is_text=False):
        raise UnreadableFile(f"the file is {found}, not Parquet: have it exported again")
    if start.startswith(b"PARE"):
        raise UnreadableFile(ENCRYPTED)
    if not start.startswith(b"PAR1"):
        raise UnreadableFile("the Parquet file cannot be read: it does not begin as one, have it exported again")
    if end != b"PAR1" or path.stat().st_size < _SMALLEST_PARQUET:
        raise UnreadableFile("the Parquet file cannot be read: its end is missing, it was cut short; have it delivered again")


def delivered(header: Sequence[str]) -> tuple[str, ...]:
    """A header's columns without that of the operations."""
    return tuple(column for column in header if folded(column) != "op")


def select_of(header: Sequence[str], values: Sequence[str], source: str, row_number: str | None = None) -> str:
    """A Readable's ``select``: ``values`` are the header's, as expressions over ``source``; ``row_number`` one for the row's number."""
    value_of = dict(zip(header, values, strict=True))
    texts = [f"{value_of[column]} as v{place}" for place, column in enumerate(delivered(header))]
    op = next((f"upper({value_of[column]})" for column in header if folded(column) == "op"), "null::varchar")
    return f"select {', '.join(texts)}, {row_number or 'null::bigint'} as _row_number, {op} as _op from {source}"


def check_header(header: Sequence[str], name: ExportName) -> None:
    """A header can be loaded when every column has one name of its own, one is the key, and a change file has operations.

    The reason gives places and no names: where the header is missing, they are a record's values.
    """
    if len(header) > MAX_COLUMNS:
        raise UnreadableFile(f"{len(header):,} columns are more than the {MAX_COLUMNS:,} that a file may have", 1)
    names = [folded(column) for column in header]
    faults = [f"column {i + 1} has no name" for i, column in enumerate(header) if not column.strip()]
    faults += [f"column {i + 1} has a control character in its name" for i, column in enumerate(header) if _CONTROL.search(column)]
    faults += [f"columns {names.index(one) + 1} and {i + 1} have one name, case aside" for i, one in enumerate(names) if one in names[:i]]
    if "id" not in names and name.kind != "table":
        faults.append("there is no column id")
    if name.kind == "change" and "op" not in names:
        faults.append("a change file needs a column OP")
    if faults:
        raise UnreadableFile("; ".join(faults[:5]) + _advice(header), 1 if name.format == "csv" else None, ",".join(header)[:200])


def _advice(header: Sequence[str]) -> str:
    separator = next((words for mark, words in _SEPARATORS.items() if len(header) == 1 and mark in header[0]), None)
    return f": the header is separated by {separator}, and must be by commas" if separator else ": have the header mended"


def unreadable(error: duckdb.Error) -> UnreadableFile:
    """What DuckDB said of a file, which may quote it, as its text; the line where it named one."""
    message = str(error)
    reason = "DuckDB cannot read the file: have it exported again"
    if "Maximum line size" in message:
        reason = f"a line of more than {LONGEST_LINE:,} bytes: its line ends are missing, or a value is too long"
    place = re.search(r"CSV Error on Line: (\d+)\s*\nOriginal Line: ?(.*?)\n(.*)", message, re.DOTALL)
    if not place:
        return UnreadableFile(reason, text=first_line(error))
    line, text, rest = place.groups()
    return UnreadableFile(reason, int(line), f"{rest.strip().split(chr(10))[0].rstrip('.')}: {text[:200]}")


def first_line(error: Exception) -> str:
    """A library's message without its hints and its dump of the statement."""
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
