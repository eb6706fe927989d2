"""Broken files on the real pipeline: set aside whole, the others go on, and repaired the result is as if they had never been broken.

Every case is an organization of its own, so that one warehouse meets all broken files, and another one never sees them. The first
is built twice: with the files broken, and when they are repaired, released or given up.
"""

import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from loaders.gate_settings import NO_GATES, GateSettings
from loaders.remote import open_remote
from loaders.settings import Settings
from loaders.sync import sync
from loaders.warehouse import open_build
from tests import forked
from tests.loaders.test_readers import parquet
from tests.pipeline.harness import Warehouse
from tests.pipeline.small_project import SmallProject

MIDNIGHT = 1_780_272_000  # 2026-06-01, UTC
CHANGE, LATER, PARQUET, LOAD = "20260601-080000000.csv", "20260601-090000000.csv", "20260601-080000000.parquet", "LOAD.csv"
TABLES = ("marts.workorders", "marts.workorders_history", "marts.workorders_changes", "audit.rule_disagreements")
SECRET = "Jane-Doe-4711"  # stands in broken files alone


def csv(header: str, *rows: str) -> bytes:
    return "".join(f"{line}\n" for line in (header, *rows)).encode()


HEADER = "OP,id,status,requestorName,updatedAt"
GOOD = csv(
    HEADER,
    "U,1,DONE,Ann,2026-06-01T07:30:00Z",
    "D,2,,,",
    "I,7,OPEN,Bo,2026-06-01T07:40:00Z",
    "I,7,OPEN,Cy,2026-06-01T07:50:00Z",
    "U,3,DONE,Dé,",
)
FIRST = csv("id,status,requestorName", *(f"{n},OPEN,Ann" for n in range(1, 7)))
AFTER = csv(HEADER, "U,7,DONE,Bo,2026-06-01T08:30:00Z", "I,2,OPEN,Ann,", "D,4,,,")


def columns(data: bytes) -> dict[str, list[str | None]]:
    header, *rows = [line.split(",") for line in data.decode().splitlines()]
    return {name: [row[place] or None for row in rows] for place, name in enumerate(header)}


GOOD_PARQUET = parquet(columns(GOOD))
MANY = parquet({"OP": ["U"] * 5000, "id": ["1"] * 5000})


def secret(data: bytes) -> bytes:
    """The file with a person's name in each line."""
    return data.replace(b"Ann", SECRET.encode()).replace(b"Bo", SECRET.encode())


def lines(data: bytes, at: int, line: bytes) -> bytes:
    """The file with another line in one's place."""
    kept = data.split(b"\n")
    return b"\n".join([*kept[:at], line, *kept[at + 1 :]])


BAD = secret(GOOD)
BAD_FIRST = secret(FIRST)
NAME = SECRET.encode()


def with_column(name: str, values: list[str | None]) -> bytes:
    return parquet(columns(BAD) | {name: values})


