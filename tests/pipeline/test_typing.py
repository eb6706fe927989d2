"""The macro that types values against the oracle's reading of the same texts, in one real dbt invocation."""

import json
import os
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from tests import forked
from tests.dbt_command import DBT
from tests.oracle.values import typed
from tests.pipeline.harness import PROJECT

TEXTS = {
    "timestamp": [
        "2026-03-01", "2026-03-01T12:00", "2026-03-01T12:00:00Z", "2026-03-01 12:00:00.5", "2026-03-01T12:00:00.1234567Z",
        " 2026-03-01T12:00:00Z ", "2026-03-01T12:00:00+02:00", "2026-03-01T12:00:00-0530", "2026-03-01 00:30:00+02",
        "2026-03-01T24:00:00Z", "2026-03-01T12:00:00+99:00", "2026-02-30T00:00:00Z", "infinity", "-infinity", "epoch", "now", "today",
        "2026/03/01", "01.03.2026", "2026-03-01T12:00:00 UTC", "2026-03-01T12:00:00 Europe/Prague", "2026-3-1T12:00:00",
        "12026-03-01T00:00:00Z", "1767225600", "", " ", "NULL",
    ],
    "date": [
        "2026-03-01", "2024-02-29", "2023-02-29", "2026-03-01T23:30:00-05:00", "2026-03-01 00:00:00", " 2026-03-01", "2026-3-1",
        "infinity", "", "soon",
    ],
    "boolean": ["true", "FALSE", "t", "f", "1", "0", "yes", "No", "y", "n", " true ", "2", "maybe", "", "on"],
    "decimal(18,6)": [
        "12.5", "12.50", "-0.000001", "0", "+3", ".5", "5.", "1.5E2", "1e-7", "1.2345678", "0.30000000000000004",
        "999999999999.999999", "1000000000000", "1_000", "1,000", "$5", "NaN", "inf", "", " 7 ", "12.5000000000",
    ],
    "bigint": ["7", "007", "-3", "7.5", "7.0", "1e3", "", "seven", "9223372036854775807", "1_000"],
    "json": ['{"a": [1, 2]}', '{"a":[1,2]}', "[]", "null", "", "{a: 1}", "{"],
}  # fmt: skip
OTHERS = {  # types that the replay has no need of
    "bigint": {"7": "7", "007": "7", "-3": "-3", "7.0": "7", "1e3": "1000", "9223372036854775807": "9223372036854775807"},
    "json": {'{"a": [1, 2]}': '{"a":[1,2]}', '{"a":[1,2]}': '{"a":[1,2]}', "[]": "[]", "null": "null"},
}


@pytest.fixture(scope="module")
def cast_by_macro(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], object]:
    """What ``cast_delivered`` makes of every text: the SQL comes from dbt, the values from DuckDB in UTC, as a build has it."""
    home = tmp_path_factory.mktemp("typing")
    inline = "\nunion all\n".join(
        "select '" + kind + "' as kind, value, (" + "{{ cast_delivered('value', '" + kind + "') }})::varchar as cast_value"
        f" from (values {', '.join('(' + chr(39) + text + chr(39) + ')' for text in texts)}) as texts(value)"
        for kind, texts in TEXTS.items()
    )
    own = {"FORTRESS_HOME": str(home), "DBT_TARGET_PATH": str(home / "target"), "DBT_LOG_PATH": str(home / "logs")}
    command = [sys.executable, *DBT, "compile", "--quiet", "--inline", inline, "--output", "json"]
    done = forked.run(command, cwd=PROJECT, env=os.environ | own, capture_output=True, text=True, check=True)
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        return {(kind, value): cast for kind, value, cast in connection.execute(json.loads(done.stdout)["compiled"]).fetchall()}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in TEXTS.items() for text in texts])
def test_a_text_casts_as_the_contract_reads_it(cast_by_macro, kind: str, text: str):
    found = cast_by_macro[kind, text]
    if kind in OTHERS:
        assert found == OTHERS[kind].get(text)
        return
    expected = typed(text, kind.partition("(")[0])
    read = {"timestamp": datetime.fromisoformat, "date": date.fromisoformat, "decimal(18,6)": Decimal, "boolean": "true".__eq__}[kind]
    assert (None if found is None else read(found)) == expected


def test_the_session_is_utc_in_the_profile():
    assert "TimeZone: UTC" in Path(PROJECT / "profiles.yml").read_text()
