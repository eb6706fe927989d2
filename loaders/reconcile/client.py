"""The platform's REST API, as far as it is asked: lists, counts and single records. There is no way in here to change anything.

Conventions: docs of the vendor, which contradict each other on pages (from 0, from 1), sorting and limits. So each is found out.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import UnionType
from typing import Any
from urllib.parse import quote

from loaders.errors import NotOffered, ReadFailed
from loaders.progress import Progress
from loaders.reconcile.settings import ApiSettings
from loaders.seam import shown
from loaders.web.answers import Answer, Wording, good
from loaders.web.http import open_http, send
from loaders.web.retries import Retries
from loaders.web.secrets import without_secrets
from loaders.web.waits import Pace

Record = Mapping[str, Any]
_WORDING = Wording("key", "FORTRESS_API_URL", NotOffered, "the API has nothing there, or not for this key")
_WRAPPED = ("data", "items", "results", "records")  # what a list or a record may be wrapped in
_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of a list; ``total`` is the whole list's length, None where the API does not say it."""

    records: tuple[Record, ...]
    total: int | None


class Api:
    """The API, for one key. ``sleep`` waits for seconds."""

    def __init__(self, settings: ApiSettings, pace: Pace, say: Progress, sleep: Callable[[float], None] = time.sleep):
        self._settings, self._retries = settings, Retries(pace, say, "reconcile", sleep)
        self._http = open_http()
        self.asked = 0

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def listed(self, path: str, query: Mapping[str, Any]) -> Listed:
        """A page; RequestRefused where the API does not take the query, NotOffered where it has no such list, and the usual errors."""
        return self._retries.after()(self._listed, path, query)

    def record(self, path: str, record_id: str) -> Record | None:
        """One record by its address; None when there is none."""
        return self._retries.after()(self._record, f"{path}/{quote(record_id, safe='')}", path)

    def _listed(self, path: str, query: Mapping[str, Any]) -> Listed:
        answer = self._get(path, query, path)
        document = _unwrapped(_parsed(answer), list)
        if not isinstance(document, list):
            raise ReadFailed(f"{answer.asked}: the API answered without a list.")
        return Listed(tuple(one for one in document if isinstance(one, Mapping)), _total(answer))

    def _record(self, address: str, path: str) -> Record | None:
        try:
            answer = self._get(address, {}, f"{path}/...")
        except NotOffered:
            return None
        document = _unwrapped(_parsed(answer), Mapping | list)
        if isinstance(document, list) and len(document) == 1:
            (document,) = document
        if not isinstance(document, Mapping):
            raise ReadFailed(f"{answer.asked}: the API answered without a record.")
        return document

    def _get(self, path: str, query: Mapping[str, Any], named: str) -> Answer:
        """``named``: the path in messages, without a record's key."""
        self.asked += 1
        key = self._settings.key or ""
        asked = f"GET {self._settings.host}{named}"
        headers = {"x-api-key": key, "Accept": "application/json"}
        with without_secrets(lambda: [key] if key else []):
            return good(send(self._http, "GET", self._settings.url + path, asked, headers=headers, params=dict(query)), _WORDING)


def _parsed(answer: Answer) -> Any:
    """The body, its numbers exact. A failing answer is one that is no JSON: its text is not quoted, it may be half a record."""
    try:
        return json.loads(answer.body, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError):
        kind = shown(answer.headers.get("content-type", "unknown")[:60])
        raise ReadFailed(f"{answer.asked}: the API's answer is not JSON ({len(answer.body):,} bytes, said to be {kind}).") from None


def _no_number(text: str) -> None:
    raise ValueError(text)


def _unwrapped(document: Any, kind: type | UnionType) -> Any:
    """What is in a wrapper, when that is all there is of its kind."""
    if isinstance(document, Mapping) and "id" not in document:
        return next((document[name] for name in _WRAPPED if isinstance(document.get(name), kind)), document)
    return document


def _total(answer: Answer) -> int | None:
    text = answer.headers.get("x-total-count", "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def ids_of(records: Sequence[Record]) -> list[str]:
    """Their keys, in their order, each once; what has no key that could be one is left out."""
    return list(dict.fromkeys(one for record in records if (one := id_of(record))))


def id_of(record: Record) -> str | None:
    """A record's key; None when it has none that could be one of ours."""
    found = next((value for name, value in record.items() if name.lower() == "id"), None)
    text = str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""
    return text if 0 < len(text) <= 200 and text.isprintable() else None