# Name: which file, how it is broken, and a part of the reason.
BROKEN: dict[str, tuple[str, bytes, str]] = {
    "quote-never-closed": (CHANGE, BAD.replace(b"I,7,OPEN,", b'I,7,OPEN,"', 1), "line 4: a quote is opened and never closed"),
    "quote-inside": (CHANGE, BAD.replace(b"I,7,OPEN,", b'I,7,O"N,', 1), "line 4, byte 6: a quote stands in the middle of a value"),
    "row-too-short": (CHANGE, lines(BAD, 3, b"I,7," + NAME), "line 4: 3 fields where the header has 5"),
    "row-too-long": (CHANGE, lines(BAD, 3, b"I,7,OPEN,Doe, " + NAME + b","), "line 4: 6 fields where the header has 5"),
    "row-of-one-field": (CHANGE, lines(BAD, 3, NAME), "line 4: 1 fields where the header has 5"),
    "windows-1252": (CHANGE, BAD.decode().encode("cp1252"), "line 6, byte 11: the file is not valid UTF-8"),
    "utf-16": (CHANGE, BAD.decode().encode("utf-16"), "the file is text in UTF-16"),
    "nul-byte": (CHANGE, BAD.replace(b"Cy", b"C\0"), "line 5, byte 11: the file holds a NUL byte"),
    "no-header": (CHANGE, BAD.split(b"\n", 1)[1], "line 1: there is no column id"),
    "header-twice": (CHANGE, BAD + BAD, "line 7: row 6 is the header again: two files were run together"),
    "duplicate-column": (CHANGE, BAD.replace(b"requestorName", b"status"), "line 1: columns 3 and 4 have one name"),
    "case-collision": (CHANGE, BAD.replace(b"requestorName", b"STATUS"), "line 1: columns 3 and 4 have one name, case aside"),
    "nameless-column": (CHANGE, BAD.replace(b"requestorName", b""), "line 1: column 4 has no name"),
    "no-id": (CHANGE, BAD.replace(b",id,", b",key,"), "line 1: there is no column id"),
    "null-id": (CHANGE, lines(BAD, 4, b"I,,OPEN," + NAME + b","), "line 5: row 4 has no id"),
    "empty-id": (CHANGE, lines(BAD, 4, b'I,"",OPEN,' + NAME + b","), "line 5: row 4 has no id"),
    "no-operation-column": (CHANGE, BAD.replace(b"OP,", b"kind,"), "line 1: a change file needs a column OP"),
    "no-operation": (CHANGE, lines(BAD, 4, b",7,OPEN," + NAME + b","), "line 5: row 4 has no operation"),
    "unknown-operation": (CHANGE, lines(BAD, 4, NAME + b",7,OPEN,,"), "line 5: row 4 has an operation that is not I, U or D"),
    "semicolons": (CHANGE, BAD.replace(b",", b";"), "the header is separated by semicolons"),
    "html": (CHANGE, b"<!DOCTYPE html>\n<title>" + NAME, "the file is an HTML page, not CSV"),
    "json": (CHANGE, b'{"error": "' + NAME + b'"}', "the file is a JSON document, not CSV"),
    "gzip": (CHANGE, gzip.compress(BAD, mtime=0), "the file is gzip-compressed, not CSV"),
    "parquet-named-csv": (CHANGE, parquet(columns(BAD)), "the file is a Parquet file, not CSV"),
    "zero-bytes": (CHANGE, b"", "the file is empty (zero bytes)"),
    "cut-short": (CHANGE, BAD[: BAD.rindex(b",D")], "line 6: 3 fields where the header has 5, and no line end: the file was cut short"),
    "cut-in-a-character": (CHANGE, BAD[: BAD.rindex(b"\xc3") + 1], "line 6, byte 11: the file ends in the middle of a character"),
    "old-mac-line-ends": (CHANGE, BAD.replace(b"\n", b"\r"), "line 1: lines end in CR alone"),
    "mixed-line-ends": (CHANGE, BAD.replace(b"\n", b"\r\n", 2).replace(b"\r\n", b"\n", 1), "line 2: a line end that is neither"),
    "torn-parquet": (PARQUET, parquet(columns(BAD))[:-30], "its end is missing, it was cut short"),
    "garbled-parquet": (PARQUET, MANY[:4] + bytes(40) + MANY[44:], "the Parquet file cannot be read: it is damaged"),
    "empty-parquet": (PARQUET, b"", "the file is empty (zero bytes)"),
    "html-named-parquet": (PARQUET, b"<html>" + NAME, "the file is an HTML page, not Parquet"),
    "csv-named-parquet": (PARQUET, BAD, "it does not begin as one"),
    "rows-that-do-not-add-up": (PARQUET, MANY.replace(b"\x16\x90\x4e", b"\x16\x92\x4e", 1), "the file says it holds 5,001 rows, and 5,000"),
    "nul-byte-in-parquet": (PARQUET, with_column("requestorName", [SECRET + "\0", *["x"] * 4]), "row 1 holds a NUL byte"),
    "null-id-in-parquet": (PARQUET, with_column("id", [None, *[SECRET] * 4]), "row 1 has no id"),
    "unknown-operation-in-parquet": (PARQUET, with_column("OP", [SECRET, *["U"] * 4]), "row 1 has an operation that is not"),
    "case-collision-in-parquet": (PARQUET, with_column("STATUS", ["x"] * 5), "columns 3 and 6 have one name, case aside"),
    "snapshot-cut-short": (LOAD, BAD_FIRST[: BAD_FIRST.rindex(b",")], "the file was cut short"),
    "snapshot-without-id": (LOAD, BAD_FIRST.replace(b"id,", b"ID2,"), "line 1: there is no column id"),
    "snapshot-empty": (LOAD, b"", "the file is empty (zero bytes)"),
}
REPAIRED = {CHANGE: GOOD, PARQUET: GOOD_PARQUET, LOAD: FIRST}

