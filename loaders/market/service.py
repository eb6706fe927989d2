"""A small market-data service on loopback, for the demonstration and the tests: the vendor's calls, as far as they are documented.

Jobs are kept in memory. One is done after so many looks at it; its file is behind a signed address that wants no token.
"""

import re
import secrets
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import parse_qs

from loaders.web.service import Call, Json, Reply, Wrap, as_json, listening

BASE = "/apartmentiq/api/v1"
_JOBS = f"{BASE}/bulk_api/jobs"
_WANTED = ("report_type", "output_format", "start_date", "end_date", "property_ids")


class MarketService:
    """The service's state. ``content`` gives a job's file; ``looks`` is how often a job is asked after before it is done."""

    def __init__(self, content: Callable[[Json], bytes], looks: int = 1):
        self.content, self.looks = content, looks
        self.client_id, self.client_secret, self.token = "demonstration", secrets.token_hex(16), secrets.token_hex(24)
        self.jobs: list[Json] = []
        self.calls: list[Call] = []
        self.url = self.storage_url = ""
        self.lock = threading.RLock()
        self._looks: dict[str, int] = {}
        self._signatures: dict[str, str] = {}

    def reply(self, call: Call) -> Reply:
        """The answer to a call."""
        with self.lock:
            self.calls.append(call)
            return self._routed(call)

    def _routed(self, call: Call) -> Reply:
        if call.path == "/oauth/token":
            return self._token(call)
        if call.path.startswith("/storage/"):
            return self._file(call)
        if call.headers.get("authorization") != f"Bearer {self.token}":
            return as_json(401, {"error": "Unauthorized", "message": "Missing or invalid bearer token"})
        if call.path == _JOBS:
            return self._create(call) if call.method == "POST" else self._list(call)
        found = re.fullmatch(rf"{_JOBS}/([\w-]+)(/results)?", call.path)
        job = next((one for one in self.jobs if found and one["job_id"] == found[1]), None)
        if job is None or found is None:
            return as_json(404, {"error": "Not Found"})
        if found[2]:
            return self._results(job)
        return self._cancel(job) if call.method == "DELETE" else self._look(job)

    def _token(self, call: Call) -> Reply:
        form = {name: values[0] for name, values in parse_qs(call.body.decode()).items()}
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            return as_json(401, {"error": "invalid_client"})
        return as_json(200, {"access_token": self.token, "token_type": "Bearer", "expires_in": 7200, "scope": "api"})

    def _create(self, call: Call) -> Reply:
        wanted = call.document
        if not isinstance(wanted.get("property_ids"), list) or not wanted["property_ids"]:
            return as_json(400, {"error": "property_ids is required and must be a non-empty array"})
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        job = {"job_id": str(uuid.uuid4()), "status": "submitted", "created_at": now, "updated_at": now}
        job |= {name: wanted.get(name) for name in (*_WANTED, "callback_url") if name in wanted}
        self.jobs.append(job)
        return as_json(201, job)

    def _list(self, call: Call) -> Reply:
        page, size = int(call.query.get("page", 1)), int(call.query.get("per_page", 50))
        newest = self.jobs[::-1]
        pages = {"current_page": page, "total_pages": -(-len(newest) // size), "total_count": len(newest), "per_page": size}
        return as_json(200, {"jobs": newest[(page - 1) * size : page * size], "pagination": pages})

    def _look(self, job: Json) -> Reply:
        seen = self._looks[job["job_id"]] = self._looks.get(job["job_id"], 0) + 1
        if job["status"] == "submitted" and seen >= self.looks:
            job["status"] = "succeeded"
        return as_json(200, job)

    def _cancel(self, job: Json) -> Reply:
        if job["status"] != "submitted":
            return as_json(400, {"error": f"the job is {job['status']}"})
        job["status"] = "cancelled"
        return as_json(200, job)

    def _results(self, job: Json) -> Reply:
        if job["status"] != "succeeded":
            return as_json(409, {"error": "the job is not finished"})
        signature = secrets.token_hex(8)
        self._signatures[signature] = job["job_id"]
        return Reply(302, b"", {"Location": f"{self.storage_url}/storage/{job['job_id']}?X-Amz-Signature={signature}"})

    def _file(self, call: Call) -> Reply:
        """What the storage does: an address with a signature and a token as well is refused."""
        job_id = call.path.removeprefix("/storage/")
        if "authorization" in call.headers or self._signatures.get(call.query.get("X-Amz-Signature", "")) != job_id:
            return Reply(403, b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
        job = next(one for one in self.jobs if one["job_id"] == job_id)
        return Reply(200, self.content(job), {"Content-Type": "binary/octet-stream"})


@contextmanager
def serve(service: MarketService, wrap: Wrap = lambda one: one) -> Iterator[str]:
    """The service on a free port until the context ends; its address. ``wrap`` may put TLS around the listening socket."""
    with listening(service.reply, wrap) as url:
        service.url, service.storage_url = url + BASE, service.storage_url or url
        yield service.url
