"""The project as dbt parsed it, kept for as long as no file of it changes: parsing takes longer than building a topic.

dbt keeps its own copy (`partial_parse.msgpack`), and throws it away when FORTRESS_HOME changes, as the profile names it. What the
project says does not depend on the warehouse it is run on, so this copy is known by the project's files alone.
"""

import gc
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Any

from loaders.errors import BuildFailed
from loaders.project_state import project_state
from loaders.settings import PROJECT
from loaders.whole_files import write_whole

# A log of every statement costs a tenth of a build, and is of use to nobody but dbt's own authors. On the terminal dbt says nothing:
# what fails is said in our own words, and standard output may be one JSON document.
OPTIONS = (
    *("--quiet", "--no-use-colors", "--log-level", "none", "--log-level-file", "info"),
    *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
)

# dbt and a parsed project are a quarter of a million objects, which stay. Python looks through them for garbage after so many new ones:
# with its own measure, that was a twentieth of a run, and a sixth of importing dbt.
_SELDOM = (50_000, 20, 100)

_KEPT = PROJECT / "target" / "parsed"


def parsed_project() -> Any:
    """dbt's manifest of the project; BuildFailed, with dbt's reason, when it cannot be parsed."""
    gc.set_threshold(*_SELDOM)
    return _manifest(project_state())


def part_of(manifest: Any, arguments: Sequence[str]) -> Any:
    """What a command of dbt needs of the project, where it names its nodes and wants no others; else all of it.

    dbt looks through every node it is given, several times in each command, though one topic of thirty is to be built.
    """
    if "cautious" not in arguments or any(mark in name for name in _selected(arguments) for mark in ":+*@,"):
        return manifest
    names = set(_selected(arguments))
    wanted = [one for one, node in manifest.nodes.items() if node.name in names or node.resource_type == "operation"]
    needed: set[str] = set()
    while wanted:
        if (one := wanted.pop()) not in needed:
            needed.add(one)
            wanted += manifest.nodes[one].depends_on_nodes if one in manifest.nodes else []
    kinds = ("nodes", "sources", "exposures", "unit_tests")
    return replace(manifest, **{kind: {one: node for one, node in getattr(manifest, kind).items() if one in needed} for kind in kinds})


def tests_references(node: Any) -> bool:
    """Whether a node is one of the tests that look where references lead (macros/tests/references_arrive.sql)."""
    return getattr(getattr(node, "test_metadata", None), "name", None) == "references_arrive"


def _selected(arguments: Sequence[str]) -> Sequence[str]:
    """What follows `--select`, up to the next option."""
    return list(takewhile(lambda one: not one.startswith("--"), arguments[arguments.index("--select") + 1 :]))


@lru_cache(maxsize=1)
def _manifest(state: str) -> Any:
    from dbt.contracts.graph.manifest import Manifest
    from dbt.parser.manifest import extended_mashumaro_encoder, extended_mashumuro_decoder

    path = _KEPT / f"{state}.msgpack"
    with suppress(Exception):  # whatever is wrong with a copy, parsing mends it
        manifest = Manifest.from_msgpack(path.read_bytes(), decoder=extended_mashumuro_decoder)
        manifest.build_flat_graph()
        return manifest
    manifest = _parse()
    with suppress(OSError):  # a project that cannot be written to is parsed each time
        _keep(path, manifest.to_msgpack(extended_mashumaro_encoder))
    return manifest


def _parse() -> Any:
    from dbt.cli.main import dbtRunner

    outcome = dbtRunner().invoke(["parse", "--no-write-json", *OPTIONS])
    if not outcome.success:
        raise BuildFailed(f"dbt cannot read the project: {outcome.exception}")
    return outcome.result


def _keep(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    for old in path.parent.glob("*.msgpack"):
        old.unlink(missing_ok=True)
    write_whole(path, content)
