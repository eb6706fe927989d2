"""Hypothesis strategies that draw difficult feeds of one organization's topic, and the orders in which they may arrive.

Few ids, few images and few instants, so that whatever can meet does meet: equal times, late files, reloads,
revisions, snapshots that have not seen the latest changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.oracle.batches import Delivered

TYPES = {
    "id": "text",
    "created_at": "timestamp",
    "updated_at": "timestamp",
    "deleted_at": "timestamp",
    "status": "text",
    "test_amount": "decimal",
    "is_test": "boolean",
    "due_date": "date",
}
COLUMNS = ("createdAt", "updatedAt", "deletedAt", "status", "testAmount", "isTest", "dueDate")
MAX_FILES = 10
MAX_VERSIONS = 4  # of one stem: each needs a run of its own to be seen at all
RUNS = 4

_START = datetime(2026, 3, 1, 23, 59, 57, tzinfo=UTC)  # a few seconds on it is another day
_TICKS = 9
_NUDGES = (timedelta(0), timedelta(milliseconds=-1), timedelta(milliseconds=1), timedelta(microseconds=-1), timedelta(microseconds=500))
_IDS = (
    *("a", "A", "b", " a", "1", "01", "0b6f3c1e-7c1d-4c8e-9a53-3f0f6f1f7a11", "null", "O'Brien", 'say "hi"', "two words"),
    *("x'; drop table raw.workorders; --", "a,b", "line\nbreak", "žluťoučký 🐎", "{{ 1 / 0 }}", "a\\", "%s"),
)
_STATUSES = (
    *("OPEN", "DONE", None, "", " leading", "trailing ", 'quo"ted', '"', "com,ma", "NULL", "'; --", "é🐎"),
    *("new\nline", "carriage\r\nreturn"),
)
_AMOUNTS = (
    *("12.5", "12.50", "12.500000", "12.5000000", "0", "-0.0", "-3", None, "", "abc"),
    *("1.2345678", "999999999999.999999", "1000000000000"),
)
_BOOLEANS = ("true", "TRUE", "t", "1", "yes", "Y", "false", "f", "0", "No", "n", None, "", "maybe")
_DATES = ("2026-03-01", "2024-02-29", "2023-02-29", None, "", "soon")
_NO_TIMES = ("", "garbage", "2026-13-45T00:00:00Z", "infinity", "0")


@dataclass(frozen=True, slots=True)
class _World:
    """The small vocabulary of one feed."""

    ids: tuple[str, ...]
    images: tuple[dict[str, str | None], ...]


def _at(tick: int) -> datetime:
    return _START + timedelta(seconds=tick)


def _written(moment: datetime, form: int) -> str:
    """One instant, as the ISO-8601 texts that name it."""
    if form == 1:
        return (moment + timedelta(hours=2)).replace(tzinfo=None).isoformat() + "+02:00"
    if form == 2:
        return (moment - timedelta(hours=5, minutes=30)).replace(tzinfo=None).isoformat(timespec="microseconds") + "-05:30"
    bare = moment.replace(tzinfo=None).isoformat(timespec="milliseconds" if moment.microsecond % 1000 == 0 else "auto")
    return bare if form == 3 else bare.replace("T", " ") if form == 4 else bare + "Z"


@st.composite
def _times(draw: st.DrawFn, ceiling: int, nothing: int = 1) -> str | None:
    """A timestamp's text at or about a tick up to ``ceiling``; sometimes null or garbage, the more so the larger ``nothing``."""
    kind = draw(st.integers(0, 11))
    if kind < nothing:
        return None
    if kind == 11:
        return draw(st.sampled_from(_NO_TIMES))
    moment = _at(draw(st.integers(max(0, ceiling - 3), ceiling))) + draw(st.sampled_from(_NUDGES))
    return _written(moment, draw(st.sampled_from((0, 0, 0, 1, 2, 3, 4))))