LARGE = csv("id,status", *(f"{n},OPEN" for n in range(150)))
MASS = csv("OP,id,status", *(f"D,{n}," for n in range(100)), "U,120,DONE")
TOUCHED = csv("OP,id,status", "U,50,DONE", "U,120,CLOSED", "D,140,")


Rows = dict[str, list[dict[str, Any]]]  # by table


@dataclass(frozen=True)
class Runs:
    """What the warehouse that met the broken files held while they were broken, what it holds at last, and what the one holds that
    never saw them; and what was said meanwhile."""

    first: Rows
    broken: Rows
    spared: Rows
    published_at_last: Path
    said: str
    exit_codes: tuple[int, int]
    waiting: dict[str, dict[str, Any]]
    published: list[str]


def deliver(warehouse: Warehouse, organization_id: str, name: str, data: bytes, minute: int) -> None:
    path = warehouse.exports / organization_id / "public" / "exported_workorders" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (MIDNIGHT + 60 * minute, MIDNIGHT + 60 * minute))


def load(warehouse: Warehouse, gates: GateSettings | None = None) -> str:
    """What the sync said."""
    settings, said = Settings(warehouse.home, warehouse.exports.as_uri()), list[str]()
    with open_build(settings.build) as connection, open_remote(settings) as remote:
        sync(settings, connection, remote, said.append, gates)
    return "\n".join(said)


def command(project: SmallProject, warehouse: Warehouse, *arguments: str) -> "subprocess.CompletedProcess[str]":
    arguments = (sys.executable, "-m", "loaders", *arguments)
    return forked.run(arguments, cwd=project.folder, env=warehouse.environment(), capture_output=True, text=True, check=False)


def rows(warehouse: Warehouse) -> Rows:
    return {
        table: [{name: value for name, value in row.items() if name != "_file_id"} for row in warehouse.rows(table)] for table in TABLES
    }


def of(organization_id: str, found: Rows) -> dict[str, Counter[str]]:
    """An organization's rows by table; of the columns that only other organizations deliver, nothing."""
    return {
        table: Counter(
            repr(sorted((name, str(value)) for name, value in row.items() if value is not None))
            for row in of_table
            if row["_organization_id"] == organization_id
        )
        for table, of_table in found.items()
    }


def first_deliveries(warehouse: Warehouse, files: dict[str, bytes]) -> None:
    """What arrives before anything goes wrong, and for every case the file in question, whole or broken."""
    for case, (name, *_) in BROKEN.items():
        if name != LOAD:
            deliver(warehouse, case, LOAD, FIRST, 1)
        deliver(warehouse, case, LATER, AFTER, 9 * 60)
        deliver(warehouse, case, name, files[case], 600 if files is WHOLE else 599)
    for case in ("bad-revision", "bad-snapshot"):
        for name, data in {LOAD: FIRST, CHANGE: GOOD, LATER: AFTER}.items():
            deliver(warehouse, case, name, data, 1)
    for case in ("held-changes", "held-snapshot"):
        deliver(warehouse, case, LOAD, LARGE, 1)


WHOLE = {case: REPAIRED[name] for case, (name, *_) in BROKEN.items()}


def second_deliveries(warehouse: Warehouse) -> None:
    """What is held where there are gates."""
    deliver(warehouse, "held-changes", CHANGE, MASS, 2)
    deliver(warehouse, "held-changes", LATER, TOUCHED, 3)
    deliver(warehouse, "held-snapshot", LOAD, csv("id,status", *(f"{n},NEW" for n in range(100, 120))), 500)
    deliver(warehouse, "held-snapshot", LATER, TOUCHED, 3)


def published_texts(path: Path) -> Iterable[str]:
    with duckdb.connect(str(path), read_only=True) as reader:
        names = reader.execute("select table_schema, table_name from information_schema.tables").fetchall()
        for schema, name in names:
            for row in reader.execute(f'from "{schema}"."{name}"').fetchall():
                yield repr(row)


