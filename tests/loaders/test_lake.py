"""The lake that Spark reads: what is loaded, whole, once, and such that what is new lies in folders of its own."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import fsspec
import pytest

from loaders.errors import LakeRefused, SettingsError
from loaders.lake import LakeReport, write_lake
from loaders.warehouse import open_build
from tests.loaders.conftest import Home


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


def add(home: Home, lake: str | Path) -> LakeReport:
    home.sync()
    with open_build(home.settings.build) as connection:
        return write_lake(connection, str(lake), home.settings.home, home.said.append)


def rows(lake: Path, topic: str, columns: str = "*") -> list[tuple]:
    query = (
        f"select {columns} from read_parquet('{lake}/raw/{topic}/*/*.parquet', union_by_name = true, hive_partitioning = true) order by all"
    )
    return duckdb.sql(query).fetchall()


def loads(lake: Path) -> list[str]:
    return sorted(path.parent.name for path in lake.glob("raw/units/*/*"))


@pytest.fixture
def delivered(home: Home, lake: Path) -> Iterator[Home]:
    """A snapshot of two units in the lake, and a change file and another topic that have come since."""
    home.deliver("acme/units/LOAD.csv", "id,unitId\n1,a\n2,\n")
    assert add(home, lake).rows == {"units": 2}
    home.deliver("acme/units/20260101-080000000.csv", "OP,id,unitId,_load\nU,1,b,x\n")
    home.deliver("acme/leases/LOAD.csv", 'id\n"1"\n')
    yield home


def test_what_is_new_lies_in_folders_of_its_own(delivered: Home, lake: Path):
    (first,) = lake.glob("raw/units/*/*")
    written = first.stat()
    report = add(delivered, lake)
    assert (report.rows, report.file_id, add(delivered, lake).rows) == ({"leases": 1, "units": 1}, 3, {})
    assert (first.stat().st_mtime_ns, first.stat().st_ino) == (written.st_mtime_ns, written.st_ino)
    assert rows(lake, "units", "_load, _file_id, _row_number, _op, id, unitId") == [
        (1, 1, 1, None, "1", "a"),
        (1, 1, 2, None, "2", None),
        (3, 3, 1, "U", "1", "b"),
    ]


def test_the_ledger_comes_along_and_every_column_is_listed(delivered: Home, lake: Path):
    add(delivered, lake)
    assert duckdb.sql(f"from '{lake}/raw/files.parquet' order by _file_id").fetchall() == delivered.ledger("*")
    listed = duckdb.sql(
        f"select column_name, data_type from '{lake}/raw/columns.parquet' where topic = 'units' order by position"
    ).fetchall()
    raw = [(name, "string") for name in ("id", "unitId")]
    technical = [("_organization_id", "string"), ("_file_id", "bigint"), ("_row_number", "bigint"), ("_op", "string")]
    assert listed == [*raw, *technical, ("delivered__load", "string"), ("_load", "bigint")]  # what was delivered as _load is there, too
    assert rows(lake, "units", "delivered__load")[0] == ("x",)


def test_rows_that_a_killed_sync_left_without_a_ledger_are_not_there_twice(delivered: Home, lake: Path):
    ledger = (lake / "raw" / "files.parquet").read_bytes()
    add(delivered, lake)
    (lake / "raw" / "files.parquet").write_bytes(ledger)  # as it was when the sync was killed
    delivered.deliver("acme/units/20260101-090000000.csv", "OP,id\nD,2\n")
    add(delivered, lake)
    assert rows(lake, "units", "_load, _file_id") == [(1, 1), (1, 1), (4, 3), (4, 4)]


def test_an_emptied_lake_is_written_whole_in_one_load(delivered: Home, lake: Path):
    add(delivered, lake)
    fsspec.filesystem("file").rm(f"{lake}/raw", recursive=True)
    assert add(delivered, lake).rows == {"leases": 1, "units": 3}
    assert loads(lake) == ["_load=3"]


def test_a_lake_of_another_warehouse_is_refused_and_left_alone(delivered: Home, lake: Path):
    add(delivered, lake)
    before = loads(lake)
    with open_build(delivered.settings.build) as connection:
        connection.execute("update raw._files set sha256 = 'another' where _file_id = 1")
        with pytest.raises(LakeRefused, match="another warehouse"):
            write_lake(connection, str(lake), delivered.settings.home, print)
        connection.execute("delete from raw._files")  # restored, and fewer files by now
        with pytest.raises(LakeRefused):
            write_lake(connection, str(lake), delivered.settings.home, print)
    assert loads(lake) == before


def test_any_store_that_fsspec_knows_will_do(delivered: Home):
    assert add(delivered, "memory://bucket/fortress").rows == {"leases": 1, "units": 3}
    store = fsspec.filesystem("memory")
    assert store.exists("/bucket/fortress/raw/units/_load=3") and store.exists("/bucket/fortress/raw/files.parquet")
    assert not store.exists("/bucket/fortress/raw/files.parquet.part")


def test_a_url_that_no_package_knows_is_a_setting_to_mend(delivered: Home):
    with pytest.raises(SettingsError, match="nosuch://"):
        add(delivered, "nosuch://bucket")
