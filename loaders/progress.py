"""What a command says while it works: lines for people, with the facts in them for whatever reads its log."""

from collections.abc import Callable
from typing import Any, Literal

Level = Literal["info", "warning", "error"]


class Line(str):
    """One line of progress. It is the text that a person reads, so whatever takes a text takes it; the rest is for the log.

    ``message`` is the text without what aligns it, ``step`` the part of a run that says it (sync, build, publish, run, watch),
    and ``facts`` what the text was made of, under stable names: organization, topic, file, rows, status, ...
    """

    message: str
    step: str | None
    level: Level
    facts: dict[str, Any]

    def __new__(cls, message: str, *, step: str | None = None, text: str | None = None, level: Level = "info", **facts: Any) -> "Line":
        """``text`` is for people, where it differs from ``message``."""
        line = super().__new__(cls, message if text is None else text)
        line.message, line.step, line.level, line.facts = message, step, level, facts
        return line


Progress = Callable[[str], None]  # a plain text is a line without facts


def heading(step: str, message: str, **facts: Any) -> Line:
    """A step begins: its name in a column of its own."""
    return Line(message, step=step, text=f"{step:<9}{message}", **facts)


def detail(step: str, line: str) -> Line:
    """Something within a step, below its heading; facts that ``line`` has stay."""
    known = line if isinstance(line, Line) else Line(line)
    return Line(known.message, step=known.step or step, text=f"{'':9}{known}", level=known.level, **known.facts)


def within(step: str, progress: Progress) -> Progress:
    """Progress for what does not know which step it is part of."""
    return lambda line: progress(detail(step, line))
