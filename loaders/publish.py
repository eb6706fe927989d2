"""Publishing: a new file with marts and audit, checked, then put in the place of the old one in a single step.

Readers that have the old file open keep it, whole, until they reconnect; nobody waits for anybody.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from loaders.build import test_all
from loaders.errors import PublishRefused
from loaders.news import find_news
from loaders.registry import modelled_topics
from loaders.settings import Settings
from loaders.table_macros import create_table_macros
from loaders.warehouse import open_build, quote

PUBLISHED_SCHEMAS = ("marts", "audit")
READABLE_FROM = "v1.2.0"  # what analysts open the file with has an older DuckDB inside for months after a new one is out


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What was published: rows by ``schema.table``, views included, and the file."""

    path: Path
    rows: dict[str, int]


def publish(settings: Settings) -> PublishReport:
    """Check the build, write it to a new file beside the published one, check that, and swap; PublishRefused otherwise."""
    if not settings.build.exists():
        raise PublishRefused(f"there is no warehouse in {settings.home} yet: `python -m loaders run` makes one.")
    with open_build(settings.build) as connection:
        _refuse_if_behind(connection)
        built_by_hand = bool(find_news(connection))
    if built_by_hand:  # a run tests what it builds; what dbt built by hand is tested here
        test_all(settings)
    with open_build(settings.build) as connection:
        part = settings.published.with_suffix(".duckdb.part")
        _remove(part)
        try:
            rows = _write(connection, part)
            _refuse_if_unreadable(part, rows)
            _swap(part, settings.published)
        finally:
            _remove(part)
        connection.execute("delete from raw._published")
        connection.execute("insert into raw._published values (?)", [datetime.now(UTC).replace(tzinfo=None)])
    return PublishReport(settings.published, rows)


def is_behind(settings: Settings) -> bool:
    """Whether a build ended after the last publishing did, as when a run was stopped between the two."""
    if not settings.published.exists():
        return True
    with open_build(settings.build) as connection:
        query = "select coalesce(max(built_at) > (select max(published_at) from raw._published), true) from raw._built"
        return connection.execute(query).fetchone()[0]


def count_published(settings: Settings) -> dict[str, int]:
    """Rows by ``schema.table`` of the published file, views included."""
    with duckdb.connect(str(settings.published), read_only=True) as reader:
        names = [(schema, name) for kind in ("table", "view") for schema, name, _ in _relations(reader, kind)]
        return {f"{schema}.{name}": _count(reader, schema, name) for schema, name in names}


def _refuse_if_behind(connection: duckdb.DuckDBPyConnection) -> None:
    """Every table must have seen every loaded file: a published state is one state."""
    behind = []
    for topic in sorted(_delivered(connection) & modelled_topics()):
        query = f"""
            select count(*) from raw._files
            where topic = ? and row_count > 0 and status in ('loaded', 'superseded')
            and _file_id > (select coalesce(max(_file_id), 0) from marts.{quote(topic + "_changes")})
        """
        try:
            (files,) = connection.execute(query, [topic]).fetchone()
        except duckdb.CatalogException:
            raise PublishRefused(f"marts.{topic}_changes does not exist yet: run `python -m loaders run`, or `dbt build`, first.") from None
        if files:
            behind.append(f"{topic} ({files} files)")
    if behind:
        raise PublishRefused(f"loaded but not built: {', '.join(behind)}. Run `python -m loaders run`, or `dbt build`, first.")


def _delivered(connection: duckdb.DuckDBPyConnection) -> set[str]:
    return {topic for (topic,) in connection.execute("select distinct topic from raw._files where row_count is not null").fetchall()}


def _write(connection: duckdb.DuckDBPyConnection, part: Path) -> dict[str, int]:
    """Tables are copied, views are created again over the copies. Rows by name."""
    tables = _relations(connection, "table")
    views = _relations(connection, "view")
    with _attached(connection, part):
        for schema in PUBLISHED_SCHEMAS:
            connection.execute(f"create schema published.{schema}")
        for schema, table, _ in tables:
            connection.execute(f"create table published.{schema}.{quote(table)} as from {schema}.{quote(table)}")
        connection.execute("use published")
        _create_views(connection, [definition for *_, definition in views])
        create_table_macros(connection)
        return {f"{schema}.{name}": _count(connection, schema, name) for schema, name, _ in tables + views}


def _relations(connection: duckdb.DuckDBPyConnection, kind: str) -> list[tuple[str, str, str]]:
    """Schema, name and definition of what is to be published; dbt's working copies are not."""
    query = f"""
        select schema_name, {kind}_name, sql from duckdb_{kind}s()
        where database_name = current_database() and schema_name in {PUBLISHED_SCHEMAS} and not contains({kind}_name, '__dbt_')
        order by all
    """
    return connection.execute(query).fetchall()


def _create_views(connection: duckdb.DuckDBPyConnection, definitions: list[str]) -> None:
    """Views may stand on views: each round creates those whose ground is there."""
    while definitions:
        waiting = [definition for definition in definitions if not _created(connection, definition)]
        if len(waiting) == len(definitions):
            raise PublishRefused(f"a view cannot be published: {waiting[0][:200]}")
        definitions = waiting


def _created(connection: duckdb.DuckDBPyConnection, definition: str) -> bool:
    try:
        connection.execute(definition)
    except duckdb.CatalogException:
        return False
    return True


def _count(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> int:
    return connection.execute(f"select count(*) from {schema}.{quote(name)}").fetchone()[0]


@contextmanager
def _attached(connection: duckdb.DuckDBPyConnection, part: Path) -> Iterator[None]:
    (build,) = connection.execute("select current_database()").fetchone()
    connection.execute(f"attach '{str(part).replace(chr(39), chr(39) * 2)}' as published (storage_version '{READABLE_FROM}')")
    try:
        yield
    finally:
        connection.execute(f"use {quote(build)}")
        connection.execute("detach published")


def _refuse_if_unreadable(part: Path, rows: dict[str, int]) -> None:
    """Open the new file as a reader would, and count."""
    with duckdb.connect(str(part), read_only=True) as reader:
        for name, expected in rows.items():
            schema, table = name.split(".", 1)
            if (found := _count(reader, schema, table)) != expected:
                raise PublishRefused(
                    f"{name} was written with {expected:,} rows and reads back {found:,}; the published file is untouched."
                )


def _swap(part: Path, published: Path) -> None:
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.chmod(0o640)
    part.replace(published)
    folder = os.open(published.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remove(part: Path) -> None:
    for path in (part, part.with_name(part.name + ".wal")):
        path.unlink(missing_ok=True)
