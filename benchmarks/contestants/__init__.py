"""Who takes part: each is a command that takes what is new in a folder of exports into a database, and where its answer stands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Answer:
    """Where a contestant's tables stand, and the queries that give them under the names of ``answers.COLUMNS``.

    ``history`` is None for who makes none; ``history_columns`` names what of it is compared, where that is not everything.
    """

    database: Path
    current: str
    history: str | None
    history_columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Contestant:
    """A name, a process that brings ``home`` up to date with ``exports``, and the answer in it; a yardstick has none."""

    name: str
    command: Callable[[Path, Path], list[str]]
    answer: Callable[[Path], Answer] | None
    environment: Callable[[Path, Path], Mapping[str, str]] = field(default=lambda exports, home: {})
    topics: bool = True  # takes every topic that is delivered, and not the busy one alone
