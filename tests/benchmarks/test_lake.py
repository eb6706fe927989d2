"""What docs/scaling.md reckons with: drawn hours have to say what the formula says."""

import random

import pytest

from benchmarks.lake import Layout, by_key, hour, layouts, sizes


def drawn(layout: Layout, touched: int, hours: int) -> float:
    """The rows that hours write anew on average, each record's partition drawn by lot."""
    lots = random.Random(1)
    places, weights = range(len(layout.partitions)), [share for _, share in layout.partitions]
    found = [sum(layout.partitions[place][0] for place in set(lots.choices(places, weights, k=touched))) for _ in range(hours)]
    return sum(found) / hours


def test_every_layout_holds_every_row_once():
    for layout in layouts(10_000_000, 50):
        assert sum(share for _, share in layout.partitions) == pytest.approx(1)
        assert sum(rows for rows, _ in layout.partitions) == pytest.approx(10_000_000, rel=0.01)


@pytest.mark.parametrize("touched", [10, 1_000])
def test_what_an_hour_writes_anew_is_what_drawn_hours_write(touched: int):
    for layout in layouts(10_000_000, 50):
        assert hour(layout, touched).rewritten_rows == pytest.approx(drawn(layout, touched, 200), rel=0.1)


def test_a_hash_knows_no_large_organization():
    found = sizes(10_000_000, 50, 1.0)
    assert found[0] > 20 * found[-1]
    assert hour(by_key(found, 10), 100).largest_rows == pytest.approx(1_000_000, rel=0.001)
