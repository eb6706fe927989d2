"""A small read-only SFTP server on loopback, for the demonstration and the tests.

Public-key login only, no shell, no forwarding, nothing outside the served folder, nothing written.
"""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import asyncssh

_HOST = "127.0.0.1"
_USER = "fortress"
_WRITES = ("write", "setstat", "lsetstat", "fsetstat", "remove", "mkdir", "rmdir", "rename", "posix_rename", "symlink", "link")
_START_SECONDS = 10


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """A running server, and what a client needs for it: ``url``, ``client_key`` and ``known_hosts``."""

    host: str
    port: int
    host_key_path: Path
    known_hosts: Path
    client_key: Path
    url: str


@contextmanager
def serve(root: Path, keys: Path, port: int = 0) -> Iterator[ServerInfo]:
    """Serve ``root`` until the context ends, which also drops the clients; keys found in ``keys`` are used again.

    ``port`` 0 takes any free one. OSError when the port is taken.
    """
    server = _Server(root, _key(keys / "host_key"), _key(keys / "client_key"), port)
    with server.running() as taken:
        known_hosts = keys / "known_hosts"
        known_hosts.write_text(f"[{_HOST}]:{taken} {_public(keys / 'host_key')}")
        yield ServerInfo(_HOST, taken, keys / "host_key", known_hosts, keys / "client_key", f"sftp://{_USER}@{_HOST}:{taken}/")


def _key(path: Path) -> asyncssh.SSHKey:
    """The ed25519 key at ``path``, made with its ``.pub`` when there is none; readable by its owner alone."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = asyncssh.generate_private_key("ssh-ed25519", comment=_USER)
        path.touch(mode=0o600)
        key.write_private_key(path)
        key.write_public_key(path.with_suffix(".pub"))
    return asyncssh.read_private_key(path)


def _public(path: Path) -> str:
    return path.with_suffix(".pub").read_text()


class _ReadOnly(asyncssh.SFTPServer):
    """Files and folders below the chroot; links that lead out of it are as good as missing."""

    def __init__(self, root: Path, channel: Any):
        super().__init__(channel, chroot=os.fsencode(root))
        for name in _WRITES:
            setattr(self, name, _refuse)

    def map_path(self, path: bytes) -> bytes:
        mapped = super().map_path(path)
        if os.path.commonpath([os.path.realpath(mapped), self._chroot]) != self._chroot:
            raise asyncssh.SFTPNoSuchFile("no such file")
        return mapped

    def lstat(self, path: bytes) -> os.stat_result:
        return os.lstat(super().map_path(path))

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        return super().open(path, pflags, attrs) if pflags == asyncssh.FXF_READ else _refuse()

    def open56(self, path: bytes, desired_access: int, flags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        return _refuse()


def _refuse(*_: object) -> NoReturn:
    raise asyncssh.SFTPPermissionDenied("this server is read-only")


class _Server:
    """The server's thread and event loop, so that its users need neither."""

    def __init__(self, root: Path, host_key: asyncssh.SSHKey, client_key: asyncssh.SSHKey, port: int):
        self._root, self._port, self._connections = root.resolve(), port, set[asyncssh.SSHServerConnection]()
        self._host_key = host_key
        self._authorized = asyncssh.import_authorized_keys(client_key.export_public_key().decode())
        self._loop = asyncio.new_event_loop()

    @contextmanager
    def running(self) -> Iterator[int]:
        """The port, while the server runs."""
        thread = threading.Thread(target=self._loop.run_forever, name="sftp-server", daemon=True)
        thread.start()
        try:
            acceptor = self._call(self._listen())
            try:
                yield acceptor.get_port()
            finally:
                self._call(self._stop(acceptor))
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    def _call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_START_SECONDS)

    async def _listen(self) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            _HOST,
            self._port,
            config=None,
            server_host_keys=[self._host_key],
            authorized_client_keys=self._authorized,
            password_auth=False,
            kbdint_auth=False,
            sftp_factory=partial(_ReadOnly, self._root),
            acceptor=self._connections.add,
        )

    async def _stop(self, acceptor: asyncssh.SSHAcceptor) -> None:
        acceptor.close()
        for connection in self._connections:
            connection.abort()
        await asyncio.gather(*(connection.wait_closed() for connection in self._connections), return_exceptions=True)
        await acceptor.wait_closed()
