"""What is to be reached, as ratios within one run, and what was."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.memory import PARTS as MEMORY
from benchmarks.results import Results
from benchmarks.sizes import SMALLER

RESIDENT = "ours, resident"
MANY_FILES = f"{RESIDENT}, ten times the files"
_FAR = ", 40 ms"
_LOADING = ("first", "29 topics", "hour", "30 topics", "nothing")


@dataclass(frozen=True, slots=True)
class Target:
    """``measured`` gives a figure, None where a run did not measure it; ``met`` says whether it will do."""

    what: str
    limit: float
    measured: Callable[[Results, str], float | None]
    at_least: bool = False
    unit: str = ""

    def met(self, figure: float) -> bool:
        """Whether the figure will do."""
        return figure >= self.limit if self.at_least else figure <= self.limit


def _ratio(part: str, who: str, to: str) -> Callable[[Results, str], float | None]:
    return lambda results, size: results.ratio((part, who), (part, to), size, size)


def _between(of: tuple[str, str], to: tuple[str, str]) -> Callable[[Results, str], float | None]:
    return lambda results, size: results.ratio(of, to, size, size)


def _without_startup(results: Results, size: str) -> float | None:
    """A run as a process, less dbt's bare start-up, against the plain SQL."""
    ours, start, plain = (results.median("hour", who, size) for who in ("ours", "dbt's bare start-up", "plain SQL"))
    return (ours - start) / plain if ours and start and plain else None


def _against_smaller(results: Results, size: str) -> float | None:
    return results.ratio(("hour", RESIDENT), ("hour", RESIDENT), size, SMALLER[size]) if size in SMALLER else None


def _peak(results: Results, size: str) -> float | None:
    peaks = [one.peak_mib for one in results.samples if one.who.startswith("ours") and one.size == size and one.part in _LOADING]
    return max(peaks, default=None)


def _peak_of_large_file(results: Results, size: str) -> float | None:
    return max((one.peak_mib for one in results.samples if one.part == MEMORY[1]), default=None)


def _peaks_of_both(results: Results, size: str) -> float | None:
    small, large = ([one.peak_mib for one in results.samples if one.part == part] for part in MEMORY)
    return large[0] / small[0] if small and large else None


def _best_rclone(part: str) -> Callable[[Results, str], float | None]:
    def against(results: Results, size: str) -> float | None:
        settings = {sample.who for sample in results.samples if sample.part == part and sample.who.startswith("rclone")}
        times = [found for who in settings if (found := results.median(part, who))]
        ours = results.median(part, "ours")
        return min(times) / ours if times and ours else None

    return against


TARGETS = (
    Target("first load: ours to plain SQL", 1.2, _ratio("first", "ours", "plain SQL")),
    Target("first load: ours to dlt, which makes current only", 1, _ratio("first", "ours", "dlt")),
    Target("one more hour: resident to plain SQL", 2, _ratio("hour", RESIDENT, "plain SQL")),
    Target("one more hour: resident to dlt", 1, _ratio("hour", RESIDENT, "dlt")),
    Target("one more hour: a process less dbt's bare start-up, to plain SQL", 2, _without_startup),
    Target("one more hour: a process to dbt by hand", 0.6, _ratio("hour", "ours", "dbt by hand")),
    Target("nothing new: a process", 1.5, lambda results, size: results.median("nothing", "ours", size), unit=" s"),
    Target("one more hour, resident: to that of the next smaller size (at L to M)", 1.6, _against_smaller),
    Target(
        "one more hour, resident: ten times the files in the past",
        1.2,
        _between(("hour", MANY_FILES), ("hour", RESIDENT)),
    ),
    Target("resident: 30 topics changed to one", 4, _between(("30 topics", RESIDENT), ("hour", RESIDENT))),
    Target("reading current, counted: to a physical table", 1.1, _ratio("read: current, counted", "ours", "ours, physical")),
    Target("reading current, grouped: to a physical table", 1.1, _ratio("read: current, grouped", "ours", "ours, physical")),
    Target("reading history as of: to a physical table", 2, _ratio("read: as of, grouped", "ours", "ours, physical")),
    Target("reading one record's life: to a physical table", 2, _ratio("read: one record's life", "ours", "ours, physical")),
    Target("memory at the peak, first load included", 1536, _peak, unit=" MiB"),
    Target("memory at the peak, one large snapshot under a limit of 1 GB", 1536, _peak_of_large_file, unit=" MiB"),
    Target("memory at the peak: a snapshot four times as large", 1.2, _peaks_of_both),
    Target("mirror, many small files at 40 ms: times as fast as rclone's best", 3, _best_rclone(f"mirror: many small files{_FAR}"), True),
    Target("mirror, one large file: times as fast as rclone's best", 0.9, _best_rclone("mirror: one large file"), True),
    Target("mirror, one large file at 40 ms: times as fast as rclone's best", 1, _best_rclone(f"mirror: one large file{_FAR}"), True),
    Target("publishing: to a copy of the file", 1, _ratio("publishing", "ours", "a copy of the file")),
)


def target_table(results: Results, size: str) -> str:
    """A line for each target that was measured: what it is, its limit, the figure, whether that will do; and what was not measured."""
    lines, unknown = [f"| target, at {size} | limit | measured | |", "| --- | ---: | ---: | --- |"], []
    for target in TARGETS:
        figure = target.measured(results, size)
        if figure is None:
            unknown.append(target.what)
            continue
        limit = f"{'>=' if target.at_least else '<='} {target.limit:g}{target.unit}"
        lines.append(f"| {target.what} | {limit} | {figure:.2f}{target.unit} | {'met' if target.met(figure) else '**missed**'} |")
    return "\n".join([*lines, *([f"\nNot measured in this run: {'; '.join(unknown)}."] if unknown else [])])
