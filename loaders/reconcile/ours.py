"""What the warehouse says of the topics that the API is asked about: one look, before the records are asked for.

Whatever changes at the source after that look is newer there than here, and never the other way round.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from loaders.errors import SettingsError, UnverifiableBuild
from loaders.news import refuse_if_unbuilt
from loaders.warehouse import quote, table_columns

Key = tuple[str, str]  # organization and id


@dataclass(frozen=True, slots=True)
class Gone:
    """A record that the warehouse had, and has no more: since when, and whether it was deleted softly."""

    organization_id: str
    at: datetime | None
    is_soft: bool


@dataclass(frozen=True, slots=True)
class Watermark:
    """Up to when (UTC) an organization's topic is complete, None where it is not from its beginning; and how many files wait."""

    complete_until: datetime | None
    waiting_files: int


@dataclass(frozen=True, slots=True)
class Ours:
    """One topic. ``types`` are DuckDB's by column; ``rows`` the current records that are looked at, ``gone`` those that are no more.

    ``failures`` are (organization, id, column) whose delivered text did not fit its type, ``disputed`` the records of whose last file the
    readings of the vendor's rule make different things. ``soft`` counts records deleted softly.
    """

    topic: str
    types: Mapping[str, str]
    count: int
    soft: int
    watermarks: Mapping[str, Watermark]
    rows: Mapping[Key, Mapping[str, Any]] = field(default_factory=dict)
    gone: Mapping[str, Gone] = field(default_factory=dict)
    failures: frozenset[tuple[str, str, str]] = frozenset()
    disputed: frozenset[Key] = frozenset()

    @property
    def watermark(self) -> datetime | None:
        """Up to when all of the topic's organizations are complete."""
        moments = [one.complete_until for one in self.watermarks.values()]
        return min((one for one in moments if one), default=None) if all(moments) else None

    @property
    def waiting_files(self) -> int:
        """How many files of the topic wait for somebody."""
        return sum(one.waiting_files for one in self.watermarks.values())


