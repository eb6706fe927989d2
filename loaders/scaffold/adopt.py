"""A registry entry for a topic that was delivered and that nobody knew: what was seen, in words, and no delivered value."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import duckdb

from loaders.conventions import snake_case, type_by_name
from loaders.errors import ScaffoldRefused
from loaders.privacy import kind_by_name
from loaders.registry import REGISTRY, topics
from loaders.scaffold.yaml_text import InlineMapping, dump
from loaders.warehouse import quote, table_columns, topic_tables

_IMAGE = "_op is distinct from 'D'"  # a deletion may carry the key alone, and says nothing of how a column is filled

TECHNICAL = ("_organization_id", "_file_id", "_row_number", "_op")

# A type is guessed from values only where the name's convention says text, and only when every value reads as it.
_GUESSES = {
    "boolean": "regexp_full_match({text}, '(?i)true|false')",
    "json": "regexp_full_match({text}, '(?s)\\s*[\\[{{].*') and json_valid({text})",
    "date": "regexp_full_match({text}, '\\d{{4}}-\\d{{2}}-\\d{{2}}')",
    "timestamp": "regexp_full_match({text}, '\\d{{4}}-\\d{{2}}-\\d{{2}}[T ]\\d{{2}}:\\d{{2}}.*')",
    # Digits with a leading zero are a code, and so is a number with a name of its own (see _is_key).
    "bigint": "regexp_full_match({text}, '-?(0|[1-9]\\d{{0,17}})')",
    "decimal(18,6)": "regexp_full_match({text}, '-?(0|[1-9]\\d{{0,11}})(\\.\\d{{1,6}})?')",
}


@dataclass(frozen=True, slots=True)
class SeenColumn:
    """A delivered column of an unknown topic: its rows with a value, how many different ones, and the type they are given."""

    name: str
    filled: int
    distinct: int
    data_type: str


def unknown_topics(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The topics that have a table in raw and no entry in the registry."""
    return [topic for topic in topic_tables(connection) if topic not in topics()]


def adopt(connection: duckdb.DuckDBPyConnection, topic: str, registry: Path = REGISTRY) -> str:
    """Write an entry for ``topic`` at the end of the registry and give its text; ScaffoldRefused when that cannot be."""
    _refuse_if_impossible(connection, topic)
    (rows,) = connection.execute(f"select count(*) from raw.{quote(topic)} where {_IMAGE}").fetchone()
    entry = _entry(topic, rows, [_look_at(connection, topic, name) for name in _listable_columns(connection, topic)])
    text = registry.read_text(encoding="utf-8")
    registry.write_text(text.rstrip("\n") + "\n" + entry, encoding="utf-8")
    topics.cache_clear()
    return entry


def _refuse_if_impossible(connection: duckdb.DuckDBPyConnection, topic: str) -> None:
    if topic not in topic_tables(connection):
        unknown = unknown_topics(connection)
        listed = ", ".join(unknown) or "none"
        near = get_close_matches(topic.lower(), [*unknown, *topics()], n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise ScaffoldRefused(
            f"raw has no table {topic}: nothing of that name was delivered yet.{hint} Delivered and unknown: {listed}. "
            "For a topic that is still to come, write its entry by hand (CONTRIBUTING.md), then `python -m loaders scaffold`."
        )
    if clash := _name_taken(topic):
        raise ScaffoldRefused(f"{topic} cannot have marts of its own name: {clash} is a model already. It stays in raw.{topic}.")


def _name_taken(topic: str) -> str | None:
    """The model, other than a topic's own, whose name the topic's models would take."""
    taken = {path.stem for path in REGISTRY.parents[2].rglob("*.sql")}
    return next((name for name in (topic, f"{topic}_history", f"{topic}_changes", f"stg_fortress__{topic}") if name in taken), None)


def _listable_columns(connection: duckdb.DuckDBPyConnection, topic: str) -> list[str]:
    """One spelling of each name.

    dbt renders what stands in the registry: a name like a template is left out, and comes to the marts as any unlisted one.
    """
    delivered = [name for name in table_columns(connection, "raw", topic) if name not in TECHNICAL and not re.search(r"[{}]", name)]
    return list({snake_case(name): name for name in reversed(delivered)}.values())[::-1]


def _look_at(connection: duckdb.DuckDBPyConnection, topic: str, name: str) -> SeenColumn:
    text = quote(name)
    reads_as = ", ".join(f"coalesce(bool_and({test.format(text=text)}), false)" for test in _GUESSES.values())
    query = (
        f"select count({text}), count(distinct {text}), {reads_as} from raw.{quote(topic)} where {_IMAGE} and {text} is distinct from ''"
    )
    filled, distinct, *answers = connection.execute(query).fetchone()
    guessed = next((data_type for data_type, holds in zip(_GUESSES, answers, strict=True) if holds), "text")
    named = type_by_name(snake_case(name))
    return SeenColumn(name, filled, distinct, named if named != "text" or _is_key(name) else guessed)


def _is_key(name: str) -> bool:
    """Ids, numbers of things, phones and codes are names, whatever digits they are made of."""
    return bool(re.search(r"(^id|Id|_id|Number|_number|Phone|_phone|[Cc]ode|[Zz]ip)$", name))


def _entry(topic: str, rows: int, columns: list[SeenColumn]) -> str:
    """The YAML of one table of the source, indented to stand in the registry. It holds no delivered value."""
    described = {
        "name": topic,
        "description": (
            f"One row per record of {topic}, a topic that no document of the vendor's names. "
            f"Written down when {rows:,} rows of it had been delivered; the columns are those that were seen then."
        ),
        "config": {"meta": InlineMapping(label=topic.capitalize(), record=f"a record of {topic}", group="other", restricted=False)},
        "columns": [_column_entry(column, rows) for column in columns],
    }
    listed = dump({"tables": [described]}).split("\n", 1)[1]
    return "".join(f"    {line}\n" for line in listed.splitlines())


def _column_entry(column: SeenColumn, rows: int) -> dict:
    return {
        "name": column.name,
        "data_type": column.data_type,
        "description": _in_words(column, rows),
        "config": InlineMapping(meta={"evidence": "seen"} | _reference(column.name) | _personal(column)),
    }


def _personal(column: SeenColumn) -> dict[str, str]:
    """What the column's name says of people and doors, as publishing judged it while nobody knew it."""
    kind = kind_by_name(snake_case(column.name), column.data_type.upper())
    return {"pii": kind} if kind else {}


def _reference(name: str) -> dict[str, str]:
    """``propertyId`` points to properties: the vendor's convention, where there is such a topic."""
    singular = name.removesuffix("Id").lower() if name.endswith("Id") else ""
    plurals = (f"{singular}s", singular.removesuffix("y") + "ies")
    return next(({"references": plural} for plural in plurals if singular and plural in topics()), {})


def _in_words(column: SeenColumn, rows: int) -> str:
    if column.name.lower() == "id":
        return "The record's key, stable for life and unique within an organization."
    if not column.filled:
        return f"Delivered as {column.name}, without a value in any of the {rows:,} rows seen."
    share = "every row" if column.filled == rows else f"{column.filled / rows:.0%} of the rows"
    several = "one value" if column.distinct == 1 else f"{column.distinct:,} different values"
    return f"Delivered as {column.name}; filled in {share} seen, with {several}."
