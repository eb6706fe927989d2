"""Which of the delivered versions count, as pure functions over versions in order of arrival."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from loaders.ledger import FileVersion, is_in_force, replaced_unread, settle_change, settle_parts, settle_snapshots
from loaders.names import parse_file

MIDNIGHT = datetime(2026, 1, 1)


def version(file_id: int, content: str, minute: int = 0, name: str = "LOAD.csv", status: str = "loaded") -> FileVersion:
    parsed = parse_file(name)
    assert parsed is not None
    at = MIDNIGHT + timedelta(minutes=minute)
    kind = {"kind": parsed.kind, "format": parsed.format, "batch_at": at, "remote_mtime": at, "loaded_at": MIDNIGHT}
    return FileVersion(file_id, "acme", "units", name, size_bytes=1, sha256=content, row_count=1, status=status, reason=None, **kind)  # type: ignore[arg-type]


def change(file_id: int, content: str, form: str = "csv", status: str = "loaded") -> FileVersion:
    return version(file_id, content, name=f"20260101-080000000.{form}", status=status)


def statuses(versions: Sequence[FileVersion]) -> list[str]:
    return [one.status for one in versions]


# --- change files


def test_a_first_change_file_counts():
    assert settle_change(change(1, "A"), []) == (change(1, "A"), [])


def test_a_revision_supersedes_the_version_that_counts():
    settled, (old,) = settle_change(change(3, "B"), [change(1, "Z", status="superseded"), change(2, "A")])
    assert (settled.status, old._file_id, old.status) == ("loaded", 2, "superseded")
    assert old.reason == "replaced by file 3, delivered under the same name"


def test_the_other_format_of_a_loaded_batch_is_a_duplicate_and_changes_nothing():
    settled, changed = settle_change(change(2, "B", "parquet"), [change(1, "A")])
    assert (settled.status, settled.reason, changed) == ("duplicate", "the same batch was loaded from 20260101-080000000.csv", [])


def test_the_other_format_counts_while_the_first_could_not_be_read():
    assert settle_change(change(2, "B", "parquet"), [change(1, "A", status="quarantined")])[0].status == "loaded"


def test_the_content_that_counts_is_a_duplicate_after_one_that_could_not_be_read():
    settled, changed = settle_change(change(3, "A"), [change(1, "A"), change(2, "bad", status="quarantined")])
    assert (settled.status, changed) == ("duplicate", [])


def test_content_is_in_force_when_the_latest_version_of_the_name_has_it():
    others = [change(1, "A", status="superseded"), change(2, "B")]
    assert is_in_force(change(3, "B"), others)
    assert not is_in_force(change(3, "A"), others)
    assert not is_in_force(change(3, "B", "parquet"), others)
    assert not is_in_force(change(3, "B"), [])
    assert is_in_force(change(3, "bad"), [*others, change(2, "bad", status="quarantined")])


def test_versions_that_wait_are_replaced_by_any_later_one_of_their_name():
    waiting = [change(1, "A", status="quarantined"), change(2, "B", status="held"), change(3, "C", "parquet", status="quarantined")]
    assert [(one._file_id, one.status) for one in replaced_unread(change(4, "D"), waiting)] == [(1, "superseded"), (2, "superseded")]


# --- snapshots


def test_a_snapshot_counts_when_its_content_is_not_that_of_the_one_before_it():
    contents = "AABBA"
    settled = settle_snapshots([version(minute, content, minute) for minute, content in enumerate(contents)])
    assert statuses(settled) == ["loaded", "duplicate", "loaded", "duplicate", "loaded"]


def test_the_one_before_is_the_one_before_in_time_and_not_in_arrival():
    arrived = [version(1, "A", 3), version(2, "A", 1), version(3, "B", 2)]
    assert statuses(settle_snapshots(arrived[:2])) == ["duplicate", "loaded"]
    assert statuses(settle_snapshots(arrived)) == ["loaded"] * 3


def test_what_could_not_be_read_is_no_version_and_stays_what_it_is():
    arrived = [version(1, "A", 1), version(2, "bad", 2, status="quarantined"), version(3, "A", 3), version(4, "Z", 0, status="superseded")]
    assert statuses(settle_snapshots(arrived)) == ["loaded", "quarantined", "duplicate", "superseded"]


def test_of_the_format_that_came_second_only_the_first_version_is_a_duplicate():
    other = "LOAD.parquet"
    arrived = [version(1, "A", 1), version(2, "P", 2, other), version(3, "P", 3, other), version(4, "Q", 4, other)]
    assert statuses(settle_snapshots(arrived)) == ["loaded", "duplicate", "duplicate", "loaded"]


deliveries = st.lists(
    st.builds(version, st.just(0), st.sampled_from("ABC"), st.integers(0, 50), status=st.sampled_from(["loaded", "duplicate"])),
    min_size=1,
    max_size=8,
    unique_by=lambda one: one.remote_mtime,
)


def by_time(versions: Sequence[FileVersion]) -> list[tuple[datetime, str]]:
    return sorted((one.remote_mtime, one.status) for one in settle_snapshots(versions))


@given(deliveries, st.randoms(use_true_random=False))
def test_what_counts_of_one_path_does_not_depend_on_the_order_of_arrival(versions, chance):
    shuffled = chance.sample(versions, len(versions))
    assert by_time(renumbered(shuffled)) == by_time(renumbered(versions))


@given(deliveries)
def test_what_counts_of_one_path_does_not_depend_on_how_many_arrive_at_once(versions):
    """Settled one by one, each with what the others had become by then, or all together."""
    known: list[FileVersion] = []
    for one in renumbered(versions):
        known = settle_snapshots([*known, one])
    assert by_time(known) == by_time(renumbered(versions))


@given(deliveries)
def test_no_two_counting_snapshots_in_a_row_have_one_content_and_no_content_is_lost(versions):
    settled = sorted(settle_snapshots(renumbered(versions)), key=lambda one: one.remote_mtime)
    counting = [one.sha256 for one in settled if one.status == "loaded"]
    assert all(before != after for before, after in pairwise(counting))
    assert counting == [one.sha256 for place, one in enumerate(settled) if place == 0 or settled[place - 1].sha256 != one.sha256]


def renumbered(versions: Sequence[FileVersion]) -> list[FileVersion]:
    return [replace(one, _file_id=number) for number, one in enumerate(versions, start=1)]


# --- parts


def part(file_id: int, number: int, minute: int) -> FileVersion:
    return version(file_id, "A", minute, f"LOAD{number:08X}.csv")


def placed(parts: Sequence[FileVersion]) -> dict[int, tuple[int | None, int]]:
    """Snapshot and minute by file."""
    return {one._file_id: (one.snapshot_number, one.batch_at.minute) for one in settle_parts(parts)}


def test_parts_written_together_are_one_snapshot_of_the_latest_one_s_time():
    assert placed([part(1, 1, 10), part(2, 2, 11), part(3, 3, 12)]) == dict.fromkeys((1, 2, 3), (1, 12))


def test_a_snapshot_ends_where_a_part_comes_again():
    arrived = [part(1, 1, 10), part(2, 2, 11), part(3, 1, 20), part(4, 2, 21)]
    assert placed(arrived) == {1: (1, 11), 2: (1, 11), 3: (2, 21), 4: (2, 21)}


def test_parts_are_walked_by_time_whatever_the_order_of_their_arrival():
    arrived = [part(3, 1, 20), part(2, 2, 11), part(1, 1, 10)]
    assert placed(arrived) == {1: (1, 11), 2: (1, 11), 3: (2, 20)}


def test_parts_written_at_one_instant_are_one_snapshot():
    assert placed([part(1, 2, 10), part(2, 1, 10)]) == {1: (1, 10), 2: (1, 10)}


def test_no_parts_are_no_snapshots():
    assert settle_parts([]) == []
