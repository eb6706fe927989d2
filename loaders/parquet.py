"""What a Parquet file says of itself and what it holds, looked at once before it is loaded. Runs in loaders.prover's process."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from loaders.errors import TooMuchAsked, UnreadableFile
from loaders.limits import Limits
from loaders.names import ExportName, parse_file
from loaders.readers import ENCRYPTED, Readable, check_header, delivered, first_line, folded, select_of
from loaders.rfc4180 import LONGEST_LINE
from loaders.warehouse import open_scratch, quote

_TOGETHER = 100  # columns looked at by one expression: three for each column take long to plan, and one for thousands is too deep


def prove_parquet(path: Path, file_name: str, limits: Limits) -> dict[str, Any]:
    """``columns``, ``select`` and ``numbers_rows`` of a Readable, and ``row_count``, after the file was read whole; UnreadableFile,
    TooMuchAsked, MemoryError.

    In a database of its own: a torn file can set off what leaves a database unusable.
    """
    name = parse_file(file_name) or ExportName(Path(file_name).stem, "parquet", "table", None, is_part=False)
    try:
        return _prove(_scratch(limits), path, name, limits)
    except duckdb.OutOfMemoryException:
        _scratch.cache_clear()
        raise MemoryError from None
    except duckdb.Error as error:
        _scratch.cache_clear()
        if _is_encrypted(_scratch(limits), path):
            raise UnreadableFile(ENCRYPTED) from None
        said = first_line(error).replace(str(path), file_name)  # which may quote the file
        raise UnreadableFile("the Parquet file cannot be read: it is damaged, have it exported again", text=said) from None


def _is_encrypted(scratch: duckdb.DuckDBPyConnection, path: Path) -> bool:
    """Whether columns are, under a footer that everybody can read. DuckDB says so of their values, and not of the file."""
    try:
        scratch.execute(f"from {_parquet_source()} limit 1", {"path": str(path)}).fetchall()
    except duckdb.Error as error:
        return "encrypted" in str(error).lower()
    return False


@cache
def _scratch(limits: Limits) -> duckdb.DuckDBPyConnection:
    return open_scratch(limits.memory)


def _prove(scratch: duckdb.DuckDBPyConnection, path: Path, name: ExportName, limits: Limits) -> dict[str, Any]:
    place = {"path": str(path)}
    header = _parquet_header(scratch, path)
    types = [kind for _, kind, *_ in scratch.execute(f"describe from {_parquet_source()}", place).fetchall()]
    (rows,) = scratch.execute("select sum(num_rows)::bigint from parquet_file_metadata($path)", place).fetchone()
    check_header(header, name)  # before its names are used: DuckDB renames the second of two equal ones
    _refuse_nested_key(header, types)
    if rows > limits.file_rows:
        raise TooMuchAsked(
            f"{name.file_name}: {rows:,} rows are more than one file may have ({limits.file_rows:,}): if that is right, "
            "set FORTRESS_MAX_FILE_ROWS to more."
        )
    values = [_as_text(quote(column), kind) for column, kind in zip(header, types, strict=True)]
    is_taken = "file_row_number" in map(folded, header)
    source = _parquet_source("" if is_taken else ", file_row_number=true")
    select = select_of(header, values, source, None if is_taken else "file_row_number + 1")
    readable = Readable(delivered(header), select, not is_taken, lambda: rows)
    _prove_values(scratch, readable, place, name, limits)
    return {"columns": readable.columns, "select": select, "numbers_rows": readable.numbers_rows, "row_count": rows}


def _refuse_nested_key(header: Sequence[str], types: Sequence[str]) -> None:
    """A list or a record of values is no key, and no operation: as text, it would be one by accident."""
    for column, kind in zip(header, types, strict=True):
        if folded(column) in ("id", "op") and _is_nested(kind):
            raise UnreadableFile(f"the column {folded(column)} holds lists or records, and must hold single values: have it exported again")


def _prove_values(scratch: duckdb.DuckDBPyConnection, readable: Readable, place: dict[str, str], name: ExportName, limits: Limits) -> None:
    """Look at every value once: a count would not. NUL bytes, which a CSV file may not hold either, are refused; so is what
    is small only while it is compressed."""
    looks = [_look(readable.values[first : first + _TOGETHER]) for first in range(0, len(readable.values), _TOGETHER)]
    found = scratch.execute(f"select {', '.join(looks)}, max(hash(_op)) from ({readable.select})", place).fetchone() or ()
    has_nul, longest, text = any(found[:-1:3]), max(found[1:-1:3]), sum(found[2:-1:3])
    if has_nul:
        column, row = _first(scratch, readable, "contains({}, chr(0))", place)
        raise UnreadableFile(f"row {row:,} holds a NUL byte, which no text has: have it exported again", text=f"column {column}")
    if longest > LONGEST_LINE:
        column, row = _first(scratch, readable, f"strlen({{}}) > {LONGEST_LINE}", place)
        raise UnreadableFile(f"row {row:,} holds a value of more than {LONGEST_LINE:,} bytes: it is too long", text=f"column {column}")
    if text > limits.file_bytes:
        raise TooMuchAsked(
            f"{name.file_name}: {text:,} bytes of text, unpacked, are more than one file may have ({limits.file_bytes:,}): "
            "if that is right, set FORTRESS_MAX_FILE_BYTES to more."
        )


def _look(values: Sequence[str]) -> str:
    """Whether one of the values holds a NUL byte, the length of the longest, and that of all."""
    lengths = [f"coalesce(strlen({value}), 0)" for value in values]
    holds_nul = " or ".join(f"coalesce(contains({value}, chr(0)), false)" for value in values)
    longest = f"greatest({', '.join(lengths)}, 0)"
    return f"coalesce(bool_or({holds_nul}), false), coalesce(max({longest}), 0), coalesce(sum({' + '.join(lengths)}), 0)"


def _first(scratch: duckdb.DuckDBPyConnection, readable: Readable, condition: str, place: dict[str, str]) -> tuple[str, int]:
    """The first column, and its first row, of which a condition holds; it holds of one."""
    for column, value in zip(readable.columns, readable.values, strict=True):
        query = f"select min(_row_number) from ({readable.numbered}) where {condition.format(value)}"
        (row,) = scratch.execute(query, place).fetchone() or (None,)
        if row is not None:
            return column, row
    raise AssertionError(condition)


def _parquet_source(options: str = "") -> str:
    """Folders are not columns: in a home below `id=9/`, every row's id would be 9."""
    return f"read_parquet($path, hive_partitioning=false{options})"


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


def _is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION", "LIST"))


def _as_text(value: str, kind: str) -> str:
    if _is_nested(kind):
        return f"to_json({value})::varchar"
    if kind == "BLOB":  # text that the writer left unmarked; what is no text shows as escapes and is kept
        text = f"try(decode({value}))"
        return f"coalesce(case when not contains({text}, chr(0)) then {text} end, {value}::varchar)"
    return f"{value}::varchar"
