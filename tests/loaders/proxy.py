"""A TCP proxy between the loader and a server, which lets the line fail at a chosen byte."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

from loaders.settings import Settings
from loaders.sftp_server import ServerInfo

Fault = Literal["drop", "stall"]
_CHUNK = 16 * 1024


class Proxy:
    """Counts the bytes that come from the server, over all connections. At the byte ``at`` the line fails: every connection is
    reset (``drop``), or stays open and carries nothing more (``stall``), until it is healed."""

    def __init__(self, target: tuple[str, int]):
        self.target, self.carried = target, 0
        self.fault: Fault | None = None
        self.at = 0
        self.failed = threading.Event()
        self._healed, self._lock, self._open = threading.Event(), threading.Lock(), set[socket.socket]()
        self._healed.set()
        self._acceptor = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._acceptor.getsockname()[1]
        self._start(self._accept)

    def break_at(self, fault: Fault, at: int) -> None:
        """From now on, let the line fail when so many more bytes have come from the server."""
        with self._lock:
            self.fault, self.at, self.carried = fault, at, 0
        self.failed.clear()
        self._healed.clear()

    def heal(self) -> None:
        """Carry everything again; what was stalled goes on where it stood."""
        self.fault = None
        self._healed.set()

    def drop_all(self) -> None:
        """Reset what is open, as a firewall does that has forgotten a connection."""
        for one in list(self._open):
            with suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def close(self) -> None:
        self.heal()
        with suppress(OSError):
            self._acceptor.shutdown(socket.SHUT_RDWR)
        self._acceptor.close()
        self.drop_all()

    def _start(self, work, *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, daemon=True, name="proxy").start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._acceptor.accept()
                try:
                    server = socket.create_connection(self.target)
                except OSError:  # nobody there
                    client.close()
                    continue
                self._open |= {client, server}
                self._start(self._carry, client, server, False)
                self._start(self._carry, server, client, True)

    def _carry(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                target.sendall(self._until_the_fault(data, target) if is_answer else data)
        for one in (source, target):
            self._open.discard(one)
            one.close()

    def _until_the_fault(self, data: bytes, target: socket.socket) -> bytes:
        """What may pass; at the fault, what comes before it passes, and then nothing does."""
        with self._lock:
            room = self.at - self.carried if self.fault else len(data)
            self.carried += len(data)
        if room >= len(data):
            return data
        target.sendall(data[: max(room, 0)])
        fault = self.fault
        self.failed.set()
        if fault == "drop":
            self.drop_all()
        self._healed.wait()
        return data[max(room, 0) :]


@contextmanager
def proxied(server: ServerInfo, settings: Settings, folder: Path) -> Iterator[tuple[Proxy, Settings]]:
    """A proxy before the server, and settings that go through it; the server's key is pinned for the proxy's address."""
    proxy = Proxy((server.host, server.port))
    known_hosts = folder / "known_hosts_of_the_proxy"
    known_hosts.write_text(f"[127.0.0.1]:{proxy.port} {server.host_key_path.with_suffix('.pub').read_text()}")
    url = server.url.replace(f":{server.port}/", f":{proxy.port}/")
    try:
        yield proxy, replace(settings, exports_url=url, known_hosts=known_hosts)
    finally:
        proxy.close()
