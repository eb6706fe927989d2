"""What a command says to somebody who does not know better yet: what is meant, and what to do next."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from loaders.errors import DecisionRefused, PublishRefused, SettingsError
from loaders.examples import examples
from loaders.news import find_news
from loaders.noticed import failed_casts, new_columns
from loaders.publish import publish, rollback
from loaders.query import QueryRefused, query_published
from loaders.raw import RawLoader
from loaders.remote import open_remote
from loaders.report import show_publish
from loaders.rulings import rule
from loaders.settings import PROJECT, Settings, load_settings
from loaders.warehouse import open_build, table_columns, topic_tables
from loaders.words import counted
from tests.loaders.conftest import Home
from tests.loaders.people import PLANTED
from tests.loaders.test_cli import CHANGE, Done, at_home, loaders, project

__all__ = ["at_home", "loaders", "project"]  # fixtures

BAD = "OP,id,a\nU,1\n"


@pytest.mark.parametrize(("number", "words"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (1234, "1,234 files")])
def test_one_is_not_many(number: int, words: str):
    assert counted(number, "file") == words


# --- a file's name


def discard(home: Home, *names: str) -> list[str]:
    with open_build(home.settings.build) as connection:
        return [one.version.label for one in rule(RawLoader(connection, home.settings.landing), "discard", names, "Ann", "a test")]


def test_a_file_that_waits_may_be_named_by_its_end_where_that_is_its_alone(home: Home):
    for path in (CHANGE, "acme/leases/20260101-080000000.csv", "beta/leases/20260101-080000000.csv", "beta/leases/LOAD.csv"):
        home.deliver(path, BAD)
    home.deliver("gamma/leases/LOAD.csv", "id\n1\n")  # which does not wait
    home.sync()
    with pytest.raises(DecisionRefused, match="3 files of this name could be meant") as refused:
        discard(home, "20260101-080000000.csv")
    assert [line.strip() for line in str(refused.value).splitlines()[1:]] == [
        "acme/leases/20260101-080000000.csv",
        CHANGE,
        "beta/leases/20260101-080000000.csv",
    ]
    assert discard(home, "LOAD.csv") == ["beta/leases/LOAD.csv"]
    assert discard(home, "units/20260101-080000000.csv") == [CHANGE]
    with pytest.raises(DecisionRefused, match="knows no such file"):
        discard(home, "OAD.csv")


# --- queries


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("select email from marts.customers", "email is left out of the published file (marts.customers"),
        ("select c.email from marts.customers_history as c", "email is left out of the published file"),
        ("from marts.certifications", None),  # nothing was delivered, and nothing is withheld: DuckDB's words alone
        ("from marts.parkingspaces", "parkingspaces was delivered, and is in raw alone so far: `python -m loaders scaffold parkingspaces`"),
        ("from nowhere", None),
    ],
)
def test_a_query_in_vain_says_why_where_that_is_known(household: Home, sql: str, says: str | None):
    household.deliver("acme/parkingspaces/LOAD.csv", "id\n1\n")
    household.sync()
    with pytest.raises(QueryRefused) as refused:
        query_published(household.settings, sql)
    _, *hints = str(refused.value).split("\n  ")
    assert (says in "".join(hints)) if says else not [hint for hint in hints if "loaders" in hint or "withheld" in hint]


def test_queries_worth_trying_are_of_what_was_delivered(household: Home):
    columns, *_ = query_published(household.settings, "select 1 as one")
    assert columns == ["one"]
    rows = {f"marts.{topic}{suffix}": 3 for topic in ("units", "leases") for suffix in ("", "_history", "_changes")}
    assert examples({}) == {} and examples(dict.fromkeys(rows, 0)) == {}
    offered = examples(rows | {"marts.units_history": 5})
    assert len(offered) == 3 and all("marts.units" in query for query in offered.values())
    for query in offered.values():
        query_published(household.settings, query)
    assert "workorders" in examples(rows | {"marts.workorders": 1, "marts.workorders_history": 1}, is_demonstration=True)["current"]


def test_nothing_in_a_table_is_null_as_in_the_cookbook(at_home: Callable[..., Done], household: Home):
    done = at_home("query", "select null as nothing, '-' as dash", FORTRESS_HOME=household.settings.home)
    assert done.stdout.split() == ["nothing", "dash", "null", "-"]


# --- what a run met


def test_columns_are_named_once_and_values_that_did_not_fit_are_counted(household: Home):
    household.deliver("acme/units/20260901-080000000.csv", "OP,id,petName,a,b,c,d,e\nU,1,Rex,,,,,\n")
    with open_build(household.settings.build) as connection:
        said = " ".join(failed_casts(connection, 0))
        assert re.search(r"customers\.birth_date: 1 value did not fit the type", said)
        assert not list(failed_casts(connection, 10_000))
        have_seen(connection)
    assert not [where for where, text in PLANTED.items() if text in said]
    household.sync()
    with open_build(household.settings.build) as connection:
        (line,) = new_columns(connection, find_news(connection))
        assert line.startswith("units: 6 columns that the registry does not know: petName, a, b, c, d, ...")
        have_seen(connection)
        assert not list(new_columns(connection, find_news(connection)))


def have_seen(connection: duckdb.DuckDBPyConnection) -> None:
    """Note all columns, as a build does that has seen them."""
    connection.execute("delete from raw._staged")
    for topic in topic_tables(connection):
        connection.execute("insert into raw._staged values (?, ?)", [topic, json.dumps(table_columns(connection, "raw", topic))])


# --- settings, help


def test_the_program_s_help_names_every_setting(loaders: Callable[..., Done]):
    said = loaders("--help").stdout
    listed = re.findall(r"^\| `(FORTRESS_[A-Z_]+)`", (PROJECT / "docs" / "operations.md").read_text(), re.MULTILINE)
    assert len(listed) > 15
    assert [name for name in listed if name not in said and not name.startswith(("FORTRESS_MARKET_", "FORTRESS_API_"))] == []


def test_a_blank_that_was_copied_along_is_no_part_of_an_address():
    assert load_settings({"FORTRESS_EXPORTS_URL": " file:///srv/exports\n"}, None).exports_url == "file:///srv/exports"


def test_a_log_on_a_full_disk_stops_no_sync(home: Home):
    home.deliver(CHANGE, "OP,id,a\nU,1,A\n")
    places = {"FORTRESS_HOME": str(home.settings.home), "FORTRESS_EXPORTS_URL": str(home.settings.exports_url)}
    with Path("/dev/full").open("w") as full:
        subprocess.run(
            [sys.executable, "-m", "loaders", "--log-json", "sync", "--json"],
            cwd=PROJECT,
            env=os.environ | places,
            stdout=subprocess.DEVNULL,
            stderr=full,
            check=True,
        )
    assert home.ledger("status") == [("loaded",)]


def test_a_mode_that_is_none_is_quoted():
    with pytest.raises(SettingsError, match="FORTRESS_PII='nonsense' is none of"):
        load_settings({"FORTRESS_PII": "nonsense"}, None)


@pytest.mark.parametrize(("url", "says"), [("s3://bucket/x", "uv pip install s3fs"), ("nonsense://x", "nothing here reads nonsense://")])
def test_an_address_that_nothing_reads_says_what_is_missing(home: Home, url: str, says: str):
    with pytest.raises(SettingsError, match=says), open_remote(Settings(home.settings.home, url)):
        pass


def test_publishing_what_was_never_built_says_what_to_do(home: Home):
    home.deliver("acme/nobodyknows/LOAD.csv", "id\n1\n")
    home.sync()
    with pytest.raises(PublishRefused, match=r"nothing is built yet, .* `python -m loaders run`"):
        publish(home.settings)


def test_a_rollback_is_said_in_two_lines(household: Home, capsys: pytest.CaptureFixture[str]):
    show_publish(publish(household.settings))
    said = capsys.readouterr().out
    assert "without rows" in said and not re.search(r" 0$", said, re.MULTILINE)
    show_publish(rollback(household.settings))
    said = capsys.readouterr().out
    assert said.startswith("version 1 is in force again, in the place of 2") and len(said.splitlines()) == 2


def test_scaffold_says_what_it_did_and_what_else_there_is(at_home: Callable[..., Done], home: Home):
    home.deliver("acme/parkingspaces/LOAD.csv", "id\n1\n")
    home.sync()
    done = at_home("scaffold", "parkingspace")
    assert done.returncode == 1 and "Did you mean parkingspaces?" in done.stderr
    assert json.loads(at_home("status", "--json").stdout)["topics"][0]["topic"] == "parkingspaces"
