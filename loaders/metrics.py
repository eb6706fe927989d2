"""``status`` as OpenMetrics text, for Prometheus and whatever reads what it reads.

The labels are organizations, topics and states: no value of a column, no name of a file. The format is that of
https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from loaders.left_behind import LeftBehind
from loaders.market.status import MarketStatus
from loaders.status import TopicStatus

_Labels = dict[str, str]
_STATES = {"loaded": "files"} | {state: state for state in ("quarantined", "held", "discarded", "duplicate", "superseded")}


@dataclass(frozen=True, slots=True)
class _Family:
    """A metric, all of whose values can go up and down; ``unit`` ends its name."""

    name: str
    help: str
    samples: tuple[tuple[_Labels, float], ...]
    unit: str | None = None

    def lines(self) -> Iterable[str]:
        name = f"fortress_{self.name}"
        yield f"# TYPE {name} gauge"
        if self.unit:
            yield f"# UNIT {name} {self.unit}"
        yield f"# HELP {name} {self.help}"
        for labels, value in self.samples:
            shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
            yield f"{name}{{{shown}}} {value!r}" if labels else f"{name} {value!r}"


def openmetrics(
    topics: Sequence[TopicStatus],
    ended: Mapping[str, datetime | None],
    market: Sequence[MarketStatus] = (),
    left: Sequence[LeftBehind] | None = None,
) -> str:
    """The text, with its end mark; ``ended`` says when each step last went through (UTC), None for never."""
    families = [*_families(topics, ended, left), *(_market_families(market) if market else [])]
    return "".join(f"{line}\n" for family in families for line in family.lines()) + "# EOF\n"


def _market_families(market: Sequence[MarketStatus]) -> list[_Family]:
    """Only where market data was ever asked for."""
    states = ("loaded", "under_way", "ended_badly")
    jobs = tuple(({"report": one.report, "state": state}, getattr(one, state)) for one in market for state in states)
    loaded = tuple(({"report": one.report}, _unix(one.last_loaded_at)) for one in market if one.last_loaded_at)
    return [
        _Family("market_jobs", "Exports of market data, by what became of them.", jobs),
        _Family("market_last_loaded_timestamp_seconds", "When an export of the report was last loaded.", loaded, "seconds"),
    ]


def _families(topics: Sequence[TopicStatus], ended: Mapping[str, datetime | None], left: Sequence[LeftBehind] | None) -> list[_Family]:
    def each(field: str) -> tuple[tuple[_Labels, float], ...]:
        return tuple((_of(one), value) for one in topics if (value := getattr(one, field)) is not None)

    seconds = "seconds"
    states = tuple((_of(one) | {"status": state}, getattr(one, field)) for one in topics for state, field in _STATES.items())
    batches = tuple((_of(one), _unix(one.last_batch_at)) for one in topics if one.last_batch_at)
    unknown = {one.topic: len(one.unknown_columns) for one in topics}  # a topic's columns are those of all organizations
    times = tuple(({"step": step}, _unix(moment)) for step, moment in ended.items() if moment)
    return [
        _Family("files", "File versions in the ledger, by what became of them.", states),
        _Family("rows_delivered", "Rows of the files that are loaded.", each("rows_delivered")),
        _Family("last_batch_timestamp_seconds", "The time of the newest loaded batch, as its file name says.", batches, seconds),
        _Family("last_batch_age_seconds", "From the newest loaded batch to now.", each("lag_seconds"), seconds),
        _Family("vanished_files", "Files that are gone from the server; their rows stay.", each("vanished")),
        _Family(
            "left_files",
            "Files and folders that the last sync left on the server.",
            tuple(({"needs": needs}, sum(one.needs_somebody == (needs == "somebody") for one in left)) for needs in ("somebody", "nobody"))
            if left is not None
            else (),
        ),
        _Family("rule_disagreements", "Records where the order of operations and that of rows differ.", each("rule_disagreements")),
        _Family(
            "unknown_columns",
            "Delivered columns that the registry does not expect.",
            tuple(({"topic": name}, n) for name, n in unknown.items()),
        ),
        _Family("last_success_timestamp_seconds", "When a step last went through.", times, seconds),
    ]


def _of(topic: TopicStatus) -> _Labels:
    return {"organization": topic.organization_id, "topic": topic.topic}


def _unix(moment: datetime) -> float:
    return moment.replace(tzinfo=UTC).timestamp()


def _escaped(text: str) -> str:
    """A label's value: names come from a server, and may hold anything."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
