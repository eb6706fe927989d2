"""Gates: a file that would change too much at once is held until somebody lets it through. docs/decisions/0018.

A file is judged by what the files loaded before it say at its own place in the order, however late it comes. A first snapshot
passes: it stands before everything and deletes nothing.
"""

from collections.abc import Iterator

import duckdb

from loaders.gate_settings import Gates
from loaders.measures import Ground, LoadedFile, Measure
from loaders.raw_tables import Opened, raw_column
from loaders.readers import folded
from loaders.registry import topics
from loaders.warehouse import table_columns

_MOST_NAMED = 5


class TooMuch(Exception):
    """A file is beyond a limit; the message gives the figures, and no value of the file."""


def judge(file: LoadedFile, measure: Measure, gates: Gates) -> None:
    """TooMuch when the file is beyond a limit; its rows are in raw, and nothing is committed yet."""
    of_kind = _of_part if file.version.name.is_part else _of_snapshot if file.version.kind == "snapshot" else _of_changes
    found = [*_of_end(file, gates), *of_kind(file, measure, gates)]
    if found:
        raise TooMuch("; ".join(found))


def judge_columns(connection: duckdb.DuckDBPyConnection, opened: Opened, gates: Gates) -> None:
    """TooMuch when a file would widen its topic by more columns than a limit; before its table gets any of them.

    What a first file of a topic that nobody knows brings cannot be compared with anything, and passes.
    """
    topic, delivered = opened.version.topic, opened.readable.columns
    if gates.columns_added is None or len(delivered) <= gates.columns_added:
        return
    expected = topics()[topic].columns if topic in topics() else ()
    known = {folded(name) for name in (*table_columns(connection, "raw", topic), *(column.name for column in expected))}
    new = sum(folded(raw_column(column)) not in known for column in delivered)
    if known and new > gates.columns_added:
        raise TooMuch(f"the file would bring {new:,} columns that the topic does not have; the limit is {gates.columns_added:,}")


def _of_end(file: LoadedFile, gates: Gates) -> Iterator[str]:
    """By the standard a last line need not end. Where the vendor's always does, one that does not was cut short inside its last value."""
    if file.is_ended or gates.last_line_open is None:
        return
    files, not_ended = file.endings_before()
    if files >= gates.minimum_files and not_ended <= gates.last_line_open * files:
        yield (
            f"the last line does not end, as it does in {files - not_ended:,} of the organization's {files:,} CSV files before: "
            "the file may have been cut short"
        )


def _of_part(file: LoadedFile, measure: Measure, gates: Gates) -> Iterator[str]:
    """A part is compared with the part of its number before it: which ids stand in which part means nothing."""
    before = file.records_of_part_before()
    if gates.snapshot_shrinks is not None and before is not None and before >= gates.minimum_records:
        yield from _shrinks(measure.records, before, "the part before it had", gates.snapshot_shrinks)


def _of_snapshot(file: LoadedFile, measure: Measure, gates: Gates) -> Iterator[str]:
    limits = gates.snapshot_shrinks, gates.snapshot_forgets
    ground = file.ground() if limits != (None, None) else None
    if ground is None:
        return
    known, lacking, held = file.compare_records(ground)
    if known < gates.minimum_records:
        return
    if gates.snapshot_shrinks is not None:
        yield from _shrinks(held, known, "the topic has", gates.snapshot_shrinks)
    if gates.snapshot_forgets is not None and lacking > gates.snapshot_forgets * known:
        yield f"the snapshot would delete {lacking:,} of the {known:,} records that are known; the limit is {gates.snapshot_forgets:.0%}"


def _shrinks(held: int, known: int, whose: str, limit: float) -> Iterator[str]:
    if known - held > limit * known:
        yield f"the snapshot holds {held:,} records where {whose} {known:,}, {(known - held) / known:.0%} fewer; the limit is {limit:.0%}"


def _of_changes(file: LoadedFile, measure: Measure, gates: Gates) -> Iterator[str]:
    """The file's own figures say whether there is anything to look for; most files end here."""
    may_delete = gates.changes_delete is not None and measure.deleted > gates.changes_delete * gates.minimum_records
    may_empty = gates.column_empties is not None and measure.updates >= max(gates.minimum_updates, 1)
    ground = file.ground() if may_delete or may_empty else None
    if ground is not None and may_delete and gates.changes_delete is not None:
        yield from _deletes(file, measure, ground, gates.minimum_records, gates.changes_delete)
    if ground is not None and may_empty and gates.column_empties is not None:
        yield from _empties(file, measure, ground, gates.minimum_updates, gates.column_empties)


def _deletes(file: LoadedFile, measure: Measure, ground: Ground, minimum: int, limit: float) -> Iterator[str]:
    """The figures alone may be off, by records inserted twice, say: half the limit by them is enough to look closer."""
    if measure.deleted <= limit * file.expected_records(ground) / 2:
        return
    known, gone, _ = file.compare_records(ground)
    if known >= minimum and gone > limit * known:
        yield f"the file would delete {gone:,} of {known:,} records; the limit is {limit:.0%}"


def _empties(file: LoadedFile, measure: Measure, ground: Ground, minimum: int, limit: float) -> Iterator[str]:
    empty = [column for column in file.columns if column not in measure.filled]
    updates, filled = _filled_before(file, ground, empty, minimum) if empty else (0, {})
    if updates < max(minimum, 1):
        return
    shares = {column: filled.get(column, 0) / updates for column in empty}
    emptied = {column: share for column, share in shares.items() if share > limit}
    named = ", ".join(f"{column!r} ({share:.0%} before)" for column, share in list(emptied.items())[:_MOST_NAMED])
    if emptied:
        more = f" and {len(emptied) - _MOST_NAMED} more" if len(emptied) > _MOST_NAMED else ""
        yield f"none of the file's {measure.updates:,} updates fills {named}{more}; the limit is {limit:.0%}"


def _filled_before(file: LoadedFile, ground: Ground, columns: list[str], enough: int) -> tuple[int, dict[str, int]]:
    """By the updates just before; where they are too few, by the snapshot."""
    updates, filled = file.updates_before(ground, enough)
    return (updates, filled) if updates >= enough else file.snapshot_before(ground, columns)
