"""Drives the real pipeline over feeds and compares what it says with the replay.

Every feed is an organization of its own, so that hundreds of them fit one load and one build.
"""

import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests import forked
from tests.dbt_command import DBT, UNRECORDED
from tests.oracle.batches import Delivered
from tests.oracle.deliver import deliver
from tests.oracle.feeds import TYPES, arrivals, feeds
from tests.oracle.replay import RESOLUTIONS, Tables, replay

PROJECT = Path(__file__).resolve().parents[2]
TOPIC = "workorders"
# Of a change log what is never virtual, as a select's item: what is virtual cannot be inserted.
STORED = "columns('^(id|_.+|outcome|valid_(from|to)|is_(current|deleted)|change_type|version_number)$')"

_BUSINESS = (*TYPES, "_organization_id", "_batch_at", "_row_number")
_HISTORY = ("valid_from", "valid_to", "is_current", "is_deleted", "change_type", "version_number")
_FILE = ("file_name", "modified_at")
COLUMNS = {
    f"marts.{TOPIC}": (*_BUSINESS, *_FILE),
    f"marts.{TOPIC}_history": (*_BUSINESS, *_FILE, *_HISTORY),
    f"marts.{TOPIC}_changes": (*_BUSINESS, *_FILE, "_op", "outcome"),
    "audit.rule_disagreements": (
        *("_organization_id", "topic", "id", "file_name"),
        *(f"{rule}_{what}" for rule in RESOLUTIONS for what in ("row_number", "deletes")),
    ),
}
_KNOWN = {name for columns in COLUMNS.values() for name in columns}

_LEDGER_MODELS = ("stg_fortress__files", "path:models/audit")

Case = list[list[Delivered]]  # one feed, run by run
Difference = tuple[str, str, tuple[Any, ...]]  # table, "missing" or "unexpected", the row


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    return draw(arrivals(draw(feeds(topic=TOPIC))))


def draw_cases(count: int, seed_number: int) -> list[Case]:
    """``count`` feeds with the runs they arrive in; the same ones for the same seed."""
    return [_draw_case(f"{seed_number}/{number}") for number in range(count)]


