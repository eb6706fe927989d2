"""dbt's own command line, on the project as the loader keeps it parsed: parsing anew in every folder would double the tests' time."""

_PYTHON = """
import sys
from dbt.cli.main import dbtRunner
from loaders.manifest import parsed_project

sys.exit(not dbtRunner(manifest=parsed_project()).invoke(sys.argv[1:]).success)
"""

DBT = ("-c", _PYTHON)  # arguments of Python; dbt's follow

# For those who look at the tables alone: dbt's own files of a build take half as long as the build of a topic.
UNRECORDED = ("--no-write-json", "--log-level-file", "none", "--quiet")
