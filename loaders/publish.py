"""Publishing: a new file with marts and audit, checked, then put in the place of the old one in a single step.

Readers that have the old file open keep it, whole, until they reconnect; nobody waits for anybody.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import takewhile
from operator import attrgetter
from pathlib import Path

import duckdb

from loaders.bases import Base, BaseAhead, set_aside
from loaders.build import test_all
from loaders.errors import PublishRefused, WarehouseBusy
from loaders.landing import at_work
from loaders.news import find_news
from loaders.privacy import Policy
from loaders.publications import (
    Publication,
    carry_none_on,
    forget_all_but,
    note_rollback,
    read_publications,
    remember,
    rows_since,
    state_of,
)
from loaders.published_relations import Relation, count_rows, read_relations
from loaders.published_tables import write_published
from loaders.published_updates import bring_up_to_date, shape_of
from loaders.registry import modelled_topics
from loaders.settings import Settings
from loaders.versions import (
    close_to_group,
    number_in_force,
    numbers,
    path_of,
    put_in_force,
    remove_all_but,
    stamp_of,
    switch_to,
    workshop,
)
from loaders.warehouse import open_build, table_columns

# To bring up to date what lacks more than such a part of all rows, and more than so many, takes longer than to copy the newest version.
_LITTLE, _FEW = 0.1, 10_000


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What is published now: the file, its version, rows by ``schema.table`` (views included), and the mode of FORTRESS_PII.

    ``made_from`` is the version that was brought up to date; None when all was written anew. ``rolled_back_from`` is
    the one that was in force before a rollback.
    """

    path: Path
    rows: dict[str, int]
    version: int
    pii: str
    made_from: int | None = None
    rolled_back_from: int | None = None


def publish(settings: Settings) -> PublishReport:
    """Check the build, write it to a new file, check that, and switch to it; PublishRefused otherwise."""
    settings.require_warehouse()
    with open_build(settings.build) as connection:
        _refuse_if_behind(connection)
        built_by_hand = bool(find_news(connection))
    if built_by_hand:  # a run tests what it builds; what dbt built by hand is tested here
        test_all(settings)
    with open_build(settings.build, memory_limit=settings.limits.memory) as connection:
        return _published(settings, connection, None)


def publish_tested(settings: Settings, connection: duckdb.DuckDBPyConnection, base: BaseAhead) -> PublishReport:
    """The same with the build that ``connection`` has open, which is what runs have made of it and tested: an earlier version may be
    brought up to date instead."""
    _refuse_if_behind(connection)
    return _published(settings, connection, base)


def brought_nearer(settings: Settings, part: Path, base: Base) -> Base:
    """A base brought up to the version that was published last, where that differs in rows alone; which version it is now. As it was where
    another command is at work, or something was built since."""
    try:
        with at_work(settings.home), open_build(settings.build, memory_limit=settings.limits.memory) as connection:
            policy, relations, known = policy_of(settings), read_relations(connection), read_publications(connection)
            earlier = _alike(known, shape_of(connection, relations, policy)).get(base.number)
            if earlier is None or earlier.stamp != base.stamp or known[-1].state != state_of(connection):
                return base
            bring_up_to_date(connection, relations, part, policy, earlier)
            return Base(known[-1].number, known[-1].stamp)
    except WarehouseBusy:
        return base


def _published(settings: Settings, connection: duckdb.DuckDBPyConnection, base: BaseAhead | None) -> PublishReport:
    policy = policy_of(settings)
    before, known = number_in_force(settings), read_publications(connection)
    number, relations = _next_number(settings, known), read_relations(connection)
    shape = shape_of(connection, relations, policy)
    with workshop(settings) as part:
        earlier = _given(base, _alike(known, shape), part) if base else None
        rows = _read_back(part, *_write(connection, relations, part, policy, earlier))
        if earlier is None:
            carry_none_on(connection)
        put_in_force(settings, part, number)
    remember(connection, number, policy, rows, shape, stamp_of(path_of(settings, number)) or "")
    _prune(settings, connection, before)
    return PublishReport(settings.published, rows, number, policy.mode, earlier and earlier.number)


def rollback(settings: Settings) -> PublishReport:
    """Put the version before into force again; PublishRefused when there is none, or when it shows what is withheld by now."""
    settings.require_warehouse()
    with open_build(settings.build) as connection:
        current = number_in_force(settings)
        there, known = numbers(settings), read_publications(connection)
        earlier = [one for one in known if current and one.number < current and one.number in there and not one.rolled_back_at]
        if current is None or not earlier:
            raise PublishRefused("there is no published version before this one: FORTRESS_KEEP_PUBLISHED says how many are kept.")
        target = earlier[-1]
        if target.policy != policy_of(settings).fingerprint:
            raise PublishRefused(
                f"the version of {target.published_at:%Y-%m-%d %H:%M} UTC was published with FORTRESS_PII={target.pii} or other rules on "
                "personal data than are in force now. `python -m loaders publish` publishes the build by today's."
            )
        note_rollback(connection, current)
        switch_to(settings, target.number)
    return PublishReport(settings.published, target.rows, target.number, target.pii, rolled_back_from=current)


