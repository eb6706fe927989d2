"""How some files get from the server into the landing folder: together, step by step, and each by its own merits.

All are asked for, then all are looked at once more, then all are given their names, so that there is one wait where one by one
there would be many. What stands in the way of one file is nothing to the others.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from loaders.errors import LoaderError, ReadFailed, StillGrowing
from loaders.landing import Received, landing_path, parse_landed, sha256_of, to_disk, version_of, writing
from loaders.limits import Allowance
from loaders.remote import Remote, RemoteFile
from loaders.seam import shown

_NOTHING = Received(0, "")


@dataclass(frozen=True, slots=True)
class Landed:
    """A file version whose bytes are in the landing folder at ``path``; ``sha256`` is the whole hash in hex."""

    file: RemoteFile
    path: Path
    sha256: str


@dataclass(slots=True)
class Shelf:
    """One topic's folder, with what stood in it when the run began, by the version that it is named after."""

    folder: Path
    versions: dict[str, list[Path]]


@dataclass(slots=True)
class _One:
    """A file on its way. ``outcome`` is empty until it has landed or failed."""

    file: RemoteFile
    shelf: Shelf
    outcome: Landed | LoaderError | None = None
    received: Received = _NOTHING

    @property
    def part(self) -> Path:
        return self.shelf.folder / f"{self.file.name.file_name}.part"

    @property
    def sha256(self) -> str:
        return self.received.sha256

    @property
    def path(self) -> Path:
        return self.path_of(self.sha256)

    def path_of(self, sha256: str) -> Path:
        landing, file = self.shelf.folder.parent.parent, self.file
        return landing_path(landing, file.organization_id, file.topic, file.name, file.modified_at, sha256)


def take(remote: Remote, wanted: Sequence[tuple[RemoteFile, Shelf]], allowance: Allowance) -> list[Landed | LoaderError]:
    """Land the files, each on its shelf: where each of them stands, or why it does not."""
    ones = [_One(file, shelf) for file, shelf in wanted]
    try:
        with ExitStack() as allowed:
            _begin(ones, allowance, allowed)
            for step in (_download, _look_again, _name):
                under_way = [one for one in ones if one.outcome is None]
                if under_way:
                    step(remote, under_way)
    finally:
        for one in ones:
            if not isinstance(one.outcome, Landed):
                one.part.unlink(missing_ok=True)
    return [one.outcome for one in ones if one.outcome is not None]


@contextmanager
def _deciding(one: _One) -> Iterator[None]:
    """What fails within is this file's outcome, and no other's."""
    try:
        yield
    except LoaderError as error:
        one.outcome = error


def _begin(ones: Sequence[_One], allowance: Allowance, allowed: ExitStack) -> None:
    for one in ones:
        with _deciding(one):
            one.outcome = _landed_before(one)
            if one.outcome is None:
                allowed.enter_context(allowance.of(shown(one.file.path), one.file.size))


def _landed_before(one: _One) -> Landed | None:
    """The same version from a run that was killed before it was loaded; one that does not match its own name is removed."""
    for path in one.shelf.versions.get(version_of(one.path_of("")), ()):
        with writing(path):
            if parse_landed(path) is None or path.stat().st_size != one.file.size:  # no landed file is no business of ours
                continue
            sha256 = sha256_of(path)
            if path == one.path_of(sha256):
                return Landed(one.file, path, sha256)
            path.unlink()
    return None


def _download(remote: Remote, ones: Sequence[_One]) -> None:
    for one, received in zip(ones, remote.download([(one.file, one.part) for one in ones]), strict=True):
        if isinstance(received, LoaderError):
            one.outcome = received
        else:
            one.received = received


def _look_again(remote: Remote, ones: Sequence[_One]) -> None:
    for one, now in zip(ones, remote.stat([one.file for one in ones]), strict=True):
        with _deciding(one):
            if isinstance(now, LoaderError):
                raise now
            _check_unmoved(one.file, one.received.size, *now)


def _check_unmoved(file: RemoteFile, received: int, size: int, modified_at: datetime) -> None:
    """StillGrowing unless the file was the same from the listing, which is the first look at it, until after its last byte;
    ReadFailed when it stood still, and the server gave more or less of it than it says there is."""
    stood_still = file.size == size and file.modified_at == modified_at
    if stood_still and received != size:
        more = "more" if received > size else f"{received:,}"
        raise ReadFailed(f"{shown(file.path)}: the server says that it has {size:,} bytes and hands over {more}. Ask the vendor.")
    if not stood_still:
        raise StillGrowing(
            f"{file.path}: listed with {file.size} bytes of {file.modified_at:%Y-%m-%d %H:%M:%S}, {received} received, "
            f"now {size} of {modified_at:%Y-%m-%d %H:%M:%S}. It is being written; the next run takes it."
        )


def _name(_: Remote, ones: Sequence[_One]) -> None:
    """Their final names, which count once their folders are on the disk."""
    for one in ones:
        with _deciding(one), writing(one.part):
            one.part.rename(one.path)
    for folder in {one.shelf.folder for one in ones}:
        named = [one for one in ones if one.outcome is None and one.shelf.folder == folder]
        refusal = _refusal_of(folder)
        for one in named:
            one.outcome = refusal or Landed(one.file, one.path, one.sha256)


def _refusal_of(folder: Path) -> LoaderError | None:
    """Have the names in a folder outlive a power cut, or say why not."""
    try:
        with writing(folder):
            to_disk(folder)
    except LoaderError as error:
        return error
    return None