@pytest.fixture(scope="module")
def runs(project: SmallProject, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    broken, spared = Warehouse(tmp_path_factory.mktemp("broken")), Warehouse(tmp_path_factory.mktemp("spared"))
    first_deliveries(broken, {case: data for case, (_, data, _) in BROKEN.items()})
    said = load(broken)
    deliver(broken, "bad-revision", CHANGE, lines(BAD, 3, b"I,7," + NAME), 700)
    deliver(broken, "bad-snapshot", LOAD, BAD_FIRST[: BAD_FIRST.rindex(b",")], 700)
    second_deliveries(broken)
    run = command(project, broken, "run")
    first = rows(broken)
    waiting = {one["organization_id"]: one for one in json.loads(command(project, broken, "quarantine", "--json").stdout)}
    published = list(published_texts(broken.home / "fortress.duckdb"))
    for case, (name, *_) in BROKEN.items():
        deliver(broken, case, name, REPAIRED[name], 600)
    for case, what in {"bad-revision": "discard", "bad-snapshot": "discard", "held-changes": "release", "held-snapshot": "release"}.items():
        done = command(project, broken, what, waiting[case]["file"], "--reason", "looked at it", "--by", "ana")
        assert done.returncode == 0, done.stderr
    again = command(project, broken, "run")
    first_deliveries(spared, WHOLE)
    load(spared, GateSettings(NO_GATES))
    second_deliveries(spared)
    load(spared, GateSettings(NO_GATES))
    spared.build()
    assert not any("Error" in one.stderr for one in (run, again)), run.stderr + again.stderr
    codes, said = (run.returncode, again.returncode), said + run.stdout + run.stderr
    return Runs(first, rows(broken), rows(spared), broken.home / "fortress.duckdb", said, codes, waiting, published)


def test_a_run_with_files_set_aside_ends_with_3_and_with_0_when_all_are_repaired_released_or_given_up(runs: Runs):
    assert runs.exit_codes == (3, 0)
    assert runs.waiting.keys() == {*BROKEN, "bad-revision", "bad-snapshot", "held-changes", "held-snapshot"}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_quarantined_whole_the_others_go_on_and_repaired_it_was_never_broken(runs: Runs, case: str):
    name, _, reason = BROKEN[case]
    assert reason in runs.waiting[case]["reason"]
    assert f"{case}/workorders/{name}: QUARANTINED. {runs.waiting[case]['reason']}" in runs.said
    loaded = {row["file_name"] for row in runs.first["marts.workorders_changes"] if row["_organization_id"] == case}
    assert loaded == {LOAD, LATER} - {name}
    assert of(case, runs.broken) == of(case, runs.spared)


@pytest.mark.parametrize("case", ["bad-revision", "bad-snapshot"])
def test_what_a_bad_revision_or_snapshot_was_to_replace_goes_on_counting(runs: Runs, case: str):
    assert runs.waiting[case]["status"] == "quarantined"
    assert of(case, runs.first) == of(case, runs.spared)
    assert of(case, runs.broken) == of(case, runs.spared)


@pytest.mark.parametrize(("case", "before"), [("held-changes", 149), ("held-snapshot", 149)])
def test_a_held_file_is_not_applied_later_ones_are_and_released_it_was_never_held(runs: Runs, case: str, before: int):
    assert runs.waiting[case]["status"] == "held"
    current = {row["id"]: row["status"] for row in runs.first["marts.workorders"] if row["_organization_id"] == case}
    assert (len(current), current["50"], current["120"]) == (before, "DONE", "CLOSED")
    assert of(case, runs.broken) == of(case, runs.spared)
    assert of(case, runs.broken) != of(case, runs.first)


def test_the_offending_text_is_shown_on_this_machine_and_nowhere_else(runs: Runs):
    shown = [case for case, one in runs.waiting.items() if SECRET.lower() in (one["offending_text"] or "").lower()]
    assert {"row-too-short", "row-of-one-field", "null-id", "unknown-operation", "unknown-operation-in-parquet", "bad-revision"} <= {*shown}
    assert [text for text in (*runs.published, runs.said) if SECRET.lower() in text.lower()] == []


def test_the_published_file_says_why_each_file_waits_and_later_who_decided_what(runs: Runs):
    assert all(any(repr(one["reason"]) in text for text in runs.published) for one in runs.waiting.values())
    with duckdb.connect(str(runs.published_at_last), read_only=True) as reader:
        assert reader.execute("from audit.quarantine").fetchall() == []
        decided = reader.execute(
            "select organization_id, status from audit.files where contains(reason, 'by ana on') order by all"
        ).fetchall()
    assert decided == [
        ("bad-revision", "discarded"),
        ("bad-snapshot", "discarded"),
        ("held-changes", "loaded"),
        ("held-snapshot", "loaded"),
    ]
