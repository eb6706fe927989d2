"""The parts of a run: the first load, one more hour, and what an hour costs when there is more of something."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import Bench, in_turn
from benchmarks.contestants import Contestant
from benchmarks.contestants.ours import OURS
from benchmarks.contestants.plain import PLAIN
from benchmarks.contestants.startup import STARTUP
from benchmarks.oracle import replayed
from benchmarks.processes import Resident
from benchmarks.sizes import BUSY_TOPIC, OTHER_TOPICS, SIZES
from benchmarks.work import Exports, all_topics

MORE_FILES = 10
REPLAYED_UP_TO = 100_000  # rows: the replay holds them all in memory, and takes its time


def first_load(bench: Bench) -> Exports:
    """Everything at once, by everybody, each time into an empty home. The last homes stay for the hours."""
    exports = bench.exports("one")
    exports.deliver_past(BUSY_TOPIC)
    for repeat in range((bench.repeats + 1) // 2):
        for contestant in in_turn(bench.contestants, repeat):
            bench.step("first", contestant, exports, bench.empty_home(contestant.name), repeat)
    if bench.size.rows <= REPLAYED_UP_TO and bench.form == "csv":
        bench.check("first", PLAIN, bench.home(PLAIN.name), replayed(exports, BUSY_TOPIC, bench.home("replay")))
    for contestant in bench.contestants[1:]:
        bench.check("first", contestant, bench.home(contestant.name))
    return exports


@dataclass(frozen=True, slots=True)
class Stayed:
    """Ours as a watch, on a warehouse and exports of its own."""

    who: str
    size: str
    exports: Exports
    process: Resident
    home: Path


class Hours:
    """One more change file after the other: the homes, grown by the other topics, and what is compared each hour."""

    def __init__(self, bench: Bench, exports: Exports):
        self.bench, self.exports, self.hour = bench, exports, 0
        self.extra: list[Stayed] = []
        exports.deliver_past(*OTHER_TOPICS)
        for contestant in bench.contestants:
            if contestant.topics:
                bench.step("29 topics", contestant, exports, bench.home(contestant.name), 0)
        if OURS in bench.contestants:
            self._stay("ours, resident", bench.size.name, exports, bench.home(OURS.name), "ours resident")

    def more_files(self) -> None:
        """A warehouse of the same rows, in ten times as many files, joins the hours."""
        self._other("ours, resident, ten times the files", bench_name="many", size=self.bench.size.name, parts=MORE_FILES)

    def smaller(self, size: str) -> None:
        """A smaller warehouse joins the hours."""
        self._other("ours, resident", bench_name=f"small-{size}", size=size, parts=1)

    def _other(self, who: str, bench_name: str, size: str, parts: int) -> None:
        exports = self.bench.exports(bench_name, SIZES[size], parts)
        exports.deliver_past(*all_topics())
        home = self.bench.empty_home(f"ours {bench_name}")
        self.bench.step(f"first, {bench_name}", OURS, exports, home, 0, size=size)
        self._stay(who, size, exports, home, f"ours resident {bench_name}")

    def _stay(self, who: str, size: str, exports: Exports, source: Path, name: str) -> None:
        home = self.bench.copied_home(name, source)
        self.extra.append(Stayed(who, size, exports, self.bench.resident(exports, home), home))

    def one_topic(self) -> None:
        """One more change file of one of thirty topics; and dbt's bare start-up, in turn with it."""
        for repeat in range(self.bench.repeats):
            self._next("hour", repeat, [*self.bench.contestants, STARTUP], BUSY_TOPIC)
        for contestant in self.bench.contestants[1:]:
            self.bench.check("hour", contestant, self.bench.home(contestant.name))
        for stayed in self.extra:
            if (stayed.size, stayed.exports.pool.parts) == (self.bench.size.name, 1):
                self.bench.check("hour", OURS, stayed.home, who=stayed.who)

    def nothing_new(self) -> None:
        """Asked again, and nothing was delivered."""
        for repeat in range(self.bench.repeats):
            self._run("nothing", repeat, [one for one in self.bench.contestants if one.topics])

    def thirty_topics(self) -> None:
        """One more change file of each of thirty topics."""
        for repeat in range(self.bench.repeats):
            self._next("30 topics", repeat, [one for one in self.bench.contestants if one.topics], *all_topics())

    def _next(self, part: str, repeat: int, contestants: list[Contestant], *topics: str) -> None:
        for exports in [self.exports, *(one.exports for one in self.extra)]:
            exports.deliver_hour(self.hour, *topics)
        self.hour += 1
        self._run(part, repeat, contestants)

    def _run(self, part: str, repeat: int, contestants: list[Contestant]) -> None:
        for member in in_turn([*contestants, *self.extra], repeat):
            if isinstance(member, Stayed):
                self.bench.keep(part, member.who, repeat, member.process.work(), member.size)
            else:
                self.bench.step(part, member, self.exports, self.bench.home(member.name), repeat)