def _draw_case(seed_value: str) -> Case:
    """The last of a few examples: Hypothesis begins with the simplest and then varies what it had, so each case has its own seed."""
    drawn: list[Case] = []

    @seed(seed_value)
    @settings(max_examples=2, phases=[Phase.generate], database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(_cases())
    def draw(case: Case) -> None:
        drawn.append(case)

    draw()
    return drawn[-1]


def as_organization(case: Case, organization_id: str) -> Case:
    return [[replace(delivered, organization_id=organization_id) for delivered in run] for run in case]


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A warehouse in a folder of its own, fed from a folder of exports beside it. Only ``topics`` are built: all take minutes."""

    home: Path
    topics: tuple[str, ...] = (TOPIC,)

    @property
    def exports(self) -> Path:
        return self.home / "exports"

    def deliver(self, files: Iterable[Delivered]) -> None:
        self.exports.mkdir(parents=True, exist_ok=True)
        for delivered in files:
            deliver(self.exports, delivered, TYPES)

    def deliver_hour(self, hour: int, *lines: str) -> None:
        """One file of the topic, line by line: the first snapshot, as hour 0, or the changes of an hour."""
        folder = self.exports / f"3925b293-d3a3-42bb-ad6f-ff866141c8c4/public/exported_{TOPIC}"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / ("LOAD.csv" if hour == 0 else f"20260601-{hour:02}0000000.csv")
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        moment = datetime(2026, 6, 1, hour, 10).timestamp()
        os.utime(path, (moment, moment))

    def sync(self) -> None:
        self._run("-m", "loaders", "sync")

    def build(self, *options: str, resolution: str | None = None) -> None:
        chosen = ["--vars", json.dumps({"cdc_resolution": resolution})] if resolution else []
        self._run(
            *DBT,
            "run",
            *UNRECORDED,
            "--select",
            *_LEDGER_MODELS,
            *(f"source:fortress.{topic}+" for topic in self.topics),
            *options,
            *chosen,
        )

    def test(self, selected: str, *options: str) -> None:
        """Run dbt's selected tests; RuntimeError with dbt's words when one fails."""
        self._run(*DBT, "test", "--select", *selected.split(), "--exclude-resource-type", "unit_test", *options)

    def test_units(self) -> None:
        """Run dbt's unit tests, on fixtures with the columns that this warehouse has."""
        self._run(*DBT, "test", "--select", "test_type:unit")

    def dbt(self, *arguments: str) -> None:
        """dbt's own command line on whatever project it is given, parsed there and then."""
        self._run("-m", "dbt.cli.main", *arguments)

    def environment(self) -> dict[str, str]:
        """The environment in which a command works on this warehouse."""
        own = {
            "FORTRESS_HOME": str(self.home),
            "FORTRESS_EXPORTS_URL": self.exports.as_uri(),
            "DBT_TARGET_PATH": str(self.home / "target"),
            "DBT_LOG_PATH": str(self.home / "logs"),
        }
        return os.environ | own

    def _run(self, *arguments: str) -> None:
        done = forked.run([sys.executable, *arguments], cwd=PROJECT, env=self.environment(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments[1:])}: exit {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}")

    def rows(self, table: str) -> list[dict[str, Any]]:
        """A table's rows with the file's name and modification time in the place of its number, which depends on the runs; so does the
        number of the newest file, which is left out."""
        with duckdb.connect(str(self.home / "build.duckdb"), read_only=True) as connection:
            found = connection.execute(f"select columns(lambda column_name: column_name <> '_newest_file_id') from {table}")
            names = [column[0] for column in found.description or ()]
            rows = [dict(zip(names, values, strict=True)) for values in found.fetchall()]
            ledger = connection.execute("select _file_id, file_name, remote_mtime from raw._files").fetchall()
        files = {file_id: {"file_name": name, "modified_at": _naive(moment)} for file_id, name, moment in ledger}
        return [row | files[row["_file_id"]] for row in rows]


def differences(warehouse: Warehouse, delivered: Sequence[Delivered], resolution: str = "precedence") -> dict[str, list[Difference]]:
    """What the warehouse says otherwise than the replay, by organization."""
    by_organization: dict[str, list[Difference]] = defaultdict(list)
    expected = _expected(replay(delivered, TYPES, resolution))
    for table, columns in COLUMNS.items():
        found = warehouse.rows(table)
        for row in found if table.startswith("marts.") else ():
            filled = {name for name, value in row.items() if value is not None and not name.startswith("_")}
            if strange := filled - _KNOWN:  # a column of the topic that no feed delivers
                by_organization[row["_organization_id"]].append((table, "unexpected", (f"not null: {sorted(strange)}",)))
        wanted = Counter(tuple(row[name] for name in columns) for row in expected[table])
        given_rows = Counter(tuple(row.get(name) for name in columns) for row in found)  # no file held the column: there is none
        organization_at = columns.index("_organization_id")
        for kind, rows in (("missing", wanted - given_rows), ("unexpected", given_rows - wanted)):
            for row in rows.elements():
                by_organization[row[organization_at]].append((table, kind, row))
    return dict(by_organization)


def _expected(tables: Tables) -> dict[str, list[dict[str, Any]]]:
    """The replay's tables under the warehouse's names."""
    listed = [
        row | {"_organization_id": row["organization_id"]} | {f"{rule}_deletes": row[f"{rule}_is_delete"] for rule in RESOLUTIONS}
        for row in tables.rule_disagreements
    ]
    return dict(zip(COLUMNS, (tables.current, tables.history, tables.changes, listed), strict=True))


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def play(warehouse: Warehouse, cases: Sequence[Case]) -> dict[str, list[Difference]]:
    """Deliver, load and build run by run, all organizations together; the first difference of each organization."""
    delivered: list[Delivered] = []
    found: dict[str, list[Difference]] = {}
    for number in range(max(len(case) for case in cases)):
        arriving = [one for case in cases for one in (case[number] if number < len(case) else [])]
        warehouse.deliver(arriving)
        warehouse.sync()
        warehouse.build()
        delivered += arriving
        for organization_id, rows in differences(warehouse, delivered).items():
            found.setdefault(organization_id, [(f"after run {number + 1}", "", ()), *rows])
    return found
