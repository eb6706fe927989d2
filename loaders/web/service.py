"""A service on loopback, for the demonstration and the tests: real sockets, and whatever answers somebody plans."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

_HOST = "127.0.0.1"
Json = dict[str, Any]
Wrap = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came in; ``headers`` by their names in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Json:
        """The body as a JSON object; empty where it is none."""
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. ``cut``: hang up after so many bytes of the body; ``hang_up``: before any. ``meanwhile`` is called once it was sent."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    hang_up: bool = False
    meanwhile: Callable[[], None] = lambda: None


def as_json(status: int, document: Any) -> Reply:
    """A reply in JSON."""
    return Reply(status, json.dumps(document).encode(), {"Content-Type": "application/json"})


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is no news."""


@contextmanager
def listening(reply: Callable[[Call], Reply], wrap: Wrap = lambda one: one) -> Iterator[str]:
    """Answer calls on a free port until the context ends; its address. ``wrap`` may put TLS around the listening socket."""
    server = _Server((_HOST, 0), _handler(reply))
    plain, server.socket = server.socket, wrap(server.socket)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="local-service", daemon=True)
    thread.start()
    try:
        yield f"{'http' if server.socket is plain else 'https'}://{_HOST}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(reply: Callable[[Call], Reply]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30
        disable_nagle_algorithm = True  # or each answer waits 40 ms between its headers and its body

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._send(reply(Call(self.command, parts.path, query, headers, body)))

        do_POST = do_DELETE = do_GET

        def _send(self, answer: Reply) -> None:
            if not answer.hang_up:
                self.send_response_only(answer.status)
                for name, value in (self._usual(answer) | dict(answer.headers)).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body[: answer.cut])
                answer.meanwhile()
            if answer.hang_up or answer.cut is not None:
                self.close_connection = True

        def _usual(self, answer: Reply) -> dict[str, str]:
            return {"Date": self.date_time_string(), "Content-Length": str(len(answer.body))}

        def log_message(self, format: str, *args: Any) -> None:
            """Who called stands in ``calls``."""

    return Handler
