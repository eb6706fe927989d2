"""Names and values as the contract's section 6 has them: delivered text in, typed values out."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

Value = str | datetime | date | bool | Decimal | int | None

_TIMESTAMP = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})"
    r"([T ](?P<time>\d{2}:\d{2}(:\d{2})?)(\.(?P<fraction>\d+))?(?P<zone>Z|[+-]\d{2}(:?\d{2})?)?)?",
    re.ASCII,
)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_BINARY_NOISE = Decimal("0.000000001")
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_BOOLEANS = {**dict.fromkeys(("true", "t", "1", "yes", "y"), True), **dict.fromkeys(("false", "f", "0", "no", "n"), False)}


def snake_case(name: str) -> str:
    """``propertyId`` -> ``property_id`` (section 6)."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def typed(text: str | None, type_name: str) -> Value:
    """``text`` as a value of ``type_name``; text that does not cast is null (section 6)."""
    return None if text is None else _CASTS[type_name](text)


def _timestamp(text: str) -> datetime | None:
    """ISO-8601; an offset is converted to UTC, none means UTC; microseconds, further digits are cut off."""
    match = _TIMESTAMP.fullmatch(text.strip())
    if not match:
        return None
    fraction = (match["fraction"] or "")[:6].ljust(6, "0")
    try:
        moment = datetime.fromisoformat(f"{match['day']}T{match['time'] or '00:00'}{match['zone'] or 'Z'}")
        return moment.astimezone(UTC).replace(microsecond=int(fraction), tzinfo=None)
    except (ValueError, OverflowError):  # the digits are no day, no time or no offset
        return None


def _date(text: str) -> date | None:
    """The day that is written, with or without a time of day behind it."""
    match = _TIMESTAMP.fullmatch(text.strip())
    try:
        return date.fromisoformat(match["day"]) if match else None
    except ValueError:
        return None


def _boolean(text: str) -> bool | None:
    return _BOOLEANS.get(text.strip().lower())


def _decimal(text: str) -> Decimal | None:
    """At most 12 digits before the point and 6 after it; what would need rounding by more than binary noise does not cast."""
    if not _NUMBER.fullmatch(text.strip()) or abs(Decimal(text)) >= 10**12:
        return None
    six_digits = Decimal(text).quantize(Decimal("0.000001"))
    return six_digits if abs(six_digits - Decimal(text)) < _BINARY_NOISE else None


def _integer(text: str) -> int | None:
    return int(text) if _INTEGER.fullmatch(text) else None


_CASTS: dict[str, Callable[[str], Value]] = {
    "text": str,
    "timestamp": _timestamp,
    "date": _date,
    "boolean": _boolean,
    "decimal": _decimal,
    "integer": _integer,
}
