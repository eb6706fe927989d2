"""What dbt says to DuckDB, heard where it says it. Imported by loaders/build.py when there is something to build: it takes dbt with it."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from dbt.adapters.duckdb.environments import local
from dbt_common.events.contextvars import get_node_info

from loaders.manifest import parsed_project, tests_references
from loaders.news import News
from loaders.rendered import Kept, Node, Rendered, Statement, answer_of
from loaders.selection import nodes_of

_READS = re.compile(r"\s*(/\*.*?\*/\s*)?(select|with|from|describe)\b", re.DOTALL | re.IGNORECASE)
_SOURCE = re.compile(r"\b(?:from|join)\s+(\(describe\b|[^\s(]+\(|\S+)", re.IGNORECASE)
_OF_CATALOG = re.compile(
    r"\(describe|system\.information_schema\.\w+|duckdb_(databases|constraints|indexes|tables|columns)\(|pragma_table_info\(", re.IGNORECASE
)
# What else dbt does with a cursor. All other ways to read are unheard.
_HARMLESS = {"description", "rollback", "commit", "close", "interrupt"}


class Overheard:
    """By node, what was said for it."""

    def __init__(self) -> None:
        self._said: dict[str, list[_Saying]] = {}

    def note(self, sql: str, bindings: Any) -> "_Saying":
        """A statement that is being said now, by the node whose turn it is in this thread."""
        saying = _Saying(sql, bindings)
        self._said.setdefault(get_node_info().get("unique_id", ""), []).append(saying)
        return saying

    def statements_of(self, unique_id: str) -> tuple[Statement, ...] | None:
        """All that was said for a node; None where it was said in a way that cannot be repeated as text."""
        said = self._said.get(unique_id, [])
        if not said or not all(one.can_be_repeated for one in said):
            return None
        return tuple(one.as_statement() for one in said if not one.asks_catalog)


class _Saying:
    """A statement, and what was read of its answer."""

    def __init__(self, sql: str, bindings: Any):
        self.sql = sql
        self.rows: list[tuple[Any, ...]] | None = None
        self.is_heard = not bindings
        self._reads = bool(_READS.match(sql))

    @property
    def can_be_repeated(self) -> bool:
        return self.is_heard and (not self._reads or self.rows is not None or self.asks_catalog)

    @property
    def asks_catalog(self) -> bool:
        """Whether it asks the catalog and nothing else: that is compared as a whole (loaders/catalog.py)."""
        sources = _SOURCE.findall(self.sql)
        return self._reads and bool(sources) and all(_OF_CATALOG.fullmatch(one) for one in sources)

    def as_statement(self) -> Statement:
        return Statement(self.sql, answer_of(self.rows) if self._reads and self.rows is not None else None)


@contextmanager
def overhearing() -> Iterator[Overheard]:
    """Within: what dbt says in this process is heard."""
    overheard = Overheard()

    class Heard(local.DuckDBCursorWrapper):
        """dbt's cursor, which notes what passes through it."""

        def __init__(self, cursor: Any):
            super().__init__(cursor)
            self._saying = _Saying("", None)  # nothing yet

        def execute(self, sql: str, bindings: Any = None) -> Any:
            self._saying = overheard.note(sql, bindings)
            super().execute(sql, bindings)
            return self

        def fetchall(self) -> list[tuple[Any, ...]]:
            self._saying.rows = rows = self._cursor.fetchall()
            return rows

        def __getattr__(self, name: str) -> Any:
            if name not in _HARMLESS:
                self._saying.is_heard = False
            return super().__getattr__(name)

    before, local.DuckDBCursorWrapper = local.DuckDBCursorWrapper, Heard
    try:
        yield overheard
    finally:
        local.DuckDBCursorWrapper = before


def keep_what_was_said(kept: Kept, overheard: Overheard, results: Iterable[Any], news: News, catalog: str) -> None:
    """Keep what dbt said for topics whose views stood, by the ``catalog`` that it found. ``results`` are those of all that it ran."""
    hooks = [node for node in parsed_project().nodes.values() if node.resource_type == "operation"]
    if any("on-run-end" in hook.tags for hook in hooks):  # which is told how the run went
        return
    rank_of = _ranks(parsed_project())
    ran = {result.node.unique_id: result.node for result in results}
    whole, rendered = {}, {}
    for topic in news.steady:
        nodes = [ran.get(node.unique_id) for node in (*nodes_of(news, topic), *hooks)]
        said = {node.unique_id: _rendered(node, rank_of, overheard, catalog) for node in nodes if node is not None}
        if None not in nodes and None not in said.values():
            whole[topic] = [*said]
            rendered |= said
    kept.keep(whole, [one for one in rendered.values() if one])


def _rendered(node: Any, rank_of: Callable[[str], int], overheard: Overheard, catalog: str) -> Rendered | None:
    said = overheard.statements_of(node.unique_id)
    if node.resource_type == "operation":
        said = said or ()  # a hook may have nothing to say
    if said is None or node.language != "sql":
        return None
    is_test = node.resource_type == "test"
    configured = (str(node.config.severity).lower(), node.config.warn_if, tests_references(node)) if is_test else ()
    rank = 0 if node.resource_type == "operation" else rank_of(node.unique_id)
    return Rendered(Node(node.unique_id, node.name, str(node.resource_type), rank, *configured), said, catalog)


def _ranks(manifest: Any) -> Callable[[str], int]:
    """How far from the sources a node is; what is no node of the project's is at 0."""

    @cache
    def rank_of(unique_id: str) -> int:
        node = manifest.nodes.get(unique_id)
        return 1 + max((rank_of(one) for one in node.depends_on_nodes), default=0) if node else 0

    return rank_of
