"""What a topic is made of, and how one row of it is written in each format."""

from dataclasses import dataclass, field
from typing import Literal

Format = Literal["csv", "parquet"]
Type = Literal["text", "timestamp", "date", "boolean", "amount", "number"]

OLDEST, SPAN_DAYS, REST_DAYS = "2024-01-01", 860, 20
"""Records of the first snapshot were created in the days of ``SPAN_DAYS`` and last touched up to ``REST_DAYS`` later: all before it."""


@dataclass(frozen=True, slots=True)
class Column:
    """A delivered column: its name, its type in Parquet, and the expression that gives its value."""

    name: str
    type: Type
    sql: str

    def rendered(self, form: Format) -> str:
        """The value as the format writes it: typed in Parquet, the vendor's notation in CSV."""
        if form == "parquet":
            return f"({self.sql})"
        if self.type == "timestamp":
            return f"strftime({self.sql}, '%Y-%m-%dT%H:%M:%S.%gZ')"
        return f"({self.sql})::varchar"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic's columns, and the names its expressions share (``steps``, each of which may use the ones before it)."""

    name: str
    rows: int
    columns: tuple[Column, ...]
    steps: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """The topic's folder on the server."""
        return f"exported_{self.name}"


def common(prefix: str, entity: str) -> tuple[Column, ...]:
    """The columns that every entity opens with."""
    return (
        Column("id", "text", f"uid('{entity}', i)"),
        Column("readableId", "text", f"concat('{prefix}-', 100000 + i)"),
    )


STAMPS = (
    Column("createdAt", "timestamp", "born"),
    Column("updatedAt", "timestamp", "touched"),
    Column("deletedAt", "timestamp", "gone_at"),
)


def image(topic: Topic, rows: str, form: Format, *, operations: bool = False) -> str:
    """The query that writes ``rows``: a relation of i, v, born_at, touched_at and gone_at.

    With ``operations`` the rows are a change file's and have batch, place, op and shape as well; OP comes first, after
    three columns that say where a row belongs (``_batch``, ``_place``, ``_i``) and are left out of the file.
    """
    shown = ", ".join(f'{_cell(column, form, operations)} as "{column.name}"' for column in topic.columns)
    source = f"select *, draw('{topic.name}', i) as lo from ({rows})"
    source = f"select *, {_BORN} as born, coalesce(touched_at, {_BORN} + {_REST}) as touched from ({source})"
    for name, sql in topic.steps.items():
        source = f"select *, ({sql}) as {name} from ({source})"
    leading = "batch as _batch, place as _place, i as _i, op as OP, " if operations else ""
    return f"select {leading}{shown} from ({source})"


_BORN = f"coalesce(born_at, timestamp '{OLDEST}' + to_milliseconds((lo % {SPAN_DAYS * 86_400_000})::bigint))"
_REST = f"to_milliseconds((lo % {REST_DAYS * 86_400_000 - 7})::bigint)"


def _cell(column: Column, form: Format, operations: bool) -> str:
    """A delete holds the key alone, or the key and when it was deleted."""
    value = column.rendered(form)
    if not operations or column.name == "id":
        return value
    shapes = "('full', 'stamped')" if column.name == "deletedAt" else "('full')"
    return f"case when shape in {shapes} then {value} end"
