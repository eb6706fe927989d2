"""A build that goes on from the one before, without dbt: what dbt would say is known, and said again (loaders/rendered.py).

Each statement runs in dbt's order and in its transactions, and what dbt had asked on the way is asked again. Where an answer is
another one, or DuckDB refuses something, the transaction is taken back, and dbt does it: it finds the build as after a crash.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import duckdb

from loaders.catalog import catalog_of
from loaders.rendered import Kept, Node, Rendered, answer_of
from loaders.warehouse import set_up
from loaders.words import counted

_AT_ONCE = 2  # profiles.yml says the same to dbt


@dataclass(frozen=True, slots=True)
class Repeated:
    """A model that was built, a hook that was run, or a test that passed: with ``failures``, of which it only warns."""

    node: Node
    failures: int = 0

    @property
    def warning(self) -> str:
        """What dbt would say of it; empty where nothing failed."""
        told = f"{self.node.name}: Got {counted(self.failures, 'result')}, configured to warn if {self.node.warn_if}"
        return told if self.failures else ""


class Repeat:
    """A build of those topics whose nodes are all known. A topic leaves it where dbt would not say what it said."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, kept: Kept, topics: Sequence[str]):
        self._connection = connection
        catalog = catalog_of(connection) if kept and topics else ""
        known = {topic: kept.nodes_of(topic, catalog) for topic in topics} if catalog else {}
        self._nodes = {topic: nodes for topic, nodes in known.items() if nodes}
        self._done: dict[str, Repeated] = {}

    @property
    def topics(self) -> frozenset[str]:
        """The topics that are in it still."""
        return frozenset(self._nodes)

    @property
    def results(self) -> list[Repeated]:
        """What was done for them."""
        return [self._done[unique_id] for unique_id in self._distinct() if unique_id in self._done]

    def build_models(self) -> None:
        """Run the hooks, and build the models, those first on which others stand."""
        self._say_again(lambda node: node.kind != "test")

    def run_tests(self) -> None:
        """Run the tests, once everything is built, by whomever."""
        self._say_again(lambda node: node.kind == "test")

    def _distinct(self) -> dict[str, Rendered]:
        return {one.node.unique_id: one for nodes in self._nodes.values() for one in nodes}

    def _say_again(self, is_wanted: Callable[[Node], bool]) -> None:
        wanted = [one for one in self._distinct().values() if is_wanted(one.node)]
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="repeat") as threads:
            for _, of_a_rank in groupby(sorted(wanted, key=_rank), key=_rank):
                nodes = [one for one in of_a_rank if one.node.unique_id in self._distinct()]
                for one, done in zip(nodes, threads.map(self._said_again, nodes), strict=True):
                    if done:
                        self._done[one.node.unique_id] = done
                    else:
                        self._leave(one.node)

    def _leave(self, node: Node) -> None:
        self._nodes = {topic: nodes for topic, nodes in self._nodes.items() if all(one.node != node for one in nodes)}

    def _said_again(self, rendered: Rendered) -> Repeated | None:
        """What came of a node; None where dbt has to do it."""
        rows: list[tuple[Any, ...]] = []
        with self._connection.cursor() as cursor, suppress(duckdb.Error):  # closing takes back what is not committed
            set_up(cursor)
            for number, statement in enumerate(rendered.statements, start=1):
                rows = cursor.execute(statement.sql).fetchall()
                is_outcome = rendered.node.kind == "test" and number == len(rendered.statements)
                if statement.answer not in (None, answer_of(rows)) and not is_outcome:
                    return None
            return _outcome(rendered.node, rows)
        return None


def _rank(rendered: Rendered) -> int:
    return rendered.node.rank


def _outcome(node: Node, rows: Sequence[tuple[Any, ...]]) -> Repeated | None:
    """What dbt would make of a test's one row; None for a failure, of which dbt has more to say."""
    if node.kind != "test":
        return Repeated(node)
    ((failures, is_to_warn, is_error),) = rows
    if is_error and node.severity == "error":
        return None
    return Repeated(node, failures if is_to_warn else 0)