def delivered_topics(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The topics of which something was delivered and built; UnverifiableBuild when the build does not hold all that is loaded."""
    if not table_columns(connection, "audit", "topic_freshness"):
        raise UnverifiableBuild("nothing is built yet. Run `python -m loaders run` first.")
    refuse_if_unbuilt(connection)
    found = connection.execute("select distinct topic from audit.topic_freshness where files > 0 order by topic").fetchall()
    return [topic for (topic,) in found if table_columns(connection, "marts", f"{topic}_history")]


def find_scope(connection: duckdb.DuckDBPyConnection, listed: Mapping[str, Sequence[str]], chosen: Sequence[str]) -> list[str]:
    """Whose records the API shows: the organizations that were named, else the only one, else those that know the listed ids.

    ``listed`` are ids from the API by topic. SettingsError when nobody knows them.
    """
    known = [one for (one,) in connection.execute("select distinct organization_id from audit.topic_freshness order by 1").fetchall()]
    if strange := [one for one in chosen if one not in known]:
        raise SettingsError(f"nothing was ever delivered for the organization {strange[0]!r}; there are: {', '.join(known)}.")
    if chosen or len(known) == 1:
        return list(chosen or known)
    owners = {(topic, one): owner for topic, ids in listed.items() for one, owner in _owners(connection, topic, ids).items()}
    scope = _cover(set().union(*owners.values()) if owners else set(), list(owners.values()))
    if not scope:
        raise SettingsError(f"it cannot be told whose records this key shows: say --organization, one of {', '.join(known)}.")
    return sorted(scope)


def _owners(connection: duckdb.DuckDBPyConnection, topic: str, ids: Sequence[str]) -> dict[str, set[str]]:
    query = f"select distinct id, _organization_id from marts.{quote(topic + '_history')} where list_contains(?::varchar[], id)"
    found: dict[str, set[str]] = {}
    for record_id, organization_id in connection.execute(query, [list(ids)]).fetchall():
        found.setdefault(record_id, set()).add(organization_id)
    return found


def _cover(organizations: set[str], owners: list[set[str]]) -> set[str]:
    """The fewest organizations, the one that knows most first, that know all these records: an id may be several organizations'."""
    scope: set[str] = set()
    while owners:
        best = max(sorted(organizations), key=lambda one: sum(one in owner for owner in owners))
        scope.add(best)
        owners = [owner for owner in owners if best not in owner]
    return scope


def look(connection: duckdb.DuckDBPyConnection, topic: str, scope: Sequence[str], listed: Sequence[str], draw: int, seed: int) -> Ours:
    """A topic as it stands: its counts, so many current records drawn by the seed, and those of the ids that were ``listed``."""
    name, history, given = f"marts.{quote(topic)}", f"marts.{quote(topic + '_history')}", [list(scope)]
    where = "list_contains(?::varchar[], _organization_id)"
    drawn = f"select id from {name} where {where} order by md5(concat_ws('/', ?, _organization_id, id)) limit ?"
    ids = [one for (one,) in connection.execute(drawn, [*given, str(seed), draw]).fetchall()]
    wanted = list(dict.fromkeys([*listed, *ids]))
    found = connection.execute(f"select * from {name} where {where} and list_contains(?::varchar[], id) order by id", [*given, wanted])
    types = {column: str(kind) for column, kind, *_ in found.description or ()}
    rows = [dict(zip(types, values, strict=True)) for values in found.fetchall()]
    (count,) = connection.execute(f"select count(*) from {name} where {where}", given).fetchone() or (0,)
    (soft,) = connection.execute(f"select count(*) from {history} where {where} and is_current and is_deleted", given).fetchone() or (0,)
    return Ours(
        topic,
        {column: kind for column, kind in types.items() if not column.startswith("_")},
        count,
        soft,
        _watermarks(connection, topic, scope),
        {(row["_organization_id"], row["id"]): row for row in rows},
        _gone(connection, history, given, [one for one in wanted if one not in {row["id"] for row in rows}]),
        _failures(connection, topic, rows),
        _disputed(connection, topic, rows),
    )


def _watermarks(connection: duckdb.DuckDBPyConnection, topic: str, scope: Sequence[str]) -> dict[str, Watermark]:
    query = "select organization_id, complete_until, waiting_files from audit.topic_freshness where topic = ?"
    return {one: Watermark(until, waiting) for one, until, waiting in connection.execute(query, [topic]).fetchall() if one in scope}


def _gone(connection: duckdb.DuckDBPyConnection, history: str, given: list[Any], ids: list[str]) -> dict[str, Gone]:
    query = f"""
        select id, arg_max((_organization_id, coalesce(valid_to, valid_from), is_current), version_number)
        from {history} where list_contains(?::varchar[], _organization_id) and list_contains(?::varchar[], id) group by id
    """
    return {record_id: Gone(*last) for record_id, last in connection.execute(query, [*given, ids]).fetchall()}


def _failures(connection: duckdb.DuckDBPyConnection, topic: str, rows: list[dict[str, Any]]) -> frozenset[tuple[str, str, str]]:
    """Of the rows that are current, what could not be typed."""
    failed = "_organization_id, id, unnest(list_transform(_cast_failures, lambda failure: failure.column_name))"
    return frozenset(_of_current(connection, topic, rows, "_cast_failures", failed, "_cast_failures is not null"))


def _disputed(connection: duckdb.DuckDBPyConnection, topic: str, rows: list[dict[str, Any]]) -> frozenset[Key]:
    return frozenset(_of_current(connection, topic, rows, "_rules_disagree", "_organization_id, id", "_rules_disagree"))


def _of_current(
    connection: duckdb.DuckDBPyConnection, topic: str, rows: list[dict[str, Any]], needed: str, select: str, where: str
) -> list[tuple[Any, ...]]:
    """What the change log knows of these current rows; nothing where it lacks the column that is needed."""
    changes = f"{topic}_changes"
    if needed not in table_columns(connection, "marts", changes):
        return []
    query = f"""
        select {select} from marts.{quote(changes)}
        semi join (select unnest(?::bigint[]) as _file_id, unnest(?::bigint[]) as _row_number) as places using (_file_id, _row_number)
        where {where}
    """
    return connection.execute(query, [[row[name] for row in rows] for name in ("_file_id", "_row_number")]).fetchall()
