"""``make bench``, or ``python -m benchmarks --size S``."""

import os
import shutil
from pathlib import Path

import click

from benchmarks.bench import Bench
from benchmarks.contestants import PROJECT, Contestant
from benchmarks.contestants.dlt import DLT
from benchmarks.contestants.ours import OURS
from benchmarks.contestants.plain import PLAIN
from benchmarks.contestants.recipe import RECIPE
from benchmarks.contestants.startup import STARTUP
from benchmarks.memory import memory
from benchmarks.mirror.part import mirror
from benchmarks.parts import Hours, first_load
from benchmarks.reading import read
from benchmarks.report import draw, write_table
from benchmarks.results import Results
from benchmarks.sizes import SIZES, SMALLER
from loaders.manifest import parsed_project

CONTESTANTS = {"plain": PLAIN, "ours": OURS, "dlt": DLT, "recipe": RECIPE}
PARTS = ("hour", "nothing", "thirty", "many", "smaller", "reading", "mirror")
ASKED_FOR = ("memory",)  # takes long, and is done only when it is named
_WORDS = (*PARTS, *ASKED_FOR, *CONTESTANTS)


@click.command()
@click.option("--size", type=click.Choice(list(SIZES)), default="S", show_default=True, help="How much work.")
@click.option("--format", "form", type=click.Choice(["csv", "parquet"]), default="csv", show_default=True, help="Of the files.")
@click.option("--only", default="", help=f"Some of {', '.join(_WORDS)}, by comma; the plain SQL is always there.")
@click.option("--repeats", type=click.IntRange(1, 13), default=5, show_default=True, help="Hours of each kind; half as many first loads.")
@click.option("--keep", is_flag=True, help="Leave the work and the warehouses in place.")
def main(size: str, form: str, only: str, repeats: int, keep: bool) -> None:
    """Measure this warehouse beside others, and write a table and plots to benchmarks/results.

    Example: python -m benchmarks --size M --only ours,dlt,hour --repeats 3
    """
    wanted = [word.strip() for word in only.split(",") if word.strip()]
    if strange := set(wanted) - set(_WORDS):
        raise click.BadParameter(f"{', '.join(sorted(strange))}: none of {', '.join(_WORDS)}", param_hint="--only")
    folder = Path(os.environ.get("BENCH_HOME") or PROJECT / "target" / "bench").absolute()
    results = Results(PROJECT / "benchmarks" / "results" / f"{'-'.join([size, form, *wanted])}.json")
    parts = [part for part in (*PARTS, *ASKED_FOR) if part in wanted] or list(PARTS)
    taking_part: list[Contestant] = [
        one for name, one in CONTESTANTS.items() if one is PLAIN or name in wanted or not {*CONTESTANTS} & {*wanted}
    ]
    bench = Bench(folder, SIZES[size], form, repeats, taking_part, results, click.echo)
    try:
        _run(bench, parts)
    finally:
        bench.end()
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    click.echo(write_table(results, size, results.path.with_suffix(".md")))
    for path in draw(results.path):
        click.echo(path)


def _run(bench: Bench, parts: list[str]) -> None:
    if "mirror" in parts:
        mirror(bench)
    parsed_project()  # as set-up leaves it: the project is parsed once for all warehouses
    if "memory" in parts:
        memory(bench)
    if set(parts) <= {"mirror", "memory"}:
        return
    bench.step("warm-up", STARTUP, bench.exports("none"), bench.empty_home(STARTUP.name), -1)
    exports = first_load(bench)
    hours = Hours(bench, exports)
    if "many" in parts and OURS in bench.contestants:
        hours.more_files()
    if "smaller" in parts and OURS in bench.contestants and bench.size.name in SMALLER:
        hours.smaller(SMALLER[bench.size.name])
    for part, measure in (("hour", hours.one_topic), ("nothing", hours.nothing_new), ("thirty", hours.thirty_topics)):
        if part in parts:
            measure()
    if "reading" in parts:
        read(bench)


if __name__ == "__main__":
    main()
