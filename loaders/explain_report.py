"""A record's life as people read it: a table on a terminal, one line per event in a pipe."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from loaders.explain import Event, Explanation, Value
from loaders.report import console
from loaders.seam import shown
from loaders.words import counted

_STATES = {
    "exists": "exists now",
    "soft_deleted": "is deleted, softly: its last version says so",
    "deleted": "is deleted",
    "never_existed": "never existed: no row of it was applied",
    "unknown": "nothing is decided yet",
}
_COLOURS = {"applied": "green", "deleted_by_absence": "red", "not_built": "yellow", "stale_snapshot": "yellow", "left_alone": "yellow"}
_LONGEST_VALUE = 60


def show_explanation(found: Explanation) -> None:
    """All of it, on standard output."""
    out = console()
    _say(out, f"{found.topic} {shown(found.record_id)} of {found.organization_id}: {_STATES[found.state]}")
    if out.is_terminal:
        out.print(_table(found))
    else:
        for event in found.events:
            _say(out, "  ".join([*_cells(event), event.why]))
            for line in _details(event):
                _say(out, f"    {line}")
    for line in _remarks(found):
        _say(out, line)


def _table(found: Explanation) -> Table:
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("batch (UTC)", "where", "op", "outcome", "version", "why"):
        drawn.add_column(heading, overflow="fold", ratio=1 if heading == "why" else None)
    for event in found.events:
        cells = [Text(cell) for cell in _cells(event)]
        cells[3].stylize(_COLOURS.get(event.outcome, "dim"))
        drawn.add_row(*cells, Text("\n".join([event.why, *_details(event)])))
    return drawn


def _cells(event: Event) -> list[str]:
    version = f"{event.version.version_number} {event.version.change_type}" if event.version else "-"
    return [f"{event.batch_at:%Y-%m-%d %H:%M:%S.%f}"[:-3], _where(event), event.operation or "-", event.outcome, version]


def _where(event: Event) -> str:
    if event.row_number is None:
        return event.file_name
    line = f" line {event.line}" if event.line else ""
    return f"{event.file_name}{line} row {event.row_number}"


def _details(event: Event) -> Iterator[str]:
    for value in event.changed:
        yield f"{value.column}: {_text(value.before)} -> {_text(value.after)}" if value.shown else f"{value.column}: changed"
    for value in event.cast_failures:
        yield f"{value.column}: null, as {_text(value.after) if value.shown else 'its text'} does not fit the column's type"
    if event.rules_disagree:
        yield event.rules_disagree
    if event.file_status == "loaded" and event.file_reason:
        yield f"the file: {event.file_reason}"


def _text(value: object) -> str:
    if value is None:
        return "null"
    text = shown(str(value))
    text = text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "..."
    return repr(text) if isinstance(value, str) else text


def _remarks(found: Explanation) -> Iterator[str]:
    if found.unbuilt:
        files = counted(len(found.unbuilt), "loaded file")
        yield f"the build is behind: {files} not in it ({_some(found.unbuilt)}): `python -m loaders run`"
    if found.waiting:
        files = counted(len(found.waiting), "file")
        yield f"{files} of the topic set aside, where more of it may be ({_some(found.waiting)}): `python -m loaders status`"
    if any(not value.shown for event in found.events for value in _values(event)):
        yield "values of columns that may hold personal data are not shown: --values shows them"


def _values(event: Event) -> tuple[Value, ...]:
    return event.changed + event.cast_failures


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _say(out: Console, line: str) -> None:
    out.print(Text(line), soft_wrap=True)
