"""What `explain` says of a record: against the replay over random feeds, and word by word over a story written by hand."""

import csv
import json
import os
import pty
import shutil
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from loaders.errors import NoSuchRecord, SeveralRecords
from loaders.explain import Event, Explanation, explain
from loaders.landing import landing_path
from loaders.names import parse_file
from tests import forked
from tests.oracle.batches import Delivered, batches_in_order
from tests.oracle.feeds import TYPES
from tests.oracle.replay import _Walk, replay
from tests.pipeline.harness import PROJECT, TOPIC, Warehouse, as_organization, draw_cases

FEEDS = int(os.environ.get("EXPLAINED_FEEDS", "40"))
Done = "subprocess.CompletedProcess[str]"


def delivered(organization: str, name: str, clock: str, columns: str, *rows: str, topic: str = TOPIC) -> Delivered:
    """``delivered("story", "LOAD.csv", "00:10", "id status", "1 OPEN")``; ``-`` is null, ``_`` a line break."""
    values = tuple(tuple(None if value == "-" else value.replace("_", "\n") for value in row.split()) for row in rows)
    modified = datetime.fromisoformat(f"2026-06-01T{clock}").replace(tzinfo=UTC)
    return Delivered(organization, topic, name, modified, tuple(columns.split()), values)


def change(organization: str, clock: str, columns: str, *rows: str, modified: str = "23:00", topic: str = TOPIC) -> Delivered:
    return delivered(organization, f"20260601-{clock.replace(':', '')}00000.csv", modified, columns, *rows, topic=topic)


IMAGE = "id status requestorName updatedAt"
STORY = [
    [
        delivered("story", "LOAD.csv", "00:10", "id description status", "0 two_lines OPEN", "1 - OPEN", "2 - OPEN", "7 - OPEN"),
        change("story", "08:00", f"OP {IMAGE}", "U 1 STARTED Smith 2026-06-01T07:30:00Z"),
        change("story", "09:00", f"OP {IMAGE}", "I 1 FIRST Smith 2026-06-01T08:30:00Z", "U 1 SECOND Jones 2026-06-01T08:40:00Z"),
        change("story", "09:15", f"OP {IMAGE}", "U 1 FIRST Smith 2026-06-01T08:30:00Z", "D 9 - - -"),
        change("story", "10:00", f"OP {IMAGE}", "U 7 LATE - 2026-06-01T12:30:00Z"),
        change("story", "11:00", "OP id status completedAt", "D 2 - -", "I 2 AGAIN soon"),
        change("story", "12:00", "OP id deletedAt", "D 2 2026-06-01T11:30:00Z"),
        change("story", "13:00", "OP id status", "U 4 WRONG"),
        delivered("story", "LOAD.csv", "00:30", "id", "r", topic="rooms"),
        delivered("other", "LOAD.csv", "00:10", "id status", "1 OPEN"),
    ],
    [
        change("story", "13:00", "OP id status", "U 4 RIGHT", modified="23:30"),
        delivered("story", "LOAD.csv", "14:00", IMAGE, "0 OPEN - 2026-06-01T09:30:00Z", "7 OLD - 2026-06-01T09:30:00Z"),
    ],
]


