"""The rows of a topic as SQL, in closed form: any row of any file is written from its number and the seed alone.

Every topic holds the same 16 columns, those of a work order, under ids of its own. A *slot* is one change; slot g is of a kind that
follows from g, so a hundred slots in a row hold the mix exactly, and every insert and delete has a number without counting.
"""

from dataclasses import dataclass
from typing import Literal

from benchmarks.sizes import Size

Format = Literal["csv", "parquet"]

SEED = 7
COLUMNS = (
    *("id", "readableId", "propertyId", "unitId", "assignedUserId", "status", "priority", "description", "entryNotes", "hasPetAlert"),
    *("dueDate", "completedAt", "totalAmountOwedByResident", "createdAt", "updatedAt", "deletedAt"),
)
_TIMES = ("completedAt", "createdAt", "updatedAt", "deletedAt")

FIRST_HOUR = "timestamp '2026-06-01 01:00:00'"
"""When the first change file is cut; the snapshot was taken fifty minutes before."""

# Out of a hundred slots: 70 updates, 15 inserts (one of them of a record that was deleted), 7 deletes, 2 reloads in each order of
# their rows, 2 duplicates, 1 soft delete, 1 update that changes nothing. Reloads and duplicates are two rows.
_KIND = """case
    when r < 70 then 'update' when r = 84 and deletes_before > 0 then 'return' when r < 85 then 'insert' when r < 92 then 'delete'
    when r < 94 then 'reload' when r < 96 then 'reload reversed' when r < 98 then 'duplicate' when r < 99 then 'soft delete' else 'nothing'
end"""
_ROWS = """(values
    ('update', 0, 'U'), ('insert', 0, 'I'), ('return', 0, 'I'), ('delete', 0, 'D'), ('soft delete', 0, 'U'), ('nothing', 0, 'U'),
    ('reload', 0, 'D'), ('reload', 1, 'I'), ('reload reversed', 0, 'I'), ('reload reversed', 1, 'D'),
    ('duplicate', 0, 'U'), ('duplicate', 1, 'U')
) as row_of_kind(kind, second, op)"""

