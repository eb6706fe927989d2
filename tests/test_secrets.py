"""No secret leaves the settings: not by any command, in no state, at no verbosity, into no file."""

import os
import re
import sys
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import asyncssh
import pytest

from loaders.reconcile.service import ApiService
from loaders.reconcile.service import serve as serve_api
from tests import forked
from tests.dbt_command import DBT
from tests.loaders.conftest import build_topics
from tests.loaders.hostile_server import serve_hostile
from tests.loaders.people import deliver_people
from tests.pipeline.small_project import shared_project

PROJECT = Path(__file__).parents[1]
PASSWORD = "pl4nted/Pass:w0rd@#1"
IN_URL = "pl4nted/URL:w0rd@#2"
TOKEN = "pl4ntedT0ken3"
PII_KEY = "pl4ntedPiiKey4" * 3
API_KEY = "pl4ntedApiKey7"
MARKET_TOKEN, MARKET_SECRET = "pl4ntedMarketT0ken5", "pl4nted/Market+Secret6"


@dataclass
class Spy:
    """Runs commands with every secret set, and keeps all that they said."""

    home: Path
    keys: Path
    environment: dict[str, str]
    said: list[tuple[str, str]] = field(default_factory=list)

    def run(self, *arguments: str, project: Path = PROJECT, **variables: str | None) -> int:
        environment = {name: value for name, value in (self.environment | variables).items() if value is not None}
        done = forked.run(
            [sys.executable, *arguments], cwd=project, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        self.said.append((f"{' '.join(arguments)} {variables}", done.stdout + done.stderr))
        return done.returncode

    def loaders(self, *arguments: str, **variables: str | None) -> int:
        return self.run("-m", "loaders", *arguments, **variables)


class Passwords(asyncssh.SSHServer):
    """Lets in whoever has the planted password."""

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return password in (PASSWORD, IN_URL)


def secrets(keys: Path) -> dict[str, list[str]]:
    """Each secret in the forms in which it could be met."""
    body = [line for line in (keys / "client_key").read_text().splitlines() if "PRIVATE KEY" not in line]
    texts = {"password": PASSWORD, "password in the URL": IN_URL, "token": TOKEN, "key for personal data": PII_KEY}
    texts |= {"market token": MARKET_TOKEN, "market secret": MARKET_SECRET, "API key": API_KEY}
    forms = {name: [text, quote(text, safe=""), b64encode(text.encode()).decode(), repr(text)[1:-1]] for name, text in texts.items()}
    return forms | {"private key": body[:-1]}


@pytest.fixture(scope="module")
def spy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spy]:
    """Every command, in good order and in every trouble."""
    place = tmp_path_factory.mktemp("secrets")
    deliver_people(place / "exports")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FORTRESS_")}
    with serve_hostile(place / "exports", place / "keys", server_factory=Passwords) as server:
        with_password = server.url.replace("fortress@", f"fortress:{quote(IN_URL, safe='')}@")
        own = {
            "FORTRESS_HOME": str(place / "home"),
            "FORTRESS_EXPORTS_URL": with_password,
            "FORTRESS_SSH_PASSWORD": PASSWORD,
            "FORTRESS_KNOWN_HOSTS": str(server.known_hosts),
            "FORTRESS_PII": "hash",
            "FORTRESS_PII_KEY": PII_KEY,
            "FORTRESS_MARKET_TOKEN": MARKET_TOKEN,
            "FORTRESS_MARKET_CLIENT_SECRET": MARKET_SECRET,
            "FORTRESS_API_KEY": API_KEY,
            "DBT_TARGET_PATH": str(place / "target"),
            "DBT_LOG_PATH": str(place / "home" / "logs"),
        }
        spy = Spy(place / "home", place / "keys", inherited | own)
        _in_good_order(spy, place, shared_project(tmp_path_factory).folder)
        _in_trouble(spy, server.url, server.client_key)
    yield spy


