"""How much a single file may change before somebody has to look: `vars` in dbt_project.yml.

    vars:
      gates: {changes_delete: 0.2}
      gates_by_topic: {activities: {column_empties: null}, screenings: off}

What is not named has the default below. A share is a number from 0 to 1; null, false or off switches a gate off.
docs/decisions/0018 and 0036.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from loaders.errors import SettingsError
from loaders.settings import PROJECT

VARIABLES = ("gates", "gates_by_topic")


@dataclass(frozen=True, slots=True)
class Gates:
    """A topic's limits, shares but for ``columns_added``; a file at the limit passes, one beyond it is held."""

    minimum_records: int = 100  # of a topic with fewer records, a share says little: no file of it is held for them
    minimum_updates: int = 20  # the same of a file's updates, for ``column_empties``
    minimum_files: int = 10  # the same of an organization's CSV files, for ``last_line_open``
    snapshot_shrinks: float | None = 0.3  # a later snapshot with that many fewer records than the topic has
    snapshot_forgets: float | None = 0.5  # a later snapshot that lacks that many of the topic's ids
    changes_delete: float | None = 0.3  # a change file that deletes that many of the topic's records
    column_empties: float | None = 0.5  # a column that no update of a file fills, and that many of the updates before did
    last_line_open: float | None = 0.05  # a CSV file whose last line does not end, when at most that many of those before were so
    columns_added: int | None = 200  # a file that brings that many columns which neither the topic's table nor the registry has


_NUMBERS = frozenset({"minimum_records", "minimum_updates", "minimum_files"})  # which cannot be switched off
NO_GATES = Gates(
    snapshot_shrinks=None, snapshot_forgets=None, changes_delete=None, column_empties=None, last_line_open=None, columns_added=None
)


@dataclass(frozen=True, slots=True)
class GateSettings:
    """The limits, and the exceptions by topic."""

    default: Gates = Gates()
    by_topic: Mapping[str, Gates] = field(default_factory=dict)

    def of(self, topic: str) -> Gates:
        """The limits in force for a topic."""
        return self.by_topic.get(topic, self.default)

    def refuse_unknown(self, topics: Collection[str]) -> None:
        """SettingsError for an exception that names no topic: a typing error would have no effect."""
        if unknown := self.by_topic.keys() - set(topics):
            raise SettingsError(f"dbt_project.yml: gates_by_topic names {', '.join(sorted(unknown))}, and there is no such topic.")


@cache
def load_gates(path: Path = PROJECT / "dbt_project.yml") -> GateSettings:
    """The gates as the project sets them; the defaults where it says nothing. SettingsError for what is no limit."""
    project = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) if path.is_file() else None
    variables = (project or {}).get("vars") or {}
    default = _changed(Gates(), variables.get("gates") or {}, "gates")
    by_topic = variables.get("gates_by_topic") or {}
    return GateSettings(default, {topic: _changed(default, given, f"gates_by_topic.{topic}") for topic, given in by_topic.items()})


def _changed(gates: Gates, given: Any, where: str) -> Gates:
    if given is None or given is False:
        return NO_GATES
    known = asdict(gates)
    if not isinstance(given, Mapping) or given.keys() - known.keys():
        raise SettingsError(f"dbt_project.yml: {where} may name {', '.join(known)}, and nothing else.")
    return replace(gates, **{name: _limit(name, value, where) for name, value in given.items()})


def _limit(name: str, value: Any, where: str) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if name not in _NUMBERS and (value is None or value is False):
        return None
    if name in _NUMBERS or name == "columns_added":
        if not (is_number and value >= 0):
            off = ", or null to switch it off" if name == "columns_added" else ""
            what = {"columns_added": "columns", "minimum_files": "files"}.get(name, "records")
            raise SettingsError(f"dbt_project.yml: {where}.{name} is {value!r}, and must be a number of {what}{off}.")
        return int(value)
    if not (is_number and 0 <= value <= 1):
        raise SettingsError(f"dbt_project.yml: {where}.{name} is {value!r}, and must be a share from 0 to 1, or null to switch it off.")
    return float(value)
