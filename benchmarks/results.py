"""What was measured, as it is kept: one line of JSON each, and the machine it was measured on."""

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import duckdb


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement: ``part`` of the benchmark, who, at which size, in which repeat, and what it took."""

    part: str
    who: str
    size: str
    repeat: int
    wall: float
    cpu: float = 0.0
    peak_mib: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass
class Results:
    """All of a run's measurements, written down as they come."""

    path: Path
    samples: list[Sample] = field(default_factory=list)
    verdicts: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=lambda: describe_machine())

    def add(self, sample: Sample) -> None:
        """Keep a measurement."""
        self.samples.append(sample)
        self.save()

    def judge(self, part: str, who: str, verdict: str) -> None:
        """Keep what the checker said of a contestant."""
        self.verdicts[f"{part}: {who}"] = verdict
        self.save()

    def save(self) -> None:
        """Write everything down; a run that is stopped has kept what it had."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        document = {"machine": self.machine, "verdicts": self.verdicts, "samples": [asdict(sample) for sample in self.samples]}
        self.path.write_text(json.dumps(document, indent=1, default=str), encoding="utf-8")

    def of(self, part: str, who: str, size: str | None = None) -> list[Sample]:
        """The measurements of one contestant in one part."""
        return [one for one in self.samples if (one.part, one.who) == (part, who) and size in (None, one.size)]

    def median(self, part: str, who: str, size: str | None = None, what: str = "wall") -> float | None:
        """The middle one of a contestant's measurements; None when there is none."""
        values = [getattr(one, what) for one in self.of(part, who, size)]
        return median(values) if values else None

    def ratio(self, of: tuple[str, str], to: tuple[str, str], of_size: str | None = None, to_size: str | None = None) -> float | None:
        """The median of the ratios of two contestants within a repeat; of the medians where their repeats are not the same."""
        ones = {one.repeat: one.wall for one in self.of(*of, of_size)}
        others = {one.repeat: one.wall for one in self.of(*to, to_size)}
        paired = [ones[repeat] / others[repeat] for repeat in ones.keys() & others.keys()]
        return median(paired) if paired else None


def load(path: Path) -> Results:
    """Results that were kept."""
    document = json.loads(path.read_text(encoding="utf-8"))
    samples = [Sample(**one) for one in document["samples"]]
    return Results(path, samples, document["verdicts"], document["machine"])


def describe_machine() -> dict[str, Any]:
    """What the figures depend on beside the code."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "began_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])} on {platform.machine()}",  # no build's name
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def sizes_of(samples: Iterable[Sample]) -> list[str]:
    """The sizes measured, in the order in which they came."""
    return list(dict.fromkeys(sample.size for sample in samples))
