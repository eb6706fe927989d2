"""Mirroring: every delivered file version is copied into the landing folder once, checked, and never changed again.

A version is taken only if it was the same from the listing until after its last byte; else the next run takes it.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from loaders.errors import LandingRefused, LoaderError, ServerUnreachable
from loaders.landing import LandedName, alone_in, landing_path, make_folder, parse_landed, version_of, writing
from loaders.limits import LARGE_FILE, Allowance, Limits
from loaders.remote import Remote, RemoteFile
from loaders.taking import Landed, Shelf, take

__all__ = ["Landed", "LandedName", "LeftForNextRun", "landing_path", "mirror", "parse_landed"]

_GENEROUS = Limits()
_TOGETHER = 16  # files: each by itself would be two more hand-overs between threads, and one more wait for the disk


@dataclass(frozen=True, slots=True)
class LeftForNextRun:
    """A file that could not be taken now; nothing of it is in the landing folder."""

    file: RemoteFile
    reason: LoaderError


def mirror(
    remote: Remote, wanted: Sequence[RemoteFile], landing: Path, at_once: int = 16, limits: Limits = _GENEROUS
) -> Iterator[Landed | LeftForNextRun]:
    """Land the wanted files, yielding in their order while ``at_once`` downloads, of some small files or a large one, run ahead.

    A file that is not fit to be taken, or too large, is left for the next run. ServerUnreachable and LandingRefused end the run,
    but what had landed by then is yielded first. WarehouseBusy when another process is mirroring into ``landing``.
    """
    with writing(landing):
        make_folder(landing)
    with alone_in(landing):
        shelves, allowance = _Shelves(landing), Allowance(limits, landing)
        pool = ThreadPoolExecutor(at_once, thread_name_prefix="mirror")
        try:
            jobs = (pool.submit(_take, remote, [(file, shelves.of(file)) for file in files], allowance) for files in _together(wanted))
            yield from _in_order(jobs, ahead=2 * at_once)
        finally:
            pool.shutdown(cancel_futures=True)


def _together(files: Iterable[RemoteFile]) -> Iterator[list[RemoteFile]]:
    """Small files that follow one another go together, a large one by itself."""
    several: list[RemoteFile] = []
    for file in files:
        if several and (file.size >= LARGE_FILE or several[-1].size >= LARGE_FILE or len(several) == _TOGETHER):
            yield several
            several = []
        several.append(file)
    if several:
        yield several


def _in_order(jobs: Iterator[Future["_Outcomes"]], ahead: int) -> Iterator[Landed | LeftForNextRun]:
    """The jobs' outcomes in order, ``ahead`` of them begun. An error is raised after what else had landed; then none is begun."""
    begun, fatal = deque(islice(jobs, ahead)), None
    while begun:
        job = begun.popleft()
        if not job.cancelled():
            outcomes, error = job.result()
            yield from outcomes
            if error:
                fatal = fatal or error
                for waiting in begun:
                    waiting.cancel()
        if fatal is None:
            begun.extend(islice(jobs, 1))
    if fatal:
        raise fatal


@dataclass(slots=True)
class _Shelves:
    """The folders that a run touches, each looked through once, before its first download."""

    landing: Path
    seen: dict[tuple[str, str], Shelf] = field(default_factory=dict)

    def of(self, file: RemoteFile) -> Shelf:
        key = file.organization_id, file.topic
        if key not in self.seen:
            with writing(self.landing):
                self.seen[key] = self._look_through(*key)
        return self.seen[key]

    def _look_through(self, organization_id: str, topic: str) -> Shelf:
        """The folder made if need be, and cleared of what a killed run left half-written."""
        folder, versions = self.landing / organization_id / topic, defaultdict(list)
        make_folder(folder.parent)
        make_folder(folder)
        for path in folder.iterdir():
            if path.suffix == ".part":
                path.unlink()
            else:
                versions[version_of(path)].append(path)
        return Shelf(folder, dict(versions))


_Outcomes = tuple[list[Landed | LeftForNextRun], LoaderError | None]


def _take(remote: Remote, wanted: Sequence[tuple[RemoteFile, Shelf]], allowance: Allowance) -> _Outcomes:
    """Land some files, or say why not; and what ends the whole run, if something does."""
    outcomes: list[Landed | LeftForNextRun] = []
    fatal = None
    for (file, _), one in zip(wanted, take(remote, wanted, allowance), strict=True):
        if isinstance(one, Landed):
            outcomes.append(one)
        elif isinstance(one, ServerUnreachable | LandingRefused):
            fatal = fatal or one
        else:
            outcomes.append(LeftForNextRun(file, one))
    return outcomes, fatal
