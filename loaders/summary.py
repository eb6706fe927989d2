"""How a run ended: one line with its figures, and the exit code that stands for it."""

from collections.abc import Mapping, Sequence
from typing import Any

from loaders.build import BuildReport
from loaders.errors import LoaderError, TryAgain
from loaders.progress import Line
from loaders.sync import SyncReport
from loaders.words import counted

ATTENTION, TEMPORARY, FAILED = 3, 75, 1


def exit_code(syncs: Sequence[SyncReport]) -> int:
    """What syncs end with that ran through; a file still being written is left to the next run, and is no failure."""
    if any(one.waiting or one.refused or one.plan.closed for one in syncs[-1:]):
        return ATTENTION
    return TEMPORARY if any(one.failed or one.plan.unlisted for one in syncs) else 0


def error_code(error: LoaderError) -> int:
    """What a command ends with that gave up."""
    return TEMPORARY if isinstance(error, TryAgain) else FAILED


def summary(synced: SyncReport | None, built: BuildReport | None, seconds: Mapping[str, float], code: int) -> Line:
    """A run's figures, as far as it came; ``seconds`` by step, in their order, and only of steps that were begun."""
    loaded = [version for version in synced.loaded if version.status == "loaded"] if synced else []
    facts = {
        "files": len(loaded),
        "rows": sum(version.row_count or 0 for version in loaded),
        "set_aside": synced.waiting if synced else None,
        "left_for_next_run": len(synced.left) + len(synced.plan.unlisted) if synced else 0,
        "models": built.models if built else 0,
        "tests": built.tests if built else 0,
        "warnings": len(built.warnings) if built else 0,
        "unresolved_references": built.unresolved_references if built else 0,
    }
    message = _in_words(facts, seconds, code)
    return Line(
        message,
        step="run",
        text=f"{'run':<9}{message}",
        level="error" if code in (FAILED, TEMPORARY) else "warning" if code else "info",
        summary=True,
        **facts,
        seconds=dict(seconds),
        exit_code=code,
    )


def _in_words(facts: Mapping[str, Any], seconds: Mapping[str, float], code: int) -> str:
    """Only figures, always in this order: what watches a log by eye sees what differs."""
    aside = "" if facts["set_aside"] is None else f", {facts['set_aside']} set aside"
    took = ", ".join(f"{step} {spent:.1f} s" for step, spent in seconds.items())
    return (
        f"{counted(facts['files'], 'file')} loaded ({counted(facts['rows'], 'row')}){aside}, {facts['left_for_next_run']} left for the "
        f"next run; {counted(facts['models'], 'model')}, {counted(facts['tests'], 'test')}, {counted(facts['warnings'], 'warning')}; "
        f"{took}; exit code {code}"
    )
