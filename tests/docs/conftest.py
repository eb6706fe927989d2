"""Two docs sites: of a project that nothing was ever loaded into, and of a warehouse with some topics delivered and built."""

import json
import os
import re
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb
import pytest

from tests import forked
from tests.dbt_command import DBT
from tests.once import made_once
from tests.pipeline.harness import PROJECT

BUILT = ("units", "workorders")  # of the topics that are delivered, those that the fixture builds: enough for every kind of page

STOPPED = "leases"  # a topic whose last file came three days ago

# What must not be found in the file, planted where a careless page would pick it up.
PLANTED = {
    "FORTRESS_SSH_PASSWORD": "planted-ssh-password",
    "FORTRESS_EXPORTS_URL": "sftp://planted-user:planted-credential@planted-host.invalid:22/planted-root",
    "DBT_ENV_CUSTOM_ENV_PLANTED": "planted-custom-value",
    "USER": "planted-login",
    "LOGNAME": "planted-login",
}


@dataclass(frozen=True)
class Site:
    """A docs site's file, and the warehouse in whose folder it stands and which it describes."""

    home: Path

    @property
    def path(self) -> Path:
        return self.home / "fortress-docs.html"

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def inlined(self, name: str) -> dict:
        """The ``manifest`` or the ``catalog`` that stands in the page."""
        return self.read(self.text, name)

    @staticmethod
    def read(page: str, name: str) -> dict:
        start = re.search(rf'\b{name}:(?={{")', page).end()
        found, _ = json.JSONDecoder().raw_decode(page, start)
        return found

    @cached_property
    def manifest(self) -> dict:
        """dbt's own, as it was when the page was made."""
        return json.loads((self.home / "target" / "manifest.json").read_text(encoding="utf-8"))


def run_python(home: Path, *arguments: str, environment: dict[str, str] | None = None) -> str:
    """A command of the project on the warehouse in ``home``; what it printed."""
    own = {"FORTRESS_HOME": str(home), "DBT_TARGET_PATH": str(home / "target"), "DBT_LOG_PATH": str(home / "logs")}
    command = [sys.executable, *arguments]
    done = forked.run(command, cwd=PROJECT, env=os.environ | own | (environment or {}), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def write_site(home: Path) -> None:
    written_to = str(home / "fortress-docs.html")
    run_python(home, "-m", "loaders", "docs", "--out", written_to, environment=PLANTED | {"HOME": str(home / "planted-home")})


def deliver_build_and_write_site(home: Path) -> None:
    exports = home / "exports"
    run_python(home, "-m", "loaders", "simulate", str(exports), "--organizations", "1", "--rows", "30", "--steps", "2")
    run_python(home, "-m", "loaders", "sync", environment={"FORTRESS_EXPORTS_URL": exports.as_uri()})
    with duckdb.connect(str(home / "build.duckdb")) as connection:
        connection.execute("update raw._files set loaded_at = loaded_at - interval 3 days where topic = ?", [STOPPED])
    run_python(home, *DBT, "run", "--select", *(f"+{topic}" for topic in BUILT), "files", "quarantine")
    run_python(home, *DBT, "run", "--select", "units_changes", "units")
    run_python(home, *DBT, "source", "freshness")
    write_site(home)


@pytest.fixture(scope="session")
def first_day(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(made_once(tmp_path_factory, "first-day", write_site))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(made_once(tmp_path_factory, "delivered", deliver_build_and_write_site))
