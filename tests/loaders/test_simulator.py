"""The simulated feed: the same every time, well-formed, consistent, and really holding every special case it promises."""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from loaders.names import parse_file, parse_organization, parse_topic
from loaders.simulator import Delivery, simulate, simulate_feed

Row = dict[str, str | None]
STEPS = (1, 2, 3, 4)
DAY = "20260601-"


def parse_csv(text: str) -> list[list[str | None]]:
    """RFC 4180 to the letter, except that an unquoted empty field is null. Written out here so that no library's leniency hides a fault."""
    rows: list[list[str | None]] = [[]]
    at = 0
    while at < len(text):
        if text[at] == '"':
            end = re.compile(r'"((?:[^"]|"")*)"(?=[,\n]|\Z)').match(text, at)
            assert end, f"a quoted field is not closed at {text[at : at + 60]!r}"
            rows[-1].append(end[1].replace('""', '"'))
        else:
            end = re.compile(r'[^,\n"\r]*(?=[,\n]|\Z)').match(text, at)
            assert end, f"a bare field holds a quote or a line break at {text[at : at + 60]!r}"
            rows[-1].append(end[0] or None)
        at = end.end()
        if text[at] == "\n":
            rows.append([])
        elif text[at + 1] == "\n":  # a comma at the end of a line: the last field is null
            rows[-1].append(None)
            at += 1
            rows.append([])
        at += 1
    return rows[:-1]


def read_csv(content: bytes) -> list[Row]:
    header, *rows = parse_csv(content.decode())
    assert all(len(row) == len(header) for row in rows), "a row has more or fewer fields than the header"
    return [dict(zip((str(name) for name in header), row, strict=True)) for row in rows]


@dataclass(frozen=True)
class Tree:
    """What stood under the root after a step: each file's content and modification time, and what ``simulate`` said of it."""

    files: dict[str, tuple[bytes, int]]
    deliveries: list[Delivery]

    def rows(self, organization_id: str, topic: str, name: str) -> list[Row]:
        return read_csv(self.files[f"{organization_id}/public/exported_{topic}/{name}"][0])

    def names(self, organization_id: str, topic: str) -> list[str]:
        return [path.rsplit("/", 1)[1] for path in self.files if path.startswith(f"{organization_id}/public/exported_{topic}/")]

    def noted(self, text: str) -> tuple[Delivery, str]:
        """The one delivery whose note has ``text``, and the id that the note gives for it."""
        (found,) = [each for each in self.deliveries if text in each.note]
        (part,) = [part for part in found.note.split("; ") if text in part]
        return found, part[-37:-1]


def walk(root: Path) -> dict[str, tuple[bytes, int]]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def grow(root: Path, steps: tuple[int, ...], organizations: int = 2) -> dict[int, Tree]:
    trees = {}
    for step in steps:
        deliveries = simulate(root, step=step, organizations=organizations)
        trees[step] = Tree(walk(root), deliveries)
    return trees


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="module")
def trees(root: Path) -> dict[int, Tree]:
    return grow(root, STEPS)


@pytest.fixture(scope="module")
def first(trees: dict[int, Tree]) -> str:
    return trees[1].deliveries[0].organization_id


@pytest.fixture(scope="module")
def second(trees: dict[int, Tree]) -> str:
    return trees[1].deliveries[-1].organization_id


def test_the_same_steps_give_the_same_bytes_and_times(trees: dict[int, Tree], tmp_path: Path, first: str) -> None:
    again = grow(tmp_path, (1, 2, 3), organizations=1)[3].files
    assert again == {path: file for path, file in trees[3].files.items() if path.startswith(first)}


def test_another_seed_gives_other_records(trees: dict[int, Tree], tmp_path: Path) -> None:
    simulate(tmp_path, organizations=1, rows=30, seed=8, step=1)
    assert not set(walk(tmp_path)) & set(trees[1].files)


def test_every_path_is_an_export_but_the_one_stray(trees: dict[int, Tree]) -> None:
    strays = []
    for path, (_, modified) in trees[4].files.items():
        organization, public, topic, name = path.split("/")
        assert parse_organization(organization) and public == "public" and parse_topic(topic)
        assert modified % 1_000_000_000 == 0, "servers give whole seconds"
        strays += [] if parse_file(name) else [name]
    assert strays == ["README.txt"]
    assert not any("README.txt" in path for path in trees[2].files)


def test_deliveries_name_exactly_the_files_that_changed(trees: dict[int, Tree]) -> None:
    before: dict[str, tuple[bytes, int]] = {}
    for step in STEPS:
        now = trees[step].files
        told = {f"{d.organization_id}/public/exported_{d.topic}/{d.file_name}" for d in trees[step].deliveries}
        assert told == {path for path in now if now[path] != before.get(path)}
        before = now


