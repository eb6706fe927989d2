"""What it costs to read: the published tables against physical copies of themselves, and publishing against a file copy."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.bench import Bench, in_turn
from benchmarks.contestants.ours import OURS
from benchmarks.contestants.plain import PLAIN
from benchmarks.processes import Cost
from loaders.warehouse import quote_text

_AS_OF = "timestamp '2026-06-01 09:30:00'"
_SUMS = "select status, count(*), max(updated_at), sum(total_amount_owed_by_resident)"
_QUERIES = {
    "current, counted": "select count(*) from {current}",
    "current, grouped": _SUMS + " from {current} where priority = 'HIGH' group by all",
    "as of, grouped": f"{_SUMS} from {{history}} where valid_from <= {_AS_OF} and (valid_to > {_AS_OF} or valid_to is null) "
    "and not is_deleted group by all",
    "one record's life": "select * from {history} where id = '{id}' order by valid_from",
}
_SOME_RECORD = "select id from physical.main.history group by id having count(*) > 2 order by id limit 1"


@dataclass(frozen=True, slots=True)
class Tables:
    """Somebody's tables as they are, and where they stand."""

    who: str
    database: Path
    current: str
    history: str


def read(bench: Bench) -> None:
    """Each question to the tables as they are and to copies, in turn."""
    chosen = [
        Tables(PLAIN.name, bench.home(PLAIN.name) / "plain.duckdb", "workorders.current", "workorders.history"),
        Tables(OURS.name, bench.home(OURS.name) / "fortress.duckdb", "marts.workorders", "marts.workorders_history"),
    ]
    for tables in chosen:
        if tables.database.exists():
            _read(bench, tables)
    if chosen[1].database.exists():
        _copy(bench, chosen[1].database.resolve())


def _read(bench: Bench, tables: Tables) -> None:
    with _attached(tables, bench.empty_home("read") / "physical.duckdb") as connection:
        (record,) = connection.execute(
            "select id from physical.main.history group by id having count(*) > 2 order by id limit 1"
        ).fetchone()
        for question, query in _QUERIES.items():
            whom = {
                tables.who: query.format(current=f"theirs.{tables.current}", history=f"theirs.{tables.history}", id=record),
                f"{tables.who}, physical": query.format(current="physical.main.current", history="physical.main.history", id=record),
            }
            answers = [sorted(map(str, connection.execute(text).fetchall())) for text in whom.values()]
            assert answers[0] == answers[1], question
            for repeat in range(2 * bench.repeats + 1):
                for who in in_turn(list(whom), repeat):
                    bench.keep(f"read: {question}", who, repeat, _timed(lambda text=whom[who]: connection.execute(text).fetchall()))


@contextmanager
def _attached(tables: Tables, scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables, and physical copies of them, both in files; the copies are read from disk once like the tables."""
    with duckdb.connect(config={"memory_limit": "3GB"}) as connection:
        connection.execute("set timezone = 'UTC'; set enable_progress_bar = false")
        connection.execute(f"attach {quote_text(str(tables.database))} as theirs (read_only)")
        connection.execute(f"attach {quote_text(str(scratch))} as physical")
        for name, relation in (("current", tables.current), ("history", tables.history)):
            connection.execute(f"create table physical.main.{name} as from theirs.{relation}")
        connection.execute("checkpoint physical; use theirs")
        yield connection


def _copy(bench: Bench, published: Path) -> None:
    """A copy of the published file, with all its bytes on the disk: what publishing may cost at most."""
    for repeat in range(bench.repeats):
        target = bench.empty_home("read") / "copy.duckdb"
        os.sync()
        bench.keep("publishing", "a copy of the file", repeat, _timed(lambda target=target: _copied(published, target)))
    published_in = [sample for sample in bench.results.of("hour", OURS.name) if "publish" in sample.facts.get("seconds", {})]
    for sample in published_in:
        bench.keep("publishing", OURS.name, sample.repeat, Cost(sample.facts["seconds"]["publish"], 0, 0))


def _copied(source: Path, target: Path) -> None:
    with source.open("rb") as reading, target.open("wb") as written:
        while os.copy_file_range(reading.fileno(), written.fileno(), 1 << 30):
            pass
        os.fsync(written.fileno())


def _timed(work: Callable[[], object]) -> Cost:
    cpu, began = time.process_time(), time.monotonic()
    work()
    return Cost(time.monotonic() - began, time.process_time() - cpu, 0)
