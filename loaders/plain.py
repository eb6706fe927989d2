"""Reports as JSON knows them."""

import dataclasses
import math
from datetime import date, datetime
from typing import Any


def plain(value: Any) -> Any:
    """What JSON knows: reports are dataclasses all the way down; times as ISO 8601, everything else as its text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    is_known = value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))
    return value if is_known else str(value)
