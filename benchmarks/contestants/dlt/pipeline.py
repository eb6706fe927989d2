"""dlt as its documentation has it for a feed of changes; run by the Python of its own environment: ``pipeline.py EXPORTS HOME``.

The filesystem source, files since the last run by their modification time; merge by delete-insert on the key, `hard_delete` and
`dedup_sort`. Files are read with PyArrow and handed on as Arrow tables, which is dlt's fast path. The order column is ours: without it
dlt takes a reload (D and I of one record in one file) for a delete, and files that come together for one heap.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"}

import dlt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as parquet
from dlt.sources.filesystem import filesystem

_MOMENT = pa.timestamp("us", tz="UTC")
_TYPES = {
    "hasPetAlert": pa.bool_(), "dueDate": pa.date32(), "totalAmountOwedByResident": pa.decimal128(18, 6),
    "completedAt": _MOMENT, "createdAt": _MOMENT, "updatedAt": _MOMENT, "deletedAt": _MOMENT,
}  # fmt: skip
_TEXTS = ("id", "readableId", "propertyId", "unitId", "assignedUserId", "status", "priority", "description", "entryNotes", "OP")


@dlt.transformer(
    name="workorders",
    primary_key="id",
    write_disposition={"disposition": "merge", "strategy": "delete-insert"},
    columns={
        "is_gone": {"data_type": "bool", "hard_delete": True},
        "load_order": {"data_type": "text", "dedup_sort": "desc"},
    },
)
def workorders(files: list[dict[str, Any]]) -> Iterator[pa.Table]:
    """The rows of some files, each with whether it deletes and where it stands in the order."""
    for file in files:
        path = Path(file["file_url"].removeprefix("file://"))
        place = 0
        for batch in _batches(path):
            table = pa.Table.from_batches([batch])
            yield _placed(table, "0" if path.stem == "LOAD" else path.stem, place)
            place += table.num_rows


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    if path.suffix == ".parquet":
        for batch in parquet.ParquetFile(path).iter_batches(batch_size=200_000):
            cells = zip(batch.schema.names, batch.columns, strict=True)
            yield pa.RecordBatch.from_pydict({name: cell.cast(_TYPES[name]) if name in _TYPES else cell for name, cell in cells})
        return
    types = _TYPES | dict.fromkeys(_TEXTS, pa.string())
    values = csv.ConvertOptions(column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""])
    yield from csv.open_csv(path, csv.ReadOptions(block_size=32 << 20), csv.ParseOptions(newlines_in_values=True), values)


def _placed(table: pa.Table, stem: str, place: int) -> pa.Table:
    numbers = pc.utf8_lpad(pc.cast(pa.array(range(place, place + table.num_rows)), pa.string()), 9, "0")
    if "OP" not in table.column_names:
        ranks, is_gone = pa.scalar("0"), pa.array([False] * table.num_rows)
    else:
        operations = table["OP"]
        ranks = pc.replace_substring(pc.replace_substring(pc.replace_substring(operations, "D", "1"), "U", "2"), "I", "3")
        is_gone = pc.equal(operations, "D")
        table = table.drop_columns("OP")
    order = pc.binary_join_element_wise(pa.scalar(stem), ranks, numbers, "|")
    return table.append_column("is_gone", is_gone).append_column("load_order", order)


def main(exports: Path, home: Path) -> None:
    """Load what is new."""
    files = filesystem(
        bucket_url=next(exports.glob("*/public/exported_workorders")).as_uri(),
        file_glob="*.*",
        incremental=dlt.sources.incremental("modification_date"),
    )
    pipeline = dlt.pipeline(
        "workorders",
        pipelines_dir=str(home / "pipelines"),
        destination=dlt.destinations.duckdb(str(home / "dlt.duckdb")),
        dataset_name="fortress",
    )
    pipeline.run(files | workorders).raise_on_failed_jobs()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
