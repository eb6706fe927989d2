"""dlt, in an environment of its own: current only, as it makes no history of a feed of changes."""

from pathlib import Path

from benchmarks.answers import COLUMNS
from benchmarks.contestants import PROJECT, Answer, Contestant

_TIMES = ("completed_at", "created_at", "updated_at", "deleted_at")


def _answer(home: Path) -> Answer:
    shown = [f"{name} at time zone 'UTC' as {name}" if name in _TIMES else name for name in COLUMNS]
    return Answer(home / "dlt.duckdb", f"select {', '.join(shown)} from fortress.workorders where deleted_at is null", None)


DLT = Contestant(
    "dlt",
    lambda exports, home: [
        str(PROJECT / ".venv/bench-dlt/bin/python"), str(Path(__file__).with_name("pipeline.py")), str(exports), str(home)
    ],
    _answer,
    topics=False,
)  # fmt: skip