def test_every_organization_has_every_topic_in_its_own_format(trees: dict[int, Tree], first: str, second: str) -> None:
    topics = {"workorders", "activities", "units", "leases", "customers", "transactions", "parkingspaces"}
    for organization_id, form in ((first, "csv"), (second, "parquet")):
        mine = [each for each in trees[1].deliveries if each.organization_id == organization_id]
        assert {each.topic for each in mine} == topics
        assert {each.file_name for each in mine} == {f"LOAD.{form}"}
    loads = {modified for _, modified in trees[1].files.values()}
    assert loads == {int(datetime(2026, 6, 1, 0, 10, tzinfo=UTC).timestamp()) * 10**9}


def test_change_files_have_op_first_and_rows_as_told(trees: dict[int, Tree], root: Path) -> None:
    for tree in trees.values():
        for each in tree.deliveries:
            if not each.file_name.startswith("2026"):
                continue
            if each.file_name.endswith("csv"):
                rows = tree.rows(each.organization_id, each.topic, each.file_name)
            else:
                rows = pq.read_table(root / each.organization_id / "public" / f"exported_{each.topic}" / each.file_name).to_pylist()
            assert list(rows[0])[:2] == ["OP", "id"] and len(rows) == each.rows
            assert {row["OP"] for row in rows} <= {"I", "U", "D"}
            assert all(row["id"] for row in rows)


def test_csv_keeps_null_and_empty_apart_and_holds_hard_texts(trees: dict[int, Tree], first: str) -> None:
    rows = trees[1].rows(first, "workorders", "LOAD.csv")
    notes = Counter(row["entryNotes"] for row in rows)
    assert notes[None] and notes[""]
    texts = "".join(str(row["description"]) + str(row["entryNotes"]) for row in rows)
    assert all(piece in texts for piece in (",", '"', "\n", "ê", "🧊"))
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(row["updatedAt"])) for row in rows)
    assert all(re.fullmatch(r"\d+\.\d\d", str(row["hourlyServiceRate"])) for row in rows)
    assert {row["status"] for row in rows} >= {"OPEN", "IN_PROGRESS", "COMPLETED"}


def test_duckdb_reads_the_csv_to_the_same_rows(trees: dict[int, Tree], root: Path, first: str) -> None:
    path = root / first / "public" / "exported_customers" / "LOAD.csv"
    query = f"select * from read_csv('{path}', all_varchar = true, header = true, nullstr = '', allow_quoted_nulls = false)"
    read = duckdb.sql(query).fetchall()
    assert read == [tuple(row.values()) for row in trees[1].rows(first, "customers", "LOAD.csv")]


def test_parquet_is_typed_and_keeps_null_and_empty_apart(root: Path, second: str) -> None:
    table = pq.read_table(root / second / "public" / "exported_workorders" / "LOAD.parquet")
    types = {field.name: str(field.type) for field in table.schema}
    assert types["createdAt"].startswith("timestamp") and types["hasPetAlert"] == "bool" and types["dueDate"].startswith("date")
    assert types["hourlyServiceRate"] == "decimal128(12, 2)" and types["id"] == "string"
    notes = table.column("entryNotes").to_pylist()
    assert None in notes and "" in notes


def test_some_ids_are_the_same_in_both_organizations(trees: dict[int, Tree], root: Path, first: str, second: str) -> None:
    mine = {row["id"] for row in trees[1].rows(first, "workorders", "LOAD.csv")}
    theirs = set(pq.read_table(root / second / "public" / "exported_workorders" / "LOAD.parquet").column("id").to_pylist())
    assert len(mine) == len(theirs) == 200 and len(mine & theirs) == 20


def test_foreign_keys_resolve_also_after_the_changes(trees: dict[int, Tree], first: str) -> None:
    alive, rows = {}, {}
    for topic in ("units", "leases", "customers", "workorders", "transactions", "activities", "parkingspaces"):
        names = sorted(trees[4].names(first, topic))
        rows[topic] = [row for tree in (trees[1], trees[4]) for row in tree.rows(first, topic, "LOAD.csv")]
        rows[topic] += [row for name in names if name.startswith("2026") for row in trees[4].rows(first, topic, name)]
        deleted = {row["id"] for row in rows[topic] if row.get("OP") == "D"} - {row["id"] for row in rows[topic] if row.get("OP") == "I"}
        alive[topic] = {row["id"]: row for row in rows[topic] if row["id"] not in deleted and row["createdAt"]}
    households = {row["householdId"] for row in alive["leases"].values()}
    keys = {"unitId": alive["units"], "customerId": alive["customers"], "householdId": households}
    for topic, held in rows.items():
        for column in set(held[0]) & set(keys):
            assert all(row.get(column) is None or row[column] in keys[column] for row in held), f"{topic}.{column} points nowhere"
    assert {row["propertyId"] for row in rows["workorders"]} <= {row["propertyId"] for row in rows["units"]}
    for row in alive["workorders"].values():
        if row["unitId"] is not None:
            assert row["propertyId"] == alive["units"][row["unitId"]]["propertyId"]
        if row["customerId"] is not None:
            customer = alive["customers"][row["customerId"]]
            assert (row["householdId"], row["requestorEmail"]) == (customer["householdId"], customer["email"])


