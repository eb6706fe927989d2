"""The command line, in processes of its own where that matters: exit codes, one JSON document, TLS, and being killed."""

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from loaders.cli import main
from loaders.reconcile.service import ApiService, serve
from loaders.settings import PROJECT, Settings
from loaders.web.service import Call, Reply
from tests import forked
from tests.odd_answers import HANG_UP, Proceed
from tests.reconcile.conftest import ORDERS, PERSON, OddApi, ask, order
from tests.tls import authority

__all__ = ["authority"]

Command = Callable[..., Result]
ONE = ("GET", r"/v1/workOrders/.+")


@pytest.fixture
def environment(settings: Settings, api: OddApi, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name in [name for name in os.environ if name.startswith("FORTRESS_")]:
        monkeypatch.delenv(name)
    return {"FORTRESS_HOME": str(settings.home), "FORTRESS_API_URL": api.url, "FORTRESS_API_KEY": api.key}


@pytest.fixture
def command(environment: dict[str, str]) -> Command:
    """Runs the command in this process."""
    return lambda *arguments, **variables: CliRunner(env=environment | variables).invoke(main, ["reconcile", *arguments])


def test_help_shows_an_example():
    assert "Example: python -m loaders reconcile" in CliRunner().invoke(main, ["reconcile", "--help"]).output


def test_it_says_what_it_found_as_text_and_as_one_document_and_shows_values_only_when_told(command: Command, api: OddApi):
    api.records[ORDERS][3] |= {"requestorName": f"{PERSON} III"}
    asked = ("workorders", "--organization", "acme", "--sample", "100", "--seed", "7")
    plain = command(*asked)
    assert plain.exit_code == 4, plain.output
    assert "different: workorders w003.requestor_name: both sides say" in plain.stdout and PERSON not in plain.stdout
    assert "seed 7" in plain.stdout
    document = json.loads(command(*asked, "--json").stdout)
    assert (document["topics"][0]["alike"], document["seed"], PERSON in json.dumps(document)) == (39, 7, False)
    assert f"here '{PERSON}', in the API '{PERSON} III'" in command(*asked, "--values").stdout


def test_without_a_key_it_says_which_setting_and_asks_nobody(command: Command, api: OddApi):
    done = command(FORTRESS_API_KEY=None)
    assert done.exit_code == 1 and "FORTRESS_API_KEY_FILE" in done.stderr and api.calls == []


def test_without_a_warehouse_it_makes_none(command: Command, tmp_path: Path):
    done = command(FORTRESS_HOME=str(tmp_path / "nowhere"))
    assert done.exit_code == 1 and "no warehouse" in done.stderr and not (tmp_path / "nowhere").exists()


def test_errors_end_with_the_codes_that_stand_for_them(command: Command, api: OddApi):
    api.plan(ONE, *[HANG_UP] * 9)
    assert command("units", "--sample", "1").exit_code == 0
    done = command("--log-json", FORTRESS_API_KEY="wr0ng")
    assert (done.exit_code, json.loads(done.stderr.splitlines()[-1])["error"]) == (1, "AccessRefused")


def test_killed_in_the_middle_it_has_written_nothing_and_the_next_one_everything(
    environment: dict[str, str], api: OddApi, settings: Settings
):
    running: list[subprocess.Popen[bytes]] = []

    def kill(_call: Call, proceed: Proceed) -> Reply:
        reply = proceed()
        running[-1].kill()
        return reply

    api.plan(ONE, kill)
    command = [sys.executable, "-m", "loaders", "reconcile", "--organization", "acme", "--sample", "5"]
    for expected in (-9, 0):
        running.append(forked.Popen(command, cwd=PROJECT, env=os.environ | environment, stdout=subprocess.DEVNULL))
        assert running[-1].wait(60) == expected
        count = "select count(distinct reconciliation), count(*) filter (kind = 'topic') from raw._api_reconciliation"
        assert ask(settings, count) == [(0, 0) if expected else (1, 2)]
    assert ask(settings, "select count(*) from audit.api_reconciliation where kind = 'topic'") == [(2,)]


def test_the_database_is_free_while_the_api_is_asked(environment: dict[str, str], api: OddApi, settings: Settings):
    free: list[bool] = []

    def look(_call: Call, proceed: Proceed) -> Reply:
        with duckdb.connect(str(settings.build)) as connection:  # for writing, in this process: the other one has let go of it
            free.append(bool(connection.execute("select 1").fetchone()))
        return proceed()

    api.plan(ONE, look)
    command = [sys.executable, "-m", "loaders", "reconcile", "workorders", "--organization", "acme", "--sample", "3"]
    assert forked.run(command, cwd=PROJECT, env=os.environ | environment, capture_output=True, check=False).returncode == 0
    assert free == [True]


def test_a_certificate_that_nobody_vouches_for_is_refused(command: Command, authority: tuple[Path, Path]):
    certificate, key = authority
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    service = ApiService({ORDERS: [order(number) for number in range(40)]})
    with serve(service, lambda plain: context.wrap_socket(plain, server_side=True)) as url:
        access = {"FORTRESS_API_URL": url, "FORTRESS_API_KEY": service.key}
        refused = command("workorders", **access)
        assert refused.exit_code == 1 and "CertificateRefused" in refused.stderr and service.calls == []
        trusted = command("workorders", **access, SSL_CERT_FILE=str(certificate))
        assert trusted.exit_code == 0, trusted.stderr
