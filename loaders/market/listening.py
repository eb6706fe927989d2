"""The webhook: the service says that a job has ended, and we go and see for ourselves.

Nobody knows what such a call looks like, and nobody signs it. So it is a hint: its path has a secret part, its body is read for a job's id
and for nothing else, every caller gets the same answer, and what is true is what the service says when it is asked.
"""

import json
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hmac import compare_digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from loaders.errors import LoaderError, SettingsError
from loaders.market.jobs import parse_job_id
from loaders.market.market import Market, callback_token
from loaders.market.workflow import MarketReport, carry_on
from loaders.progress import Line

_LARGEST_BODY = 65_536
_MOST_CALLERS = 16
_MOST_HINTS = 1_000
_SLOWEST_CALLER = 10.0  # seconds without a byte
_ID_IN_TEXT = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_ANYTHING = ""  # a call without an id: whatever is under way may be meant


@contextmanager
def listening(market: Market, bind: str, port: int) -> Iterator[tuple[str, "queue.SimpleQueue[str]"]]:
    """A server on ``bind``:``port`` (0: any); its address with the secret path, and the ids that callers name."""
    hints: queue.SimpleQueue[str] = queue.SimpleQueue()
    token = callback_token(market.settings)
    try:
        server = _Server((bind, port), _handler(token, hints))
    except OSError as error:
        raise SettingsError(f"nothing can listen on {bind}:{port}: {error.strerror or error}") from None
    thread = threading.Thread(target=server.serve_forever, name="market-webhook", daemon=True)
    thread.start()
    try:
        yield f"http://{bind}:{server.server_address[1]}/{token}", hints
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def listen(
    market: Market, hints: "queue.SimpleQueue[str]", seconds: float, every: float, is_done: Callable[[], bool] = lambda: False
) -> MarketReport:
    """Carry jobs on when a caller names one of ours that is under way, and every so many seconds unasked: a call may get lost."""
    until, report, look_again = time.monotonic() + seconds, MarketReport(), 0.0
    while True:
        if time.monotonic() >= look_again or _is_ours(market, hints):
            _carry_on(market, report)
            look_again = time.monotonic() + every
        left = until - time.monotonic()
        if left <= 0 or is_done():
            return report
        _wait_for(hints, min(left, max(look_again - time.monotonic(), 0.0)))


def _carry_on(market: Market, report: MarketReport) -> None:
    try:
        carry_on(market, report, 0)
    except LoaderError as error:  # a listener outlives what passes by itself
        market.say(Line(f"{type(error).__name__}: {error}", step="market", level="warning"))


def _wait_for(hints: "queue.SimpleQueue[str]", seconds: float) -> None:
    """Until there is a hint, which stays, or time is up."""
    try:
        hints.put(hints.get(timeout=max(seconds, 0.01)))
    except queue.Empty:
        return


def _is_ours(market: Market, hints: "queue.SimpleQueue[str]") -> bool:
    """Whether any of the hints that came so far concerns a job under way. A call that is repeated, or made up, costs one look here."""
    named = {hints.get() for _ in range(hints.qsize())}
    if not named:
        return False
    under_way = {job.job_id for job in market.ledger.read("submitted", "succeeded")}
    if found := named & under_way:
        market.say(Line(f"called back for {', '.join(sorted(map(str, found)))}", step="market"))
    return bool(found) or (_ANYTHING in named and bool(under_way))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, place: tuple[str, int], handler: type[BaseHTTPRequestHandler]):
        self._callers = threading.BoundedSemaphore(_MOST_CALLERS)
        super().__init__(place, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._callers.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._callers.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is no news."""


def _handler(token: str, hints: "queue.SimpleQueue[str]") -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _SLOWEST_CALLER
        server_version, sys_version = "fortress-warehouse", ""

        def do_POST(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        do_PUT = do_POST

        def _answer(self) -> None:
            last = self.path.partition("?")[0].rpartition("/")[2]  # what stands before it is the proxy's affair
            is_right = compare_digest(last.encode(), token.encode())
            body = _body(self) if is_right else None
            self.send_response(204 if body is not None else 404 if not is_right else 413)
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            if body is not None and hints.qsize() < _MOST_HINTS:
                for one in _ids_in(body):
                    hints.put(one)

        def log_message(self, format: str, *args: Any) -> None:
            """What strangers ask for is nobody's news, and the path is a secret."""

    return Handler


def _body(handler: BaseHTTPRequestHandler) -> bytes | None:
    """The body, if its length is told and bearable; nothing where none is announced."""
    text = handler.headers.get("Content-Length", "0")
    if not re.fullmatch(r"\d{1,6}", text) or int(text) > _LARGEST_BODY:
        return None
    return handler.rfile.read(int(text))


def _ids_in(body: bytes) -> set[str]:
    """Job ids that a body names: under the usual keys, or anything that looks like one."""
    text = body.decode("utf-8", errors="replace")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    places = [document, *(document.get(one) for one in ("job", "data"))] if isinstance(document, dict) else []
    named = {parse_job_id(place.get(key)) for place in places if isinstance(place, dict) for key in ("job_id", "jobId", "id")} - {None}
    return named or set(_ID_IN_TEXT.findall(text)[:10]) or {_ANYTHING}  # type: ignore[return-value]
