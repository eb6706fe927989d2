"""Mirroring: every delivered file version is copied into the landing folder once, checked, and never changed again.

A version is taken only if it was the same from the listing until after its last byte; else the next run takes it.
"""

import os
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from loaders.errors import LandingRefused, LoaderError, ReadFailed, ServerUnreachable, StillGrowing
from loaders.landing import LandedName, alone_in, landing_path, make_folder, parse_landed, seal, sha256_of, writing
from loaders.limits import Allowance, Limits
from loaders.remote import Remote, RemoteFile
from loaders.seam import shown

__all__ = ["Landed", "LandedName", "LeftForNextRun", "landing_path", "mirror", "parse_landed"]

_GENEROUS = Limits()
_FILES_PER_CONNECTION = 8  # a small file is four waits for the server, so that a far one is asked for many at once


@dataclass(frozen=True, slots=True)
class Landed:
    """A file version whose bytes are in the landing folder at ``path``; ``sha256`` is the whole hash in hex."""

    file: RemoteFile
    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class LeftForNextRun:
    """A file that could not be taken now; nothing of it is in the landing folder."""

    file: RemoteFile
    reason: LoaderError


def mirror(
    remote: Remote, wanted: Sequence[RemoteFile], landing: Path, connections: int = 8, limits: Limits = _GENEROUS
) -> Iterator[Landed | LeftForNextRun]:
    """Land the wanted files, yielding in their order while downloads over that many connections run ahead.

    A file that is not fit to be taken, or too large, is left for the next run. ServerUnreachable and LandingRefused end the run,
    but what had landed by then is yielded first. WarehouseBusy when another process is mirroring into ``landing``.
    """
    with writing(landing):
        make_folder(landing)
    with alone_in(landing):
        shelves, allowance, at_once = _Shelves(landing), Allowance(limits, landing), connections * _FILES_PER_CONNECTION
        pool = ThreadPoolExecutor(at_once, thread_name_prefix="mirror")
        try:
            jobs = (pool.submit(_take, remote, file, shelves.of(file), allowance) for file in wanted)
            yield from _in_order(jobs, ahead=2 * at_once)
        finally:
            pool.shutdown(cancel_futures=True)


def _in_order(jobs: Iterator[Future[Landed | LeftForNextRun]], ahead: int) -> Iterator[Landed | LeftForNextRun]:
    """The jobs' outcomes in order, ``ahead`` of them begun. An error is raised after what else had landed; then none is begun."""
    begun, fatal = deque(islice(jobs, ahead)), None
    while begun:
        job = begun.popleft()
        if not job.cancelled():
            try:
                outcome = job.result()
            except LoaderError as error:
                fatal = fatal or error
                for waiting in begun:
                    waiting.cancel()
            else:
                yield outcome
        if fatal is None:
            begun.extend(islice(jobs, 1))
    if fatal:
        raise fatal


@dataclass(slots=True)
class _Shelf:
    """One topic's folder, with the versions that stood in it when the run began."""

    folder: Path
    versions: dict[tuple[str, datetime], list[Path]]


@dataclass(slots=True)
class _Shelves:
    """The folders that a run touches, each looked through once, before its first download."""

    landing: Path
    seen: dict[tuple[str, str], _Shelf] = field(default_factory=dict)

    def of(self, file: RemoteFile) -> _Shelf:
        key = file.organization_id, file.topic
        if key not in self.seen:
            with writing(self.landing):
                self.seen[key] = self._look_through(*key)
        return self.seen[key]

    def _look_through(self, organization_id: str, topic: str) -> _Shelf:
        """The folder made if need be, and cleared of what a killed run left half-written."""
        folder, versions = self.landing / organization_id / topic, defaultdict(list)
        make_folder(folder.parent)
        make_folder(folder)
        for path in folder.iterdir():
            if path.suffix == ".part":
                path.unlink()
            elif landed := parse_landed(path):
                versions[landed.name.file_name, landed.modified_at].append(path)
        return _Shelf(folder, dict(versions))


def _take(remote: Remote, file: RemoteFile, shelf: _Shelf, allowance: Allowance) -> Landed | LeftForNextRun:
    """Land one file, or say why not; raises only what ends the whole run."""
    try:
        if landed := _landed_before(file, shelf):
            return landed
        with allowance.of(shown(file.path), file.size):
            return _download(remote, file, shelf)
    except (ServerUnreachable, LandingRefused):
        raise
    except LoaderError as error:
        return LeftForNextRun(file, error)


def _landed_before(file: RemoteFile, shelf: _Shelf) -> Landed | None:
    """The same version from a run that was killed before it was loaded; one that does not match its own name is removed."""
    for path in shelf.versions.get((file.name.file_name, file.modified_at), ()):
        with writing(path):
            if path.stat().st_size != file.size:
                continue
            sha256 = sha256_of(path)
            if path == _path(file, shelf, sha256):
                return Landed(file, path, sha256)
            path.unlink()
    return None


def _download(remote: Remote, file: RemoteFile, shelf: _Shelf) -> Landed:
    part = shelf.folder / f"{file.name.file_name}.part"
    try:
        with writing(part):
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        remote.download(file, part)
        with writing(part):
            received, sha256 = part.stat().st_size, sha256_of(part)
        _check_unmoved(remote, file, received)
        path = _path(file, shelf, sha256)
        with writing(path):
            seal(part, path, file.modified_at)
    finally:
        part.unlink(missing_ok=True)
    return Landed(file, path, sha256)


def _check_unmoved(remote: Remote, file: RemoteFile, received: int) -> None:
    """StillGrowing unless the file was the same from the listing, which is the first look at it, until after its last byte;
    ReadFailed when it stood still, and the server gave more or less of it than it says there is."""
    size, modified_at = remote.stat(file)
    stood_still = file.size == size and file.modified_at == modified_at
    if stood_still and received != size:
        more = "more" if received > size else f"{received:,}"
        raise ReadFailed(f"{shown(file.path)}: the server says that it has {size:,} bytes and hands over {more}. Ask the vendor.")
    if not stood_still:
        raise StillGrowing(
            f"{file.path}: listed with {file.size} bytes of {file.modified_at:%Y-%m-%d %H:%M:%S}, {received} received, "
            f"now {size} of {modified_at:%Y-%m-%d %H:%M:%S}. It is being written; the next run takes it."
        )


def _path(file: RemoteFile, shelf: _Shelf, sha256: str) -> Path:
    return landing_path(shelf.folder.parent.parent, file.organization_id, file.topic, file.name, file.modified_at, sha256)
