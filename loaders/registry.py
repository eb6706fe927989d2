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
    """An expected column: the vendor's spelling, and the type the marts give it.

    ``pii`` is ``identifier``, ``security`` or ``sensitive``, or None; ``references`` the topic whose ``id`` it holds, or None.
    """

    name: str
    data_type: str
    description: str
    pii: str | None = None
    references: str | None = None


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic the registry knows. ``columns`` in the registry's order; ``record`` is one of them in words: ``a work order``."""

    name: str
    description: str
    columns: tuple[Column, ...]
    label: str
    record: str
    group: str
    restricted: bool


@cache
def topics(path: Path = REGISTRY) -> dict[str, Topic]:
    """Every topic by name; the loader's own tables (``_files``) are none."""
    (source,) = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["sources"]
    return {table["name"]: _topic(table) for table in source["tables"] if not table["name"].startswith("_")}


def modelled_topics() -> set[str]:
    """The topics that have models: what the build makes marts of."""
    return {path.stem for path in (PROJECT / "models" / "marts" / "current").glob("*.sql")}


def _topic(table: dict) -> Topic:
    meta = table["config"]["meta"]
    return Topic(
        name=table["name"],
        description=table["description"],
        columns=tuple(_column(one) for one in table.get("columns", [])),
        label=meta["label"],
        record=meta["record"],
        group=meta["group"],
        restricted=meta["restricted"],
    )


def _column(entry: dict) -> Column:
    meta = entry.get("config", {}).get("meta", {})
    return Column(entry["name"], entry["data_type"], entry["description"], meta.get("pii"), meta.get("references"))