MACROS = (
    f"create or replace temp macro uid(entity, n) as md5(concat('{SEED}:', entity, ':', n))::uuid::varchar",
    f"create or replace temp macro draw(what, n) as (md5_number_lower(concat('{SEED}:', what, ':', n)) >> 1)::bigint",
    # An insert's number from its slot, and back: 73 is the inverse of 37 modulo 100.
    "create or replace temp macro slot_of_insert(o) as o // 15 * 100 + ((70 + o % 15 - 11) * 73) % 100",
)


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic's name and work, and how many records of other topics there are to refer to."""

    name: str
    size: Size
    referred: int

    @property
    def _steady(self) -> int:
        """The first so many records of the snapshot are never deleted."""
        return self.size.rows * 8 // 10 // 16 * 16

    def snapshot(self, form: Format) -> str:
        """The rows of the first snapshot, scattered as in a table whose key is random."""
        rows = self.size.rows
        numbers = f"select (k * 2147483647 + 11) % {rows} as i, -1 as g, false as is_gone from range({rows}) as numbers(k)"
        return self._images(f"select null as op, 0 as place, 0 as batch, *, null::timestamp as moment from ({numbers})", form)

    def changes(self, first: int, last: int, form: Format) -> str:
        """The rows of change files ``first`` to ``last``, with what orders them: batch and place."""
        per = self.size.changes
        return self._images(
            f"""
            with slots as (
                select
                    g, g // {per} as batch, (g * 37 + 11) % 100 as r, draw('{self.name} change', g) as luck,
                    g // {per} * {per} // 100 * 15 as inserts_before, g // {per} * {per} // 100 * 7 as deletes_before,
                    {_moment("g", per)} as moment
                from range({first * per}, {(last + 1) * per}) as numbers(g)
            ),
            kinds as (select *, {_KIND} as kind, luck % {self._steady} as x from slots),
            chosen as (
                select *, case
                    when kind = 'insert' then {self.size.rows} + g // 100 * 15 + r - 70
                    when kind = 'delete' then {self.size.rows} - 1 - (g // 100 * 7 + r - 85)
                    when kind = 'return' then {self.size.rows} - 1 - x % deletes_before
                    when kind = 'nothing' then x // 16 * 16 + 5
                    when kind = 'soft delete' then x // 16 * 16 + 6
                    when luck % 5 = 0 and inserts_before > 0 then {self.size.rows} + x % inserts_before
                    when x % 16 = 5 then x + 2
                    else x
                end as i
                from kinds
            )
            select batch, op, 2 * g + second as place, i, case when kind = 'nothing' then -1 else g end as g,
                case when kind <> 'nothing' then moment end as moment, kind = 'soft delete' or (op = 'D' and luck % 2 = 0) as is_gone
            from chosen inner join {_ROWS} using (kind)""",
            form,
            operations=True,
        )

    def _images(self, rows: str, form: Format, operations: bool = False) -> str:
        """Full rows for batch, op, place, i, g, moment and is_gone; a delete holds the key, and sometimes when it was."""
        shown = ", ".join(f'{_cell(name, form, operations)} as "{name}"' for name in COLUMNS)
        leading = "batch, place, op as OP, " if operations else ""
        return f"""
            select {leading}{shown} from (
                select *, least(2, fate % 3 + (g >= 0)::integer) as stage,
                    coalesce(moment, born + to_hours((fate % 480)::integer)) as touched
                from (
                    select *, draw('{self.name}', i) as lo, draw('{self.name} version', concat(i, ' ', g)) as fate, {self._born()} as born
                    from ({rows})
                )
            ),
            lateral (select
                {self._values()}
            ) as image"""

    def _born(self) -> str:
        """Records of the snapshot are of the two years before it; others are as old as their insert."""
        old = "timestamp '2024-01-01' + to_milliseconds(lo % 74304000000)"
        return f"case when i < {self.size.rows} then {old} else {_moment(f'slot_of_insert(i - {self.size.rows})', self.size.changes)} end"

    def _values(self) -> str:
        referred = self.referred
        return f"""
            uid('{self.name}', i) as "id",
            concat('W-', 100000 + i) as "readableId",
            uid('properties', lo % {referred}) as "propertyId",
            case when lo % 12 > 0 then uid('units', lo // 12 % {referred}) end as "unitId",
            case when stage > 0 then uid('users', fate % {referred}) end as "assignedUserId",
            ['OPEN', 'IN_PROGRESS', 'COMPLETED'][1 + stage] as "status",
            ['LOW', 'MEDIUM', 'MEDIUM', 'HIGH', 'EMERGENCY'][1 + (lo // 7 % 5)::integer] as "priority",
            concat(['Kitchen sink leaks, bucket underneath is full', 'The heater makes a "clanking" noise', 'Front door does not latch',
                'Água quente não funciona – no hot water', 'Bathroom fan is dead.' || chr(10) || 'Also: light flickers'
            ][1 + (lo // 11 % 5)::integer], '; reported on visit ', fate % 1000) as "description",
            [null, '', 'Call first, please', 'Dog is friendly, "Biscuit"', null][1 + (fate // 13 % 5)::integer] as "entryNotes",
            lo % 4 = 0 as "hasPetAlert",
            born::date + 3 + (lo // 17 % 10)::integer as "dueDate",
            case when stage = 2 then touched end as "completedAt",
            case when stage = 2 then ((fate % 40000)::decimal(12, 0) * 0.01)::decimal(12, 2) end as "totalAmountOwedByResident",
            born as "createdAt",
            touched as "updatedAt",
            case when is_gone then touched end as "deletedAt" """


def _moment(g: str, per: int) -> str:
    """When a slot's change was made: in the 45 minutes before its file is cut, in the order of the slots."""
    within = f"to_milliseconds((2700000 * (1 - (({g}) % {per} + 1) / {per + 1}.0))::bigint)"
    return f"({FIRST_HOUR} + to_hours((({g}) // {per})::integer) - {within})"


def _cell(name: str, form: Format, operations: bool) -> str:
    """A value as the format writes it: typed in Parquet, the vendor's notation in CSV."""
    value = f'image."{name}"'
    if form == "csv":
        value = f"strftime({value}, '%Y-%m-%dT%H:%M:%S.%gZ')" if name in _TIMES else f"{value}::varchar"
    if not operations or name == "id":
        return value
    return f"case when op <> 'D'{' or is_gone' if name == 'deletedAt' else ''} then {value} end"
