"""How long a service asks us to wait, by its headers, and how long we wait of our own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"\s*(\d{1,12})(\.\d{1,9})?\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. ``look``: how long a command looks for what may have come of a request. ``settle``: how long nothing may have come of it
    before it is sent again. ``longest_wait``: a service that asks for more is left until the next command. ``patience``: how long the
    ledger is waited for."""

    first_poll: float = 5
    slowest_poll: float = 120
    first_retry: float = 1
    longest_wait: float = 900
    look: float = 30
    settle: float = 3600
    patience: float = 120
    attempts: int = 5


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer asks for; None when it asks for none. Headers' names in lower case.

    ``Retry-After`` comes first; the reset's time counts by the service's own clock; ``X-RateLimit-Reset-After`` is the length of
    the window, whatever its name says, and so the longest that waiting can be of use.
    """
    if (text := headers.get("retry-after")) is not None:
        seconds = _number(text)
        return seconds if seconds is not None else _until(_http_date(text), headers)
    if (reset := _number(headers.get("x-ratelimit-reset"))) is not None:
        return max(0.0, reset - _service_time(headers).timestamp())
    return _number(headers.get("x-ratelimit-reset-after"))


def service_skew(headers: Mapping[str, str]) -> float:
    """By how many seconds the service's clock is ahead of ours; 0 when it does not tell the time."""
    return (_service_time(headers) - datetime.now(UTC)).total_seconds()


def _service_time(headers: Mapping[str, str]) -> datetime:
    return _http_date(headers.get("date", "")) or datetime.now(UTC)


def _until(moment: datetime | None, headers: Mapping[str, str]) -> float | None:
    return max(0.0, (moment - _service_time(headers)).total_seconds()) if moment else None


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and _SECONDS.fullmatch(text) else None
