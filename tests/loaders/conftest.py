"""A folder of exports, a real SFTP server on loopback over it, and a warehouse that is fed from the folder."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from loaders.news import find_news
from loaders.remote import open_remote
from loaders.settings import PROJECT, Settings
from loaders.sftp_server import ServerInfo, serve
from loaders.sync import SyncReport, sync
from loaders.warehouse import open_build
from tests import forked
from tests.dbt_command import DBT, UNRECORDED
from tests.loaders.people import deliver_people
from tests.once import made_once

Write = Callable[..., Path]
MIDNIGHT = 1_767_225_600  # 2026-01-01, UTC


@dataclass(frozen=True, slots=True)
class Home:
    """A warehouse in a folder of its own, and the folder of exports that feeds it."""

    settings: Settings
    exports: Path
    said: list[str] = field(default_factory=list)

    def deliver(self, path: str, data: bytes | str, minute: int = 0) -> Path:
        """Put ``acme/units/LOAD.csv`` where the vendor would, modified so many minutes after midnight."""
        organization_id, topic, name = path.split("/")
        target = self.exports / organization_id / "public" / f"exported_{topic}" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data.encode() if isinstance(data, str) else data)
        os.utime(target, (MIDNIGHT + 60 * minute, MIDNIGHT + 60 * minute))
        return target

    def sync(self) -> SyncReport:
        with open_build(self.settings.build) as connection, open_remote(self.settings) as remote:
            return sync(self.settings, connection, remote, self.said.append)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with open_build(self.settings.build, read_only=True) as connection:
            return connection.execute(query).fetchall()

    def ledger(self, columns: str = "file_name, status") -> list[tuple[Any, ...]]:
        return self.ask(f"select {columns} from raw._files order by _file_id")

    def columns(self, topic: str) -> list[str]:
        """The delivered columns of a raw table; empty when there is none."""
        query = "select column_name from duckdb_columns() where schema_name = 'raw' and table_name = '%s' order by column_index"
        technical = ("_organization_id", "_file_id", "_row_number", "_op")
        return [name for (name,) in self.ask(query % topic) if name not in technical]


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    """The folder that the server serves."""
    folder = tmp_path / "exports"
    folder.mkdir()
    return folder


@pytest.fixture
def write(exports: Path) -> Write:
    """``write("acme/public/exported_units/LOAD.csv", b"...")`` puts a file below the exports' root."""

    def put(path: str, data: bytes = b"id\n1\n") -> Path:
        target = exports / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return target

    return put


@pytest.fixture
def server(exports: Path, tmp_path: Path) -> Iterator[ServerInfo]:
    with serve(exports, tmp_path / "keys") as info:
        yield info


@pytest.fixture
def over_sftp(server: ServerInfo, tmp_path: Path) -> Settings:
    return Settings(tmp_path / "home", server.url, ssh_key=server.client_key, known_hosts=server.known_hosts)


@pytest.fixture
def locally(exports: Path, tmp_path: Path) -> Settings:
    return Settings(tmp_path / "home", f"file://{exports}")


@pytest.fixture
def home(locally: Settings, exports: Path) -> Home:
    return Home(locally, exports)


@pytest.fixture(scope="session")
def peopled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``home``, a warehouse of three topics, published, and its ``exports``. Not to be changed: ``household`` copies it."""
    return made_once(tmp_path_factory, "peopled", _publish_people)


def _publish_people(folder: Path) -> None:
    deliver_people(folder / "exports")
    _without_umask(folder, "-m", "loaders", "sync", expected=3)  # one file is unreadable
    build_topics(folder, "customers", "units", "workorders")
    _without_umask(folder, "-m", "loaders", "publish")


def build_topics(folder: Path, *topics: str) -> None:
    """Run dbt for a few topics of the warehouse in ``folder / "home"``, and note what a run notes that has built them all."""
    selected = ["files+", "stg_fortress__files", *(f"stg_fortress__{topic}+" for topic in topics)]
    _without_umask(folder, *DBT, "run", *UNRECORDED, "--select", *selected)
    with open_build(folder / "home" / "build.duckdb") as connection:
        news = find_news(connection)
        connection.execute("delete from raw._built")
        for topic, file_id in news.newest.items():
            connection.execute("insert into raw._built values (?, ?, ?, now()::timestamp)", [topic, file_id, news.fingerprints[topic]])


def _without_umask(folder: Path, *arguments: str, expected: int = 0) -> None:
    places = {"FORTRESS_HOME": str(folder / "home"), "FORTRESS_EXPORTS_URL": (folder / "exports").as_uri()}
    own = places | {"DBT_TARGET_PATH": str(folder / "target"), "DBT_LOG_PATH": str(folder / "logs")}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FORTRESS_")}
    command = [sys.executable, *arguments]
    done = forked.run(command, cwd=PROJECT, env=inherited | own, umask=0, capture_output=True, text=True, check=False)
    assert done.returncode == expected, done.stdout + done.stderr


@pytest.fixture
def household(peopled: Path, tmp_path: Path) -> Home:
    """A copy of the warehouse that holds people, to do with as a test likes."""
    return moved(peopled, tmp_path)


def moved(folder: Path, to: Path) -> Home:
    """A copy of a folder with ``home``, a warehouse, and its ``exports``, which are no news for it."""
    shutil.copytree(folder, to, symlinks=True, dirs_exist_ok=True)
    with open_build(to / "home" / "build.duckdb") as connection:
        connection.execute("update raw._remote set path = replace(path, ?, ?)", [str(folder), str(to)])
    return Home(Settings(to / "home", (to / "exports").as_uri()), to / "exports")
