"""The next published file from an earlier one, in which only what was built since is written.

Only where both have one shape: the same relations, descriptions, rules on personal data, and project. Then a change log
differs by what new files touched, and views and comments not at all. Whatever else has changed, all is written anew.
"""

import errno
import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from loaders.catalog import catalog_of
from loaders.checkpoints import NOTHING_TOGETHER, give_back_places
from loaders.privacy import Policy
from loaders.publications import Publication, state_of
from loaders.published_relations import IN_FORCE, NEWEST_FILE, PUBLISHED_SCHEMAS, Relation, in_force
from loaders.published_tables import attached, selected
from loaders.table_macros import create_table_macros
from loaders.warehouse import quote

_CODE = ("published_relations", "published_tables", "published_views", "published_updates", "table_macros", "privacy")
_AT_ONCE = 2  # tables that are written: of a small change, DuckDB's own threads have little to share
_PLACE = ("_file_id", "_row_number")
_TOUCHED = "temp.touched"  # rows of a log that were published and may read otherwise by now
_SAME_ROW = " and ".join(f"old.{column} = news.{column}" for column in _PLACE)
_END = ("valid_to", "is_current")  # macros/cdc/fates.sql: what the next version changes of a row that was there before
_REST = ("_batch_at", "outcome", "valid_from", "is_deleted", "change_type", "version_number", "_rules_disagree", "_resolution")
_FATE = _REST + _END


