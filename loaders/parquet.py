"""What a Parquet file says of itself and what it holds, looked at once before it is loaded. Runs in loaders.prover's process."""

from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from loaders.errors import TooMuchAsked, UnreadableFile
from loaders.limits import Limits
from loaders.names import ExportName, parse_file
from loaders.readers import Readable, check_header, delivered, first_line, folded, select_of
from loaders.rfc4180 import LONGEST_LINE
from loaders.warehouse import open_scratch, quote


def prove_parquet(path: Path, file_name: str, limits: Limits) -> dict[str, Any]:
    """The fields of a Readable, as JSON knows them, after the file was read whole; UnreadableFile, TooMuchAsked, MemoryError.

    In a database of its own: a torn file can set off what leaves a database unusable.
    """
    name = parse_file(file_name) or ExportName(Path(file_name).stem, "parquet", "table", None, is_part=False)
    try:
        return asdict(_prove(_scratch(limits), path, name, limits))
    except duckdb.OutOfMemoryException:
        _scratch.cache_clear()
        raise MemoryError from None
    except duckdb.Error as error:
        _scratch.cache_clear()
        said = first_line(error).replace(str(path), file_name)  # which may quote the file
        raise UnreadableFile("the Parquet file cannot be read: it is damaged, have it exported again", text=said) from None


@cache
def _scratch(limits: Limits) -> duckdb.DuckDBPyConnection:
    return open_scratch(limits.memory)


def _prove(scratch: duckdb.DuckDBPyConnection, path: Path, name: ExportName, limits: Limits) -> Readable:
    place = {"path": str(path)}
    header = _parquet_header(scratch, path)
    types = [kind for _, kind, *_ in scratch.execute(f"describe from {_parquet_source()}", place).fetchall()]
    (rows,) = scratch.execute("select sum(num_rows)::bigint from parquet_file_metadata($path)", place).fetchone()
    check_header(header, name)  # before its names are used: DuckDB renames the second of two equal ones
    if rows > limits.file_rows:
        raise TooMuchAsked(
            f"{name.file_name}: {rows:,} rows are more than one file may have ({limits.file_rows:,}): if that is right, "
            "set FORTRESS_MAX_FILE_ROWS to more."
        )
    values = [_as_text(quote(column), kind) for column, kind in zip(header, types, strict=True)]
    is_taken = "file_row_number" in map(folded, header)
    source = _parquet_source("" if is_taken else ", file_row_number=true")
    select = select_of(header, values, source, None if is_taken else "file_row_number + 1")
    readable = Readable(delivered(header), select, not is_taken, rows)
    _prove_values(scratch, readable, place, name, limits)
    return readable


def _prove_values(scratch: duckdb.DuckDBPyConnection, readable: Readable, place: dict[str, str], name: ExportName, limits: Limits) -> None:
    """Look at every value once: a count would not. NUL bytes, which a CSV file may not hold either, are refused; so is what
    is small only while it is compressed."""
    per_value = "bool_or(contains({0}, chr(0))), coalesce(max(strlen({0})), 0), coalesce(sum(strlen({0})), 0)"
    looks = ", ".join(per_value.format(value) for value in readable.values)
    found = scratch.execute(f"select {looks}, max(hash(_op)) from ({readable.select})", place).fetchone() or ()
    for place_of, column in enumerate(readable.columns):
        holds_nul, longest, _ = found[3 * place_of : 3 * place_of + 3]
        value = readable.values[place_of]
        if holds_nul:
            row = _first_row(scratch, readable, f"contains({value}, chr(0))", place)
            raise UnreadableFile(f"row {row:,} holds a NUL byte, which no text has: have it exported again", text=f"column {column}")
        if longest > LONGEST_LINE:
            row = _first_row(scratch, readable, f"strlen({value}) > {LONGEST_LINE}", place)
            raise UnreadableFile(f"row {row:,} holds a value of more than {LONGEST_LINE:,} bytes: it is too long", text=f"column {column}")
    text = sum(found[2:-1:3])
    if text > limits.file_bytes:
        raise TooMuchAsked(
            f"{name.file_name}: {text:,} bytes of text, unpacked, are more than one file may have ({limits.file_bytes:,}): "
            "if that is right, set FORTRESS_MAX_FILE_BYTES to more."
        )


def _first_row(scratch: duckdb.DuckDBPyConnection, readable: Readable, condition: str, place: dict[str, str]) -> int:
    (row,) = scratch.execute(f"select min(_row_number) from ({readable.numbered}) where {condition}", place).fetchone() or (0,)
    return row


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


def _as_text(value: str, kind: str) -> str:
    if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION", "LIST")):
        return f"to_json({value})::varchar"
    if kind == "BLOB":  # text that the writer left unmarked; what is no text shows as escapes and is kept
        text = f"try(decode({value}))"
        return f"coalesce(case when not contains({text}, chr(0)) then {text} end, {value}::varchar)"
    return f"{value}::varchar"
