"""The published versions on the disk, and the name under which analysts find the newest.

    {home}/fortress.duckdb -> published/000007.duckdb
    {home}/published/      the last versions, each in a file that is never written again

The name is a link, switched in one step. Who has a version open keeps it, whole, until they reconnect. That each has a path
of its own is for readers who write: DuckDB keeps their log beside the file they opened, and beside one name for all it
would stand in the way of everybody who opens the next version.
"""

import fcntl
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from loaders.landing import to_disk
from loaders.private import make_folder_for_group, make_private_folder
from loaders.settings import Settings
from loaders.warehouse import in_our_words

_READABLE_BY_GROUP = 0o640
_NEXT = "next.duckdb"
_FICLONE = 0x40049409  # Linux: share the blocks of another file until one of the two is written (ioctl_ficlone(2))


def number_in_force(settings: Settings) -> int | None:
    """The version that analysts get now; None when nothing is published, or by an older project."""
    return _number(settings.published.resolve()) if settings.published.exists() else None


def numbers(settings: Settings) -> list[int]:
    """The versions on the disk, oldest first."""
    found = (_number(path) for path in settings.versions.glob("*.duckdb")) if settings.versions.is_dir() else ()
    return sorted(number for number in found if number is not None)


def path_of(settings: Settings, number: int) -> Path:
    """Where a version stands."""
    return settings.versions / f"{number:06}.duckdb"


@contextmanager
def workshop(settings: Settings) -> Iterator[Path]:
    """A path to write a new version to, in a folder that its owner alone may enter; what is left there is removed.

    WarehouseRefused when the disk is full, or takes nothing for another reason.
    """
    folder = settings.home / "publishing"
    shutil.rmtree(folder, ignore_errors=True)
    make_private_folder(folder)
    try:
        yield folder / _NEXT
    except OSError as error:
        raise in_our_words(settings.published, f"cannot be written: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def stamp_of(settings: Settings, number: int) -> str | None:
    """A mark that changes when somebody writes to a version; None when that is under way, or there is no such version."""
    path = path_of(settings, number)
    if not path.exists() or path.with_name(f"{path.name}.wal").exists():
        return None
    return f"{path.stat().st_size}, {path.stat().st_mtime_ns}"


def copy_version(settings: Settings, number: int, target: Path) -> None:
    """A version as a new file: a second name for its blocks where the file system can do that, else a copy."""
    try:
        with path_of(settings, number).open("rb") as source, target.open("wb") as copy:
            fcntl.ioctl(copy, _FICLONE, source.fileno())
    except OSError:
        shutil.copyfile(path_of(settings, number), target)  # within the kernel: a third of the time
    target.chmod(0o600)


class CopyAhead:
    """A copy of the version in force, made by a thread while there is other work, or none; a context in which it may be taken.

    ``finish`` is done to every copy. On a disk that shares no blocks, to copy and to finish takes longer than writing what is new.
    """

    def __init__(self, settings: Settings, finish: Callable[[Path], None]):
        self._settings, self._finish = settings, finish
        self._folder = settings.home / "copying" / uuid4().hex
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="copy")
        self._number: int | None = None
        self._copied: Future[None] | None = None

    def __enter__(self) -> "CopyAhead":
        shutil.rmtree(self._folder.parent, ignore_errors=True)  # of who was killed; who lives, and waits, will make another
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()
        self._forget()

    def begin(self) -> None:
        """Copy the version in force, unless that was done or is being done."""
        number = number_in_force(self._settings)
        if number != self._number:
            self._forget()
            self._number = number
            if number is not None:
                self._copied = self._thread.submit(self._copy_ahead, number)

    def give(self, number: int, target: Path) -> None:
        """A copy of that version at ``target``: this one, or one made now where this is of another, or came to nothing."""
        if not self._is_taken(number, target):
            self._copy(number, target)

    def _is_taken(self, number: int, target: Path) -> bool:
        is_wanted, self._number = number == self._number, None  # none is there from now on
        if self._copied is None or self._copied.exception() or not is_wanted:
            return False
        try:
            (self._folder / _NEXT).rename(target)
        except FileNotFoundError:  # another command took it for one that was left
            return False
        return True

    def _copy_ahead(self, number: int) -> None:
        make_private_folder(self._folder.parent)
        make_private_folder(self._folder)
        try:
            self._copy(number, self._folder / _NEXT)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)  # the build may need the room
            raise

    def _copy(self, number: int, target: Path) -> None:
        copy_version(self._settings, number, target)
        self._finish(target)

    def _forget(self) -> None:
        if self._copied is not None:
            wait([self._copied])
            shutil.rmtree(self._folder, ignore_errors=True)
        self._number = self._copied = None


def put_in_force(settings: Settings, finished: Path, number: int) -> None:
    """Give a finished file its place and switch the name to it: before that step, and after it, one whole version is in force."""
    make_folder_for_group(settings.versions)
    finished.chmod(_READABLE_BY_GROUP)
    to_disk(finished)
    finished.rename(path_of(settings, number))
    to_disk(settings.versions)
    switch_to(settings, number)


def switch_to(settings: Settings, number: int) -> None:
    """Let the published name lead to a version that is there; relative, so that the whole folder may be moved."""
    link = settings.home / ".fortress.duckdb.next"
    link.unlink(missing_ok=True)
    link.symlink_to(path_of(settings, number).relative_to(settings.home))
    link.replace(settings.published)
    to_disk(settings.home)


def close_to_group(settings: Settings, number: int) -> None:
    """Leave a version to its owner alone: it shows what is withheld by now."""
    path_of(settings, number).chmod(0o600)


def remove_all_but(settings: Settings, kept: set[int | None]) -> None:
    """Remove other versions, with the logs that readers who wrote may have left."""
    for number in set(numbers(settings)) - kept:
        path = path_of(settings, number)
        path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
        _let_go(path)


def _let_go(path: Path) -> None:
    """Take a file its name. A thread has it open until then and gives its room back, which takes the kernel a second for some gigabytes."""
    held = os.open(path, os.O_RDONLY)
    path.unlink()
    threading.Thread(target=os.close, args=(held,), name="giving-room-back").start()


def _number(path: Path) -> int | None:
    return int(path.stem) if path.stem.isascii() and path.stem.isdigit() else None
