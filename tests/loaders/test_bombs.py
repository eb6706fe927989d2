"""Small files that ask for much: one run of the real command over all of them, its memory watched."""

import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

PROJECT = Path(__file__).parents[2]
MEMORY = 500  # MB for DuckDB
MOST_MEMORY = 1_700  # MB for a whole process: what a prover may take beside that is a gigabyte

_WATCHED = """
import resource, subprocess, sys
done = subprocess.run([sys.executable, "-m", "loaders", "sync"])
print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
sys.exit(done.returncode)
"""


def _parquet(path: Path, columns: dict[str, pa.Array], **options: object) -> None:
    pq.write_table(pa.table(columns), path, compression="zstd", **options)


def _equal_strings(path: Path, rows: int, text: str) -> None:
    """``rows`` equal strings: a dictionary of one, and runs of its only number."""
    at_once = 1_000_000
    chunk = pa.table({"id": pa.DictionaryArray.from_arrays(pa.array([0] * at_once, pa.int8()), pa.array([text]))})
    with pq.ParquetWriter(path, chunk.schema, compression="zstd") as writer:
        for _ in range(rows // at_once):
            writer.write_table(chunk, row_group_size=at_once)


def _nested(depth: int) -> pa.Array:
    array = pa.array(["x"])
    for _ in range(depth):
        array = pa.StructArray.from_arrays([array], ["f"])
    return array


def _long_list(elements: int) -> pa.Array:
    values = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int8()), elements), pa.array(["x"]))
    return pa.ListArray.from_arrays(pa.array([0, elements], pa.int32()), values)


def _unlike_lines() -> bytes:
    """Lines of which no two have the same quotes in the same places."""
    chance = random.Random(1)
    values = (f"{chance.getrandbits(40):040b}".replace("0", '""').replace("1", "x") for _ in range(100_000))
    return b"id,note\n" + "".join(f'{number},"{value}"\n' for number, value in enumerate(values)).encode()


def _write(path: Path, kind: str) -> None:
    match kind:
        case "rows":
            _equal_strings(path, 30_000_000, "x")
        case "text":
            _equal_strings(path, 1_000_000, "x" * 10_000)
        case "value":
            _parquet(path, {"id": pa.array(["1"]), "v": pa.array(["y" * 100_000_000])})
        case "list":
            _parquet(path, {"id": pa.array(["1"]), "v": _long_list(100_000_000)})
        case "deep":
            _parquet(path, {"id": pa.array(["1"]), "v": _nested(3_000)})
        case "nested":
            _parquet(path, {"id": pa.array(["1"]), "v": _nested(50)})
        case "wide":
            _parquet(path, {"id": pa.array(["1"])} | {f"c{n}": pa.array(["1"]) for n in range(5_000)})
        case "columns":
            path.write_text(",".join(["id", *(f"c{n}" for n in range(5_000))]) + "\n")
        case "million":
            path.write_text(",".join(["id", *(f"c{n}" for n in range(1_000_000))]) + "\n")
        case "line":
            path.write_bytes(b"id,v\n1," + b"y" * 40_000_000 + b"\n")
        case "quoted":
            path.write_bytes(b'id,v\n1,"' + b"line of a value\n" * 2_000_000 + b'"\n')
        case "header":
            path.write_bytes(b"id," + b"y" * 40_000_000)
        case "blank":
            path.write_bytes(b"id,v\n1,2\n" + b"\n" * 20_000_000)
        case "commas":
            path.write_bytes(b"id,v,w\n" + b",,\n" * 5_000_000)
        case "unlike":
            path.write_bytes(_unlike_lines())


# What becomes of each: the reason of its quarantine; why it is left, which no quarantine is; None for what is loaded.
BOMBS = {
    "rows.parquet": "left: 30,000,000 rows are more than one file may have (20,000,000): if that is right, set FORTRESS_MAX_FILE_ROWS",
    "text.parquet": "left: 10,000,000,000 bytes of text, unpacked, are more than one file may have (5,000,000,000)",
    "value.parquet": "row 1 holds a value of more than 16,777,216 bytes",
    "list.parquet": "left: cannot be read with FORTRESS_MEMORY_LIMIT=500MB",
    "deep.parquet": "the Parquet file cannot be read",
    "nested.parquet": None,
    "wide.parquet": "5,001 columns are more than the 2,000 that a file may have",
    "columns.csv": "5,001 columns are more than the 2,000 that a file may have",
    "million.csv": "1,000,001 columns, or lines without an end",
    "line.csv": "a line of more than 16,777,216 bytes",
    "quoted.csv": "line 2: ",
    "header.csv": "a line of more than 16,777,216 bytes",
    "blank.csv": "more than 100,000 empty lines",
    "commas.csv": "row 1 has no id",
    "unlike.csv": None,
}


@dataclass(frozen=True, slots=True)
class Explosion:
    """What the run said, and what the ledger says of each organization's only file."""

    code: int
    output: str
    ledger: dict[str, tuple[str, str | None]]


@pytest.fixture(scope="module")
def explosion(tmp_path_factory: pytest.TempPathFactory) -> Explosion:
    place = tmp_path_factory.mktemp("bombs")
    exports, home = place / "exports", place / "home"
    for name in BOMBS:
        kind, form = name.split(".")
        folder = exports / kind / "public" / "exported_units"
        folder.mkdir(parents=True)
        _write(folder / f"LOAD.{form}", kind)
    good = exports / "zzz" / "public" / "exported_units"
    good.mkdir(parents=True)
    (good / "LOAD.csv").write_text("id\n1\n")
    limits = {"FORTRESS_MEMORY_LIMIT": f"{MEMORY}MB", "FORTRESS_MAX_FILE_ROWS": "20_000_000", "FORTRESS_MAX_FILE_BYTES": "5GB"}
    environment = {"FORTRESS_HOME": str(home), "FORTRESS_EXPORTS_URL": exports.as_uri()} | limits
    done = subprocess.run([sys.executable, "-c", _WATCHED], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    with duckdb.connect(str(home / "build.duckdb"), read_only=True) as connection:
        ledger = connection.execute("select organization_id, status, reason from raw._files").fetchall()
    return Explosion(
        done.returncode, done.stdout + done.stderr, {organization: (status, reason) for organization, status, reason in ledger}
    )


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_with_a_sentence_or_loaded_if_it_is_none(explosion: Explosion, name: str):
    kind, expected = name.split(".")[0], BOMBS[name]
    if expected is None:
        assert explosion.ledger[kind] == ("loaded", None)
    elif expected.startswith("left: "):
        assert kind not in explosion.ledger
        (line,) = (line for line in explosion.output.splitlines() if line.startswith(f"{kind}/units/"))
        assert expected.removeprefix("left: ") in line
    else:
        status, reason = explosion.ledger[kind]
        assert status == "quarantined"
        assert expected in (reason or "")


def test_the_run_survives_the_bombs_within_its_memory_and_says_that_somebody_is_needed(explosion: Explosion):
    assert explosion.code == 3
    assert explosion.ledger["zzz"] == ("loaded", None)
    peak = int(explosion.output.split("peak ")[1].split()[0])
    assert peak < MOST_MEMORY, explosion.output[-3000:]
