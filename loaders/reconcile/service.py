"""A small REST API on loopback, for the demonstration and the tests: the vendor's conventions, as far as they are stated.

It only knows GET: everything else is refused, and remembered.
"""

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import unquote

from loaders.web.service import Call, Json, Reply, Wrap, listening

_PROBLEM = {"Content-Type": "application/problem+json"}
_TITLES = {400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed", 500: "Internal Server Error"}


@dataclass(slots=True)
class Habits:
    """How this API reads what its documents leave open. ``first`` page's number; ``most`` records on a page; how ``sort`` is spelled."""

    first: int = 1
    most: int = 100
    usual: int = 100
    refuses_larger: bool = False
    counts: bool = True
    minus_sorts: bool = True
    filters: bool = True
    addresses: bool = True
    lists_deleted: bool = False
    refuses_beyond: bool = False


class ApiService:
    """The API's state: ``records`` by path, ``/workOrders`` for instance, each with an ``id``."""

    def __init__(self, records: dict[str, list[Json]], habits: Habits | None = None):
        self.records, self.habits = records, habits or Habits()
        self.key = secrets.token_hex(20)
        self.calls: list[Call] = []
        self.url = ""
        self.lock = threading.RLock()

    def reply(self, call: Call) -> Reply:
        """The answer to a call."""
        with self.lock:
            self.calls.append(call)
            return self._routed(call)

    def _routed(self, call: Call) -> Reply:
        if call.headers.get("x-api-key") != self.key:
            return problem(401, "the API key is missing or not known")
        if call.method != "GET":
            return problem(405, f"{call.method} is not allowed here")
        name, _, record_id = call.path.removeprefix("/v1/").partition("/")
        if f"/{name}" not in self.records:
            return problem(404, f"no route for {call.path}")
        if record_id:
            found = next((one for one in self._shown(f"/{name}") if str(one["id"]) == unquote(record_id)), None)
            return written(found) if found and self.habits.addresses else problem(404, "no such record")
        return self._list(f"/{name}", call)

    def _shown(self, path: str) -> list[Json]:
        return [one for one in self.records[path] if self.habits.lists_deleted or not one.get("deletedAt")]

    def _list(self, path: str, call: Call) -> Reply:
        habits, asked = self.habits, call.query
        limit = int(asked.get("limit", habits.usual))
        if limit > habits.most and habits.refuses_larger:
            return problem(400, f"limit must not be greater than {habits.most}")
        found = self._shown(path)
        if habits.filters and (name := asked.get("filter", "").partition("=")[0]):
            found = [one for one in found if str(one.get(name)) == asked["filter"].partition("=")[2]]
        if sort := asked.get("sort"):
            if (":" in sort) == habits.minus_sorts:
                return problem(400, "sort cannot be read")
            name = sort.lstrip("-").partition(":")[0]
            found = sorted(found, key=lambda one: str(one.get(name)), reverse=sort.startswith("-") or sort.endswith(":desc"))
        place = int(asked.get("page", habits.first)) - habits.first
        if place < 0:
            return problem(400, "there is no such page")
        size = min(limit, habits.most)
        page = found[place * size : (place + 1) * size]
        if habits.refuses_beyond and place and not page:
            return problem(404, "there is no such page")
        if fields := asked.get("fields"):
            page = [{name: one[name] for name in fields.split(",") if name in one} for one in page]
        return written(page, {"X-Total-Count": str(len(found))} if habits.counts else {})


def written(document: object, headers: dict[str, str] | None = None) -> Reply:
    """An answer in JSON."""
    return Reply(200, json.dumps(document).encode(), {"Content-Type": "application/json"} | (headers or {}))


def problem(status: int, detail: str) -> Reply:
    """An error as RFC 7807 has it."""
    document = {"type": "about:blank", "title": _TITLES.get(status, "Error"), "status": status, "detail": detail}
    return Reply(status, json.dumps(document).encode(), _PROBLEM)


@contextmanager
def serve(service: ApiService, wrap: Wrap = lambda one: one) -> Iterator[str]:
    """The API on a free port until the context ends; its address."""
    with listening(service.reply, wrap) as url:
        service.url = f"{url}/v1"
        yield service.url
