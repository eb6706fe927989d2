"""Figures in words."""


def counted(number: int, thing: str) -> str:
    """``counted(1, "file")`` -> ``1 file``; ``counted(2000, "row")`` -> ``2,000 rows``. For what has an s in the plural."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
