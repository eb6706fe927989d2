"""What a lake costs that no machine here can hold: layouts of a change log, by simulation and measured slopes. docs/scaling.md.

    python -m benchmarks.lake --rows 10e9 --organizations 1000

Organizations differ in size as Zipf's law has it. An hour touches records at random, in proportion to the sizes. A layout is
the number of partitions that each organization's keys are spread over; a build writes anew the partitions it touches.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

BYTES_PER_ROW = 93  # of a change log of work orders as Parquet: measured
CORE_SECONDS_PER_MILLION = 66.0  # rows resolved and written: measured, between 0.3 and 1.2 million
TARGET_ROWS = 4_000_000  # of a partition: some 400 MB, which one task reads and writes well
SMALL_BYTES = 16_000_000  # a file that costs more to open than to read


@dataclass(frozen=True, slots=True)
class Layout:
    """Partitions as (rows, organizations' share of the touched records): one entry for each group of equal partitions."""

    name: str
    partitions: tuple[tuple[int, float], ...]  # rows of one, share of all rows that it holds


@dataclass(frozen=True, slots=True)
class Cost:
    """One build of an hour on a layout."""

    layout: str
    partitions: int
    small: float
    largest_rows: int
    rewritten_rows: float
    core_hours: float
    slowest_task_minutes: float


def sizes(rows: int, organizations: int, exponent: float) -> list[int]:
    """Rows of each organization, the largest first."""
    weights = [1 / place**exponent for place in range(1, organizations + 1)]
    total = sum(weights)
    return [max(1, round(rows * weight / total)) for weight in weights]


def by_key(found: Sequence[int], number: int) -> Layout:
    """One set of buckets for all: a hash knows no large organization."""
    total = sum(found)
    return Layout(f"{number:,} buckets of keys", ((total // number, 1 / number),) * number)


def by_organization(found: Sequence[int], number: Callable[[int], int], name: str) -> Layout:
    """Buckets of each organization's own."""
    total = sum(found)
    return Layout(name, tuple((rows // number(rows), rows / number(rows) / total) for rows in found for _ in range(number(rows))))


def hour(layout: Layout, touched: float, present: float = 1.0) -> Cost:
    """What it costs to bring in ``touched`` records; ``present`` is the share of rows whose organizations have news at all."""
    chances = [present * (1 - (1 - share) ** touched) for _, share in layout.partitions]
    rewritten = sum(rows * chance for (rows, _), chance in zip(layout.partitions, chances, strict=True))
    largest = max(rows for rows, _ in layout.partitions)
    slope = CORE_SECONDS_PER_MILLION / 1e6
    return Cost(
        layout.name,
        len(layout.partitions),
        sum(rows * BYTES_PER_ROW < SMALL_BYTES for rows, _ in layout.partitions) / len(layout.partitions),
        largest,
        rewritten,
        rewritten * slope / 3600,
        largest * slope / 60,
    )


def layouts(rows: int, organizations: int, exponent: float = 1.0) -> list[Layout]:
    """The layouts that are compared."""
    found = sizes(rows, organizations, exponent)
    own = lambda of: max(1, round(of / TARGET_ROWS))  # noqa: E731
    return [
        by_key(found, 16),
        by_key(found, max(1, rows // TARGET_ROWS)),
        by_organization(found, lambda _: 16, "16 buckets of each organization"),
        by_organization(found, own, "each organization by its size"),
    ]


def largest_share(rows: int, organizations: int, exponent: float = 1.0) -> tuple[float, float]:
    """The share of all rows of the largest organization, and of the ten largest."""
    found = sizes(rows, organizations, exponent)
    running = list(accumulate(found))
    return running[0] / running[-1], running[min(9, len(found) - 1)] / running[-1]


def main() -> None:
    """Print one line for each layout and number of touched records."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=float, default=10e9)
    options.add_argument("--organizations", type=int, default=1000)
    options.add_argument("--exponent", type=float, default=1.0, help="of Zipf's law; 0: all of one size")
    chosen = options.parse_args()
    one, ten = largest_share(int(chosen.rows), chosen.organizations, chosen.exponent)
    print(f"largest organization: {one:.1%} of the rows; the ten largest: {ten:.1%}\n")
    print("| layout | partitions | under 16 MB | largest, rows | touched | rewritten | core hours | slowest task |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for touched in (1_000, 100_000, 1_000_000):
        for layout in layouts(int(chosen.rows), chosen.organizations, chosen.exponent):
            print(line(hour(layout, touched), touched, chosen.rows))


def line(cost: Cost, touched: int, rows: float) -> str:
    """One row of the table."""
    shares = f"{cost.partitions:,} | {cost.small:.0%} | {cost.largest_rows:,} | {touched:,} | {cost.rewritten_rows / rows:.1%}"
    return f"| {cost.layout} | {shares} | {cost.core_hours:,.1f} | {cost.slowest_task_minutes:,.0f} min |"


if __name__ == "__main__":
    main()
