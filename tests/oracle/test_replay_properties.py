"""What must hold of the replay for every feed."""

from collections import defaultdict
from datetime import datetime
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.oracle.batches import Delivered
from tests.oracle.feeds import TYPES, arrivals, feeds
from tests.oracle.replay import RESOLUTIONS, Tables, replay

some = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
BUSINESS = ("_organization_id", "_batch_at", "file_name", "modified_at", "_row_number", *TYPES)


def unordered(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(repr(sorted(row.items())) for row in rows)


def versions_of(tables: Tables) -> list[list[dict[str, Any]]]:
    records: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in tables.history:
        records[row["id"]].append(row)
    return list(records.values())


@some
@given(st.data(), st.sampled_from(RESOLUTIONS))
def test_the_result_does_not_depend_on_the_order_of_arrival(data: st.DataObject, resolution: str):
    feed = data.draw(feeds())
    shuffled = [delivered for run in data.draw(arrivals(feed)) for delivered in run]
    one, other = replay(feed, TYPES, resolution), replay(shuffled, TYPES, resolution)
    for table in ("current", "history", "changes", "rule_disagreements"):
        assert unordered(getattr(one, table)) == unordered(getattr(other, table))


@some
@given(feeds())
def test_the_tables_of_any_feed_keep_the_contracts_rules(feed: list[Delivered]):
    tables = replay(feed, TYPES)
    current_is_the_open_undeleted_history(tables)
    versions_follow_each_other_and_only_equal_instants_make_an_empty_one(tables)
    every_version_is_an_applied_row_and_every_row_is_in_the_log_once(tables, feed)
    as_of_any_instant_a_record_has_at_most_one_version(tables)


def current_is_the_open_undeleted_history(tables: Tables) -> None:
    still_open = [{name: row[name] for name in BUSINESS} for row in tables.history if row["is_current"] and not row["is_deleted"]]
    assert unordered(still_open) == unordered(tables.current)


def versions_follow_each_other_and_only_equal_instants_make_an_empty_one(tables: Tables) -> None:
    for versions in versions_of(tables):
        assert [row["version_number"] for row in versions] == list(range(1, len(versions) + 1))
        assert all(row["valid_to"] is None for row in versions[-1:] if row["is_current"])
        for row, following in pairwise(versions):
            assert row["valid_to"] is not None and row["valid_to"] <= following["valid_from"]
            assert row["valid_from"] < following["valid_from"] or row["_batch_at"] == following["_batch_at"]


def every_version_is_an_applied_row_and_every_row_is_in_the_log_once(tables: Tables, feed: list[Delivered]) -> None:
    key = ("file_name", "modified_at", "_row_number")
    outcomes = {tuple(row[name] for name in key): (row["outcome"], row["_op"]) for row in tables.changes}
    assert len(outcomes) == len(tables.changes)
    assert all(outcomes[tuple(row[name] for name in key)][0] == "applied" for row in tables.history)
    assert len(tables.changes) <= sum(len(delivered.rows) for delivered in feed)


def as_of_any_instant_a_record_has_at_most_one_version(tables: Tables) -> None:
    instants: set[datetime] = {row["valid_from"] for row in tables.history}
    for versions in versions_of(tables):
        for instant in instants:
            assert sum(row["valid_from"] <= instant and (row["valid_to"] is None or instant < row["valid_to"]) for row in versions) <= 1
