"""Which record each row of each change file is about, and what is done to it.

The plan is a table of *slots*, one per change, in the order of the feed. A slot's record follows from its number and
the seed, so the plan of step N is that of step N - 1 and more; nothing is read back from what was written. Windows
over the slots give each record its version and its times, and ``planned`` the rows that the files hold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import duckdb

from loaders.simulator.columns import Topic
from loaders.simulator.scale import NEW_FROM, RESERVED, kept

SNAPSHOT_AT = datetime(2026, 6, 1, 0, 10, tzinfo=UTC)

MIX = {
    "update": 70, "insert": 15, "delete_key": 4, "delete_stamped": 3, "reload": 2, "reload_reversed": 2,
    "duplicate": 2, "soft_delete": 1, "nothing": 1,
}  # fmt: skip
"""Out of a hundred changes, how many are of each kind. A reload's and a duplicate's are two rows each."""

_WITHIN = 45 * 60 * 1_000_000
"""Changes fall in the last so many microseconds before their file is cut."""

ROWS_OF_KIND = """(values
    ('update', 0, 'U', 'full'), ('insert', 0, 'I', 'full'), ('nothing', 0, 'U', 'full'), ('soft_delete', 0, 'U', 'full'),
    ('duplicate', 0, 'U', 'full'), ('duplicate', 1, 'U', 'full'), ('delete_key', 0, 'D', 'key'), ('delete_stamped', 0, 'D', 'stamped'),
    ('reload', 0, 'D', 'key'), ('reload', 1, 'I', 'full'), ('reload_reversed', 0, 'I', 'full'), ('reload_reversed', 1, 'D', 'key')
) as rows_of_kind(kind, second, op, shape)"""


@dataclass(frozen=True, slots=True)
class Batch:
    """One change file: its number in the topic's feed, and the time in its name."""

    number: int
    batch_at: datetime

    @property
    def stem(self) -> str:
        """The file's name without its format: its time, to the millisecond."""
        return f"{self.batch_at:%Y%m%d-%H%M%S}{self.batch_at.microsecond // 1000:03d}"

    @property
    def delivered_at(self) -> datetime:
        """When a file that is not late reaches the server: some seconds after it was cut."""
        return self.batch_at.replace(microsecond=0) + timedelta(seconds=5 + self.number * 7 % 50)


@dataclass(frozen=True, slots=True)
class Event:
    """A change that the story asks for, beside the ordinary ones."""

    batch: int
    kind: str
    index: int


def make_batch(number: int, hour: datetime, seed: int) -> Batch:
    """The change file cut at ``hour``, a few milliseconds late as real ones are."""
    return Batch(number, hour + timedelta(milliseconds=(seed * 31 + number * 137) % 1000))


def plan(
    connection: duckdb.DuckDBPyConnection, topic: Topic, batches: Sequence[Batch], per_batch: int, events: Sequence[Event] = ()
) -> None:
    """Fill the connection's temporary tables ``slots`` and ``planned`` with the whole feed of ``batches``."""
    connection.execute("create or replace temp table batches (batch integer, batch_at timestamp)")
    times = ", ".join(f"({batch.number}, timestamp '{batch.batch_at.replace(tzinfo=None)}')" for batch in batches)
    connection.execute(f"insert into batches values {times}")
    connection.execute(_slots(topic, per_batch))
    if events:
        added = ", ".join(f"({e.batch}, {per_batch + n}, '{e.kind}', {e.index})" for n, e in enumerate(events))
        connection.execute(f"insert into slots values {added}")
    connection.execute(_PLANNED)


def state(topic: Topic, before_batch: int, *, missing: int | None = None, unheard: Sequence[int] = ()) -> str:
    """The records as they stood before a batch, as rows for a snapshot: without ``missing``, and with those the feed never told of."""
    latest = f"select * from slots_timed where batch < {before_batch} qualify row_number() over (partition by i order by g desc) = 1"
    newly = ", ".join(f"({index}, 0, timestamp '2026-06-01 16:20:00.250')" for index in unheard)
    told = f"""
        union all by name
        select i, v, born_at, born_at as touched_at, null::timestamp as gone_at from (values {newly}) as unheard(i, v, born_at)"""
    return f"""
        select i, coalesce(v, 0) as v, born_at, touched_at, gone_at from range({topic.rows}) as base(i) left join ({latest}) using (i)
        where i is distinct from {"null" if missing is None else missing} and not coalesce(kind like 'delete%', false)
        union all by name
        select i, v, born_at, touched_at, gone_at from ({latest}) where i >= {topic.rows} and kind not like 'delete%'
        {told if newly else ""}
        order by i"""


