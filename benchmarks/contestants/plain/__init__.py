"""The limit: DuckDB's SQL written by hand for these files, and for nothing else.

It gives the same tables (raw, current, history) and knows what the product may not take for granted: the columns and their types,
that every file can be read, that files come in order, once, and that there is one snapshot. It proves none of that.
"""

import sys
from pathlib import Path

from benchmarks.answers import COLUMNS, HISTORY_COLUMNS
from benchmarks.contestants import Answer, Contestant


def _answer(home: Path) -> Answer:
    return Answer(
        home / "plain.duckdb",
        f"select {', '.join(COLUMNS)} from workorders.current",
        f"select {', '.join([*COLUMNS, *HISTORY_COLUMNS])} from workorders.history",
    )


PLAIN = Contestant(
    "plain SQL",
    lambda exports, home: [sys.executable, "-m", "benchmarks.contestants.plain", str(exports), str(home)],
    _answer,
)
