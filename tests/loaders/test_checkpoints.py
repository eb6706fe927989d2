"""A checkpoint writes what changed; the places of rows that are gone are given back once they are most of a table."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from loaders.checkpoints import PutAway, checkpoint_meanwhile, give_back_places
from loaders.warehouse import open_build

ROWS = 300_000


@pytest.fixture
def build(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_build(tmp_path / "build.duckdb") as connection:
        connection.execute(f"create table raw.units as select i as id, md5(i::varchar) as name from range({ROWS}) as ids(i)")
        connection.execute("checkpoint")
        yield connection


def places(connection: duckdb.DuckDBPyConnection) -> int:
    stored = "select sum(count) from pragma_storage_info('raw.units') where column_name = 'id' and segment_type <> 'VALIDITY'"
    return connection.execute(stored).fetchone()[0]


def replace(connection: duckdb.DuckDBPyConnection, share: int) -> None:
    """New rows for one record in ``share``, at the end of the table."""
    connection.execute(f"create or replace temporary table newer as select id, name || '+' as name from raw.units where id % {share} = 0")
    connection.execute(f"delete from raw.units where id % {share} = 0")
    connection.execute("insert into raw.units from newer")


def test_a_table_is_not_written_together_because_some_rows_have_gone(build: duckdb.DuckDBPyConnection):
    replace(build, 3)
    build.execute("checkpoint")
    give_back_places(build, "build", {"raw.units": ROWS})
    assert places(build) == ROWS * 4 // 3


def test_it_is_once_most_of_its_places_are_those_of_rows_that_have_gone(build: duckdb.DuckDBPyConnection):
    replace(build, 1)
    replace(build, 3)
    before = build.execute("from raw.units order by all").fetchall()
    give_back_places(build, "build", {"raw.units": ROWS})
    assert places(build) == ROWS
    assert build.execute("from raw.units order by all").fetchall() == before
    assert build.execute("select current_setting('max_vacuum_tasks')").fetchone() == (0,)


def test_what_is_written_during_a_checkpoint_is_there_afterwards(build: duckdb.DuckDBPyConnection, tmp_path: Path):
    replace(build, 2)
    for number in range(20):
        with checkpoint_meanwhile(build):
            build.execute(f"insert into raw.units values ({ROWS + number}, 'late')")
    build.close()
    assert not (tmp_path / "build.duckdb.wal").exists()
    with duckdb.connect(str(tmp_path / "build.duckdb"), read_only=True) as reader:
        found = reader.execute("select count(*), count(*) filter (name = 'late'), count(*) filter (name[-1] = '+') from raw.units")
        assert found.fetchone() == (ROWS + 20, 20, ROWS // 2)


def test_what_is_put_away_is_in_the_log_until_nobody_waits(build: duckdb.DuckDBPyConnection, tmp_path: Path):
    log = tmp_path / "build.duckdb.wal"
    with PutAway() as put_away:
        replace(build, 2)
        put_away.give(tmp_path / "build.duckdb")
        build.close()
        assert log.stat().st_size > 0
    assert not log.exists()
    with duckdb.connect(str(tmp_path / "build.duckdb"), read_only=True) as reader:
        assert reader.execute("select count(*) filter (name[-1] = '+') from raw.units").fetchone() == (ROWS // 2,)
