"""The next published file from the last one: a copy, in which only what was built since is written.

Only where both have one shape: the same relations, descriptions, rules on personal data, and project. Then a change log
differs by what new files touched, and views and comments not at all. Whatever else has changed, all is written anew.
"""

import hashlib
import json
from pathlib import Path

import duckdb

from loaders.privacy import Policy
from loaders.publications import Publication, state_of
from loaders.published_tables import Relation, attached, comments_of, read_relations, selected
from loaders.table_macros import create_table_macros

_CODE = ("published_tables", "published_views", "published_updates", "table_macros", "privacy")
_IDENTITY = ("_file_id", "_row_number")
# All that a later file can change of a row that was built before (a part of a snapshot gives the other parts another time);
# its values are those that its own file delivered.
_CHANGEABLE = (
    *_IDENTITY,
    *("_batch_at", "outcome", "valid_from", "valid_to", "is_current", "is_deleted", "change_type", "version_number"),
    *("_rules_disagree", "_resolution"),
)


def shape_of(connection: duckdb.DuckDBPyConnection, policy: Policy) -> str:
    """What decides how the build that ``connection`` has open is published, but for its rows: equal shapes differ in rows alone."""
    fingerprints = connection.execute("select topic, project_fingerprint from raw._built order by topic").fetchall()
    code = [(Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8") for name in _CODE]
    known = (
        duckdb.__version__,
        code,
        policy.fingerprint,
        fingerprints,
        read_relations(connection),
        sorted(comments_of(connection), key=repr),
    )
    return hashlib.sha256(repr(known).encode()).hexdigest()


def bring_up_to_date(connection: duckdb.DuckDBPyConnection, target: Path, policy: Policy, last: Publication) -> dict[str, int]:
    """Write to ``target``, a copy of the version ``last``, what the build that ``connection`` has open holds otherwise.

    The tables' rows by ``schema.table``, those that were left alone included.
    """
    build = {one.key: one for one in read_relations(connection)}
    unchanged = _unchanged_topics(connection, last)
    rows: dict[str, int] = {}
    with attached(connection, target):
        connection.execute("begin")
        there = connection.execute("select schema_name, table_name from duckdb_tables() where database_name = 'published'").fetchall()
        for key in (key for key in there if key in build):
            table, name = build[key], ".".join(key)
            if table.name.removesuffix("_changes") in unchanged and _is_change_log(table):
                rows[name] = last.rows[name]
            else:
                rows[name] = _updated(connection, table, policy)
        connection.execute("commit")
        connection.execute("use published")
        create_table_macros(connection)  # each file's tell it from the others by a mark of their own
    return rows


def _unchanged_topics(connection: duckdb.DuckDBPyConnection, last: Publication) -> set[str]:
    """The topics that have not been built since."""
    before = json.loads(last.state)
    return {built[0] for built in json.loads(state_of(connection)) if built in before}


def _is_change_log(table: Relation) -> bool:
    return table.name.endswith("_changes") and {*_CHANGEABLE} <= {name for name, _ in table.columns}


def _updated(connection: duckdb.DuckDBPyConnection, table: Relation, policy: Policy) -> int:
    """Make a published table say what its built one says; its rows."""
    old, source = f"published.{table.quoted}", table.quoted
    if _is_change_log(table):
        is_same = " and ".join(f"old.{name} is not distinct from new.{name}" for name in _CHANGEABLE)
        connection.execute(f"delete from {old} where rowid in (select old.rowid from {old} as old anti join {source} as new on {is_same})")
        is_there = " and ".join(f"old.{name} = new.{name}" for name in _IDENTITY)
        source = f"(select new.* from {source} as new anti join {old} as old on {is_there})"
    else:
        connection.execute(f"delete from {old}")
    if found := selected(table, policy, source):
        connection.execute(f"insert into {old} by name {found[0]}", found[1])
    (rows,) = connection.execute(f"select count(*) from {old}").fetchone()
    return rows
