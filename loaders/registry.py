"""The registry: which topics the project knows, with their expected columns.

It is the dbt source file itself, so that Python, the staging macros and the docs site read one and the same thing.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from loaders.settings import PROJECT

REGISTRY = PROJECT / "models" / "staging" / "fortress" / "_fortress__sources.yml"


@dataclass(frozen=True, slots=True)
class Column:
    """An expected column: the vendor's spelling, and the type the marts give it."""

    name: str
    data_type: str
    description: str


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic the registry knows. ``columns`` in the registry's order."""

    name: str
    description: str
    columns: tuple[Column, ...]


@cache
def topics(path: Path = REGISTRY) -> dict[str, Topic]:
    """Every topic by name; the loader's own tables (``_files``) are none."""
    (source,) = yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]
    return {table["name"]: _topic(table) for table in source["tables"] if not table["name"].startswith("_")}


def modelled_topics() -> set[str]:
    """The topics that have models: what the build makes marts of."""
    return {path.stem for path in (PROJECT / "models" / "marts" / "current").glob("*.sql")}


def _topic(table: dict) -> Topic:
    columns = [Column(one["name"], one["data_type"], one.get("description", "")) for one in table.get("columns", [])]
    return Topic(table["name"], table.get("description", ""), tuple(columns))