def shape_of(connection: duckdb.DuckDBPyConnection, relations: Sequence[Relation], policy: Policy) -> str:
    """What decides how the build that ``connection`` has open, with these relations, is published, but for its rows: equal shapes
    differ in rows alone."""
    fingerprints = connection.execute("select topic, project_fingerprint from raw._built order by topic").fetchall()
    code = [(Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8") for name in _CODE]
    known = (
        duckdb.__version__,
        code,
        policy.fingerprint,
        fingerprints,
        relations,
        catalog_of(connection, PUBLISHED_SCHEMAS),
    )
    return hashlib.sha256(repr(known).encode()).hexdigest()


def told_apart(base: Path) -> None:
    """Give what the next version is made from table macros of its own: a mark tells each file's from the others'. Half of what a small
    change costs."""
    with duckdb.connect() as connection, attached(connection, base):
        connection.execute(NOTHING_TOGETHER)
        connection.execute("use published")
        create_table_macros(connection)


@dataclass(frozen=True, slots=True)
class Updated:
    """Rows by ``schema.table``: of tables that were ``written``, and of what is ``unchanged`` since the earlier version, views included."""

    written: dict[str, int]
    unchanged: dict[str, int]


def bring_up_to_date(
    connection: duckdb.DuckDBPyConnection, relations: Sequence[Relation], target: Path, policy: Policy, earlier: Publication
) -> Updated:
    """Write to ``target`` what the build that ``connection`` has open, with these relations, holds otherwise. It is what ``earlier``
    was, and was ``told_apart``."""
    build = {one.key: one for one in relations}
    before, now = _built(earlier.state), _built(state_of(connection))
    unchanged = {f"marts.{topic}{kind}" for topic in before if before[topic] == now[topic] for kind in ("", "_history", "_changes")}
    taken_over = {name: rows for name, rows in earlier.rows.items() if name in unchanged}
    with attached(connection, target):
        there = connection.execute("select schema_name, table_name from duckdb_tables() where database_name = 'published'").fetchall()
        if not there:  # what was begun was taken away, and DuckDB makes a file where there is none
            raise FileNotFoundError(errno.ENOENT, "what the next version was made from is gone", str(target))
        news = [build[key] for key in there if key in build and ".".join(key) not in taken_over]
        currents = {f"{table.name}_changes": table for table in news if table.is_current_state}

        def write(table: Relation) -> dict[str, int]:
            published = before.get(table.name.removesuffix("_changes"), [0])[0] if _is_change_log(table) else 0
            with connection.cursor() as cursor:  # each table is a transaction: should one fail, all of the copy is thrown away
                cursor.execute("begin")
                rows = _written(cursor, table, currents.get(table.name), policy, published)
                cursor.execute("commit")
            return rows

        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="publish") as threads:
            rows = threads.map(write, [one for one in news if not one.is_current_state])
            written = {name: count for found in rows for name, count in found.items()}
        names = [".".join(table.key) for table in currents.values()]
        give_back_places(connection, "published", {name: written[name] for name in names if name in written})
    return Updated(written, taken_over)


def _written(
    connection: duckdb.DuckDBPyConnection, table: Relation, current: Relation | None, policy: Policy, published: int
) -> dict[str, int]:
    """Write what is new of a table and, where it is a topic's change log, of the topic's current state; their rows.

    ``published`` is the newest file in the log as it was published; 0 for a table that is written anew.
    """
    touched = _touched(connection, table, published) if published else None
    rows = _updated(connection, table, policy, published, touched) if touched else _written_anew(connection, table, policy)
    of_current = {f"marts.{current.name}": _current_updated(connection, current, published, touched)} if current else {}
    return {f"{table.schema}.{table.name}": rows} | of_current


def _built(state: str) -> dict[str, list[Any]]:
    """By topic how far into the ledger it was built, and what tells the build from others."""
    return {topic: build for topic, *build in json.loads(state)}


def _is_change_log(table: Relation) -> bool:
    return table.name.endswith("_changes") and {"outcome", *_PLACE} <= {name for name, _ in table.columns}


@dataclass(frozen=True, slots=True)
class _Touched:
    """What builds have changed of a log's published rows, which are in ``_TOUCHED``: whether more than the ends of some, whether some are
    in force, and whether rows are gone."""

    more_than_ends: bool
    in_force: bool
    gone: bool


def _touched(connection: duckdb.DuckDBPyConnection, table: Relation, published: int) -> _Touched:
    """Put aside which rows of a change log builds have touched since its newest file was ``published``."""
    old = f"published.{table.quoted}"
    news = f"select {', '.join(_PLACE + _FATE)} from {table.quoted} where {NEWEST_FILE} > {published:d} and _file_id <= {published:d}"
    differs = " or ".join(f"old.{column} is distinct from news.{column}" for column in _REST)
    both = f"select news.*, {differs} as differs from ({news}) as news left join {old} as old on {_SAME_ROW}"
    connection.execute(f"create or replace temporary table {_TOUCHED} as {both}")
    # A file may bear another number by now: macros/cdc/forget_renumbered.sql.
    gone = f"from (select distinct _file_id from {old}) anti join (select distinct _file_id from {table.quoted}) using (_file_id)"
    found = connection.execute(f"""
        select coalesce(bool_or(differs), false), coalesce(bool_or({IN_FORCE}), false), exists({gone}) from {_TOUCHED}
    """)
    return _Touched(*found.fetchone())


def _updated(connection: duckdb.DuckDBPyConnection, table: Relation, policy: Policy, published: int, touched: _Touched) -> int:
    """Write what builds have written to a change log since its newest file was ``published``; its rows."""
    old = f"published.{table.quoted}"
    if touched.more_than_ends:
        connection.execute(f"update {old} as old set {_read_from_news(_REST)} from {_TOUCHED} as news where {_SAME_ROW} and differs")
    connection.execute(f"update {old} as old set {_read_from_news(_END)} from {_TOUCHED} as news where {_SAME_ROW}")
    if touched.gone:
        connection.execute(f"delete from {old} where _file_id not in (select distinct _file_id from {table.quoted})")
    return _inserted(connection, table, policy, f"(from {table.quoted} where _file_id > {published:d})")


def _read_from_news(columns: Sequence[str]) -> str:
    """Assignments of columns of the same names."""
    return ", ".join(f"{column} = news.{column}" for column in columns)


def _current_updated(connection: duckdb.DuckDBPyConnection, current: Relation, published: int, touched: _Touched | None) -> int:
    """Write the same to a topic's current state, from the log that was just written; its rows, by that log."""
    old, log, history = (f"published.marts.{quote(current.name + kind)}" for kind in ("", "_changes", "_history"))
    names = (name for name, *_ in connection.execute(f"select * from {old} limit 0").description)
    columns = ", ".join(quote(name) for name in names if name not in current.virtual)
    in_place = f"select {columns} from {history} as old"
    if touched is None:
        connection.execute(f"delete from {old}")
    else:
        connection.execute(f"delete from {old} as old using {_TOUCHED} as news where {_SAME_ROW}")
        if touched.gone:
            connection.execute(f"delete from {old} where _file_id not in (select distinct _file_id from {log})")
        if touched.in_force:  # again: a late file, say, took back what had ended them
            again = f"(from {_TOUCHED} where {IN_FORCE})"
            connection.execute(f"insert into {old} ({columns}) {in_place} semi join {again} as news on {_SAME_ROW} where {IN_FORCE}")
    connection.execute(f"insert into {old} ({columns}) {in_place} where {IN_FORCE} and _file_id > {published:d}")
    return in_force(connection, current)


def _written_anew(connection: duckdb.DuckDBPyConnection, table: Relation, policy: Policy) -> int:
    """Write all of a table; its rows."""
    connection.execute(f"delete from published.{table.quoted}")
    return _inserted(connection, table, policy, table.quoted)


def _inserted(connection: duckdb.DuckDBPyConnection, table: Relation, policy: Policy, source: str) -> int:
    """The published table's rows, once what may be published of ``source`` is among them."""
    if found := selected(connection, table.stored, policy, source):
        connection.execute(f"insert into published.{table.quoted} by name {found[0]}", found[1])
    (rows,) = connection.execute(f"select count(*) from published.{table.quoted}").fetchone()
    return rows