def base(topic: Topic) -> str:
    """The records of the first snapshot, scattered as in a table whose key is random."""
    nothing = "null::timestamp as born_at, null::timestamp as touched_at, null::timestamp as gone_at"
    return f"select (k * 2147483647 + 11) % {topic.rows} as i, 0 as v, {nothing} from range({topic.rows}) as numbers(k)"


def _slots(topic: Topic, per_batch: int) -> str:
    """Ordinary slots. Deletes take the last records of the first snapshot, then every other new one; updates take the rest.

    Reloads keep to records (one in eight) that no update touches, so a batch never holds both for one record; and
    updates take new records of earlier batches only. Disagreements of the vendor's rule are thus the reversed
    reloads, and what the story adds.
    """
    span = (kept(topic.rows) - RESERVED) // 8 * 8
    thrown = " ".join(f"when r < {upto} then '{kind}'" for kind, upto in zip(MIX, accumulate(MIX.values()), strict=True))
    return f"""
        create or replace temp table slots as
        with numbered as (
            select batch, k, batch * {per_batch} + k as g, (g * 37 + 11) % 100 as r from batches, range({per_batch}) as places(k)
        ),
        thrown as (select *, case {thrown} end as kind, draw('{topic.name} changes', g) as lo from numbered),
        counted as (
            select *,
                count(*) filter (kind = 'insert') over earlier as inserts,
                count(*) filter (kind like '%delete%') over earlier as victims
            from thrown
            window earlier as (order by g rows between unbounded preceding and 1 preceding)
        ),
        known as (select *, first_value(inserts) over (partition by batch order by k) as inserts_before from counted),
        drawn as (
            select *, (lo % ({span} + inserts_before // 2))::bigint as x,
                victims - {topic.rows - kept(topic.rows) - 1} as past
            from known
        ),
        chosen as (
            select batch, k, kind, past, inserts_before,
                case
                    when kind = 'insert' then {topic.rows + NEW_FROM} + inserts
                    when kind like '%delete%' and past < 0 then {topic.rows - 2} - victims
                    when kind like '%delete%' then {topic.rows + NEW_FROM} + 2 * past
                    when kind like 'reload%' then {RESERVED + 3} + x % {span} // 8 * 8
                    when x >= {span} then {topic.rows + NEW_FROM} + 2 * (x - {span}) + 1
                    when x % 8 = 3 then {RESERVED} + x + 1
                    else {RESERVED} + x
                end as i
            from drawn
        )
        select batch, k, kind, i from chosen where not (kind like '%delete%' and past >= 0 and 2 * past >= inserts_before)"""


_PLANNED = f"""
    create or replace temp table slots_timed as
    with placed as (
        select *, row_number() over (order by batch, k) as g, count(*) over (partition by batch) as filled,
            row_number() over (partition by batch order by k) as nth
        from slots join batches using (batch)
    ),
    timed as (
        select *, date_trunc('millisecond', batch_at - to_microseconds(({_WITHIN} * (1 - nth / (filled + 1)))::bigint)) as moment
        from placed
    )
    select batch, g, kind, i,
        count(*) filter (kind in ('update', 'duplicate', 'reload', 'reload_reversed')) over life as v,
        min(moment) filter (kind = 'insert') over life as born_at,
        max(moment) filter (kind <> 'nothing') over life as touched_at,
        case when kind in ('soft_delete', 'delete_stamped') then moment end as gone_at
    from timed
    window life as (partition by i order by g rows between unbounded preceding and current row);
    create or replace temp table planned as
    select batch, op, shape, i, v, born_at, touched_at, gone_at, 2 * g + second as place
    from slots_timed join {ROWS_OF_KIND} using (kind) order by batch, place"""