def _in_good_order(spy: Spy, place: Path, small: Path) -> None:
    """What reads the whole project does so with a ``small`` one: dbt by hand, which parses it, and the docs."""
    assert spy.loaders("plan") == 0
    assert spy.loaders("sync") == 3  # one file is unreadable
    assert spy.loaders("sync", "--json") == 3
    build_topics(place, "customers", "units", "workorders")
    dbt = ("-c", "from dbt.cli.main import cli; cli()", "--debug", "run", "--select")
    assert spy.run(*dbt, "stg_fortress__units", project=small) == 0
    assert spy.run(*DBT, "--debug", "run", "--select", "units_changes", "--vars", "{cdc_resolution: nonsense}") != 0
    for command in (
        ["publish"],
        ["status"],
        ["quarantine", "--json"],
        ["query", "from audit.files"],
        ["market", "list", "--json"],
        ["market", "poll"],
    ):
        spy.loaders(*command)
    assert spy.run("-m", "loaders", "docs", "--out", str(place / "docs.html"), project=small) == 0
    api = ApiService({"/units": [{"id": "u1", "type": "B"}]})
    api.key = API_KEY
    with serve_api(api) as url:
        assert spy.loaders("reconcile", "--json", "--values", FORTRESS_API_URL=url) == 4  # which has no other list, and another type


def _in_trouble(spy: Spy, url: str, client_key: Path) -> None:
    user, bare = quote(IN_URL, safe=""), {"FORTRESS_SSH_PASSWORD": None}
    key = {"FORTRESS_SSH_KEY": str(client_key)}
    for troubled in (
        {"FORTRESS_SSH_PASSWORD": PASSWORD + "x"},
        {"FORTRESS_EXPORTS_URL": url.replace("fortress@", f"fortress:{user}x@")} | bare,
        {"FORTRESS_EXPORTS_URL": f"sftp://fortress:{user}@127.0.0.1:1/"},
        {"FORTRESS_EXPORTS_URL": f"sftp://fortress:{IN_URL}@127.0.0.1:99999/"},
        {"FORTRESS_EXPORTS_URL": f"sftp://fortress:{user}@does-not-exist.invalid/"},
        {"FORTRESS_EXPORTS_URL": f"s3://fortress:{user}@bucket/?token={TOKEN}"},
        {"FORTRESS_EXPORTS_URL": f"https://127.0.0.1:1/exports?token={TOKEN}"},
        {"FORTRESS_EXPORTS_URL": f"nonsense://x:{user}@y/?token={TOKEN}#{TOKEN}"},
        {"FORTRESS_KNOWN_HOSTS": "/dev/null"},
        {"FORTRESS_PII_KEY_FILE": str(client_key)},
        {"FORTRESS_MAX_FILE_BYTES": "nonsense"},
        key | bare,
    ):
        spy.loaders("run" if "FORTRESS_EXPORTS_URL" in troubled else "sync", "--json", **troubled)
        spy.loaders("plan", **troubled)
    for url in (f"https://x:{MARKET_TOKEN}@127.0.0.1/", f"https://127.0.0.1:1/?token={MARKET_TOKEN}", f"{MARKET_TOKEN}"):
        assert spy.loaders("market", "sync", "1", FORTRESS_MARKET_URL=url) == 1
    for url in (f"https://x:{API_KEY}@127.0.0.1/", f"https://127.0.0.1:1/?key={API_KEY}"):
        assert spy.loaders("reconcile", FORTRESS_API_URL=url) == 1
    for command in ("query nonsense", "explain units nobody", "release a/b/c --reason x", "scaffold nonsense"):
        assert spy.loaders(*command.split()) == 1


def found_in(text: bytes, keys: Path) -> list[str]:
    return [name for name, forms in secrets(keys).items() if any(form.encode() in text for form in forms)]


def test_no_secret_is_in_any_output(spy: Spy):
    assert len(spy.said) > 25
    for command, text in spy.said:
        assert found_in(text.encode(), spy.keys) == [], f"{command}\n{text}"


def test_no_secret_is_in_any_file_of_the_warehouse_its_logs_dbts_target_or_the_docs_page(spy: Spy):
    files = [path for path in spy.home.parent.rglob("*") if path.is_file() and not path.is_relative_to(spy.keys)]
    assert {"build.duckdb", "fortress.duckdb", "dbt.log", "manifest.json", "docs.html"} <= {path.name for path in files}
    for path in files:
        assert found_in(path.read_bytes(), spy.keys) == [], path


def test_the_search_finds_a_secret_where_there_is_one(spy: Spy):
    assert found_in(f"x{quote(PASSWORD, safe='')}y".encode(), spy.keys) == ["password"]
    assert found_in((spy.keys / "client_key").read_bytes(), spy.keys) == ["private key"]
    assert re.search("password", " ".join(secrets(spy.keys)))
