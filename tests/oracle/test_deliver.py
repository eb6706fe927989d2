"""What is delivered is what was meant: values, nulls, empty strings and modification times."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from tests.oracle.batches import Delivered
from tests.oracle.deliver import deliver
from tests.oracle.feeds import TYPES, feeds
from tests.oracle.values import snake_case, typed

CONNECTION = duckdb.connect()  # the module's own one may be in use by another test of this process


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(feeds())
def test_a_delivered_file_holds_the_values_of_its_delivery(feed: list[Delivered]):
    with tempfile.TemporaryDirectory() as folder:
        for delivered in feed:
            path = deliver(Path(folder), delivered, TYPES)
            assert datetime.fromtimestamp(path.stat().st_mtime, UTC) == delivered.modified_at
            if path.suffix == ".csv":
                assert read_csv(path, delivered) == list(delivered.rows)
            else:
                table = pq.read_table(path)
                assert tuple(table.column_names) == delivered.columns and table.num_rows == len(delivered.rows)


def read_csv(path: Path, delivered: Delivered) -> list[tuple]:
    columns = ", ".join(f"'{name}': 'varchar'" for name in delivered.columns)
    options = "auto_detect=false, header=true, delim=',', quote='\"', escape='\"', nullstr='', allow_quoted_nulls=false"
    new_line = r"\r\n" if path.read_bytes().splitlines(keepends=True)[0].endswith(b"\r\n") else r"\n"
    return CONNECTION.execute(f"from read_csv('{path}', columns={{{columns}}}, {options}, new_line='{new_line}')").fetchall()


@pytest.mark.parametrize("native", [True, False])
def test_parquet_is_typed_natively_or_is_text(tmp_path: Path, native: bool):
    columns = ("id", "updatedAt", "testAmount", "isTest", "dueDate")
    rows = (("1", "2026-03-01T12:00:00+02:00", "12.5", "yes", "2026-03-01"), ("2", None, None, None, None))
    delivered = Delivered("org", "workorders", "LOAD.parquet", datetime(2026, 3, 1, tzinfo=UTC), columns, rows)
    read = pq.read_table(deliver(tmp_path, delivered, TYPES, native)).to_pylist()
    if not native:
        assert [tuple(row.values()) for row in read] == list(rows)
        return
    for row, texts in zip(read, rows, strict=True):
        moment = row.pop("updatedAt")
        assert (moment and moment.replace(tzinfo=None)) == typed(texts[1], "timestamp")
        assert row == {name: typed(text, TYPES[snake_case(name)]) for name, text in zip(columns, texts, strict=True) if name != "updatedAt"}


def test_contents_that_differ_are_files_that_differ_even_when_typed_alike(tmp_path: Path):
    def written(amount: str) -> bytes:
        delivered = Delivered("org", "workorders", "LOAD.parquet", datetime(2026, 3, 1, tzinfo=UTC), ("id", "testAmount"), (("1", amount),))
        return deliver(tmp_path, delivered, TYPES, native=True).read_bytes()

    assert written("12.5") == written("12.5") != written("12.50")
