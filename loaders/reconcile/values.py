"""Whether two values mean the same: one from the marts, typed, and one from the API, as JSON has it.

No value at all, a field that is not there, an empty text and an empty list are one and the same. docs/decisions/0031-reconciliation.md.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

_TRUE, _FALSE = {"true", "t", "yes", "y", "1"}, {"false", "f", "no", "n", "0"}
_NOISE = Decimal("0.000000001")  # of binary fractions, as in the casts (macros/typing/cast_delivered.sql)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.,](?P<fraction>\d+))?)?\s*(Z|[+-]\d{2}(:?\d{2})?)?", re.I)


class NoSuchValue(ValueError):
    """The API's value is none of the column's type."""


def alike(ours: Any, theirs: Any, data_type: str) -> bool:
    """Whether both mean the same; ``data_type`` is DuckDB's of our column. NoSuchValue."""
    if _is_empty(theirs):
        return _is_empty(ours)
    if _is_empty(ours):
        ours = None
    if data_type.startswith("TIMESTAMP"):
        return _same_moment(ours, theirs)
    if data_type == "DATE":
        return ours == _date(theirs)
    if data_type == "BOOLEAN":
        return ours is _boolean(theirs)
    if data_type.startswith(("DECIMAL", "BIGINT", "INTEGER", "HUGEINT", "DOUBLE")):
        number = _number(theirs)
        return ours is not None and abs(Decimal(str(ours)) - number) < _NOISE
    if ours is None:
        return False
    return _same_document(_document(ours), theirs) if data_type == "JSON" else _same_text(str(ours), theirs)


def moment_of(value: Any) -> datetime | None:
    """An ISO 8601 moment as UTC without a zone, or None."""
    try:
        return _moment(value)
    except NoSuchValue:
        return None


def _is_empty(value: Any) -> bool:
    return (
        value is None or (isinstance(value, str) and value.strip() in ("", "[]", "{}")) or (isinstance(value, list | Mapping) and not value)
    )


def _same_moment(ours: datetime | None, theirs: Any) -> bool:
    """To the digit that the API writes: it may have fewer than the file."""
    moment = _moment(theirs)
    digits = len((_MOMENT.fullmatch(str(theirs).strip()) or {"fraction": None})["fraction"] or "")
    return ours is not None and abs(ours - moment) < timedelta(seconds=10 ** -min(digits, 6))


def _moment(value: Any) -> datetime:
    if not isinstance(value, str):
        raise NoSuchValue
    try:
        found = datetime.fromisoformat(value.strip().replace(",", "."))
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except (ValueError, OverflowError):
        raise NoSuchValue from None


def _date(value: Any) -> date:
    try:
        return date.fromisoformat(value.strip()[:10])
    except (AttributeError, ValueError):
        raise NoSuchValue from None


def _boolean(value: Any) -> bool:
    word = str(value).strip().lower()
    if word not in _TRUE | _FALSE:
        raise NoSuchValue
    return word in _TRUE


def _number(value: Any) -> Decimal:
    try:
        found = Decimal(str(value).strip()) if not isinstance(value, bool | list | Mapping) else Decimal("nan")
    except InvalidOperation:
        raise NoSuchValue from None
    if not found.is_finite():
        raise NoSuchValue
    return found


def _same_text(ours: str, theirs: Any) -> bool:
    if isinstance(theirs, bool):
        return ours.strip().lower() in (_TRUE if theirs else _FALSE)
    if isinstance(theirs, int | Decimal):
        return ours.strip() == str(theirs) or (not re.match(r"\s*[+-]?0\d", ours) and _number_or_none(ours) == theirs)
    if isinstance(theirs, list) and all(isinstance(one, str) for one in theirs) and not ours.lstrip().startswith("["):
        return sorted(one.strip() for one in ours.split(",")) == sorted(theirs)
    if isinstance(theirs, list | Mapping):
        return _same_document(_document(ours), theirs)
    if ours == theirs or not (_MOMENT.fullmatch(ours.strip()) and _MOMENT.fullmatch(theirs.strip())):
        return ours == theirs
    return _same_moment(_moment(ours), theirs)


def _number_or_none(text: str) -> Decimal | None:
    try:
        return _number(text)
    except NoSuchValue:
        return None


def _document(text: Any) -> Any:
    """A JSON text as what it says; any other text as itself."""
    try:
        return json.loads(text, parse_float=Decimal)
    except (TypeError, ValueError, RecursionError):
        return text


def _same_document(ours: Any, theirs: Any) -> bool:
    """Copies of records are the same if their keys are: they are not brought up to date after, and of no certain depth."""
    if _is_empty(ours) or _is_empty(theirs):
        return _is_empty(ours) and _is_empty(theirs)
    if isinstance(theirs, str) and not isinstance(ours, str):
        theirs = _document(theirs)
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        if ours.get("id") is not None and theirs.get("id") is not None:
            return str(ours["id"]) == str(theirs["id"])
        return all(_same_document(ours.get(name), theirs.get(name)) for name in ours.keys() | theirs.keys())
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(_same_document(*pair) for pair in zip(_ordered(ours), _ordered(theirs), strict=True))
    if isinstance(ours, bool) or isinstance(theirs, bool) or type(ours) in (list, dict) or type(theirs) in (list, dict):
        return ours is theirs
    numbers = _number_or_none(str(ours)), _number_or_none(str(theirs))
    return ours == theirs or (None not in numbers and numbers[0] == numbers[1] and not (isinstance(ours, str) and isinstance(theirs, str)))


def _ordered(items: list[Any]) -> list[Any]:
    """Records by their keys: nobody promises the order in which they are listed."""
    return sorted(items, key=lambda one: str(one["id"])) if all(isinstance(one, Mapping) and one.get("id") for one in items) else items
