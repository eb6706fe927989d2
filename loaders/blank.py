"""Topics of which nothing was delivered yet: their tables are laid out by one macro, and not by four models each.

A first load of one topic took dbt fifteen seconds of processor for the others, which have no row.
"""

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from loaders.manifest import parsed_project
from loaders.news import LEDGER, MARKET, News
from loaders.topic_models import model_files

_MADE_AS = {"stg_fortress__{}": "view", "{}_changes": "incremental", "{}_history": "view", "{}": "view"}
_HOOKS = {"{}_changes": (1, 2)}  # how many before and after: dbt_project.yml


def blank_topics(news: News) -> list[str]:
    """Those to lay out, where everything is built. A topic whose models somebody has edited or configured otherwise is left to dbt."""
    manifest = parsed_project()
    empty = (topic for topic in news.rebuild if not news.newest[topic] and topic not in (LEDGER, MARKET))
    return [topic for topic in empty if _is_as_scaffolded(manifest, topic)]


def models_of(topics: Sequence[str]) -> list[str]:
    """The names of the models that lay_out stands for."""
    return [name.format(topic) for topic in topics for name in _MADE_AS]


def _is_as_scaffolded(manifest: Any, topic: str) -> bool:
    texts = {PurePath(path).stem: text for path, text in model_files(topic).items()}
    return all(_stands(manifest, name, name.format(topic), texts[name.format(topic)]) for name in _MADE_AS)


def _stands(manifest: Any, pattern: str, name: str, text: str) -> bool:
    model = manifest.nodes.get(f"model.{manifest.metadata.project_name}.{name}")
    if model is None or model.raw_code.strip() != text.strip():
        return False
    hooks = (len(model.config.pre_hook), len(model.config.post_hook))
    return (
        model.config.materialized == _MADE_AS[pattern]
        and hooks == _HOOKS.get(pattern, (0, 0))
        and not model.config.contract.enforced
        and not model.config.grants
    )