@st.composite
def _worlds(draw: st.DrawFn) -> _World:
    images = st.fixed_dictionaries(
        {
            "createdAt": _times(ceiling=2, nothing=3),
            "updatedAt": _times(ceiling=3, nothing=2),
            "deletedAt": st.one_of(st.none(), st.none(), st.none(), _times(ceiling=_TICKS)),
            "status": st.sampled_from(_STATUSES),
            "testAmount": st.sampled_from(_AMOUNTS),
            "isTest": st.sampled_from(_BOOLEANS),
            "dueDate": st.sampled_from(_DATES),
        }
    )
    ids = draw(st.lists(st.sampled_from(_IDS), min_size=3, max_size=6, unique=True))
    return _World(tuple(ids), tuple(draw(st.lists(images, min_size=2, max_size=4))))


@st.composite
def _columns(draw: st.DrawFn, has_op: bool) -> tuple[str, ...]:
    """All columns, or some of them in another order: new ones appear, others are missing and come back."""
    columns = list(COLUMNS)
    if draw(st.integers(0, 2)) == 0:
        columns = draw(st.lists(st.sampled_from(COLUMNS), unique=True))
    columns.insert(draw(st.integers(0, len(columns))) if draw(st.booleans()) else 0, "id")
    if has_op:
        columns.insert(draw(st.sampled_from((0, 0, 0, len(columns)))), draw(st.sampled_from(("OP", "OP", "Op", "op"))))
    return tuple(columns)


@st.composite
def _contents(draw: st.DrawFn, world: _World, is_snapshot: bool, ceiling: int) -> dict[str, Any]:
    """Columns and rows of one file whose times go up to about the tick ``ceiling``."""
    columns = draw(_columns(has_op=not is_snapshot or draw(st.integers(0, 2)) == 0))
    rows = []
    for _ in range(draw(st.sampled_from((2, 1, 0, 3, 1, 2, 4, 5, 8)))):
        op = draw(st.sampled_from("IUD" if not is_snapshot else "IIIUD"))
        image = {"id": draw(st.sampled_from(world.ids)), **draw(st.sampled_from(world.images))}
        how = draw(st.integers(0, 4))  # 0 and 1: the image as it is, so that nothing may have changed
        if op == "D" and how < 3 and not is_snapshot:  # the key alone, with or without deletedAt
            image = {"id": image["id"], "deletedAt": draw(_times(ceiling)) if how else None}
        elif how > 1:
            image["updatedAt"] = draw(_times(ceiling))
        op_text = op.lower() if draw(st.integers(0, 5)) == 0 else op
        rows.append(tuple(op_text if name.lower() == "op" else image.get(name) for name in columns))
    return {"columns": columns, "rows": tuple(rows)}


@st.composite
def _snapshots(draw: st.DrawFn, world: _World, stem: str, most: int) -> list[Delivered]:
    """Versions of one LOAD, or of one part: new contents, the same again, back to an older one, the other format."""
    versions: list[Delivered] = []
    moments: dict[str, set[datetime]] = {}
    formats = ("csv", "parquet") if draw(st.booleans()) else ("parquet", "csv")
    ticks = sorted(draw(st.lists(st.integers(0, _TICKS), min_size=1, max_size=most)))
    if len(ticks) > 1 and draw(st.integers(0, 5)) == 0:
        ticks = ticks[::-1]  # put back with an older modification time
    for tick in ticks:
        name = f"{stem}.{formats[0] if not versions or draw(st.integers(0, 4)) else formats[1]}"
        moment = _at(tick) + draw(st.sampled_from(_NUDGES[:3]))
        while moment in moments.setdefault(name, set()):  # versions of one path are told apart by their times
            moment += timedelta(milliseconds=1)
        moments[name].add(moment)
        if versions and draw(st.integers(0, 3)) == 0:
            again = draw(st.sampled_from(versions))
            content = {"columns": again.columns, "rows": again.rows}
        else:  # times well before the modification time leave a window in which changes count more
            content = draw(_contents(world, is_snapshot=True, ceiling=draw(st.integers(0, max(0, tick - 2)))))
        versions.append(Delivered("", "", name, moment, **content))
    return versions


