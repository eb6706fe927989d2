"""What analysts get of all this, as dbt's exposures. dbt takes only literal refs there, so that their file is written, too."""

from collections.abc import Iterable
from pathlib import Path

from loaders.registry import Topic
from loaders.settings import PROJECT

EXPOSURES = Path("models/_exposures.yml")

_HEADER = """\
# What analysts get of all this. Written by `python -m loaders scaffold` from the registry and the models of the audit.
version: 2

exposures:
"""
_EXPOSURE = """\
  - name: {name}
    label: {label}
    type: {type}
    maturity: high
    owner: {{name: Data team}}
    description: >-
{description}
    depends_on:
{refs}
"""
_DESCRIPTIONS = {
    ("published_file", "fortress.duckdb, the published file", "application"): (
        "The one file that analysts, notebooks and BI tools open, read-only and as often as they like. It holds the schemas `marts` and",
        "`audit`, is written beside the old one and checked, and takes its place in one step: who reads is never blocked and never sees",
        "half of an update. Topics that are restricted stay out of it by default.",
    ),
    ("current_tables", "What is true now", "analysis"): (
        "One table per topic with one row per record that exists now. For everything about today: lists, counts, balances, reports.",
    ),
    ("histories", "What was true then", "analysis"): (
        "One table per topic with one row per version of a record. For a table as of a date, for what changed and when, for the time",
        "that something was in a status.",
    ),
    ("change_logs", "Where a value comes from", "analysis"): (
        "One table per topic with every row ever delivered, its file and line, and what became of it. For questions about a single value.",
    ),
    ("audit", "Before trusting a number", "analysis"): (
        "Which files came and which wait for somebody, how far each topic is, and which values, keys and rules need a second look.",
    ),
}


def exposures_yaml(topics: Iterable[Topic], project: Path = PROJECT) -> str:
    """The text of ``models/_exposures.yml``."""
    names = sorted(topic.name for topic in topics if not topic.restricted)
    depends_on = {
        "current_tables": names,
        "histories": [f"{name}_history" for name in names],
        "change_logs": [f"{name}_changes" for name in names],
        "audit": sorted(path.stem for path in (project / "models" / "audit").glob("*.sql")),
    }
    depends_on["published_file"] = sorted(model for models in depends_on.values() for model in models)
    return _HEADER + "\n".join(
        _EXPOSURE.format(name=name, label=label, type=kind, description=_indented(lines), refs=_refs(depends_on[name]))
        for (name, label, kind), lines in _DESCRIPTIONS.items()
    )


def _indented(lines: Iterable[str]) -> str:
    return "\n".join(f"      {line}" for line in lines)


def _refs(models: Iterable[str]) -> str:
    return "\n".join(f"      - ref('{model}')" for model in models)
