"""Files of an export tree: written beside their place, stamped with their simulated time, then moved into it."""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from loaders.names import PUBLIC_FOLDER
from loaders.simulator.columns import Format
from loaders.simulator.sql import literal, macros

_OPTIONS = {"csv": "format csv, header true", "parquet": "format parquet, compression zstd, row_group_size 122880"}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One file that was written: where, how many rows, and what is special about it, in plain words (empty if nothing is)."""

    organization_id: str
    topic: str
    file_name: str
    rows: int
    note: str = ""


def connect(seed: int, organization_id: str) -> duckdb.DuckDBPyConnection:
    """A database in memory that knows one organization's macros. Rows keep their order, or the bytes would differ from run to run."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'; set preserve_insertion_order = true")
    for statement in macros(seed, organization_id):
        connection.execute(statement)
    return connection


def folder(out: Path, organization_id: str, topic_folder: str) -> Path:
    """Where a topic's files stand, made if need be."""
    path = out / organization_id / PUBLIC_FOLDER / topic_folder
    path.mkdir(parents=True, exist_ok=True)
    return path


def write_query(connection: duckdb.DuckDBPyConnection, query: str, path: Path, form: Format, modified_at: datetime) -> int:
    """Write a query's rows to ``path``, and say how many.

    DuckDB writes a null as an empty field and an empty string as ``""``, which is the difference that the loader relies on.
    """
    beside = path.with_name(f".{path.name}.writing")
    written = connection.execute(f"copy ({query}) to {literal(str(beside))} ({_OPTIONS[form]})").fetchone()
    _into_place(beside, path, modified_at)
    return int(written[0]) if written else 0


def write_text(text: str, path: Path, modified_at: datetime) -> None:
    """Write a file that is no export."""
    beside = path.with_name(f".{path.name}.writing")
    beside.write_text(text, encoding="utf-8")
    _into_place(beside, path, modified_at)


def _into_place(beside: Path, path: Path, modified_at: datetime) -> None:
    seconds = int(modified_at.timestamp())
    os.utime(beside, (seconds, seconds))
    beside.replace(path)
