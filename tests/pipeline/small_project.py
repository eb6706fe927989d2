"""The project with two topics instead of all: everything in it is the real thing, and a run takes seconds."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests import forked, limited
from tests.once import made_once
from tests.pipeline.harness import PROJECT, Warehouse

_REGISTRY = "models/staging/fortress/_fortress__sources.yml"


@dataclass(frozen=True, slots=True)
class SmallProject:
    """A copy of the project in ``folder``, whose registry knows ``workorders`` and ``units`` alone."""

    folder: Path

    def start(self, warehouse: Warehouse, *arguments: str, room: int | None = None, **options: object) -> subprocess.Popen[str]:
        """One of the loader's commands on a warehouse, as a process of its own; what it says can be read from its pipes.

        ``room``: bytes beyond which no file that it writes can grow.
        """
        command = [sys.executable, *limited.loaders(room), *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return forked.Popen(command, cwd=self.folder, env=warehouse.environment(), **(pipes | options))

    def parse(self) -> None:
        """Have dbt parse it, as each command would until one has."""
        code = "from loaders.manifest import parsed_project; parsed_project()"
        forked.run([sys.executable, "-c", code], cwd=self.folder, check=True)

    def run(self, warehouse: Warehouse, *arguments: str, expected: int = 0) -> str:
        """The same, to its end. What it said, errors too."""
        process = self.start(warehouse, *arguments, stderr=subprocess.STDOUT)
        said, _ = process.communicate()
        assert process.returncode == expected, f"{arguments}: exit {process.returncode}\n{said}"
        return said


def small_project(folder: Path, topics: frozenset[str] = frozenset({"workorders", "units"})) -> SmallProject:
    """Copy the project to ``folder`` and take all other topics out of it."""
    for name in ("loaders", "macros", "models"):
        shutil.copytree(PROJECT / name, folder / name, dirs_exist_ok=True)  # with what Python has compiled
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(PROJECT / name, folder / name)
    for market in ("models/marts/market", "models/staging/market"):  # which reads topics that are about to go
        shutil.rmtree(folder / market)
    gone = _shorten_registry(folder / _REGISTRY, topics)
    for path in [*folder.glob("models/**/*.sql"), *folder.glob("models/topics/*.yml")]:
        if path.stem.removeprefix("stg_fortress__").removesuffix("_changes").removesuffix("_history") in gone:
            path.unlink()
    project = SmallProject(folder)
    project.run(Warehouse(folder), "scaffold", "--no-build")
    return project


def shared_project(factory: pytest.TempPathFactory) -> SmallProject:
    """The small project, parsed: one for all tests of a run. Not to be changed."""
    return SmallProject(made_once(factory, "small-project", lambda folder: small_project(folder).parse()))


def _shorten_registry(path: Path, topics: frozenset[str]) -> set[str]:
    """Leave ``topics`` in the registry, with references to one another alone. The names of the others."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    (source,) = document["sources"]
    gone = {table["name"] for table in source["tables"] if not table["name"].startswith("_")} - topics
    source["tables"] = [table for table in source["tables"] if table["name"] not in gone]
    for meta in (column.get("config", {}).get("meta", {}) for table in source["tables"] for column in table.get("columns", [])):
        if meta.get("references") in gone:
            del meta["references"]
    path.write_text(yaml.dump(document, Dumper=_Indented, sort_keys=False), encoding="utf-8")
    return gone


class _Indented(yaml.SafeDumper):
    """Lists stand below their names, as in the registry: ``scaffold`` adds a topic to its text."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)
