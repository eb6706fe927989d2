"""The registry: which topics the project knows, with their expected columns.

It is the dbt source file itself, so that Python, the staging macros and the docs site read one and the same thing.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from loaders.errors import RegistryRefused
from loaders.settings import PROJECT

PII = ("identifier", "security", "sensitive")
_TYPES = re.compile(r"text|timestamp|date|boolean|bigint|json|decimal\(\d+,\d+\)")
_TOPIC_META = {"label", "record", "group", "restricted"}
_COLUMN_META = {"evidence", "references", "pii", "values"}

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
    """Every topic by name; the loader's own tables (``_files``) are none. RegistryRefused, with all that is wrong, otherwise."""
    try:
        (source,) = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["sources"]
    except (yaml.YAMLError, ValueError, KeyError, TypeError) as error:
        raise RegistryRefused(f"{path}: this cannot be read as the registry: {error}") from None
    tables = [table for table in source["tables"] if not table["name"].startswith("_")]
    if wrong := [line for table in tables for line in _what_is_wrong(table)]:
        raise RegistryRefused("\n  ".join([f"{path}:", *wrong]))
    return {table["name"]: _topic(table) for table in tables}


def modelled_topics() -> set[str]:
    """The topics that have models: what the build makes marts of."""
    return {path.stem for path in (PROJECT / "models" / "marts" / "current").glob("*.sql")}


def _what_is_wrong(table: dict) -> list[str]:
    """Every fault of an entry, in words. What is not understood is refused: a misspelt mark would publish a person's data."""
    topic, meta = table["name"], table.get("config", {}).get("meta", {})
    found = [f"{topic}: config: meta: needs {key}" for key in sorted(_TOPIC_META - meta.keys())]
    found += [f"{topic}: config: meta: knows no {key}" for key in sorted(meta.keys() - _TOPIC_META)]
    found += [] if table.get("description") else [f"{topic}: needs a description"]
    names = [column.get("name") for column in table.get("columns", [])]
    found += [f"{topic}: {name} is listed twice" for name in sorted({str(name) for name in names if names.count(name) > 1})]
    return found + [
        f"{topic}.{column.get('name')}: {fault}" for column in table.get("columns", []) for fault in _what_is_wrong_with(column)
    ]


def _what_is_wrong_with(column: dict) -> list[str]:
    meta = column.get("config", {}).get("meta", {})
    found = [f"needs {key}" for key in ("name", "data_type", "description") if not column.get(key)]
    found += [
        f"knows no {key} (meta stands in config: {{meta: ...}})"
        for key in sorted(column.keys() - {"name", "data_type", "description", "config", "data_tests"})
    ]
    found += [f"meta knows no {key}, only {', '.join(sorted(_COLUMN_META))}" for key in sorted(meta.keys() - _COLUMN_META)]
    if meta.get("pii") not in (None, *PII):
        found.append(f"pii is one of {', '.join(PII)}, not {meta['pii']}")
    if column.get("data_type") and not _TYPES.fullmatch(str(column["data_type"])):
        found.append(f"data_type is one of text, timestamp, date, boolean, bigint, json, decimal(p,s), not {column['data_type']}")
    return found


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
