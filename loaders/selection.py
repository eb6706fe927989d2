"""What dbt is asked to build, and to test, for news: as few nodes as can be, as each costs more than what it reads."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from loaders.blank import blank_topics, models_of
from loaders.manifest import parsed_project
from loaders.news import LEDGER, MARKET, MARKET_MODELS, News, models_of_no_topic
from loaders.registry import modelled_topics
from loaders.settings import PROJECT

_BUILT = ("model", "seed", "snapshot", "test")
_TABLES = ("table", "incremental", "test")
_NOT_BY_FILES = ("api_reconciliation",)  # `reconcile` brings it up to date, and no file does
_TESTS = ("sound_{}", "references_of_{}_arrive")  # a topic's own, written with it: loaders/scaffold


def builds(news: News, full_refresh: bool) -> list[list[str]]:
    """The arguments of each dbt invocation: one for what is built anew, one for what is brought up to date."""
    never_asked_for = [] if MARKET in news.newest else [MARKET_MODELS]
    untested = tests_of([topic for topic, newest in news.newest.items() if not newest])  # there are no rows to test
    left_out = option("--exclude", [*untested, *never_asked_for])
    if full_refresh:
        return [["--full-refresh", *left_out]]
    if news.is_everything:
        return [["--full-refresh", *_without(blank_topics(news)), *left_out]]
    anew = ["--full-refresh", "--select", *_all_of(news.rebuild), *left_out] if news.rebuild else []
    # Cautious: no test of a topic that is left alone, though it reads a model that is built.
    named = ["--select", *_news_of(news), *option("--exclude", never_asked_for)] if news.topics else []
    brought_up_to_date = ["--indirect-selection", "cautious", *named] if named else []
    return [arguments for arguments in (anew, brought_up_to_date) if arguments]


def tests_of(chosen: Sequence[str]) -> list[str]:
    """The tests written with topics. They read other topics, too, and would be run with the news of each."""
    return [test.format(topic) for topic in chosen if topic not in (LEDGER, MARKET) for test in _TESTS]


def option(name: str, values: Sequence[str]) -> list[str]:
    """An option with its values, left out without."""
    return [name, *values] if values else []


def _without(blank: Sequence[str]) -> list[str]:
    """All but the models of topics without a row, which are laid out instead. `--exclude` would take along every test that reads one."""
    if not blank:
        return []
    laid_out = set(models_of(blank))
    names = [node.name for node in parsed_project().nodes.values() if node.resource_type in _BUILT and node.name not in laid_out]
    return ["--select", *names, "--vars", json.dumps({"laid_out": blank})]


def _all_of(chosen: Sequence[str]) -> list[str]:
    """All that stands on topics."""
    found = [f"source:fortress.{topic}+" for topic in chosen if topic not in (LEDGER, MARKET)]
    if LEDGER in chosen:
        found += [f"path:{path.relative_to(PROJECT)}" for path in models_of_no_topic()]
    return found + ([MARKET_MODELS] if MARKET in chosen else [])


def _news_of(news: News) -> list[str]:
    """What stands on topics with news, and its tests; of steady ones the tables alone. By name: dbt looks through the whole project
    for each selector of another kind."""
    manifest = parsed_project()
    manifest.build_parent_and_child_maps()
    changed, steady = ([one for one in news.topics if (one in news.steady) == is_steady] for is_steady in (False, True))
    nodes = [manifest.nodes[one] for one in _standing_on(manifest, changed)] + _tables_on(manifest, steady)
    others = set(tests_of([topic for topic in modelled_topics() if topic not in news.topics]))
    names = dict.fromkeys(node.name for node in nodes if node.name not in others)
    return [*names, *([MARKET_MODELS] if MARKET in news.topics else [])]


def nodes_of(news: News, topic: str) -> list[Any]:
    """What is built and tested for a topic among the news whose views stand: dbt's nodes."""
    manifest = parsed_project()
    manifest.build_parent_and_child_maps()
    others = set(tests_of([one for one in modelled_topics() if one != topic]))
    nodes = [node for node in _tables_on(manifest, [topic]) if node.name not in others]
    return nodes if MARKET in news.newest else [node for node in nodes if not _is_of_market(manifest, node)]


def _is_of_market(manifest: Any, node: Any) -> bool:
    """Whether a node, or what it tests, is one of MARKET_MODELS."""
    tested = [manifest.nodes[one] for one in node.depends_on_nodes if one in manifest.nodes] if node.resource_type == "test" else []
    return any(MARKET_MODELS.removeprefix("tag:") in one.tags for one in (node, *tested))


def _tables_on(manifest: Any, chosen: Sequence[str]) -> list[Any]:
    """What stands on topics whose views stand, and is built by their files."""
    nodes = (manifest.nodes[one] for one in _standing_on(manifest, chosen))
    return [node for node in nodes if node.config.materialized in _TABLES and node.name not in _NOT_BY_FILES]


def _standing_on(manifest: Any, chosen: Sequence[str]) -> list[str]:
    """The models and tests that stand on topics; the ledger's are those of no topic."""
    sources = [f"source.{manifest.metadata.project_name}.fortress.{topic}" for topic in chosen if topic not in (LEDGER, MARKET)]
    own = _models_of_no_topic(manifest) if LEDGER in chosen else []
    tests = [child for one in own for child in manifest.child_map[one] if child.startswith("test.")]
    return [*_descendants(manifest, sources), *own, *tests]


def _models_of_no_topic(manifest: Any) -> list[str]:
    paths = {str(path.relative_to(PROJECT)) for path in models_of_no_topic()}
    return [one for one, node in manifest.nodes.items() if node.resource_type == "model" and node.original_file_path in paths]


def _descendants(manifest: Any, roots: Sequence[str]) -> Iterator[str]:
    """The models and tests that stand on some nodes, near or far."""
    seen, waiting = set(roots), list(roots)
    while waiting:
        for child in manifest.child_map[waiting.pop()]:
            if child in manifest.nodes and child not in seen:
                seen.add(child)
                waiting.append(child)
                yield child
