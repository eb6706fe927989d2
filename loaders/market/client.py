"""The service's calls, each with the retries it bears.

What only reads is repeated after whatever may pass by itself. A request for a new job is repeated only when it surely made none:
after a refused connection, a 401 and a 429. Any other failure of it is `Unanswered`, for the caller to look into.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import tenacity

from loaders.errors import AccessRefused, LoaderError, NoSuchJob, RateLimited, ReadFailed, RequestRefused, ServerUnreachable, TryAgain
from loaders.market.jobs import Request, ServiceJob, parse_job
from loaders.market.settings import MarketSettings, require_credentials
from loaders.market.token import Tokens
from loaders.progress import Progress
from loaders.seam import without
from loaders.web.answers import Answer, Wording, good
from loaders.web.http import NotSent, open_http, safe_target, send
from loaders.web.retries import Retries
from loaders.web.secrets import without_secrets
from loaders.web.waits import Pace, service_skew

_JOBS = "/bulk_api/jobs"
_PER_PAGE = 100
_MOST_PAGES = 200
_WORDING = Wording("token", "FORTRESS_MARKET_URL", NoSuchJob, "there is no such job, or it is another account's")


class Unanswered(ServerUnreachable):
    """A request for a job may have arrived, and its answer did not: there may be a job, or none."""


class TooManyAtOnce(RequestRefused):
    """The service takes fewer properties in one job."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the list of jobs, newest first. ``skew``: seconds by which the service's clock is ahead of ours."""

    jobs: tuple[ServiceJob, ...]
    is_last: bool
    skew: float


class Client:
    """The service, for one account. ``sleep`` waits for seconds."""

    def __init__(self, settings: MarketSettings, pace: Pace, say: Progress, sleep: Callable[[float], None] = time.sleep):
        self._settings, self._retries = require_credentials(settings), Retries(pace, say, "market", sleep)
        self._http = open_http()
        self._tokens = Tokens(settings, self._fetch_token)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def prepare(self) -> None:
        """Have a token at hand, so that what is said to be sent has left this machine; AccessRefused, NotSent, RateLimited."""
        with self.without_secrets():
            self.repeating((RateLimited, NotSent))(self._tokens.current)

    def create(self, request: Request, callback_url: str | None = None) -> ServiceJob:
        """Ask for a job, once. TooManyAtOnce; Unanswered when nobody knows whether there is one; any other error: there is none."""
        try:
            answer = self._call("POST", _JOBS, (RateLimited, NotSent), json=request.body(callback_url))
            return self._job(answer)
        except (RateLimited, NotSent):
            raise
        except RequestRefused as error:
            raise (TooManyAtOnce(str(error)) if _is_about_number(str(error)) and len(request.property_ids) > 1 else error) from None
        except TryAgain as error:  # a 5xx, no answer, or one without an id: the job may be there all the same
            raise Unanswered(str(error)) from None

    def status(self, job_id: str) -> ServiceJob:
        """A job as it is now; NoSuchJob."""
        return self._job(self._call("GET", f"{_JOBS}/{job_id}"))

    def cancel(self, job_id: str) -> None:
        """Ask for a job's end; NoSuchJob, RequestRefused when it has ended."""
        self._call("DELETE", f"{_JOBS}/{job_id}")

    def pages(self) -> Iterator[Page]:
        """The account's jobs, newest first. A list that does not say how many pages it has ends with one that brings nothing new."""
        seen: set[str] = set()
        for number in range(1, _MOST_PAGES + 1):
            page = self._page(number)
            yield page
            if page.is_last or seen.issuperset(job.job_id for job in page.jobs):
                return
            seen.update(job.job_id for job in page.jobs)

    def result_address(self, job_id: str) -> httpx.URL:
        """Where a finished job's file is to be fetched from now, without our token; NoSuchJob, AccessRefused for unsafe places."""
        path = f"{_JOBS}/{job_id}/results"
        try:
            answer = self._call("GET", path)
        except RequestRefused as error:  # the job has succeeded: what is not ready yet will be
            raise ReadFailed(f"{error} It may not be ready yet.") from None
        location = answer.headers.get("location")
        if not 300 <= answer.status < 400 or not location:
            raise ReadFailed(f"{answer.asked} ({answer.status}): the service names no place to fetch the file from.")
        return safe_target(location, self._settings.url + path, answer.asked)

    def repeating(self, kinds: tuple[type[LoaderError], ...] = (TryAgain,)) -> tenacity.Retrying:
        """What calls a function again after errors of these kinds, with growing pauses, or those that the service asks for."""
        return self._retries.after(kinds)

    def _page(self, number: int) -> Page:
        answer = self._call("GET", _JOBS, params={"page": number, "per_page": _PER_PAGE})
        with self.without_secrets():
            document = answer.document
        listed = document.get("jobs") if isinstance(document, dict) else document
        if not isinstance(listed, list):
            raise ReadFailed(f"{answer.asked}: the service answered without a list of jobs.")
        pages = _total_pages(document.get("pagination")) if isinstance(document, dict) else None
        jobs = tuple(job for job in map(parse_job, listed) if job)  # what has no id cannot be ours
        return Page(jobs, not listed or (pages is not None and number >= pages), service_skew(answer.headers))

    def _job(self, answer: Answer) -> ServiceJob:
        with self.without_secrets():
            job = parse_job(answer.document)
        if job is None:
            raise ReadFailed(f"{answer.asked} ({answer.status}): the service answered without a job's id.")
        return replace(job, message=job.message and without(self._tokens.secrets, job.message))

    def _call(self, method: str, path: str, kinds: tuple[type[LoaderError], ...] = (TryAgain,), **content: Any) -> Answer:
        return self.repeating(kinds)(self._once, method, path, content)

    def _once(self, method: str, path: str, content: dict[str, Any]) -> Answer:
        asked = f"{method} {self._settings.host}{path}"
        with self.without_secrets():
            for _ in range(2):
                headers = {"Authorization": f"Bearer {self._tokens.current()}"}
                answer = send(self._http, method, self._settings.url + path, asked, headers=headers, **content)
                if answer.status != 401 or not self._tokens.renew():
                    break
            return good(answer, _WORDING, may_redirect=path.endswith("/results"))

    def _fetch_token(self, url: str, form: dict[str, str]) -> Answer:
        try:
            return good(send(self._http, "POST", url, f"POST {httpx.URL(url).host}{httpx.URL(url).path}", data=form), _WORDING)
        except (ServerUnreachable, ReadFailed) as error:
            raise NotSent(str(error)) from None  # so far nothing was asked of the service itself
        except RequestRefused as error:  # 400 invalid_client
            raise AccessRefused(str(error)) from None

    def without_secrets(self) -> AbstractContextManager[None]:
        """Within: no error's message holds a secret, though a service may send it back."""
        return without_secrets(lambda: self._tokens.secrets)


def _is_about_number(text: str) -> bool:
    """Whether a refusal says that there are too many properties, in whatever words."""
    words = text.lower()
    is_long = any(
        one in words for one in ("too many", "at most", "maximum", "exceed", "limit", "too large", "too long", "(413)", "no more than")
    )
    return is_long and any(one in words for one in ("propert", "ids", "(413)", "payload", "entity"))


def _total_pages(pagination: Any) -> int | None:
    """How many pages a list says that it has; None when it does not say it."""
    text = str(pagination.get("total_pages")) if isinstance(pagination, dict) else ""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None
