"""Which state the dbt project is in: what its files are, as far as their names, sizes and times tell, and who reads them."""

import hashlib
from importlib.metadata import version
from pathlib import Path

from loaders.settings import PROJECT

_FOLDERS = ("models", "macros", "seeds", "tests", "snapshots", "analyses", "dbt_packages")  # where dbt looks unless told otherwise
_READ = (".sql", ".yml", ".yaml", ".md", ".csv")
_ENGINES = ("dbt-core", "dbt-duckdb", "duckdb")


def project_files() -> list[Path]:
    """The files that decide how dbt parses the project."""
    found = [PROJECT / "dbt_project.yml", PROJECT / "profiles.yml", *(PROJECT / "models").rglob("*.py")]
    found += [path for one in _FOLDERS for path in (PROJECT / one).rglob("*") if path.suffix in _READ]
    return [path for path in sorted(found) if path.is_file()]


def project_state() -> str:
    """A hash that differs where dbt might read another project, or be another."""
    files = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in project_files()]
    return hashlib.sha256(repr(([version(one) for one in _ENGINES], files)).encode()).hexdigest()[:32]
