"""Which state the dbt project is in: what its files are, as far as their names, sizes and times tell, and who reads them."""

import hashlib
import os
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from loaders.settings import PROJECT

_FOLDERS = ("models", "macros", "seeds", "tests", "snapshots", "analyses", "dbt_packages")  # where dbt looks unless told otherwise
_READ = (".sql", ".yml", ".yaml", ".md", ".csv")
_ENGINES = ("dbt-core", "dbt-duckdb", "duckdb")


def project_files() -> list[Path]:
    """The files that decide how dbt parses the project."""
    return [Path(path) for path in sorted(_files())]


def project_state() -> str:
    """A hash that differs where dbt might read another project, or be another."""
    files = sorted((path, found.st_size, found.st_mtime_ns) for path, found in _files().items())
    return hashlib.sha256(repr(([version(one) for one in _ENGINES], files)).encode()).hexdigest()[:32]


def _files() -> dict[str, os.stat_result]:
    found = {str(path): path.stat() for path in (PROJECT / "dbt_project.yml", PROJECT / "profiles.yml") if path.is_file()}
    for folder in (PROJECT / one for one in _FOLDERS):
        if folder.is_dir():
            read = (*_READ, ".py") if folder.name == "models" else _READ
            found |= {entry.path: entry.stat() for entry in _below(folder) if entry.name.endswith(read)}
    return found


def _below(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    """Every file below a folder. Each run asks several times, and ``Path.rglob`` takes four times as long."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path)
            elif entry.is_file():
                yield entry
