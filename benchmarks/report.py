"""A run's results as a table in Markdown."""

import subprocess
from pathlib import Path
from statistics import median

from benchmarks.contestants import PROJECT
from benchmarks.results import Results, Sample
from benchmarks.targets import target_table

_TITLES = {
    "first": "First load, and build, of everything",
    "hour": "One more hour: one change file of one topic of thirty",
    "nothing": "Nothing new",
    "29 topics": "The first load of 29 topics more",
    "first, many": "The first load of all thirty topics, one of them in ten times as many files",
    "30 topics": "One change file of each of thirty topics",
    "publishing": "Publishing, as a step of the hour",
}


def write_table(results: Results, size: str, target: Path) -> str:
    """Write the table, and give its text."""
    parts = list(dict.fromkeys(sample.part for sample in results.samples))
    tables = [_machine(results), target_table(results, size), *(_part(results, part) for part in parts)]
    text = "\n\n".join([*tables, *_failures(results)]) + "\n"
    target.write_text(text, encoding="utf-8")
    return text


def draw(results: Path) -> list[str]:
    """Draw what was kept, in the plots' own environment; nothing where `make bench` has not set that up."""
    python = PROJECT / ".venv/bench-plots/bin/python"
    if not python.exists():
        return []
    command = [str(python), str(Path(__file__).with_name("plots.py")), str(results)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def _machine(results: Results) -> str:
    facts = results.machine
    return (
        f"{facts['began_at']}; {facts['cores']} cores, {facts['memory_gib']} GiB, {facts['system']}; Python {facts['python']}, "
        f"DuckDB {facts['duckdb']}; load average at the start {facts['load_at_start']}. Ratios count, not seconds."
    )


def _part(results: Results, part: str) -> str:
    head = "| | size | seconds (median) | least - most | seconds of processor | peak MiB | to plain SQL | answer |\n"
    head += "| --- | --- | ---: | --- | ---: | ---: | ---: | --- |\n"
    seen = dict.fromkeys((sample.who, sample.size) for sample in results.samples if sample.part == part)
    rows = "\n".join(_row(results, part, who, size) for who, size in seen)
    title = _TITLES.get(part) or part.replace("first, small-", "The first load of all thirty topics at ")
    return f"## {title}\n\n{head}{rows}"


def _row(results: Results, part: str, who: str, size: str) -> str:
    samples = results.of(part, who, size)
    walls = [sample.wall for sample in samples]
    ratio = results.ratio((part, who), (part, "plain SQL"), of_size=size)
    verdict = results.verdicts.get(f"{part}: {who}", "")
    return (
        f"| {who} | {size} | {_seconds(median(walls))} | {_seconds(min(walls))} - {_seconds(max(walls))} | {_middle(samples, 'cpu'):.2f} | "
        f"{_middle(samples, 'peak_mib'):.0f} | {f'{ratio:.2f}' if ratio else ''} | {verdict} |"
    )


def _failures(results: Results) -> list[str]:
    """Who did not come to an end, and so has no figures."""
    measured = {f"{sample.part}: {sample.who}" for sample in results.samples}
    return [f"{where}: {verdict}" for where, verdict in results.verdicts.items() if where not in measured]


def _middle(samples: list[Sample], what: str) -> float:
    return median(getattr(sample, what) for sample in samples)


def _seconds(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"
