"""What is said of records that differ, and how it is known."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from loaders.reconcile.findings import Finding
from loaders.settings import Settings
from tests.reconcile.conftest import AFTER, BEFORE, ORDERS, PERSON, UNITS, Compare, OddApi, ask, order

Everything = Callable[[], dict[tuple[str | None, str | None], Finding]]


def test_two_sides_that_say_the_same_in_other_spellings_are_alike(compare: Compare, settings: Settings):
    done = compare(sample=100, organizations=("acme",))
    assert [(one.topic, one.warehouse_count, one.api_count, one.records, one.alike) for one in done.topics] == [
        ("units", 9, 9, 9, 9),
        ("workorders", 40, 40, 40, 40),
    ]
    assert (done.exit_code, done.wrong) == (0, [])
    query = "select topic, verdict, compared, alike, watermark from audit.api_reconciliation where kind = 'topic' order by 1"
    noon = datetime(2026, 3, 1, 12)
    assert ask(settings, query) == [("units", "same", 9, 9, noon), ("workorders", "same", 40, 40, noon)]
    columns = {(one.column_name, one.verdict.value) for topic in done.topics for one in topic.findings if one.kind == "column"}
    assert ("not_in_the_api", "only_here") in columns


def test_a_record_that_changed_there_after_the_watermark_is_newer_and_no_difference(api: OddApi, everything: Everything, compare: Compare):
    api.records[ORDERS][3] |= {"status": "COMPLETED", "updatedAt": AFTER}
    found = everything()
    assert set(found) == {("w003", "status"), ("w003", "updated_at")}
    assert {one.verdict.value for one in found.values()} == {"newer_in_api"}
    assert "2026-03-01 15:30:00, after the watermark 2026-03-01 12:00:00" in found["w003", "status"].explanation


def test_a_change_just_before_the_watermark_may_have_missed_the_file(api: OddApi, everything: Everything):
    api.records[ORDERS][3] |= {"status": "COMPLETED", "updatedAt": "2026-03-01T11:50:00Z"}
    api.records[ORDERS][4] |= {"status": "COMPLETED", "updatedAt": "2026-03-01T11:40:00Z"}
    found = everything()
    assert (found["w003", "status"].verdict, found["w004", "status"].verdict) == ("newer_in_api", "different")
    assert "shortly before" in found["w003", "status"].explanation


def test_a_change_before_the_watermark_that_no_file_brought_is_a_difference(api: OddApi, everything: Everything):
    api.records[ORDERS][3] |= {"status": "COMPLETED", "updatedAt": "2026-02-15T00:00:00Z"}
    api.records[ORDERS][4] |= {"hourlyServiceRate": 99}
    api.records[ORDERS][5] |= {"status": "COMPLETED", "updatedAt": "2026-01-15T00:00:00Z"}
    found = everything()
    assert {one.verdict.value for one in found.values()} == {"different"}
    assert "before the watermark" in found["w003", "status"].explanation
    assert found["w004", "hourly_service_rate"].explanation == "both sides say that the record was last changed at 2026-02-01 08:00:00"
    assert "a file brought one of 2026-02-01" in found["w005", "status"].explanation


def test_records_that_one_side_lacks(api: OddApi, everything: Everything, compare: Compare):
    orders = api.records[ORDERS]
    del orders[7]
    orders += [order(50), order(51) | {"createdAt": AFTER, "updatedAt": AFTER}]
    orders[8]["deletedAt"] = "2026-02-10T00:00:00Z"
    found = {one.id: one for one in everything().values() if one.kind == "record"}
    assert {record: one.verdict.value for record, one in found.items()} == {
        "w007": "deleted_in_api",
        "w009": "deleted_in_api",
        "w050": "absent_here",
        "w051": "newer_in_api",
    }
    assert "no file brought it" in found["w050"].explanation
    assert compare("workorders", organizations=("acme",), sample=100).exit_code == 4


def test_a_soft_delete_that_the_api_dates_is_judged_by_its_date(api: OddApi, everything: Everything):
    api.habits.lists_deleted = True
    api.records[ORDERS][8]["deletedAt"] = "2026-02-10T00:00:00Z"
    api.records[ORDERS][9]["deletedAt"] = AFTER
    found = everything()
    assert {one.id: one.verdict.value for one in found.values()} == {"w008": "different", "w009": "deleted_in_api"}


def test_a_record_that_stays_gone_while_newer_files_come_was_missed_by_the_feed(
    api: OddApi, compare: Compare, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    del api.records[ORDERS][7]
    first = compare("workorders", organizations=("acme",), sample=100)
    assert ([one.verdict.value for one in first.topics[0].findings if one.id], first.exit_code) == (["deleted_in_api"], 0)
    _as_if_looked_at(settings, datetime(2026, 2, 25))
    done = compare("workorders", organizations=("acme",), sample=0)  # drawn by nobody, and looked at again
    (finding,) = done.wrong
    assert (finding.id, finding.verdict, done.exit_code) == ("w007", "different", 4)
    assert "gone from the API by 2026-02-25 00:00:00 already" in finding.explanation
    api.records[ORDERS].insert(7, order(7))
    assert compare("workorders", organizations=("acme",), sample=0).wrong == []
    del api.records[ORDERS][7]
    assert compare("workorders", organizations=("acme",), sample=100).exit_code == 0  # gone anew


def _as_if_looked_at(settings: Settings, moment: datetime) -> None:
    import duckdb

    with duckdb.connect(str(settings.build)) as connection:
        connection.execute("update raw._api_reconciliation set reconciled_at = ?", [moment])


def test_a_record_that_the_files_deleted_and_the_api_has_is_a_difference(api: OddApi, everything: Everything, settings: Settings):
    import duckdb

    with duckdb.connect(str(settings.build)) as connection:  # as if the change file had deleted w002
        connection.execute("update marts.workorders_changes set valid_to = '2026-02-20', is_current = false where id = 'w002'")
    found = everything()
    assert (found["w002", None].verdict, len(found)) == ("different", 1)
    assert "the files deleted it at 2026-02-20" in found["w002", None].explanation


def test_what_did_not_cast_is_not_the_apis_fault(api: OddApi, everything: Everything, settings: Settings):
    import duckdb

    with duckdb.connect(str(settings.build)) as connection:
        failed = "[{'column_name': 'hourly_service_rate', 'value': 'a lot'}]"
        connection.execute(f"update marts.workorders_changes set hourly_service_rate = null, _cast_failures = {failed} where id = 'w002'")
    assert everything()["w002", "hourly_service_rate"].verdict == "unreadable_here"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"hourlyServiceRate": "a lot"}, {("w003", "hourly_service_rate"): "unreadable_there"}),
        ({"isAlarmActive": [1]}, {("w003", "is_alarm_active"): "unreadable_there"}),
        ({"dueDate": 20260401}, {("w003", "due_date"): "unreadable_there"}),
        ({"completedAt": {"at": BEFORE}}, {("w003", "completed_at"): "unreadable_there"}),
        ({"status": None}, {("w003", "status"): "different"}),
        ({"completedAt": ""}, {}),
        ({"unit": {"id": "u9"}}, {("w003", "unit"): "different"}),
        ({"attachmentIds": ["b", "a3"]}, {}),
        ({"hourlyServiceRate": "15.50"}, {}),
        ({"dueDate": "2026-04-01T00:00:00Z"}, {}),
    ],
)
def test_values_of_another_type_are_named_and_not_guessed(api: OddApi, everything: Everything, change, expected):
    api.records[ORDERS][3] |= change
    assert {key: one.verdict.value for key, one in everything().items()} == expected


def test_fields_in_another_case_extra_ones_and_missing_ones(api: OddApi, compare: Compare):
    for place, one in enumerate(api.records[UNITS]):
        shouted = {name.upper(): value for name, value in one.items() if name not in ("id", "floorLevel")}
        api.records[UNITS][place] = {"id": one["id"]} | shouted | {"petPolicy": "cats"}
    api.habits.minus_sorts = True
    (units,) = compare("units", sample=50).topics
    assert (units.records, units.alike) == (9, 9)
    assert ("pet_policy", "only_in_api") in {(one.column_name, one.verdict.value) for one in units.findings}


def test_counts_are_explained_by_what_is_new_there(api: OddApi, compare: Compare):
    def counted() -> tuple[str, str]:
        (topic,) = compare("workorders", organizations=("acme",), sample=0).topics
        return topic.counted.verdict.value, topic.counted.explanation

    new = [order(60 + number) | {"createdAt": AFTER, "updatedAt": AFTER} for number in range(3)]
    api.records[ORDERS] += new
    assert counted() == ("newer_in_api", "3 were made there after the watermark, or shortly before (the API's x-total-count)")
    api.records[ORDERS].append(order(70))
    assert counted()[0] == "absent_here" and "1 more are older" in counted()[1]
    del api.records[ORDERS][:4]
    assert counted()[0] == "deleted_in_api" and "3 of ours are gone there" in counted()[1]


def test_whose_records_a_key_shows_is_found_out_by_the_records(compare: Compare):
    (orders,) = compare("workorders", sample=10).topics  # beta has w000, too
    assert orders.organizations == ("acme",) and orders.warehouse_count == 40


def test_a_key_for_both_organizations_is_compared_with_both(api: OddApi, compare: Compare):
    api.records[ORDERS] += [order(number) for number in range(100, 110)]
    (orders,) = compare("workorders", sample=100).topics
    assert orders.organizations == ("acme", "beta")
    assert (orders.records, orders.alike) == (50, 50)


def test_the_same_seed_draws_the_same_records(api: OddApi, compare: Compare):
    def drawn(seed: int) -> set[str]:
        api.calls.clear()
        compare("workorders", organizations=("acme",), sample=5, seed=seed)
        return {call.path for call in api.calls if call.path.startswith(f"{'/v1'}{ORDERS}/")}

    assert drawn(1) == drawn(1) != drawn(2)
    assert 5 <= len(drawn(3)) <= 10


def test_no_value_of_a_record_is_in_what_is_published(api: OddApi, compare: Compare, settings: Settings):
    for one in api.records[ORDERS]:
        one |= {"requestorName": f"{PERSON} II", "updatedAt": AFTER}
    compare("workorders", organizations=("acme",), sample=5)
    published = ask(settings, "select api_reconciliation::varchar from audit.api_reconciliation")
    assert len(published) > 5 and not [text for (text,) in published if PERSON in text]
    kept = ask(settings, "select distinct api_value from raw._api_values where column_name = 'requestor_name'")
    assert kept == [(f"{PERSON} II",)]


def test_grace_is_settable(api: OddApi, compare: Compare):
    api.records[ORDERS][3] |= {"status": "COMPLETED", "updatedAt": "2026-03-01T11:50:00Z"}
    assert compare("workorders", organizations=("acme",), sample=100, grace=timedelta(minutes=1)).exit_code == 4
