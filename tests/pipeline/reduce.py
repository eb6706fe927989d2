"""Makes a failing feed small and readable."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations

from tests.oracle.batches import Delivered
from tests.pipeline.harness import Case, Difference

MOST_CANDIDATES = 250


def reduced(case: Case, failing: Callable[[list[Case]], list[bool]], rounds: int = 6) -> Case:
    """A smaller case that still fails. ``failing`` judges many candidates at once, which one build can."""
    for _ in range(rounds):
        candidates = sorted(_smaller(case), key=_size)[:MOST_CANDIDATES]
        judged = failing(candidates) if candidates else []
        still = [candidate for candidate, fails in zip(candidates, judged, strict=True) if fails]
        if not still:
            return case
        case = min(still, key=_size)
    return case


def _size(case: Case) -> tuple[int, int, int, int]:
    files = [delivered for run in case for delivered in run]
    values = sum(value is not None for delivered in files for row in delivered.rows for value in row)
    return len(files), sum(len(delivered.rows) for delivered in files), values, len(case)


def _smaller(case: Case) -> Iterator[Case]:
    """Few of the files; then all but one; a row less; a column less; everything in fewer runs."""
    files = [delivered for run in case for delivered in run]
    for size in (1, 2, 3, len(files) - 2, len(files) - 1):
        if 0 < size < len(files):
            for kept in combinations(files, size):
                yield _without_empty_runs([[one for one in run if any(one is keep for keep in kept)] for run in case])
    for delivered in files:
        for at in range(len(delivered.rows)):
            rows = delivered.rows[:at] + delivered.rows[at + 1 :]
            yield [[replace(one, rows=rows) if one is delivered else one for one in run] for run in case]
    for name in {name for delivered in files for name in delivered.columns if name.lower() not in ("id", "op")}:
        yield [[_without_column(one, name) for one in run] for run in case]
    for at in range(1, len(case)):
        if not {one.stem for one in case[at - 1]} & {one.stem for one in case[at]}:
            yield [*case[: at - 1], case[at - 1] + case[at], *case[at + 1 :]]


def _without_empty_runs(case: Case) -> Case:
    return [run for run in case if run]


def _without_column(delivered: Delivered, name: str) -> Delivered:
    if name not in delivered.columns:
        return delivered
    at = delivered.columns.index(name)
    rows = tuple(row[:at] + row[at + 1 :] for row in delivered.rows)
    return replace(delivered, columns=delivered.columns[:at] + delivered.columns[at + 1 :], rows=rows)


def readable(case: Case, found: list[Difference]) -> str:
    """The feed run by run, and what differs."""
    lines = []
    for number, run in enumerate(case, start=1):
        lines.append(f"run {number}")
        for delivered in run:
            lines.append(f"  {delivered.file_name}  modified {delivered.modified_at:%Y-%m-%d %H:%M:%S.%f}  {','.join(delivered.columns)}")
            lines += [f"    {', '.join('-' if value is None else repr(value) for value in row)}" for row in delivered.rows]
    lines += [f"{table} {kind}: {', '.join(map(str, row))}" for table, kind, row in found]
    return "\n".join(lines)