def is_behind(settings: Settings) -> bool:
    """Whether the build, or what is to be done with personal data, is not what was last published. A rollback is not undone by this."""
    if not settings.published.exists():
        return True
    with open_build(settings.build) as connection:
        known = read_publications(connection)
        return not known or (known[-1].state, known[-1].policy) != (state_of(connection), policy_of(settings).fingerprint)


def is_rolled_back(settings: Settings) -> bool:
    """Whether analysts have an older version than the last one published."""
    with open_build(settings.build) as connection:
        known = read_publications(connection)
    return bool(known) and known[-1].rolled_back_at is not None and number_in_force(settings) != known[-1].number


def count_published(settings: Settings, connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Rows by ``schema.table`` of the published file, as it was written: a reader who locks the file is in nobody's way."""
    current = number_in_force(settings)
    return next((one.rows for one in read_publications(connection) if one.number == current), {})


def policy_of(settings: Settings) -> Policy:
    """What the settings want done with personal data."""
    return Policy(settings.pii, settings.pii_key)


def _refuse_if_behind(connection: duckdb.DuckDBPyConnection) -> None:
    """Every change log must have seen every loaded file, those without rows too: a published state is one state."""
    if not any(table_columns(connection, "marts", topic) for topic in modelled_topics()):
        raise PublishRefused("nothing is built yet, so that there is nothing to publish: `python -m loaders run` does both.")
    query = """
        select topic, count(*) from raw._files left join raw._seen using (topic)
        where row_count is not null and status in ('loaded', 'superseded') and _files._file_id > coalesce(_seen._file_id, 0)
        group by topic order by topic
    """
    behind = [f"{topic} ({files} files)" for topic, files in connection.execute(query).fetchall() if topic in modelled_topics()]
    if behind:
        raise PublishRefused(f"loaded but not built: {', '.join(behind)}. Run `python -m loaders run`, or `dbt build`, first.")


def _alike(known: Sequence[Publication], shape: str) -> dict[int, Publication]:
    """The versions from which what is of this shape differs in rows alone, by number: the last ones, as far back as that is so."""
    alike = takewhile(lambda one: one.shape == shape and not one.rolled_back_at, reversed(known))
    return {one.number: one for one in alike}


def _given(base: BaseAhead, alike: Mapping[int, Publication], part: Path) -> Publication | None:
    """Which of them is at ``part`` now, that nobody has written to since it was finished."""
    number = base.give({number: one.stamp for number, one in alike.items()}, part)
    return alike[number] if number is not None else None


def _write(
    connection: duckdb.DuckDBPyConnection, relations: Sequence[Relation], part: Path, policy: Policy, earlier: Publication | None
) -> tuple[dict[str, int], dict[str, int]]:
    """Write the new file: anew, or from an earlier one. Rows by ``schema.table``: of what was written, and of what was taken over."""
    if earlier is None:
        return write_published(connection, part, policy), {}
    updated = bring_up_to_date(connection, relations, part, policy, earlier)
    return updated.written, updated.unchanged


def _read_back(part: Path, written: dict[str, int], taken_over: dict[str, int]) -> dict[str, int]:
    """Open the new file as a reader would, and count, views included; PublishRefused when a table has other rows than were written."""
    with duckdb.connect(str(part), read_only=True) as reader:
        found = count_rows(reader, taken_over)
    for name, rows in (taken_over | written).items():
        if found.get(name) != rows:
            raise PublishRefused(f"{name} was written with {rows} rows and reads back {found.get(name)}; the published file is untouched.")
    return found


def _next_number(settings: Settings, known: Sequence[Publication]) -> int:
    return max([0, *numbers(settings), *(one.number for one in known)]) + 1


def _prune(settings: Settings, connection: duckdb.DuckDBPyConnection, before: int | None) -> None:
    """Keep the newest versions that show what may be shown and were not rolled back; and the one before, for who is opening it now."""
    *_, newest = known = read_publications(connection)
    good = [one.number for one in known if one.policy == newest.policy and not one.rolled_back_at and one.number in numbers(settings)]
    kept = {*good[-settings.keep_published :], before}
    if before is not None and before not in good:
        close_to_group(settings, before)
    spare = set_aside(settings, _next_spare(settings, connection, known, kept))
    remove_all_but(settings, kept)
    forget_all_but(connection, kept | {spare})


def _next_spare(
    settings: Settings, connection: duckdb.DuckDBPyConnection, known: Sequence[Publication], kept: Set[int | None]
) -> int | None:
    """Which of the versions that fall out a later one may be made from: the newest that nobody wrote to, where it lacks little."""
    *_, newest = known
    whole = [
        one
        for number, one in _alike(known, newest.shape).items()
        if number not in kept and stamp_of(path_of(settings, number)) == one.stamp
    ]
    spare = max(whole, key=attrgetter("number"), default=None)
    rows = sum(count for name, count in newest.rows.items() if name.endswith("_changes"))
    return spare.number if spare and rows_since(connection, spare) <= max(rows * _LITTLE, _FEW) else None
