"""Immutable landing: every delivered file version is copied once, checked, and never changed again.

    {landing}/{organization}/{topic}/{stem}@{modified, YYYYMMDDTHHMMSSffffffZ}-{12 hex of the SHA-256}.{csv|parquet}

A name says all that the ledger knows of a version, so the landing folder alone is enough to rebuild the
warehouse. A file has its final name only when all its bytes are on the disk; until then it is a ``.part``.
"""

import fcntl
import hashlib
import os
import re
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from loaders.errors import LandingRefused, LoaderError, ServerUnreachable, StillGrowing, WarehouseBusy
from loaders.names import ExportName, parse_file, parse_organization, parse_topic
from loaders.remote import Remote, RemoteFile

_STAMP = "%Y%m%dT%H%M%S%fZ"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LANDED = re.compile(r"(?P<stem>[^@]+)@(?P<stamp>\d{8}T\d{12}Z)-(?P<hash>[0-9a-f]{12})\.(?P<format>[a-z]+)", re.ASCII)
_HASH_DIGITS = 12


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


@dataclass(frozen=True, slots=True)
class LandedName:
    """What a landed file's path says; ``sha256_start`` is the first 12 hex digits."""

    organization_id: str
    topic: str
    name: ExportName
    modified_at: datetime
    sha256_start: str


def landing_path(landing: Path, organization_id: str, topic: str, name: ExportName, modified_at: datetime, sha256: str) -> Path:
    """Where a file version stands; ``modified_at`` is UTC-aware."""
    stamp = modified_at.astimezone(UTC).strftime(_STAMP)
    return landing / organization_id / topic / f"{name.stem}@{stamp}-{sha256[:_HASH_DIGITS]}.{name.format}"


def parse_landed(path: Path) -> LandedName | None:
    """The inverse of ``landing_path``; None for whatever else lies about, such as a ``.part``."""
    organization_id, topic = path.parent.parent.name, path.parent.name
    match = _LANDED.fullmatch(path.name)
    name = parse_file(f"{match['stem']}.{match['format']}") if match else None
    if not (match and name and parse_organization(organization_id) and parse_topic(f"exported_{topic}") == topic):
        return None
    try:
        modified_at = datetime.strptime(match["stamp"], _STAMP).replace(tzinfo=UTC)
    except ValueError:  # the digits are no date
        return None
    return LandedName(organization_id, topic, name, modified_at, match["hash"])


def mirror(remote: Remote, wanted: Sequence[RemoteFile], landing: Path, connections: int = 8) -> Iterator[Landed | LeftForNextRun]:
    """Land the wanted files, yielding in their order while up to ``connections`` downloads run ahead.

    A file that is not fit to be taken is left for the next run. ServerUnreachable, LandingRefused end the run,
    but everything that landed before is yielded first; WarehouseBusy when another process is writing here.
    """
    with _writing(landing):
        _make_folder(landing)
    with _alone_in(landing):
        shelves = _Shelves(landing)
        pool = ThreadPoolExecutor(connections, thread_name_prefix="mirror")
        try:
            yield from _in_order(pool, remote, wanted, shelves, ahead=2 * connections)
        finally:
            pool.shutdown(cancel_futures=True)


def _in_order(
    pool: ThreadPoolExecutor, remote: Remote, wanted: Sequence[RemoteFile], shelves: "_Shelves", ahead: int
) -> Iterator[Landed | LeftForNextRun]:
    """Outcomes in the order of ``wanted``. The first error that ends the run is raised after what else had landed."""
    remaining, fatal = iter(wanted), None
    running: deque[Future[Landed | LeftForNextRun]] = deque()
    while True:
        if fatal is None:
            running.extend(pool.submit(_take, remote, file, shelves.of(file)) for file in islice(remaining, ahead - len(running)))
        if not running:
            break
        future = running.popleft()
        if future.cancelled():
            continue
        try:
            yield future.result()
        except LoaderError as error:
            fatal = fatal or error
            for waiting in running:
                waiting.cancel()
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
            with _writing(self.landing):
                self.seen[key] = self._look_through(*key)
        return self.seen[key]

    def _look_through(self, organization_id: str, topic: str) -> _Shelf:
        """The folder made if need be, and cleared of what a killed run left half-written."""
        folder, versions = self.landing / organization_id / topic, defaultdict(list)
        _make_folder(folder.parent)
        _make_folder(folder)
        for path in folder.iterdir():
            if path.suffix == ".part":
                path.unlink()
            elif landed := parse_landed(path):
                versions[landed.name.file_name, landed.modified_at].append(path)
        return _Shelf(folder, dict(versions))


