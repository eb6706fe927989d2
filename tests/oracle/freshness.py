"""What docs/decisions/0015-freshness.md says of one topic's files, in plain Python."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median_low

MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class File:
    """One row of the ledger, as far as freshness goes."""

    file_name: str
    batch_at: datetime
    status: str = "loaded"

    @property
    def is_snapshot(self) -> bool:
        return self.file_name.startswith("LOAD")

    @property
    def stem(self) -> str:
        return self.file_name.split(".")[0]


@dataclass(frozen=True, slots=True)
class Rhythm:
    """A cadence, and the gaps in it."""

    cadence: timedelta
    gaps: int
    missing: int
    latest: tuple[datetime, datetime] | None


def last_batch_at(files: Sequence[File]) -> datetime | None:
    """The last batch: the first snapshot comes before every change file."""
    counting = _in_order([file for file in files if file.status == "loaded"])
    return counting[-1].batch_at if counting else None


def complete_until(files: Sequence[File]) -> datetime | None:
    """Up to when all that was delivered is applied."""
    counting = _in_order([file for file in files if file.status == "loaded"])
    waiting = [file for file in files if file.status in ("quarantined", "held")]
    if not counting or any(_is_first_of_its_name(file, counting) for file in waiting):
        return None
    if not waiting:
        return counting[-1].batch_at
    hole = min(file.batch_at for file in waiting)
    first_snapshot, *_ = counting if counting[0].is_snapshot else [None]
    before = [file.batch_at for file in counting if not (first_snapshot and file.is_snapshot and file.batch_at == first_snapshot.batch_at)]
    before = [moment for moment in before if moment < hole]
    if before:
        return max(before)
    return min(first_snapshot.batch_at, hole - MILLISECOND) if first_snapshot else None


def _in_order(counting: Sequence[File]) -> list[File]:
    snapshots = [file.batch_at for file in counting if file.is_snapshot]
    return sorted(counting, key=lambda file: (not (file.is_snapshot and file.batch_at == min(snapshots)), file.batch_at))


def _is_first_of_its_name(waiting: File, counting: Sequence[File]) -> bool:
    same_name = [file for file in counting if file.is_snapshot and file.stem == waiting.stem]
    return waiting.is_snapshot and not any(file.batch_at <= waiting.batch_at for file in same_name)


def rhythm(files: Sequence[File]) -> Rhythm | None:
    """The cadence learned from the names; None when there is none to be learned."""
    named = [file for file in files if not file.is_snapshot] or files
    times = sorted({file.batch_at for file in named})
    deliveries = _without_bursts(times)
    intervals = [late - early for early, late in pairwise(deliveries)]
    if not intervals:
        return None
    cadence = median_low(intervals)
    usual = [interval for interval in intervals if abs(interval - cadence) * 4 <= cadence]
    if len(usual) < 3 or len(usual) * 3 < len(intervals) * 2:
        return None
    gaps = [(early, late) for early, late in pairwise(deliveries) if late - early > cadence * 3 / 2]
    missing = sum(round((late - early) / cadence) - 1 for early, late in gaps)
    latest = (times[times.index(gaps[-1][1]) - 1], gaps[-1][1]) if gaps else None
    return Rhythm(cadence, len(gaps), missing, latest)


def _without_bursts(times: Sequence[datetime]) -> list[datetime]:
    """The first file of each delivery."""
    intervals = sorted(late - early for early, late in pairwise(times))
    covered = timedelta(0)
    for long_interval in intervals:
        covered += long_interval
        if covered * 2 >= sum(intervals, timedelta(0)):
            break
    else:
        return list(times)
    return [times[0], *(late for early, late in pairwise(times) if (late - early) * 2 >= long_interval)]
