"""What dbt said to DuckDB for each node of a build that went on from the one before: kept, to be said again by the next.

    {home}/rendered/nodes.json       which nodes stand on each topic, and what that was rendered from
    {home}/rendered/<node>.json      one node's statements

dbt renders a node from the project, from its environment, from the catalog, and from what it asks of the data on the way. Where these
are what they were, it would say the same again, statement by statement, and takes two seconds to start, half a second for each run,
and a tenth of one for each node to come to that. loaders/overheard.py hears it, loaders/repeat.py says it again. docs/decisions/0038.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from loaders.private import make_private_folder
from loaders.project_state import project_files, project_state
from loaders.settings import Settings
from loaders.whole_files import write_whole

# What differs from one invocation to the next, whatever the project and the data are. A project that says any of it is rendered each time.
_FLEETING = re.compile(
    r"run_started_at|invocation_id|thread_id|dbt_metadata_envs|selected_resources|modules\b(?!\.re\b)|\|\s*random\b"
    r"|env_var\((?!\s*['\"]\w+['\"])"
)
_ENVIRONMENT = re.compile(r"env_var\(\s*['\"](\w+)['\"]")
# Set for dbt by loaders/build.py, or where it writes what it made: no statement holds them.
_IN_NO_STATEMENT = {"FORTRESS_HOME", "FORTRESS_MEMORY_LIMIT", "DBT_SEND_ANONYMOUS_USAGE_STATS", "DBT_LOG_PATH", "DBT_TARGET_PATH"}
_INDEX = "nodes"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of dbt's, and the answer that it went by, as of answer_of; None where what it does is all that matters."""

    sql: str
    answer: str | None


@dataclass(frozen=True, slots=True)
class Node:
    """A model, a test or a hook (``operation``), as dbt calls its kinds. ``rank`` is greater than that of all it stands on; ``severity``
    and ``warn_if`` are a test's, as it is configured; ``is_of_references`` says that what it finds are references that lead nowhere."""

    unique_id: str
    name: str
    kind: str
    rank: int
    severity: str = ""
    warn_if: str = ""
    is_of_references: bool = False


@dataclass(frozen=True, slots=True)
class Rendered:
    """A node with what dbt said for it, and the catalog that it said it by."""

    node: Node
    statements: tuple[Statement, ...]
    catalog: str


def answer_of(rows: Iterable[tuple[Any, ...]]) -> str:
    """What tells an answer from others. A hash: answers may hold what was delivered, and nobody has to read them."""
    return hashlib.sha256(repr(list(rows)).encode(errors="surrogatepass")).hexdigest()


class Kept:
    """What is kept in a warehouse of the project in the state that it is in."""

    def __init__(self, settings: Settings):
        self._folder = settings.home / "rendered"
        self._state = project_state()
        self._topics: dict[str, list[str]] = {}
        with suppress(KeyError, TypeError):  # what is not as it was written is as good as none
            known = self._read(_INDEX)
            if known["environment"] == _digests(known["environment"]):
                self._topics = dict(known["topics"])

    def __bool__(self) -> bool:
        return bool(self._topics)

    def nodes_of(self, topic: str, catalog: str) -> list[Rendered] | None:
        """All nodes that stand on a topic, as they would be rendered by this ``catalog``; None where that is not known of each."""
        found = [self._node(name, catalog) for name in self._topics.get(topic, ())]
        nodes = [one for one in found if one is not None]
        return nodes if found and len(nodes) == len(found) else None

    def keep(self, topics: Mapping[str, Iterable[str]], rendered: Iterable[Rendered]) -> None:
        """Keep what was rendered since this was opened, and which nodes stand on ``topics``. What was kept of other topics stays."""
        with suppress(OSError):  # what cannot be kept is rendered each time
            if project_state() == self._state and (environment := _environment()) is not None:
                if not self._topics:  # whatever is there is of another state
                    shutil.rmtree(self._folder, ignore_errors=True)
                make_private_folder(self._folder)
                for one in rendered:
                    self._write(one.node.unique_id, asdict(one))
                self._topics |= {topic: sorted(nodes) for topic, nodes in topics.items()}
                self._write(_INDEX, {"environment": environment, "topics": self._topics})

    def _node(self, name: str, catalog: str) -> Rendered | None:
        with suppress(KeyError, TypeError):
            known = self._read(name)
            if known["catalog"] == catalog:
                return Rendered(Node(**known["node"]), tuple(Statement(**one) for one in known["statements"]), catalog)
        return None

    def _read(self, name: str) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            found = json.loads((self._folder / f"{name}.json").read_bytes())
            return found if isinstance(found, dict) and found.pop("state", None) == self._state else {}
        return {}

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        write_whole(self._folder / f"{name}.json", json.dumps({"state": self._state, **content}).encode())


def _environment() -> dict[str, str] | None:
    """The variables that decide what dbt renders, hashed; None where the project reads what no two invocations have in common."""
    texts = [path.read_text(encoding="utf-8") for path in project_files() if path.suffix not in (".csv", ".md")]
    if any(_FLEETING.search(text) for text in texts):
        return None
    return _digests(name for text in texts for name in _ENVIRONMENT.findall(text))


def _digests(names: Iterable[str]) -> dict[str, str]:
    """What these variables say, and all that are dbt's own flags (``DBT_FULL_REFRESH``)."""
    decisive = {*names, *(name for name in os.environ if name.startswith("DBT_"))} - _IN_NO_STATEMENT
    return {name: hashlib.sha256(os.environ.get(name, "\0").encode(errors="surrogateescape")).hexdigest() for name in decisive}
