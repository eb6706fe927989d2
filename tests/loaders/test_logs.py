"""What a command says while it works: the same for people and, with --log-json, line by line for machines."""

import json
import logging
import warnings
from datetime import datetime, timedelta

import pytest

from loaders.build import BuildReport
from loaders.durations import in_words, parse_duration
from loaders.logs import JsonLog
from loaders.progress import Line, detail, heading, within
from loaders.summary import summary
from tests.loaders.conftest import Home
from tests.loaders.test_cli import BAD, CHANGE, GOOD, Done, at_home, loaders, project

__all__ = ["at_home", "loaders", "project"]  # fixtures


def entries(done: Done) -> list[dict]:
    """Every line of standard error; one that is no JSON fails here."""
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_every_line_of_standard_error_is_an_object_with_the_facts_as_fields(at_home, home: Home):
    home.deliver(CHANGE, GOOD)
    home.deliver("acme/leases/20260101-080000000.csv", BAD)
    done = at_home("--log-json", "sync")
    found = entries(done)
    assert done.returncode == 3
    assert all({"time", "level", "command", "step", "message"} <= one.keys() and one["command"] == "sync" for one in found)
    assert all(datetime.fromisoformat(one["time"]).utcoffset() == timedelta(0) for one in found)
    aside = next(one for one in found if one.get("status") == "quarantined")
    assert (aside["organization"], aside["topic"], aside["file"], aside["level"]) == ("acme", "leases", "20260101-080000000.csv", "warning")
    assert "line 2" in aside["reason"] and "U,1" not in done.stderr
    tally = next(one for one in found if one.get("topic") == "units")
    assert (tally["files"], tally["rows"], tally["done"], tally["wanted"]) == (1, 1, 2, 2)
    assert done.stdout.startswith("synced: ")


def test_the_option_may_stand_after_the_command_and_beside_json(at_home, home: Home):
    home.deliver(CHANGE, GOOD)
    done = at_home("sync", "--log-json", "--json")
    assert entries(done)[-1]["topic"] == "units"
    assert json.loads(done.stdout)["loaded"][0]["status"] == "loaded"


def test_without_the_option_the_lines_are_plain(at_home, home: Home):
    home.deliver(CHANGE, GOOD)
    assert "[1/1] acme units: 1 file, 1 row\n" in at_home("sync").stdout


def test_an_error_is_an_object_with_its_name_and_exit_code(loaders, tmp_path):
    done = loaders("--log-json", "status", FORTRESS_HOME=tmp_path)
    assert done.returncode == 1
    (entry,) = entries(done)
    assert (entry["error"], entry["exit_code"], entry["level"]) == ("SettingsError", 1, "error")
    assert "python -m loaders run" in entry["message"]


def test_what_nobody_had_thought_of_and_what_libraries_say_are_objects_too():
    said: list[str] = []
    log = JsonLog("run", said.append)
    log.crash(ZeroDivisionError("by zero\nand more"))
    before = logging.getLogger().handlers[:]
    try:
        log.listen()
        logging.getLogger("some.library").warning("slow %s", "server")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    finally:
        logging.captureWarnings(False)
        logging.getLogger().handlers[:] = before
    crash, library, *_ = [json.loads(line) for line in said]
    assert crash["error"] == "ZeroDivisionError" and "Traceback" not in crash["message"] and crash["traceback"]
    assert (library["level"], library["library"], library["message"]) == ("warning", "some.library", "slow server")
    assert all("\n" not in line for line in said)


def test_a_line_is_its_text_and_keeps_its_facts_when_it_is_moved_under_a_heading():
    said: list[str] = []
    within("sync", said.append)(Line("two files", files=2, level="warning"))
    within("sync", said.append)("no facts")
    assert said == ["         two files", "         no facts"]
    assert [(one.message, one.step, one.level, one.facts) for one in said] == [
        ("two files", "sync", "warning", {"files": 2}),
        ("no facts", "sync", "info", {}),
    ]
    assert heading("sync", "somewhere") == "sync     somewhere"
    assert detail("run", detail("build", "x")).step == "build"


def test_a_run_ends_with_one_line_that_has_its_figures_in_both_forms():
    line = summary(None, BuildReport(12, 47, ("some test: 3",), 3), {"sync": 0.25, "build": 8.5}, 1)
    assert line == (
        "run      0 files loaded (0 rows), 0 left for the next run; 12 models, 47 tests, 1 warning; sync 0.2 s, build 8.5 s; exit code 1"
    )
    assert line.level == "error" and line.facts["summary"] is True
    assert (line.facts["seconds"], line.facts["set_aside"], line.facts["unresolved_references"]) == ({"sync": 0.25, "build": 8.5}, None, 3)


def test_a_run_that_fails_says_its_figures_all_the_same(at_home, home: Home):
    done = at_home("--log-json", "run", FORTRESS_EXPORTS_URL=home.exports.with_name("nowhere").as_uri())
    *_, last, error = entries(done)
    assert (done.returncode, last["summary"], last["exit_code"], last["files"]) == (1, True, 1, 0)
    assert list(last["seconds"]) == ["sync"]
    assert error["error"] == "NothingThere"


# --- durations


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("5m", 300), ("1h", 3600), ("2d", 172800), (" 90S ", 90)])
def test_durations_are_read_as_people_write_them(text: str, seconds: int):
    assert parse_duration(text) == timedelta(seconds=seconds)
    assert parse_duration(in_words(parse_duration(text))) == parse_duration(text)


@pytest.mark.parametrize("text", ["", "5", "m", "0s", "-5m", "1.5h", "5 m", "5m30s", "٥m", "999999999h", "400d", "5min"])
def test_anything_else_is_no_duration(text: str):
    with pytest.raises(ValueError, match="30s, 5m or 1h"):
        parse_duration(text)


def test_the_command_line_refuses_what_is_no_duration(at_home):
    done = at_home("watch", "--every", "soon")
    assert done.returncode == 2 and "'soon' is no duration" in done.stderr
