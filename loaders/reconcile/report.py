"""What a reconciliation found, as people read it."""

from collections import Counter
from collections.abc import Sequence

import click

from loaders.reconcile.findings import Finding, TopicResult
from loaders.reconcile.workflow import ReconcileReport
from loaders.report import console, table
from loaders.seam import shown, visible

_COLUMNS = ("topic", "records here", "in the API", "counts", "compared", "alike", "complete until (UTC)")
_MOST_SHOWN = 50


def show_reconciliation(done: ReconcileReport, with_values: bool) -> None:
    """A table of topics, then what is to be looked into, each with how it is known; the rest in numbers."""
    console().print(table("reconciled with the API", _COLUMNS, [_row(one) for one in done.topics]))
    for one in done.topics:
        if one.counted.verdict != "same":
            _say(f"{one.topic}: {one.counted.verdict}: {one.counted.explanation}")
    _show_findings([one for one in done.wrong if one.kind != "topic"], with_values)
    _show_the_rest([one for topic in done.topics for one in topic.findings if not one.is_wrong and one.kind != "topic"], with_values)
    if done.without:
        _say(f"no counterpart in the API is known for: {', '.join(done.without)}")
    for topic, text, _ in done.errors:
        click.echo(visible(f"{topic}: {text}"), err=True)
    _say(f"seed {done.seed}; `from audit.api_reconciliation` has all of it, and the next run publishes it")


def _row(one: TopicResult) -> list[object]:
    until = f"{one.watermark:%Y-%m-%d %H:%M}" if one.watermark else None
    return [one.topic, one.warehouse_count, one.api_count, one.counted.verdict.value, one.records, one.alike, until]


def _show_findings(findings: Sequence[Finding], with_values: bool) -> None:
    for one in findings[:_MOST_SHOWN]:
        what = f".{one.column_name}" if one.column_name else ""
        _say(f"{one.verdict}: {one.topic} {one.id}{what}: {one.explanation}")
        if with_values and one.kind == "field":
            _say(f"    here {shown(repr(one.ours))}, in the API {shown(repr(one.theirs))}")
    if len(findings) > _MOST_SHOWN:
        _say(f"and {len(findings) - _MOST_SHOWN:,} more")


def _show_the_rest(findings: Sequence[Finding], with_values: bool) -> None:
    if with_values:
        _show_findings([one for one in findings if one.kind != "column"], with_values)
    for (topic, verdict), number in sorted(Counter((one.topic, one.verdict.value) for one in findings).items()):
        columns = sorted({str(one.column_name) for one in findings if (one.topic, one.verdict) == (topic, verdict) and one.column_name})
        _say(f"{topic}: {number:,} {verdict}" + (f": {', '.join(columns)}" if columns else ""))


def _say(text: str) -> None:
    console().print(visible(text), markup=False, soft_wrap=True)
