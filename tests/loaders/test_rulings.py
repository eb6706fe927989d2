"""What people decide about files that wait, and how it is remembered: every case is a whole sync."""

import hashlib
import sys

import pytest

from loaders.decisions import LOG
from loaders.errors import DecisionRefused, LandingRefused
from loaders.settings import PROJECT
from tests import forked
from tests.loaders.conftest import Home
from tests.loaders.units import HELD, LOAD, LOADED, arrive, change, changes, decide, operations, snapshot, statuses

# --- release and discard


def test_a_released_file_is_loaded_at_its_own_place_and_the_ledger_remembers_who_and_why(home: Home):
    arrive(home, (LOAD, snapshot(range(200))), (change(1), changes(operations("D", range(100)))), (change(2), changes("U,1,DONE\n")))
    (ruled,) = decide(home, "release", change(1), why="the west side was sold")
    assert home.ledger("_file_id, status, hour(batch_at), row_count") == [
        *((1, "loaded", 0, 200), (3, "loaded", 2, 1), (4, "loaded", 1, 100)),
    ]
    assert ruled.version.reason is not None
    assert ruled.version.reason.startswith("released by ana on ")
    assert "the west side was sold (it was held: the file would delete 100 of 200" in ruled.version.reason
    assert home.sync().loaded == []


def test_a_discarded_file_waits_no_more_and_its_content_stays_given_up(home: Home):
    bad = "OP,id,status\nU,1\n"
    arrive(home, (LOAD, snapshot(range(200))), (change(1), bad))
    decide(home, "discard", change(1), why="a test file")
    assert (statuses(home), home.sync().waiting) == (["loaded", "discarded"], 0)
    assert "given up by ana" in home.ledger("reason")[1][0] and "a test file (it was quarantined: line 2" in home.ledger("reason")[1][0]
    assert home.ask("from raw._offending") == []
    arrive(home, (change(1), bad), (change(1), changes("U,1,DONE\n")), (change(1), bad))
    assert statuses(home) == ["loaded", "discarded", "loaded", "discarded"]
    assert home.sync().waiting == 0


def test_what_was_given_up_by_mistake_can_be_released(home: Home):
    arrive(home, (LOAD, snapshot(range(200))), (change(1), changes(operations("D", range(100)))))
    decide(home, "discard", change(1))
    decide(home, "release", change(1))
    assert statuses(home) == LOADED


def test_a_released_snapshot_that_is_written_again_later_is_judged_anew(home: Home):
    arrive(home, (LOAD, snapshot(range(200))), (LOAD, snapshot(range(10))))
    decide(home, "release", LOAD)
    for minute, ids in ((10, range(200)), (11, range(10))):
        home.deliver(LOAD, snapshot(ids), minute)
        home.sync()
    assert statuses(home) == ["loaded", "loaded", "loaded", "held"]


@pytest.mark.parametrize(
    ("what", "file", "message"),
    [
        ("discard", LOAD, "it is loaded: its rows are in the change log"),
        ("release", LOAD, "it is loaded"),
        ("release", change(1), "it cannot be read. Have it repaired"),
        ("release", "acme/units/LOAD00000001.csv", "the ledger knows no such file"),
        ("discard", "nonsense", "the ledger knows no such file"),
    ],
)
def test_what_is_not_open_to_a_decision_is_refused_with_the_reason_and_nothing_is_done(home: Home, what: str, file: str, message: str):
    arrive(home, (LOAD, "id\n1\n"), (change(1), "OP,id\nU\n"))
    before = home.ledger("*")
    with pytest.raises(DecisionRefused, match=message):
        decide(home, what, file)
    with pytest.raises(DecisionRefused, match="needs a reason"):
        decide(home, "discard", change(1), why=" ")
    assert home.ledger("*") == before
    assert not (home.settings.landing / LOG).exists()


def test_where_a_name_means_several_versions_one_is_named_by_its_hash(home: Home):
    contents = [changes(operations("D", range(count))) for count in (100, 150)]
    arrive(home, (LOAD, snapshot(range(200))))
    for content in (*contents, contents[0]):
        arrive(home, (change(1), content))
        if home.sync().waiting:
            decide(home, "discard", change(1))
    assert statuses(home) == ["loaded", *["discarded"] * 3]
    hashes = [hashlib.sha256(content.encode()).hexdigest() for content in contents]
    with pytest.raises(DecisionRefused, match="several versions") as refusal:
        decide(home, "release", change(1))
    assert [f"{change(1)}@{one[:12]}  discarded" in str(refusal.value) for one in hashes] == [True, True]
    decide(home, "release", f"{change(1)}@{hashes[1][:6]}")
    assert home.ask("select row_count from raw._files where status = 'loaded' order by 1") == [(150,), (200,)]


# --- decisions outlive the warehouse


def test_a_warehouse_that_is_built_again_remembers_what_was_decided(home: Home):
    arrive(home, (LOAD, snapshot(range(200))), (change(1), changes(operations("D", range(100)))), (change(2), "OP,id\nU\n"))
    decide(home, "release", change(1), why="sold")
    decide(home, "discard", change(2), why="a test")
    before = home.ledger("file_name, status")
    home.settings.build.unlink()
    home.deliver(LOAD, snapshot(range(200)), minute=1)
    assert home.sync().waiting == 0
    assert sorted(home.ledger("file_name, status")) == sorted(before)
    assert [why.split(": ")[1] for (why,) in home.ask("select reason from raw._files where reason is not null order by all")] == [
        "a test",
        "sold",
    ]


@pytest.mark.parametrize("what", ["release", "discard"])
def test_a_decision_that_a_stop_left_in_the_landing_folder_is_carried_out_by_the_next_sync(home: Home, what: str):
    arrive(home, (LOAD, snapshot(range(200))), (change(1), changes(operations("D", range(100)))))
    code = """
import os, sys
from pathlib import Path
from loaders import raw, rulings
from loaders.warehouse import open_build
home, what, file = Path(sys.argv[1]), *sys.argv[2:]
raw.RawLoader.decide = lambda *_: os.kill(os.getpid(), 9)
with open_build(home / "build.duckdb") as connection:
    rulings.rule(raw.RawLoader(connection, home / "landing"), what, [file], "ana", "sold")
"""
    forked.run([sys.executable, "-c", code, str(home.settings.home), what, change(1)], cwd=PROJECT, check=False)
    assert statuses(home) == HELD
    assert home.sync().waiting == 0
    assert statuses(home) == ["loaded", "loaded" if what == "release" else "discarded"]
    assert home.ask("select decision, decided_by from raw._decisions") == [(what, "ana")]


def test_half_a_line_in_the_log_of_decisions_is_none_and_a_broken_one_is_refused(home: Home):
    arrive(home, (LOAD, snapshot(range(200))), (change(1), changes(operations("D", range(100)))))
    log = home.settings.landing / LOG
    log.write_text('{"decision": "rel')
    assert home.sync().waiting == 1
    decide(home, "release", change(1))
    assert log.read_text().count("\n") == 1
    log.write_text("nonsense\n" + log.read_text())
    with pytest.raises(LandingRefused, match="line 1 is no decision"):
        home.sync()
