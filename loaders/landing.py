"""The landing folder: what stands where, and how bytes get there for good.

    {landing}/{organization}/{topic}/{stem}@{modified, YYYYMMDDTHHMMSSffffffZ}-{12 hex of the SHA-256}.{csv|parquet}

A path says all that the ledger knows of a version, so the landing folder alone is enough to rebuild the
warehouse. A file has its final name only when all its bytes are on the disk; until then it is a ``.part``.
"""

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from loaders.errors import LandingRefused, WarehouseBusy
from loaders.names import ExportName, parse_file, parse_organization, parse_topic
from loaders.private import make_home

_STAMP = "%Y%m%dT%H%M%S%fZ"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LANDED = re.compile(r"(?P<stem>[^@]+)@(?P<stamp>\d{8}T\d{12}Z)-(?P<hash>[0-9a-f]{12})\.(?P<format>[a-z]+)", re.ASCII)
_HASH_DIGITS = 12


@dataclass(frozen=True, slots=True)
class LandedName:
    """What a landed file's path says; ``sha256_start`` is the first 12 hex digits."""

    organization_id: str
    topic: str
    name: ExportName
    modified_at: datetime
    sha256_start: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to be copied: its path at the source, the new file that it is copied into, how many bytes it has, and of when it is."""

    path: str
    part: Path
    size: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Received:
    """What was written of a file: how many bytes, and their hash in hex."""

    size: int
    sha256: str


def landing_path(landing: Path, organization_id: str, topic: str, name: ExportName, modified_at: datetime, sha256: str) -> Path:
    """Where a file version stands; ``modified_at`` is UTC-aware."""
    stamp = modified_at.astimezone(UTC).strftime(_STAMP)
    return landing / organization_id / topic / f"{name.stem}@{stamp}-{sha256[:_HASH_DIGITS]}.{name.format}"


def version_of(path: Path) -> str:
    """What all files have in common that are the same version by their names, whatever their hash: name, format and time.

    Asked of every name that ever landed in a folder, and so much cheaper than ``parse_landed``; it refuses nothing.
    """
    return path.stem.rpartition("-")[0] + path.suffix


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


def seal(part: Path, path: Path, modified_at: datetime) -> None:
    """Give complete bytes their final name, such that a power cut leaves either all of them or no such name."""
    complete_part(part, modified_at)
    part.rename(path)
    to_disk(path.parent)


def create_part(part: Path) -> int:
    """A new file to write to, which its owner alone may read."""
    return os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)


def write_part(part: Path, data: bytes, modified_at: datetime) -> None:
    """A new file with these bytes, on the disk."""
    file = create_part(part)
    try:
        write_all(file, data)
        complete(file, modified_at)
    finally:
        os.close(file)


def complete_part(part: Path, modified_at: datetime) -> None:
    """Have a file that is written whole outlive a power cut, with its time, and readable by its owner alone."""
    file = os.open(part, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fchmod(file, 0o600)
        complete(file, modified_at)
    finally:
        os.close(file)


def complete(file: int, modified_at: datetime) -> None:
    """The same of a file that is open."""
    nanoseconds = (modified_at - _EPOCH) // timedelta(microseconds=1) * 1000
    os.utime(file, ns=(nanoseconds, nanoseconds))
    os.fsync(file)


def write_all(file: int, data: bytes | memoryview) -> None:
    """All the bytes, where the system would take some of them."""
    while data:
        data = data[os.write(file, data) :]


def sha256_of(path: Path) -> str:
    """The hash in hex of what is on the disk now, not of what was meant to be written."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def to_disk(path: Path) -> None:
    """Have a file's bytes, or a folder's names, outlive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make a folder that its owner alone may enter, so that it is still there after a power cut."""
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        to_disk(path.parent)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the landing's own disk refuses becomes LandingRefused."""
    try:
        yield
    except OSError as error:
        raise LandingRefused(f"{path}: {error.strerror or error}. Nothing half-written counts; free space or mend the rights.") from error


@contextmanager
def alone_in(landing: Path) -> Iterator[None]:
    """Hold the landing folder's lock, which the system lets go of when a process dies; WarehouseBusy when it is taken."""
    with writing(landing):
        lock = os.open(landing / ".lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with _locked(lock, f"{landing}: another run is mirroring into it"):
        yield


@contextmanager
def at_work(home: Path, patience: float = 0) -> Iterator[None]:
    """Keep other commands from changing this warehouse between two steps of this one; WarehouseBusy when one is at work, and still is
    after so many seconds of ``patience``: for those that need the warehouse for a moment only.

    The folder itself is locked, which leaves no file behind. DuckDB's own lock is not waited for: who holds the database without
    this one may do so for hours.
    """
    with ExitStack() as held:
        if patience:
            import tenacity  # imported here: most commands need not pay for it

            tenacity.Retrying(
                retry=tenacity.retry_if_exception_type(WarehouseBusy),
                wait=tenacity.wait_random(0.05, 0.5),
                stop=tenacity.stop_after_delay(patience),
                reraise=True,
            )(lambda: held.enter_context(_alone_at_work(home)))
        else:
            held.enter_context(_alone_at_work(home))
        yield


@contextmanager
def _alone_at_work(home: Path) -> Iterator[None]:
    with writing(home):
        make_home(home)
        folder = os.open(home, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    with _locked(folder, f"{home}: another command is at work on this warehouse"):
        yield


@contextmanager
def _locked(descriptor: int, refusal: str) -> Iterator[None]:
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WarehouseBusy(f"{refusal}. Nothing was changed: run again when it has ended.") from None
        yield
    finally:
        os.close(descriptor)
