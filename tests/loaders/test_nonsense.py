"""A server that talks nonsense: before it is one for SSH, as one for SSH, and in what it says of its files."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import asyncssh
import pytest

from loaders.sftp_server import ServerInfo
from tests.loaders.hostile_server import Honest, Lies, entry, serve_hostile
from tests.loaders.test_hostile import UNITS, Victim, victim

__all__ = ["victim"]  # a fixture

MOST_SAID = 20_000_000  # bytes


def endless(line: bytes) -> Iterator[bytes]:
    said = 0
    while said < MOST_SAID:
        said += len(line)
        yield line


NONSENSE: dict[str, Callable[[], Iterator[bytes]]] = {
    "nothing, and hangs up": lambda: iter([]),
    "a page": lambda: iter([b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"]),
    "a line without an end": lambda: endless(b"x" * 65536),
    "lines without an end": lambda: endless(b"welcome\r\n" * 4096),
    "an old version": lambda: iter([b"SSH-1.5-old\r\n"]),
    "noise behind the version": lambda: iter([b"SSH-2.0-x\r\n", os.urandom(100_000)]),
    "a packet of four gigabytes": lambda: iter([b"SSH-2.0-x\r\n", b"\xff\xff\xff\xff\x00", bytes(1000)]),
    "zero bytes behind the version": lambda: iter([b"SSH-2.0-x\r\n", bytes(100_000)]),
}


@contextmanager
def saying(nonsense: Callable[[], Iterator[bytes]]) -> Iterator[int]:
    """The port of a server that says that to each who comes, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with client, suppress(OSError):
                        for piece in nonsense():
                            client.sendall(piece)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("what", NONSENSE)
def test_a_server_that_is_none_is_unreachable_and_the_command_ends(victim: Victim, what: str):
    with serve_hostile(victim.exports, victim.keys) as keys, saying(NONSENSE[what]) as port:
        info = ServerInfo(keys.host, port, keys.host_key_path, keys.known_hosts, keys.client_key, f"sftp://fortress@127.0.0.1:{port}/")
        keys.known_hosts.write_text(keys.known_hosts.read_text().replace(f":{keys.port} ", f":{port} "))
        done = victim.run(info, "plan")
    assert done.returncode in (1, 75), done
    assert len(done.stderr) < 3_000 and not victim.home.exists()


class Muddled(Lies):
    """Answers of a kind that was not asked for."""

    def lstat(self, path: bytes):
        attrs = super().lstat(path)
        attrs.permissions = 0o040755 if path.endswith(b"1.csv") else attrs.permissions  # a folder, by now
        attrs.size = None if path.endswith(b"2.csv") else attrs.size
        attrs.mtime = None if path.endswith(b"3.csv") else attrs.mtime
        return attrs

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        return super().read(file_obj, offset, size) + b"more than was asked for" * 3


def test_answers_that_do_not_fit_leave_the_file_and_load_nothing_of_it(victim: Victim):
    for number in range(5):
        victim.deliver(f"acme/units/2026010{number + 1}-00000000{number}.csv", "id,OP\n1,I\n")
    with serve_hostile(victim.exports, victim.keys, Muddled) as server:
        done = victim.run(server, "sync")
    assert done.returncode in (3, 75) and b"synced: 0 files loaded" in done.stdout, done.stdout
    assert victim.landed() == []


class Crowd(Honest):
    """Lists one file again and again, and says of it each time that it is another; and names without telling what they are of."""

    async def scandir(self, path: bytes):
        async for name in super().scandir(path):
            yield name
        if path == UNITS:
            for size in range(300):
                yield entry(b"LOAD.csv", size=size)
            yield asyncssh.SFTPName(b"20260101-000000000.csv", attrs=asyncssh.SFTPAttrs())
            yield asyncssh.SFTPName(b"20260102-000000000.csv", attrs=asyncssh.SFTPAttrs(permissions=0o100644, size=2**64 - 1))
            late = asyncssh.SFTPAttrs(permissions=0o100644, size=2**63, atime=2**32 - 1, mtime=2**32 - 1)
            yield asyncssh.SFTPName(b"20260103-000000000.csv", attrs=late)


def test_a_file_that_is_listed_a_hundred_times_is_one_file_and_phantoms_hide_nothing(victim: Victim):
    victim.deliver("acme/units/LOAD.csv", "id\n1\n")
    with serve_hostile(victim.exports, victim.keys, Crowd) as server:
        done = victim.run(server, "sync")
    assert done.returncode == 3, done
    assert victim.loaded() == [("acme", "units", "LOAD.csv")]
