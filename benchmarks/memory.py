"""Whether memory follows the file: a snapshot, and one four times as large, under a limit that the environment sets."""

from dataclasses import replace

from benchmarks.bench import Bench
from benchmarks.contestants.ours import OURS
from benchmarks.sizes import BUSY_TOPIC, Size

LIMIT = "1GB"
_ROWS = {"XS": 20_000, "S": 400_000, "M": 4_000_000, "L": 17_000_000}  # of the larger one: at L, 5 GB of CSV
PARTS = ("memory: a quarter", "memory: the whole")


def memory(bench: Bench) -> None:
    """The first load of both; what counts is the peak."""
    limited = replace(OURS, environment=lambda exports, home: {**OURS.environment(exports, home), "FORTRESS_MEMORY_LIMIT": LIMIT})
    for part, share in zip(PARTS, (4, 1), strict=True):
        rows = _ROWS[bench.size.name] // share
        exports = bench.exports("memory", Size(f"snapshot-{rows}", rows, files=1, changes=1_000))
        exports.deliver_past(BUSY_TOPIC)
        snapshot = exports.folder() / f"LOAD.{bench.form}"
        home = bench.empty_home("memory")
        bench.step(part, limited, exports, home, 0, f"ours, {snapshot.stat().st_size / 1e9:.2f} GB, limit {LIMIT}")
        bench.empty_home("memory")
