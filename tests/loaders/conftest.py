"""A real SFTP server on loopback over a real folder, shared by the tests that read from one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loaders.settings import Settings
from loaders.sftp_server import ServerInfo, serve

Write = Callable[..., Path]


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