@st.composite
def _change_names(draw: st.DrawFn) -> tuple[int, str]:
    """A tick and a stem at that tick, or a millisecond or less from it."""
    tick = draw(st.integers(0, _TICKS))
    stem = (_at(tick) + draw(st.sampled_from(_NUDGES))).strftime("%Y%m%d-%H%M%S%f")
    digits = draw(st.sampled_from((3, 3, 3, 3, 4, 6, 9)))
    return tick, stem[:15] + stem[15:].ljust(9, "7" if draw(st.booleans()) else "0")[:digits]


@st.composite
def _change_files(draw: st.DrawFn, world: _World, tick: int, stem: str, earlier: Sequence[Delivered]) -> list[Delivered]:
    """One change file, its revisions (also back to an earlier content), and its copy in the other format."""
    versions: list[Delivered] = []
    formats = ("csv", "parquet") if draw(st.booleans()) else ("parquet", "csv")
    for number in range(draw(st.sampled_from((1, 1, 1, 1, 1, 1, 1, 2, 2, 3, MAX_VERSIONS)))):
        known = [*earlier, *versions, *versions]
        if known and draw(st.integers(0, 4)) == 0:  # byte for byte what another file, or an earlier version, holds
            again = draw(st.sampled_from(known))
            content = {"columns": again.columns, "rows": again.rows}
        else:
            content = draw(_contents(world, is_snapshot=False, ceiling=tick))
        in_other_format = number > 0 and draw(st.integers(0, 2)) == 0
        # Each version's own millisecond: versions are told apart by it. A revision may carry an older time than what it replaces.
        moment = _at(draw(st.integers(0, _TICKS))) + timedelta(milliseconds=100 + number)
        versions.append(Delivered("", "", f"{stem}.{formats[in_other_format]}", moment, **content))
    return versions


@st.composite
def feeds(draw: st.DrawFn, organization_id: str = "org-0001", topic: str = "workorders") -> list[Delivered]:
    """Everything that was delivered of one organization's topic: at most ten file versions of at most eight rows."""
    world = draw(_worlds())
    style = draw(st.sampled_from(("load and changes", "loads and changes", "loads and changes", "loads", "changes", "parts")))
    files: list[Delivered] = []
    if style == "parts":
        for part in range(1, draw(st.integers(1, 3)) + 1):
            files += draw(_snapshots(world, f"LOAD0000000{part}", 2))
    elif style != "changes":
        files += draw(_snapshots(world, "LOAD", 1 if style == "load and changes" else MAX_VERSIONS))
    if style != "loads":
        changes: list[Delivered] = []
        least = 1 if style == "changes" else 2
        for tick, stem in draw(st.lists(_change_names(), min_size=least, max_size=7, unique_by=lambda name: name[1])):
            versions = draw(_change_files(world, tick, stem, changes))
            if len(files) + len(changes) + len(versions) <= MAX_FILES:
                changes += versions
        files += changes
    return [replace(delivered, organization_id=organization_id, topic=topic) for delivered in files]


@st.composite
def arrivals(draw: st.DrawFn, feed: Sequence[Delivered]) -> list[list[Delivered]]:
    """``feed`` in one to four runs, in another order.

    One path has one content at a time, and of two formats of one stem the first to arrive counts: the versions
    of a stem keep their order and come in different runs. Everything else may come in any order.
    """
    stems: dict[str, list[Delivered]] = {}
    for delivered in feed:
        stems.setdefault(delivered.stem, []).append(delivered)
    least = max((len(versions) for versions in stems.values()), default=1)
    runs: list[list[Delivered]] = [[] for _ in range(draw(st.integers(least, max(least, RUNS))))]
    for versions in stems.values():
        of_each = sorted(draw(st.permutations(range(len(runs))))[: len(versions)])
        for run, delivered in zip(of_each, versions, strict=True):
            runs[run].append(delivered)
    return [list(draw(st.permutations(run))) for run in runs]