def test_changes_follow_from_what_went_before(trees: dict[int, Tree], first: str) -> None:
    """No update of an unknown record, no second insert, no change after a delete."""
    for topic in ("workorders", "activities", "transactions", "customers"):
        known = {row["id"] for row in trees[1].rows(first, topic, "LOAD.csv")}
        for name in sorted(name for name in trees[4].names(first, topic) if name.startswith("2026")):
            rows = trees[4].rows(first, topic, name)
            reloaded = {row["id"] for row in rows if row["OP"] == "D"} & {row["id"] for row in rows if row["OP"] == "I"}
            for row in rows:
                if row["id"] in reloaded:
                    assert row["id"] in known
                elif row["OP"] == "I":
                    assert row["id"] not in known
                    known.add(row["id"])
                else:
                    assert row["id"] in known
                    known -= {row["id"]} if row["OP"] == "D" else set()


def story(trees: dict[int, Tree], first: str, text: str, step: int = 2) -> list[Row]:
    """The rows of the record that a note is about, in the file that it is about."""
    delivery, record = trees[step].noted(text)
    assert delivery.organization_id == first
    rows = [row for row in trees[step].rows(first, delivery.topic, delivery.file_name) if row["id"] == record]
    assert rows, f"no row of {record}"
    return rows


def test_a_work_order_moves_on(trees: dict[int, Tree], first: str) -> None:
    _, record = trees[2].noted("plain life: IN_PROGRESS")
    before = [row["status"] for row in trees[1].rows(first, "workorders", "LOAD.csv") if row["id"] == record]
    after = [story(trees, first, f"plain life: {status}")[-1]["status"] for status in ("IN_PROGRESS", "COMPLETED")]
    assert before + after == ["OPEN", "IN_PROGRESS", "COMPLETED"]


def test_reloads_stand_in_both_orders(trees: dict[int, Tree], first: str) -> None:
    assert [row["OP"] for row in story(trees, first, "reload, D then I")] == ["D", "I"]
    assert [row["OP"] for row in story(trees, first, "reload, I then D")] == ["I", "D"]


def test_hard_deletes_hold_the_key_alone_or_with_its_time(trees: dict[int, Tree], first: str) -> None:
    (bare,) = story(trees, first, "the key alone")
    assert {name for name, value in bare.items() if value is not None} == {"OP", "id"} and bare["OP"] == "D"
    (stamped,) = story(trees, first, "D row with deletedAt")
    assert {name for name, value in stamped.items() if value is not None} == {"OP", "id", "deletedAt"} and stamped["OP"] == "D"


def test_a_soft_delete_is_an_update_with_its_time(trees: dict[int, Tree], first: str) -> None:
    for topic in ("workorders", "activities"):
        rows = [row for name in trees[2].names(first, topic) if name.startswith(DAY) for row in trees[2].rows(first, topic, name)]
        assert any(row["OP"] == "U" and row["deletedAt"] and row["deletedAt"] == row["updatedAt"] for row in rows)


def test_an_update_may_change_nothing(trees: dict[int, Tree], first: str) -> None:
    (delivery,) = [d for d in trees[2].deliveries if d.topic == "workorders" and "changes nothing" in d.note]
    record = delivery.note[-37:-1]
    (before,) = [row for row in trees[1].rows(first, "workorders", "LOAD.csv") if row["id"] == record]
    (update,) = [row for row in trees[2].rows(first, "workorders", delivery.file_name) if row["id"] == record]
    assert update == {"OP": "U", **before}


def test_the_same_row_may_come_twice(trees: dict[int, Tree], first: str) -> None:
    one, two = story(trees, first, "the same row twice")
    assert one == two


def test_one_batch_makes_the_three_resolutions_differ(trees: dict[int, Tree], first: str) -> None:
    insert, update = story(trees, first, "the three resolutions differ")
    assert (insert["OP"], insert["status"], update["OP"], update["status"]) == ("I", "OPEN", "U", "IN_PROGRESS")
    assert str(insert["updatedAt"]) < str(update["updatedAt"])
    assert insert["id"] not in {row["id"] for row in trees[1].rows(first, "workorders", "LOAD.csv")}


