"""The usual recipe, as many have it: an incremental model that keeps the last row of each key, and a dbt snapshot of it.

A snapshot sees one state a run, and dates it by the run: of its history only the images are compared, and what it lacks is what came
together with later files.
"""

import sys
from pathlib import Path

from benchmarks.answers import COLUMNS
from benchmarks.contestants import Answer, Contestant

_HERE = Path(__file__).parent


def _answer(home: Path) -> Answer:
    shown = ", ".join(COLUMNS)
    return Answer(
        home / "recipe.duckdb", f"select {shown} from main.workorders_current", f"select {shown} from main.workorders_snapshot", COLUMNS
    )


RECIPE = Contestant(
    "dbt by hand",
    lambda exports, home: [
        str(Path(sys.executable).with_name("dbt")), "--quiet", "build", "--project-dir", str(_HERE), "--profiles-dir", str(_HERE)
    ],
    _answer,
    lambda exports, home: {
        "RECIPE_HOME": str(home),
        "RECIPE_FILES": str(next(exports.glob("*/public/exported_workorders"), exports) / "*"),
        "DBT_TARGET_PATH": str(home / "target"),
        "DBT_LOG_PATH": str(home / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    },
    topics=False,
)  # fmt: skip
