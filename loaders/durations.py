"""Durations as people write them: ``30s``, ``5m``, ``1h``, ``2d``."""

import re
from datetime import timedelta

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = timedelta(days=365)
_FORM = re.compile(r"([0-9]{1,8})([smhd])")


def parse_duration(text: str) -> timedelta:
    """``5m`` as a duration; ValueError, which says what is understood, for anything else, for nothing and for over a year."""
    found = _FORM.fullmatch(text.strip().lower())
    duration = timedelta(seconds=int(found[1]) * _SECONDS[found[2]]) if found else timedelta(0)
    if not timedelta(0) < duration <= _LONGEST:
        raise ValueError(f"{text!r} is no duration: write a whole number and s, m, h or d, like 30s, 5m or 1h")
    return duration


def in_words(duration: timedelta) -> str:
    """The shortest spelling that is exact to the second: ``90s``, ``5m``, ``1h``."""
    seconds = round(duration.total_seconds())
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % _SECONDS[unit] == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"
