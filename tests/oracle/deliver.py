"""Writes deliveries into an export tree, as the vendor would."""

import hashlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.oracle.batches import Delivered
from tests.oracle.values import Value, snake_case, typed

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NATIVE = {
    "text": pa.string(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
    "boolean": pa.bool_(),
    "decimal": pa.decimal128(18, 6),
    "integer": pa.int64(),
}


def deliver(root: Path, delivered: Delivered, types: Mapping[str, str] | None = None, native: bool | None = None) -> Path:
    """Write one file version into ``{root}/{organization}/public/exported_{topic}/``, replacing the one before it.

    ``native`` (Parquet only, needs ``types``): columns typed natively where every value casts, rather than all text. None:
    decided by the content, as are the CSV's quoting and line ends, so that one content always gives the same bytes.
    """
    folder = root / delivered.organization_id / "public" / f"exported_{delivered.topic}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / delivered.file_name
    seed = hashlib.sha256(repr(delivered.content).encode()).digest()
    if delivered.file_name.endswith(".csv"):
        path.write_bytes(_csv(delivered, quote_all=seed[0] % 3 == 0, line_end="\n" if seed[1] % 2 else "\r\n").encode())
    else:
        native = seed[0] % 2 == 0 if native is None else native
        _write_parquet(path, delivered, types if native and types else {}, seed)
    nanoseconds = (delivered.modified_at - _EPOCH) // timedelta(microseconds=1) * 1000
    os.utime(path, ns=(nanoseconds, nanoseconds))
    return path


def _csv(delivered: Delivered, quote_all: bool, line_end: str) -> str:
    """RFC 4180, with null as an unquoted empty field and the empty string as a quoted one."""
    lines = [",".join(delivered.columns)]
    lines += [",".join(_csv_field(value, quote_all) for value in row) for row in delivered.rows]
    return "".join(line + line_end for line in lines)


def _csv_field(value: str | None, quote: bool) -> str:
    if value is None:
        return ""
    if quote or not value or any(character in value for character in ',"\r\n'):
        return '"' + value.replace('"', '""') + '"'
    return value


def _write_parquet(path: Path, delivered: Delivered, types: Mapping[str, str], seed: bytes) -> None:
    columns = {
        name: _parquet_column([row[at] for row in delivered.rows], types.get(snake_case(name), "text"))
        for at, name in enumerate(delivered.columns)
    }
    # Text that differs may be one typed value (12.5 and 12.50): contents that differ must be files that differ.
    pq.write_table(pa.table(columns).replace_schema_metadata({"content": seed.hex()}), path)


def _parquet_column(texts: list[str | None], type_name: str) -> pa.Array:
    values: list[Value] = [typed(text, type_name) for text in texts]
    casts = all((value is None) == (text is None) for value, text in zip(values, texts, strict=True))
    if not casts:
        return pa.array(texts, pa.string())
    if type_name == "timestamp":
        values = [value.replace(tzinfo=UTC) if isinstance(value, datetime) else None for value in values]
    if type_name == "decimal":
        values = [Decimal(str(value)) if value is not None else None for value in values]
    return pa.array(values, _NATIVE[type_name])
