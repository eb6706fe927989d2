"""What dbt is asked to build, and to test, for news: as few nodes as can be, as each costs more than what it reads."""

from collections.abc import Iterator, Sequence
from typing import Any

from loaders.manifest import parsed_project
from loaders.news import LEDGER, MARKET, MARKET_MODELS, News, models_of_no_topic
from loaders.registry import modelled_topics
from loaders.settings import PROJECT

_TABLES = ("table", "incremental", "test")
_TESTS = ("sound_{}", "references_of_{}_arrive")  # a topic's own, written with it: loaders/scaffold


def builds(news: News, full_refresh: bool) -> list[list[str]]:
    """The arguments of each dbt invocation: one for what is built anew, one for what is brought up to date."""
    untested = tests_of([topic for topic, newest in news.newest.items() if not newest])  # there are no rows to test
    untested += [] if MARKET in news.newest else [MARKET_MODELS]  # nor is there anything to build of what was never asked for
    if full_refresh or news.is_everything:
        return [["--full-refresh", *option("--exclude", untested)]]
    anew = ["--full-refresh", *option("--select", _all_of(news.rebuild)), *option("--exclude", untested)] if news.rebuild else []
    if news.topics and {*news.topics} <= news.steady:
        return [["--select", *_tables_of(news.topics)]]
    untouched = tests_of([topic for topic in news.newest if topic not in news.topics])
    up_to_date = [*option("--select", _all_of(news.topics)), *option("--exclude", [*untested, *untouched])] if news.topics else []
    return [arguments for arguments in (anew, up_to_date) if arguments]


def tests_of(chosen: Sequence[str]) -> list[str]:
    """The tests written with topics. They read other topics, too, and would be run with the news of each."""
    return [test.format(topic) for topic in chosen if topic not in (LEDGER, MARKET) for test in _TESTS]


def option(name: str, values: Sequence[str]) -> list[str]:
    """An option with its values, left out without."""
    return [name, *values] if values else []


def _all_of(chosen: Sequence[str]) -> list[str]:
    """All that stands on topics."""
    found = [f"source:fortress.{topic}+" for topic in chosen if topic not in (LEDGER, MARKET)]
    if LEDGER in chosen:
        found += [f"path:{path.relative_to(PROJECT)}" for path in models_of_no_topic()]
    return found + ([MARKET_MODELS] if MARKET in chosen else [])


def _tables_of(steady: Sequence[str]) -> list[str]:
    """The tables that stand on topics, and the tests, by name: dbt looks through the whole project for each selector."""
    manifest = parsed_project()
    manifest.build_parent_and_child_maps()
    sources = [f"source.{manifest.metadata.project_name}.fortress.{topic}" for topic in steady if topic != LEDGER]
    own = [one for one in _models_of_no_topic(manifest) if LEDGER in steady]
    tests = [child for one in own for child in manifest.child_map[one] if child.startswith("test.")]
    others = set(tests_of([topic for topic in modelled_topics() if topic not in steady]))
    nodes = [manifest.nodes[one] for one in dict.fromkeys([*_descendants(manifest, sources), *own, *tests])]
    return [node.name for node in nodes if node.config.materialized in _TABLES and node.name not in others]


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
