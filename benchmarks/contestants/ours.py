"""This warehouse, as `make run` runs it and as `watch` does."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.answers import COLUMNS, HISTORY_COLUMNS
from benchmarks.contestants import Answer, Contestant
from benchmarks.sizes import BUSY_TOPIC


def environment(exports: Path, home: Path) -> Mapping[str, str]:
    """What a user would set."""
    return {
        "FORTRESS_EXPORTS_URL": exports.absolute().as_uri(),
        "FORTRESS_HOME": str(home.absolute()),
        "FORTRESS_MEMORY_LIMIT": os.environ.get("FORTRESS_MEMORY_LIMIT", ""),
        "DBT_TARGET_PATH": str(home.absolute() / "target"),
    }


def answer(home: Path) -> Answer:
    """The marts of the build, which withholds nothing."""
    return Answer(
        home / "build.duckdb",
        f"select {', '.join(COLUMNS)} from marts.{BUSY_TOPIC}",
        f"select {', '.join([*COLUMNS, *HISTORY_COLUMNS])} from marts.{BUSY_TOPIC}_history",
    )


def resident(home: Path) -> list[str]:
    """The command of a watch that waits to be told."""
    return [sys.executable, "-m", "benchmarks.contestants.watching"]


OURS = Contestant("ours", lambda exports, home: [sys.executable, "-m", "loaders", "run", "--json"], answer, environment)
