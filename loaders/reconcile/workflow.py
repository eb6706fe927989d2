"""A reconciliation from the first question to the table: ask lists, look at the warehouse, ask for records, judge, write down.

The warehouse is open for two moments alone. Stopped at any point, it has written nothing.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import duckdb

from loaders.errors import AccessRefused, CertificateRefused, LoaderError, UnverifiableBuild
from loaders.landing import at_work
from loaders.progress import Line, Progress
from loaders.reconcile.client import Api, Record, ids_of
from loaders.reconcile.counting import count_made_since, count_there, judge_counts
from loaders.reconcile.endpoints import Endpoint, endpoints
from loaders.reconcile.findings import Finding, TopicResult, Verdict
from loaders.reconcile.judging import Judge, columns_of_one_side, folded_fields
from loaders.reconcile.ours import Ours, delivered_topics, find_scope, look
from loaders.reconcile.paging import Paging, find_paging
from loaders.reconcile.records import Records
from loaders.reconcile.results import read_earlier, write_results
from loaders.reconcile.sampling import draw_listed
from loaders.reconcile.values import moment_of
from loaders.settings import Settings
from loaders.summary import FAILED, TEMPORARY, error_code
from loaders.warehouse import open_build

DIFFERS = 4
_MOST_OPEN = 200  # records in question that are looked at again


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to reconcile. ``topics``: none named, all that were delivered; ``sample``: how many records to draw on each side."""

    topics: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    sample: int = 20
    seed: int = 0
    grace: timedelta = timedelta(minutes=15)


@dataclass(slots=True)
class ReconcileReport:
    """What was found. ``without``: topics that the API does not have. ``errors``: topics that could not be asked about, why, exit code."""

    seed: int
    reconciliation: int | None = None
    topics: list[TopicResult] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    errors: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def wrong(self) -> list[Finding]:
        """What no later file is going to explain."""
        return [finding for topic in self.topics for finding in topic.findings if finding.is_wrong]

    @property
    def exit_code(self) -> int:
        """What somebody has to look into comes before what passes by itself."""
        codes = {code for *_, code in self.errors} | ({DIFFERS} if self.wrong else set())
        return next((code for code in (DIFFERS, FAILED, TEMPORARY) if code in codes), 0)


@dataclass(slots=True)
class _Subject:
    """One topic on its way."""

    endpoint: Endpoint
    paging: Paging
    listed: list[str]
    earlier: dict[str, datetime | None] = field(default_factory=dict)
    ours: Ours | None = None

    @property
    def seen(self) -> list[str]:
        """All keys that the API's list has shown so far."""
        return list(dict.fromkeys([*ids_of(self.paging.opening), *self.listed]))


def reconcile(settings: Settings, api: Api, wanted: Wanted, say: Progress, patience: float = 120) -> ReconcileReport:
    """Compare and write down; the first error, when nothing at all could be compared."""
    settings.require_warehouse()
    report = ReconcileReport(wanted.seed)
    with _reading(settings, patience) as connection:
        asked, report.without = endpoints(wanted.topics, delivered_topics(connection))
    subjects = [subject for one in asked if (subject := _listed(api, one, wanted, report, say))]
    at = datetime.now(UTC).replace(tzinfo=None)
    with _reading(settings, patience) as connection:
        scope = find_scope(connection, {one.endpoint.topic: one.seen for one in subjects}, wanted.organizations) if subjects else []
        for one in subjects:
            one.earlier = read_earlier(connection, one.endpoint.topic)
            listed = [*one.listed, *list(one.earlier)[:_MOST_OPEN]]
            one.ours = look(connection, one.endpoint.topic, scope, listed, wanted.sample, wanted.seed)
    for one in subjects:
        with _noting(report, one.endpoint, say):
            report.topics.append(_compared(api, one, wanted, at, say))
    if report.topics:
        with at_work(settings.home, patience), open_build(settings.build) as connection:
            report.reconciliation = write_results(connection, [*report.topics, *_not_compared(report, scope)], at)
    return report


@contextmanager
def _reading(settings: Settings, patience: float) -> Iterator[duckdb.DuckDBPyConnection]:
    with at_work(settings.home, patience), open_build(settings.build, read_only=True) as connection:
        yield connection


@contextmanager
def _noting(report: ReconcileReport, endpoint: Endpoint, say: Progress) -> Iterator[None]:
    """One topic's trouble does not keep the others from being asked about; a key that is refused is refused for all."""
    try:
        yield
    except (CertificateRefused, UnverifiableBuild):
        raise
    except LoaderError as error:
        if isinstance(error, AccessRefused) and "(401)" in str(error):
            raise
        say(Line(f"{endpoint.topic}: {error}", step="reconcile", level="warning", topic=endpoint.topic))
        report.errors.append((endpoint.topic, f"{type(error).__name__}: {error}", error_code(error)))


def _listed(api: Api, endpoint: Endpoint, wanted: Wanted, report: ReconcileReport, say: Progress) -> _Subject | None:
    with _noting(report, endpoint, say):
        paging = find_paging(api, endpoint.path)
        dice = random.Random(f"{wanted.seed}/{endpoint.topic}")
        return _Subject(endpoint, paging, draw_listed(api, paging, wanted.sample, dice))
    return None


def _compared(api: Api, subject: _Subject, wanted: Wanted, at: datetime, say: Progress) -> TopicResult:
    ours, paging = subject.ours, subject.paging
    assert ours is not None
    theirs, how = count_there(api, paging)
    made = count_made_since(api, paging, ours.watermark, wanted.grace)
    records = Records(api, paging)
    ids = list(dict.fromkeys([*subject.listed, *(one for _, one in ours.rows), *list(subject.earlier)[:_MOST_OPEN]]))
    found = {one: records.ask(one, was_listed=one in subject.listed) for one in ids}
    there = [record for record in found.values() if record]
    offered = frozenset(name for record in there for name in folded_fields(record))
    judge = Judge(ours, offered, wanted.grace, at, subject.earlier)
    judged = {one: judge.judge(one, record) for one, record in found.items()}
    counted = judge_counts(ours, theirs, how, made, _lists_deleted([*paging.opening, *there]))
    findings = (counted, *columns_of_one_side(ours, there), *(finding for one in judged.values() for finding in one))
    alike = sum(not one for one in judged.values())
    result = TopicResult(
        subject.endpoint.topic, tuple(sorted(ours.watermarks)), ours.watermark, ours.count, theirs, len(judged), alike, findings
    )
    _tell(result, say)
    return result


def _lists_deleted(records: Sequence[Record]) -> bool:
    """Whether the API shows records that are deleted softly."""
    return any(moment_of(folded_fields(record).get("deletedat")) for record in records)


def _tell(result: TopicResult, say: Progress) -> None:
    wrong = sum(one.is_wrong for one in result.findings)
    text = f"{result.topic}: {result.alike:,} of {result.records:,} records are alike" + (
        f", {wrong:,} findings to look into" if wrong else ""
    )
    say(Line(text, step="reconcile", level="warning" if wrong else "info", topic=result.topic, records=result.records, alike=result.alike))


def _not_compared(report: ReconcileReport, scope: Sequence[str]) -> list[TopicResult]:
    """A row for each topic that could not be asked about: with the error's name, and without the server's words."""
    found = []
    for topic, text, _ in report.errors:
        finding = Finding("topic", topic, Verdict.NOT_COMPARED, f"{text.partition(':')[0]}: the API could not be asked to the end")
        found.append(TopicResult(topic, tuple(scope), None, None, None, 0, 0, (finding,)))  # type: ignore[arg-type]
    return found
