"""The service's calls, each with the retries it bears.

What only reads is repeated after whatever may pass by itself. A request for a new job is repeated only when it surely made none:
after a refused connection, a 401 and a 429. Any other failure of it is `Unanswered`, for the caller to look into.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import tenacity

from loaders.errors import AccessRefused, LoaderError, RateLimited, ReadFailed, RequestRefused, ServerUnreachable, TryAgain
from loaders.market.answers import Answer, refusal
from loaders.market.http import NotSent, open_http, safe_target, send
from loaders.market.jobs import Request, ServiceJob, parse_job
from loaders.market.settings import MarketSettings, require_credentials
from loaders.market.token import Tokens
from loaders.market.waits import Pace, service_skew
from loaders.progress import Line, Progress

_JOBS = "/bulk_api/jobs"
_PER_PAGE = 100
_MOST_PAGES = 200


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
        self._settings, self._pace, self._say, self._sleep = require_credentials(settings), pace, say, sleep
        self._http = open_http()
        self._tokens = Tokens(settings, self._fetch_token)

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

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
        """The account's jobs, newest first."""
        for number in range(1, _MOST_PAGES + 1):
            page = self._page(number)
            yield page
            if page.is_last:
                return

    def result_address(self, job_id: str) -> httpx.URL:
        """Where a finished job's file is to be fetched from now, without our token; NoSuchJob, AccessRefused for unsafe places."""
        answer = self._call("GET", f"{_JOBS}/{job_id}/results")
        location = answer.headers.get("location")
        if not 300 <= answer.status < 400 or not location:
            raise ReadFailed(f"{answer.asked} ({answer.status}): the service names no place to fetch the file from.")
        return safe_target(location, self._settings.url, answer.asked)

    def repeating(self, kinds: tuple[type[LoaderError], ...] = (TryAgain,)) -> tenacity.Retrying:
        """What calls a function again after errors of these kinds, with growing pauses, or those that the service asks for."""
        return tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._pace.attempts),
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, kinds) and self._may_wait(error)),
            wait=self._wait,
            sleep=self._sleep,
            before_sleep=self._tell,
            reraise=True,
        )

    def _page(self, number: int) -> Page:
        answer = self._call("GET", _JOBS, params={"page": number, "per_page": _PER_PAGE})
        with self.without_secrets():
            document = answer.document
        listed = document.get("jobs") if isinstance(document, dict) else document
        if not isinstance(listed, list):
            raise ReadFailed(f"{answer.asked}: the service answered without a list of jobs.")
        pages = _whole_number((document.get("pagination") or {}).get("total_pages")) if isinstance(document, dict) else None
        is_last = number >= pages if pages is not None else len(listed) < _PER_PAGE
        jobs = tuple(job for job in map(parse_job, listed) if job)  # what has no id cannot be ours
        return Page(jobs, is_last or not listed, service_skew(answer.headers))

    def _job(self, answer: Answer) -> ServiceJob:
        with self.without_secrets():
            job = parse_job(answer.document)
        if job is None:
            raise ReadFailed(f"{answer.asked} ({answer.status}): the service answered without a job's id.")
        return replace(job, message=self._cleaned(job.message))

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
            return _good(answer, is_result=path.endswith("/results"))

    def _fetch_token(self, url: str, form: dict[str, str]) -> Answer:
        try:
            return _good(send(self._http, "POST", url, f"POST {httpx.URL(url).host}{httpx.URL(url).path}", data=form))
        except (ServerUnreachable, ReadFailed) as error:
            raise NotSent(str(error)) from None  # so far nothing was asked of the service itself
        except RequestRefused as error:  # 400 invalid_client
            raise AccessRefused(str(error)) from None

    @contextmanager
    def without_secrets(self) -> Iterator[None]:
        """Within: no error's message holds a secret, though a service may send it back."""
        try:
            yield
        except LoaderError as error:
            error.args = tuple(self._cleaned(one) for one in error.args)
            raise

    def _cleaned(self, text: Any) -> Any:
        for secret in self._tokens.secrets if isinstance(text, str) else ():
            text = text.replace(secret, "***")
        return text

    def _may_wait(self, error: BaseException) -> bool:
        return (getattr(error, "seconds", None) or 0) <= self._pace.longest_wait

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = getattr(error, "seconds", None)
        usual = min(self._pace.first_retry * 2 ** (state.attempt_number - 1), self._pace.longest_wait)
        return (usual if asked is None else max(asked, 0.0)) * random.uniform(1, 1.25)

    def _tell(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        seconds = state.next_action.sleep if state.next_action else 0
        self._say(Line(f"{error} Trying again in {seconds:.0f} s.", step="market", level="warning", seconds=round(seconds, 1)))


def _good(answer: Answer, is_result: bool = False) -> Answer:
    """The answer; what it refuses is raised, and so is a redirect that nobody expects."""
    if error := refusal(answer):
        raise error
    if 300 <= answer.status < 400 and not is_result:
        raise RequestRefused(f"{answer.asked} ({answer.status}): the service is elsewhere: correct FORTRESS_MARKET_URL.")
    return answer


def _is_about_number(text: str) -> bool:
    """Whether a refusal says that there are too many properties, in whatever words."""
    words = text.lower()
    is_long = any(
        one in words for one in ("too many", "at most", "maximum", "exceed", "limit", "too large", "too long", "(413)", "no more than")
    )
    return is_long and any(one in words for one in ("propert", "ids", "(413)", "payload", "entity"))


def _whole_number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