def _take(remote: Remote, file: RemoteFile, shelf: _Shelf) -> Landed | LeftForNextRun:
    """Land one file, or say why not; raises only what ends the whole run."""
    try:
        return _landed_before(file, shelf) or _download(remote, file, shelf)
    except (ServerUnreachable, LandingRefused):
        raise
    except LoaderError as error:
        return LeftForNextRun(file, error)


def _landed_before(file: RemoteFile, shelf: _Shelf) -> Landed | None:
    """The same version from a run that was killed before it was loaded; one that does not match its own name is removed."""
    for path in shelf.versions.get((file.name.file_name, file.modified_at), ()):
        with _writing(path):
            if path.stat().st_size != file.size:
                continue
            sha256 = _sha256(path)
            if path == _path(file, shelf, sha256):
                return Landed(file, path, sha256)
            path.unlink()
    return None


def _download(remote: Remote, file: RemoteFile, shelf: _Shelf) -> Landed:
    part = shelf.folder / f"{file.name.file_name}.part"
    try:
        with _writing(part):
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        remote.download(file, part)
        with _writing(part):
            received, sha256 = part.stat().st_size, _sha256(part)
        _check_unmoved(remote, file, received)
        path = _path(file, shelf, sha256)
        with _writing(path):
            _seal(part, path, file.modified_at)
    finally:
        part.unlink(missing_ok=True)
    return Landed(file, path, sha256)


def _check_unmoved(remote: Remote, file: RemoteFile, received: int) -> None:
    """StillGrowing unless the file was the same from the listing, which is the first look at it, until after its last byte."""
    size, modified_at = remote.stat(file)
    if not (file.size == received == size and file.modified_at == modified_at):
        raise StillGrowing(
            f"{file.path}: listed with {file.size} bytes of {file.modified_at:%Y-%m-%d %H:%M:%S}, {received} received, "
            f"now {size} of {modified_at:%Y-%m-%d %H:%M:%S}. It is being written; the next run takes it."
        )


def _seal(part: Path, path: Path, modified_at: datetime) -> None:
    """Give complete bytes their final name, such that a power cut leaves either all of them or no such name."""
    nanoseconds = (modified_at - _EPOCH) // timedelta(microseconds=1) * 1000
    os.utime(part, ns=(nanoseconds, nanoseconds))
    part.chmod(0o600)
    _sync(part)
    part.rename(path)
    _sync(path.parent)


def _path(file: RemoteFile, shelf: _Shelf, sha256: str) -> Path:
    return landing_path(shelf.folder.parent.parent, file.organization_id, file.topic, file.name, file.modified_at, sha256)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_folder(path: Path) -> None:
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        _sync(path.parent)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """What the landing's own disk refuses becomes LandingRefused."""
    try:
        yield
    except OSError as error:
        raise LandingRefused(f"{path}: {error.strerror or error}. Nothing half-written counts; free space or mend the rights.") from error


@contextmanager
def _alone_in(landing: Path) -> Iterator[None]:
    """Hold the landing folder's lock, which the system lets go of when a process dies; WarehouseBusy when it is taken."""
    with _writing(landing), (landing / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WarehouseBusy(f"{landing}: another run is mirroring into it. Wait for it to end.") from None
        yield
