"""The command line, in processes of its own: exit codes, one JSON document, help with an example; and TLS."""

import json
import os
import ssl
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from loaders.market.cli import market as group
from loaders.market.service import serve
from loaders.web.service import as_json
from tests import forked
from tests.market.odd_service import CREATE, STORAGE, OddService, Reply
from tests.tls import authority

__all__ = ["authority"]

PROJECT = Path(__file__).parents[2]
Command = Callable[..., Result]


@pytest.fixture
def command(tmp_path: Path, service: OddService, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command in this process; only what starts processes of its own is worth one."""
    for name in [name for name in os.environ if name.startswith("FORTRESS_")]:
        monkeypatch.delenv(name)
    own = {"FORTRESS_HOME": str(tmp_path / "home"), "FORTRESS_MARKET_URL": service.url}
    own |= {"FORTRESS_MARKET_CLIENT_ID": service.client_id, "FORTRESS_MARKET_CLIENT_SECRET": service.client_secret}
    return lambda *arguments, **variables: CliRunner(env=own | variables).invoke(group, list(arguments))


@pytest.mark.parametrize("name", sorted(group.list_commands(None)))  # type: ignore[arg-type]
def test_help_shows_an_example(name: str):
    said = CliRunner().invoke(group, [name, "--help"]).output
    assert "Example: python -m loaders market " + name in " ".join(said.split())


def test_the_monthly_workflow_and_what_the_other_commands_say_of_it(command: Command, service: OddService):
    done = command("sync", "--json", "--month", "2026-09", "--report", "property", "--every", "1s", "1", "2")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert [job["row_count"] for job in document["loaded"]] == [60]
    assert (service.jobs[0]["start_date"], service.jobs[0]["end_date"]) == ("2026-09-01", "2026-09-30")
    listed = json.loads(command("list", "--json").stdout)
    assert [(job["job_id"], job["state"]) for job in listed] == [(service.jobs[0]["job_id"], "loaded")]
    again = command("request", "--report", "property", "--from", "2026-09-01", "--to", "2026-09-30", "1", "2")
    assert again.exit_code == 1 and again.stderr.startswith("AlreadyAsked: ")
    assert "no job is under way" in command("poll").stdout


def test_exit_codes_tell_what_to_do(command: Command, service: OddService):
    asked = ("request", "--report", "property", "--format", "csv", "--from", "2026-10-01", "--to", "2026-10-02")
    service.looks = 10**9
    assert command(*asked, "1").exit_code == 0
    assert command("poll").exit_code == 75
    service.looks = 1
    service.plan(STORAGE, Reply(200, b"a,b\n1\n"))
    assert command("poll").exit_code == 0
    assert command("download").exit_code == 0
    assert command("load").exit_code == 3
    service.plan(CREATE, as_json(403, {}))
    refused = command(*asked, "2", "--log-json")
    assert (refused.exit_code, json.loads(refused.stderr.splitlines()[-1])["error"]) == (1, "AccessRefused")


def test_as_a_process_it_ends_with_the_same_codes(tmp_path: Path, service: OddService):
    own = {"FORTRESS_HOME": str(tmp_path / "home"), "FORTRESS_MARKET_URL": service.url, "FORTRESS_MARKET_TOKEN": "w0rn-0ut"}
    command = [sys.executable, "-m", "loaders", "market", "request", "--report", "units", "--from", "2026-10-01", "--to", "2026-10-01", "7"]
    done = forked.run(command, cwd=PROJECT, env=os.environ | own, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "") and done.stderr.startswith("AccessRefused: ")


def test_without_its_settings_it_says_which_and_leaves_nothing(command: Command, tmp_path: Path):
    done = command("sync", "1", FORTRESS_MARKET_CLIENT_SECRET=None)
    assert done.exit_code == 1 and "FORTRESS_MARKET_CLIENT_SECRET" in done.stderr
    assert command("list").exit_code == 1
    assert not (tmp_path / "home").exists()


# --- TLS


def test_a_certificate_that_nobody_vouches_for_is_refused_and_one_that_is_trusted_is_not(command: Command, authority: tuple[Path, Path]):
    certificate, key = authority
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    service = OddService()
    with serve(service, lambda plain: context.wrap_socket(plain, server_side=True)) as url:
        access = {"FORTRESS_MARKET_URL": url, "FORTRESS_MARKET_TOKEN": service.token}
        asked = ("sync", "--month", "2026-10", "--report", "units", "--every", "1s", "1")
        refused = command(*asked, **access)
        assert refused.exit_code == 1 and "CertificateRefused" in refused.stderr and service.calls == []
        trusted = command(*asked, **access, SSL_CERT_FILE=str(certificate))
        assert trusted.exit_code == 0, trusted.stderr
        assert len(service.jobs) == 1  # the first attempt asked for nothing
