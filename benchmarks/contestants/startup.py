"""A yardstick, no contestant: what dbt takes to import and to find that nothing of this project has changed."""

import sys

from benchmarks.contestants import Contestant

# The project's own profile names FORTRESS_HOME, which therefore stays the same: dbt parses anew when it changes.
_PARSE = "from dbt.cli.main import dbtRunner; import sys; sys.exit(not dbtRunner().invoke(['--quiet', 'parse', '--no-write-json']).success)"


STARTUP = Contestant(
    "dbt's bare start-up",
    lambda exports, home: [sys.executable, "-c", _PARSE],
    None,
    lambda exports, home: {"FORTRESS_HOME": str(home), "DBT_TARGET_PATH": str(home / "target"), "DBT_LOG_PATH": str(home / "logs")},
)