@dataclass(frozen=True, slots=True)
class Played:
    """A warehouse in which the feeds and the story took place, and what was delivered of the feeds."""

    warehouse: Warehouse
    feeds: list[Delivered]

    def connect(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect(str(self.warehouse.home / "build.duckdb"), read_only=True)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            return connection.execute(query).fetchall()

    def explain(self, record_id: str, organization: str | None = None, topic: str = TOPIC, values: bool = False) -> Explanation:
        with self.connect() as connection:
            return explain(connection, self.warehouse.home / "landing", topic, record_id, organization, show_values=values)

    def story(self, record_id: str) -> list[Event]:
        return list(self.explain(record_id, "story").events)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    warehouse = Warehouse(tmp_path_factory.mktemp("explain"))
    cases = [*(as_organization(case, f"org-{number:03}") for number, case in enumerate(draw_cases(FEEDS, seed_number=4))), STORY]
    arrived: list[Delivered] = []
    for number in range(max(map(len, cases))):
        arriving = [one for case in cases for one in (case[number] if number < len(case) else [])]
        warehouse.deliver(arriving)
        warehouse.sync()
        arrived += arriving
    warehouse.build()
    return Played(warehouse, [one for one in arrived if one.organization_id.startswith("org-")])


@pytest.fixture(scope="module")
def explained(played: Played) -> dict[tuple[str, str], Explanation]:
    """Every record of the random feeds, explained."""
    query = f"select distinct _organization_id, id from raw.{TOPIC} where starts_with(_organization_id, 'org-')"
    landing = played.warehouse.home / "landing"
    with played.connect() as connection:
        records = connection.execute(query).fetchall()
        return {(whose, record_id): explain(connection, landing, TOPIC, record_id, whose) for whose, record_id in records}


# --- against the replay


def test_every_delivered_row_of_every_record_is_accounted_for(played, explained):
    query = f"select _organization_id, id, _file_id, _row_number from raw.{TOPIC} where starts_with(_organization_id, 'org-')"
    rows = Counter(played.ask(query))
    found = Counter((*key, event.file_id, event.row_number) for key, one in explained.items() for event in one.events if event.row_number)
    assert found == rows


def test_the_outcomes_and_versions_are_the_replays(played, explained):
    tables = replay(played.feeds, TYPES)
    modified = dict(played.ask("select _file_id, remote_mtime from raw._files"))
    outcomes, versions = defaultdict(list), defaultdict(list)
    for row in tables.changes:
        outcomes[row["_organization_id"], row["id"]].append((row["file_name"], row["modified_at"], row["_row_number"], row["outcome"]))
    for row in tables.history:
        fields = ("version_number", "change_type", "valid_from", "valid_to", "is_deleted")
        versions[row["_organization_id"], row["id"]].append(tuple(row[field] for field in fields))
    for key, one in explained.items():
        rows = [event for event in one.events if event.row_number and event.outcome != "duplicate"]
        assert Counter((e.file_name, modified[e.file_id], e.row_number, e.outcome) for e in rows) == Counter(outcomes[key]), key
        told = [e.version for e in one.events if e.version]
        assert [(v.version_number, v.change_type, v.valid_from, v.valid_to, v.is_deleted) for v in told] == versions[key], key
    existing = {(row["_organization_id"], row["id"]) for row in tables.current}
    assert {key for key, one in explained.items() if one.state == "exists"} == existing


def test_deletions_by_absence_are_the_replays(played, explained):
    arrived = defaultdict(list)
    for one in played.feeds:
        arrived[one.organization_id].append(one)
    expected: Counter[tuple[str, str, datetime]] = Counter()
    for whose, files in arrived.items():
        walk = _Walk(whose, TOPIC, "precedence")
        for batch in batches_in_order(files, TYPES):
            walk.apply(batch)
        expected.update((whose, one, step.batch_at) for one, steps in walk.records.items() for step in steps if step.row is None)
    found = ((*key, event.batch_at) for key, one in explained.items() for event in one.events if event.outcome == "deleted_by_absence")
    assert Counter(found) == expected
    assert expected.total() > FEEDS / 4


def test_no_reason_is_missing_and_every_kind_of_event_occurs(explained):
    events = [event for one in explained.values() for event in one.events]
    assert {event.outcome for event in events} >= {
        *("applied", "superseded_in_batch", "no_effect", "stale_snapshot", "revised", "deleted_by_absence", "left_alone")
    }
    assert [event for event in events if "None" in event.why or "unknown" in event.why or not event.why] == []
    assert any(event.rules_disagree for event in events)


def test_the_line_is_the_files_own(played, explained):
    """Counted by another reader of CSV, on the landed copies."""
    landing = played.warehouse.home / "landing"
    query = "select _file_id, organization_id, file_name, remote_mtime, sha256 from raw._files where format = 'csv'"
    copies = {
        file_id: landing_path(landing, whose, TOPIC, parse_file(name), moment.replace(tzinfo=UTC), sha256)
        for file_id, whose, name, moment, sha256 in played.ask(query)
    }
    events = [event for one in explained.values() for event in one.events if event.row_number and event.file_name.endswith(".csv")]
    lines = {file_id: first_lines(copies[file_id]) for file_id in {event.file_id for event in events}}
    assert [(e.file_name, e.line) for e in events if e.line != lines[e.file_id][e.row_number]] == []
    assert any(event.line != event.row_number + 1 for event in events)


def first_lines(path: Path) -> list[int]:
    """The line on which each record begins, the header's first."""
    with path.open(newline="", encoding="utf-8") as file:
        reader, lines, before = csv.reader(file), [], 0
        for _ in reader:
            lines.append(before + 1)
            before = reader.line_num
    return lines


# --- a story, word by word


def told(events: list[Event]) -> list[tuple[Any, ...]]:
    return [(event.operation, event.line, event.outcome, event.version.version_number if event.version else None) for event in events]


def test_a_record_that_was_reloaded_deleted_and_never_came_back(played):
    events = played.story("2")
    assert told(events) == [
        (None, 5, "applied", 1),
        ("D", 2, "superseded_in_batch", None),
        ("I", 3, "applied", 2),
        ("D", 2, "applied", None),
    ]
    assert [event.why for event in events] == [
        "the snapshot holds the record, which did not exist; in force from 2026-06-01 00:10:00, "
        "the time of the batch, as the row has none of its own",
        "row 2, which inserts, counts: under the rule `precedence` the last I counts, else the last U, else the last D",
        "the file deletes the record and puts it again: a reload, which is no deletion; "
        "in force from 2026-06-01 11:00:00, the time of the batch, as the row has none of its own",
        "the record existed: deleted as of 2026-06-01 11:30:00, its deletedAt",
    ]
    assert [(value.column, value.after) for value in events[2].cast_failures] == [("completed_at", "soon")]
    assert played.explain("2", "story").state == "deleted"


def test_a_record_on_which_the_rules_disagree_and_which_a_snapshot_lacks(played):
    events = played.story("1")
    assert [outcome for _, _, outcome, _ in told(events)] == [
        *("applied", "applied", "applied", "superseded_in_batch", "no_effect", "deleted_by_absence")
    ]
    assert events[2].rules_disagree == (
        "the rules disagree: precedence keeps row 1, row_order keeps row 2, newest_image keeps row 2; in force is precedence"
    )
    assert events[4].why == "the record looked exactly so already: version 3, from 20260601-090000000.csv row 1"
    assert (
        events[5].why
        == (
            "the snapshot lacks the record, and no change file touched it after the snapshot's high-water mark 2026-06-01 09:30:00: "
            "deleted as of 2026-06-01 14:00:00"
        )
        or events[5].outcome == "left_alone"
    )


def test_a_snapshot_too_old_to_have_seen_a_change_is_left_out_for_its_record(played):
    first, change_, second = played.story("7")
    assert (change_.why, second.outcome) == (
        "the record looked otherwise; in force from 2026-06-01 10:00:00, the time of the batch, as its updatedAt lies after that",
        "stale_snapshot",
    )
    assert first.version and second.why == (
        "the change file 20260601-100000000.csv touched the record after the snapshot's high-water mark 2026-06-01 09:30:00: "
        "the snapshot cannot have seen that, and its row is left out"
    )


def test_a_revision_names_what_took_its_place_and_a_delete_of_nobody_says_so(played):
    wrong, right = played.story("4")[:2]
    assert {wrong.outcome, right.outcome} == {"revised", "applied"}
    assert next(event for event in (wrong, right) if event.outcome == "revised").why.startswith(
        "the file was delivered again with other content"
    )
    (nobody,) = played.story("9")
    assert (nobody.outcome, nobody.why) == ("no_effect", "there was no such record to delete")


def test_values_of_personal_columns_are_named_and_not_told_unless_asked(played):
    def changed(values: bool) -> dict[str, tuple[Any, Any]]:
        return {value.column: (value.before, value.after) for value in played.explain("1", "story", values=values).events[1].changed}

    moment = datetime(2026, 6, 1, 7, 30)
    assert changed(values=False) == {"status": ("OPEN", "STARTED"), "requestor_name": (None, None), "updated_at": (None, moment)}
    assert changed(values=True) == {"status": ("OPEN", "STARTED"), "requestor_name": (None, "Smith"), "updated_at": (None, moment)}


def test_of_a_topic_without_marts_the_delivered_rows_are_told(played):
    found = played.explain("r", topic="rooms")
    assert (found.state, [(event.line, event.outcome) for event in found.events]) == ("unknown", [(2, "not_built")])


def test_who_is_asked_for_has_to_be_one_record(played):
    with pytest.raises(SeveralRecords, match=r"--organization (org-\d+, )*other, story\."):
        played.explain("1")
    with pytest.raises(NoSuchRecord, match=r"(?s)looked through every delivered row in raw\.workorders.*other topics .*: rooms\."):
        played.explain("r")
    with pytest.raises(NoSuchRecord, match=r"known to: .*other, story\."):
        played.explain("1", "nobody")
    with pytest.raises(NoSuchRecord, match="Topics: rooms, workorders"):
        played.explain("1", topic="roms")


# --- the command


def command(played: Played, *arguments: str) -> Done:
    line = [sys.executable, "-m", "loaders", "explain", *arguments]
    return forked.run(line, cwd=PROJECT, env=played.warehouse.environment(), capture_output=True, text=True, check=False)


def test_in_a_pipe_an_event_is_a_line_and_json_has_the_same_facts(played):
    plain, document = (command(played, TOPIC, "1", "--organization", "story", *more) for more in ((), ("--json",)))
    assert (plain.returncode, document.returncode) == (0, 0)
    found = json.loads(document.stdout)
    lines = [line for line in plain.stdout.splitlines() if line.startswith("2026")]
    assert [f"{one['outcome']}  " in line and line.endswith(one["why"]) for one, line in zip(found["events"], lines, strict=True)] == [
        True
    ] * 6
    assert "Smith" not in plain.stdout + document.stdout and "requestor_name: changed" in plain.stdout
    assert "Smith" in command(played, TOPIC, "1", "--organization", "story", "--values").stdout


def test_on_a_terminal_it_is_a_table(played):
    main, terminal = pty.openpty()
    line = [sys.executable, "-m", "loaders", "explain", TOPIC, "2", "--organization", "story"]
    own = played.warehouse.environment() | {"TERM": "xterm", "COLUMNS": "120"}
    with forked.Popen(line, cwd=PROJECT, env=own, stdout=terminal) as process:
        os.close(terminal)
        shown = b""
        while chunk := read_from(main):
            shown += chunk
    assert process.returncode == 0
    assert b"superseded_in_batch" in shown and b"outcome" in shown


def read_from(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # Linux says so when the other end is closed
        return b""


def test_whoever_is_not_found_ends_with_1_and_nothing_on_standard_output(played):
    done = command(played, TOPIC, "nobody", "--json")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("NoSuchRecord: no row of workorders has the id 'nobody'")


def test_a_build_that_is_behind_the_ledger_is_said_to_be(played, tmp_path: Path):
    behind = Warehouse(tmp_path)
    behind.deliver([change("story", "15:00", "OP id status", "U 1 BACK"), change("story", "16:00", "OP id", "U 1 ragged")])
    shutil.copy(played.warehouse.home / "build.duckdb", behind.home)
    with pytest.raises(RuntimeError, match="exit 3"):
        behind.sync()
    with duckdb.connect(str(behind.home / "build.duckdb"), read_only=True) as connection:
        found = explain(connection, behind.home / "landing", TOPIC, "1", "story")
    assert (found.unbuilt, found.waiting) == (("20260601-150000000.csv",), ("20260601-160000000.csv",))
    assert (found.state, found.events[-1].outcome, found.events[-1].line) == ("deleted", "not_built", 2)
    assert [event.line for event in found.events[:-1]] == [None] * 6  # their landed copies are elsewhere
