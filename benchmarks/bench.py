"""A run of the benchmark: contestants in turn within each repeat, so that what disturbs the machine disturbs them all."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import duckdb

from benchmarks.answers import Verdict, judge
from benchmarks.contestants import Answer, Contestant
from benchmarks.contestants.ours import environment, resident
from benchmarks.contestants.plain import PLAIN
from benchmarks.processes import Cost, Failed, Resident, measure, spoken
from benchmarks.results import Results, Sample
from benchmarks.sizes import Size
from benchmarks.topics import Format
from benchmarks.work import Exports, Pool

Say = Callable[[str], None]
Member = TypeVar("Member")


@dataclass
class Bench:
    """Where a run works, how large its work is, and who takes part."""

    folder: Path
    size: Size
    form: Format
    repeats: int
    contestants: Sequence[Contestant]
    results: Results
    say: Say
    _residents: list[Resident] = field(default_factory=list)

    def exports(self, name: str, size: Size | None = None, parts: int = 1) -> Exports:
        """An empty folder of exports, fed from a pool that is written if need be."""
        size = size or self.size
        pool = Pool(self.folder / "pools" / f"{size.name}-{self.form}-{parts}", size, self.form, parts)
        root = self.folder / "exports" / name
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        return Exports(root, pool)

    def home(self, name: str) -> Path:
        """A contestant's folder."""
        return self.folder / "homes" / name

    def empty_home(self, name: str) -> Path:
        """The same, with nothing in it."""
        shutil.rmtree(self.home(name), ignore_errors=True)
        self.home(name).mkdir(parents=True)
        return self.home(name)

    def copied_home(self, name: str, source: Path) -> Path:
        """The same, as a copy of another; what never changes is linked."""
        shutil.rmtree(self.home(name), ignore_errors=True)
        for path in [source, *source.rglob("*")]:
            target = self.home(name) / path.relative_to(source)
            if path.is_symlink():
                target.symlink_to(path.readlink())
            elif path.is_dir():
                target.mkdir(parents=True, mode=path.stat().st_mode & 0o777)
            elif "landing" in path.parts:
                os.link(path, target)
            else:
                shutil.copy2(path, target)
        return self.home(name)

    def step(self, part: str, contestant: Contestant, exports: Exports, home: Path, repeat: int, who: str = "", size: str = "") -> None:
        """Let a contestant take what is new, and keep what that took. A negative repeat is kept by nobody; a failure stops nobody else."""
        who = who or contestant.name
        try:
            cost = measure(contestant.command(exports.root, home), contestant.environment(exports.root, home))
        except Failed as error:
            self.results.judge(part, who, "FAILED")
            self.say(f"{part:<34} {who:<38}{error}")
        else:
            self.keep(part, who, repeat, cost, size)

    def keep(self, part: str, who: str, repeat: int, cost: Cost, size: str = "") -> None:
        """Write a measurement down."""
        self.say(f"{part:<34} {who:<38}{cost.wall:8.2f} s {cost.cpu:8.2f} s of processor {cost.peak_mib:8.0f} MiB")
        if repeat >= 0:
            self.results.add(Sample(part, who, size or self.size.name, repeat, cost.wall, cost.cpu, cost.peak_mib, _seconds(cost)))

    def resident(self, exports: Exports, home: Path) -> Resident:
        """Ours as a watch on a warehouse; it has had a round, in which it read the project."""
        process = Resident(resident(home), environment(exports.root, home))
        self._residents.append(process)
        process.work()
        return process

    def check(self, part: str, contestant: Contestant, home: Path, right: Answer | None = None, who: str = "") -> None:
        """Compare a contestant's tables with ``right``: those of the plain SQL, unless told otherwise."""
        try:
            verdict = in_words(judge(right or PLAIN.answer(self.home(PLAIN.name)), contestant.answer(home)))
        except duckdb.Error as error:
            verdict = f"NO ANSWER: {str(error).splitlines()[0]}"
        self.results.judge(part, who or contestant.name, verdict)
        self.say(f"{part:<34} {who or contestant.name:<38}{verdict}")

    def end(self) -> None:
        """Let all residents go."""
        for process in self._residents:
            process.end()
        self._residents.clear()


def in_turn(members: Sequence[Member], repeat: int) -> list[Member]:
    """The same members, each time beginning with another."""
    start = repeat % len(members) if members else 0
    return [*members[start:], *members[:start]]


def in_words(verdict: Verdict) -> str:
    """What the checker found."""
    if verdict.is_right:
        return "right" if verdict.history else "right (current only)"
    tables = {"current": verdict.current, "history": verdict.history}
    wrong = [f"{name}: {lacks:,} rows missing, {surplus:,} too many" for name, pair in tables.items() if pair for lacks, surplus in [pair]]
    return "WRONG, " + "; ".join(wrong)


def _seconds(cost: Cost) -> dict[str, object]:
    """What our own run says its steps took."""
    said = spoken(cost)
    return {"seconds": said["seconds"]} if "seconds" in said else {}