def test_the_late_file_belongs_in_the_middle_of_the_day_before(trees: dict[int, Tree], first: str) -> None:
    late, _ = trees[3].noted("late file")
    day = sorted(name for name in trees[3].names(first, "workorders") if name.startswith(DAY))
    assert late.file_name not in trees[2].names(first, "workorders") and 5 < day.index(late.file_name) < len(day) - 5
    modified = trees[3].files[f"{first}/public/exported_workorders/{late.file_name}"][1]
    assert modified > max(trees[2].files[f"{first}/public/exported_workorders/{name}"][1] for name in day if name != late.file_name)
    (row,) = story(trees, first, "late file", step=3)
    assert "2026-06-01T13:00" < str(row["updatedAt"]) < "2026-06-01T14:01"


def test_a_snapshot_comes_again_true_but_for_one_missed_and_one_gone(trees: dict[int, Tree], first: str) -> None:
    path = f"{first}/public/exported_units/LOAD.csv"
    assert trees[3].files[path][1] > trees[2].files[path][1]
    before, after = ({row["id"]: row for row in trees[step].rows(first, "units", "LOAD.csv")} for step in (1, 3))
    expected = dict(before)
    for name in sorted(name for name in trees[2].names(first, "units") if name.startswith("2026")):
        for row in trees[2].rows(first, "units", name):
            if row["OP"] == "D":
                expected.pop(row["id"])
            else:
                expected[row["id"]] = {column: value for column, value in row.items() if column != "OP"}
    missed, gone = set(after) - set(expected), set(expected) - set(after)
    assert len(missed) == len(gone) == 1
    assert {key: row for key, row in after.items() if key not in missed} == {key: row for key, row in expected.items() if key not in gone}
    delivery, _ = trees[3].noted("snapshot delivered again")
    assert missed.pop() in delivery.note and gone.pop() in delivery.note


def test_a_revision_keeps_its_name_and_corrects_one_amount(trees: dict[int, Tree], first: str) -> None:
    revised, record = trees[3].noted("revision")
    path = f"{first}/public/exported_transactions/{revised.file_name}"
    assert trees[3].files[path][1] > trees[2].files[path][1]
    before, after = (trees[step].rows(first, "transactions", revised.file_name) for step in (2, 3))
    differ = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    ((old, new),) = differ
    assert old["id"] == record and old["amount"] == "99999.99" and {**old, "amount": new["amount"]} == new


def test_a_new_column_appears(trees: dict[int, Tree], first: str) -> None:
    delivery, _ = trees[3].noted("new column petPolicy")
    assert "petPolicy" in trees[3].rows(first, delivery.topic, delivery.file_name)[0]
    assert not any("petPolicy" in trees[2].rows(first, delivery.topic, name)[0] for name in trees[2].names(first, delivery.topic))


def test_one_amount_does_not_cast(trees: dict[int, Tree], first: str) -> None:
    (row,) = story(trees, first, "does not cast", step=3)
    assert row["amount"] == "n/a"


def test_later_steps_are_ordinary(trees: dict[int, Tree]) -> None:
    assert all(not each.note and each.file_name.startswith("20260603-") for each in trees[4].deliveries)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_feed_has_the_rows_and_the_mix_it_was_asked_for(tmp_path: Path, form: str) -> None:
    deliveries = simulate_feed(tmp_path / "a", rows=2_000, files=3, changes_per_file=400, format=form)  # type: ignore[arg-type]
    assert simulate_feed(tmp_path / "b", rows=2_000, files=3, changes_per_file=400, format=form) == deliveries  # type: ignore[arg-type]
    assert walk(tmp_path / "a") == walk(tmp_path / "b")
    assert [each.rows for each in deliveries] == [2_000, 424, 424, 424]
    folder = tmp_path / "a" / deliveries[0].organization_id / "public" / "exported_workorders"
    read = "read_csv" if form == "csv" else "read_parquet"
    options = ", all_varchar = true" if form == "csv" else ""
    counts = dict(duckdb.sql(f"select OP, count(*) from {read}('{folder}/2026*.{form}'{options}) group by OP").fetchall())
    assert counts == {"U": 3 * (280 + 8 * 2 + 4 + 4), "I": 3 * (60 + 16), "D": 3 * (28 + 16)}
    ids = duckdb.sql(f"select count(distinct id) from {read}('{folder}/LOAD.{form}'{options})").fetchall()
    assert ids == [(2_000,)]


@pytest.mark.parametrize("topic", ["units", "parkingspaces", "transactions"])
def test_a_feed_of_any_topic_has_about_the_rows_asked_for(tmp_path: Path, topic: str) -> None:
    (load,) = simulate_feed(tmp_path, topic=topic, rows=500, files=0)
    assert abs(load.rows - 500) <= 2


def test_a_feed_of_an_unknown_topic_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no simulated topic 'pets'"):
        simulate_feed(tmp_path, topic="pets")


def test_steps_count_from_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="count from 1"):
        simulate(tmp_path, step=0)
