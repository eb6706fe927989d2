"""A real SFTP server on loopback that lies: what it says of names, sizes and bytes is up to the test."""

import asyncio
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import asyncssh

from loaders import sftp_server
from loaders.sftp_server import ServerInfo

MIDNIGHT = 1_767_225_600  # 2026-01-01, UTC


class Honest(sftp_server._ReadOnly):
    """Says what is there. A liar is a subclass; it may hold names and files that are on no disk."""


def entry(name: bytes, kind: int = stat.S_IFREG, size: int = 5) -> asyncssh.SFTPName:
    """One line of a listing."""
    return asyncssh.SFTPName(name, attrs=asyncssh.SFTPAttrs(permissions=kind | 0o644, size=size, mtime=MIDNIGHT, atime=MIDNIGHT))


class Lies(Honest):
    """Adds to listings, and gives other bytes: ``names`` by folder; ``sizes`` and ``contents`` by path, a content being asked for
    ``(offset, size)``. Said of a path, a size is said in listings too."""

    names: ClassVar[dict[bytes, Callable[[], Iterator[asyncssh.SFTPName]]]] = {}
    sizes: ClassVar[dict[bytes, int]] = {}
    contents: ClassVar[dict[bytes, Callable[[int, int], bytes]]] = {}

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        async for name in super().scandir(path):
            name.attrs.size = self.sizes.get(path + b"/" + name.filename, name.attrs.size)
            yield name
        for count, name in enumerate(self.names.get(path, lambda: iter(()))()):
            if count % 1000 == 0:
                await asyncio.sleep(0)  # others want to be served, too
            yield name

    def lstat(self, path: bytes) -> Any:
        attrs = asyncssh.SFTPAttrs.from_local(super().lstat(path))
        attrs.size = self.sizes.get(path, attrs.size)
        return attrs

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        return path if path in self.contents else super().open(path, pflags, attrs)

    def fstat(self, file_obj: Any) -> Any:
        return self.lstat(file_obj) if isinstance(file_obj, bytes) else super().fstat(file_obj)

    def read(self, file_obj: Any, offset: int, size: int) -> bytes:
        return self.contents[file_obj](offset, size) if isinstance(file_obj, bytes) else super().read(file_obj, offset, size)

    def close(self, file_obj: Any) -> None:
        if not isinstance(file_obj, bytes):
            super().close(file_obj)


class _Server(sftp_server._Server):
    def __init__(self, root: Path, host_key: asyncssh.SSHKey, client_key: asyncssh.SSHKey, sftp: type[Honest], options: dict[str, Any]):
        super().__init__(root, host_key, client_key, 0)
        self._options = {
            "server_host_keys": [host_key],
            "authorized_client_keys": self._authorized,
            "sftp_factory": partial(sftp, self._root),
            **options,
        }

    async def _listen(self) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen("127.0.0.1", 0, config=None, acceptor=self._connections.add, **self._options)


@contextmanager
def serve_hostile(root: Path, keys: Path, sftp: type[Honest] = Honest, **options: Any) -> Iterator[ServerInfo]:
    """Serve ``root`` through ``sftp``; ``options`` are asyncssh.listen's. As loaders.sftp_server.serve in everything else."""
    server = _Server(root, sftp_server._key(keys / "host_key"), sftp_server._key(keys / "client_key"), sftp, options)
    with server.running() as port:
        known_hosts = keys / "known_hosts"
        known_hosts.write_text(f"[127.0.0.1]:{port} {sftp_server._public(keys / 'host_key')}")
        yield ServerInfo("127.0.0.1", port, keys / "host_key", known_hosts, keys / "client_key", f"sftp://fortress@127.0.0.1:{port}/")
