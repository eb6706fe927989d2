"""``status`` as a monitor reads it: keys that stay, and OpenMetrics text that a parser of the format accepts."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from loaders.metrics import openmetrics
from loaders.status import TopicStatus, read_ended, read_status
from loaders.warehouse import open_build
from tests.loaders.conftest import Home
from tests.loaders.test_cli import BAD, CHANGE, GOOD, Done, at_home, loaders, project

__all__ = ["at_home", "loaders", "project"]  # fixtures

SECRET = "Jane-Doe-4711"


def samples(text: str) -> dict[tuple, float]:
    """Values by name and labels."""
    families = text_string_to_metric_families(text)
    return {(sample.name, *sorted(sample.labels.items())): sample.value for family in families for sample in family.samples}


def key(name: str, **labels: str) -> tuple:
    return (f"fortress_{name}", *sorted(labels.items()))


@pytest.fixture
def delivered(home: Home) -> Home:
    home.deliver(CHANGE, GOOD)
    home.deliver("acme/leases/20260101-080000000.csv", f"OP,id,a\nU,{SECRET}\n")
    home.deliver("zeta/units/20260101-090000000.csv", f"OP,id,{SECRET}\nU,1,{SECRET}\n")
    home.sync()
    return home


def test_a_parser_of_the_format_reads_what_is_printed(at_home: Callable[..., Done], delivered: Home):
    done = at_home("status", "--openmetrics")
    assert done.returncode == 3  # as without the option: one file waits
    assert done.stdout.endswith("# EOF\n")
    found = samples(done.stdout)
    here = {"organization": "acme", "topic": "units"}
    assert found[key("files", **here, status="loaded")] == 1
    assert found[key("files", **here, status="held")] == 0
    assert found[key("files", organization="acme", topic="leases", status="quarantined")] == 1
    assert found[key("rows_delivered", **here)] == 1
    assert found[key("last_batch_timestamp_seconds", **here)] == datetime(2026, 1, 1, 8, tzinfo=UTC).timestamp()
    assert found[key("last_batch_age_seconds", **here)] > 0
    assert found[key("unknown_columns", topic="units")] == 2
    assert key("last_success_timestamp_seconds", step="sync") in found
    assert key("last_success_timestamp_seconds", step="run") not in found  # there was none


def test_a_topic_without_a_loaded_file_has_no_age(delivered: Home):
    with open_build(delivered.settings.build, read_only=True) as connection:
        text = openmetrics(read_status(connection), read_ended(connection))
    assert key("last_batch_age_seconds", organization="acme", topic="leases") not in samples(text)


def test_nothing_of_a_file_is_in_it(at_home: Callable[..., Done], delivered: Home):
    text = at_home("status", "--openmetrics").stdout
    assert SECRET not in text and ".csv" not in text


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "\\n", 'x"} 1\n# EOF\n', "ümlaut", "{}, ="])
def test_names_may_hold_anything(name: str):
    topic = TopicStatus(name, name, None, None, 7, 1, 0, 0, 0, 0, 0, 0, None, (), None, False)
    found = samples(openmetrics([topic], {"run": None}))
    assert found[key("rows_delivered", organization=name, topic=name)] == 7


def test_an_empty_warehouse_is_well_formed():
    assert samples(openmetrics([], {})) == {}


def test_the_keys_of_the_json_form_stay(at_home: Callable[..., Done], delivered: Home):
    found = json.loads(at_home("status", "--json").stdout)
    assert list(found) == ["topics", "set_aside", "last_success", "left", "market"]
    assert list(found["last_success"]) == ["sync", "build", "publish", "run"]
    assert set(found["topics"][0]) == {
        *("organization_id", "topic", "last_file", "last_batch_at", "rows_delivered", "files", "quarantined", "held", "discarded"),
        *("duplicate", "superseded", "vanished", "lag_seconds", "unknown_columns", "rule_disagreements", "modelled"),
    }
    assert set(found["set_aside"][0]) == {
        *("file", "organization_id", "topic", "file_name", "status", "reason", "offending_text", "since", "sha256"),
    }


def test_a_warehouse_of_an_older_version_has_no_times_yet(delivered: Home):
    with open_build(delivered.settings.build) as connection:
        connection.execute("drop table raw._ended")
    with open_build(delivered.settings.build, read_only=True) as connection:
        assert set(read_ended(connection).values()) == {None}


def test_status_ends_with_0_when_nothing_waits_and_3_when_something_does(at_home: Callable[..., Done], home: Home):
    home.deliver(CHANGE, GOOD)
    home.sync()
    assert at_home("status", "--openmetrics").returncode == 0
    home.deliver("acme/units/20260101-100000000.csv", BAD)
    home.sync()
    assert at_home("status", "--openmetrics").returncode == 3
