"""What a service's answer means: the status first, then whatever its body may be (nothing, a sentence, JSON, a page).

Which statuses there are, that a 403 may be empty and a 429 text or JSON, and that some errors follow RFC 7807, is the vendors'
documentation.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loaders.errors import AccessRefused, LoaderError, QuotaUsedUp, RateLimited, ReadFailed, RequestRefused
from loaders.seam import shown
from loaders.web.waits import asked_wait

_LONGEST_SAID = 300


@dataclass(frozen=True, slots=True)
class Wording:
    """What messages call a service's things: its ``credential``, where its address is set, and what a 404 is."""

    credential: str
    address: str
    missing: type[LoaderError]
    missing_says: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose body was read whole; ``headers`` by their names in lower case. ``asked``: the method and path, for messages."""

    asked: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON; ReadFailed when it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise ReadFailed(f"{self.asked}: the service's answer is not JSON: {shown(self.said)}") from None

    @property
    def said(self) -> str:
        """The body in words, cut: of JSON its errors, of anything else the text."""
        text = self.body[: _LONGEST_SAID * 4].decode("utf-8", errors="replace").strip()
        try:
            words = list(_errors(json.loads(self.body)))
        except (ValueError, RecursionError):
            words = []
        return ("; ".join(words) or text)[:_LONGEST_SAID]


def _errors(document: Any) -> Iterator[str]:
    if isinstance(document, Mapping):
        found = [document[name] for name in ("error", "message", "errors", "error_message", "title", "detail") if document.get(name)]
        yield from (str(one) for value in found for one in (value if isinstance(value, list) else [value]))
        if "quota_limit" in document or "quota_usage" in document:
            yield f"{document.get('quota_usage')} used of {document.get('quota_limit')}"


def good(answer: Answer, wording: Wording, may_redirect: bool = False) -> Answer:
    """The answer; what it refuses is raised, and so is a redirect that nobody expects."""
    if error := refusal(answer, wording):
        raise error
    if 300 <= answer.status < 400 and not may_redirect:
        raise RequestRefused(f"{answer.asked} ({answer.status}): the service is elsewhere: correct {wording.address}.")
    return answer


def refusal(answer: Answer, wording: Wording) -> LoaderError | None:
    """The error that an answer is; None when it is a good one (2xx, 3xx)."""
    said = f": {shown(answer.said)}" if answer.said else ""
    where = f"{answer.asked} ({answer.status})"
    if answer.status < 400:
        return None
    if answer.status in (403, 429) and _is_about_quota(answer):
        return QuotaUsedUp(f"{where}{said}. The account's quota is used up: ask the vendor, or wait until it is renewed.")
    if answer.status == 429:
        seconds = asked_wait(answer.headers)
        waits = f" It asks to wait {seconds:,.0f} s." if seconds is not None else ""
        return RateLimited(f"{where}: too many requests{said}.{waits}", seconds)
    return _plain_refusal(answer.status, where, said, wording)


def _is_about_quota(answer: Answer) -> bool:
    """A quota does not renew itself within minutes, as a rate limit does: which of them a 429 is, its words say, and its figures."""
    words = answer.said.lower()
    is_rate = answer.status == 429 and ("rate" in re.findall("[a-z]+", words) or "too many requests" in words)
    return "quota_limit" in answer.body.decode("utf-8", errors="replace") or ("quota" in words and not is_rate)


def _plain_refusal(status: int, where: str, said: str, wording: Wording) -> LoaderError:
    if status == 401:
        return AccessRefused(f"{where}: the {wording.credential} is missing, wrong or expired{said}. Have the credentials put in order.")
    if status == 403:
        why = said or ": the service gives no reason"
        return AccessRefused(f"{where}{why}. The account lacks the permission or the feature, or its quota is used up: ask the vendor.")
    if status in (404, 410):
        return wording.missing(f"{where}: {wording.missing_says}{said}.")
    if status in (408, 425) or status >= 500:
        return ReadFailed(f"{where}: the service failed{said}. Try again later.")
    return RequestRefused(f"{where}: the service refuses the request{said}.")
