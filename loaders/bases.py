"""The file that the next version is made from: a version that was published before, to be brought up to date.

Where the file system can give the newest version's blocks a second name, it is that. Else it is the spare, the version that fell out
of those that are kept: what it costs is what has changed since, however large it is. Else it is a copy of the newest.

    {home}/spare/       the version that fell out last, for nobody to open
    {home}/copying/     what is being begun, in a folder for each process
"""

import fcntl
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from loaders.private import make_private_folder
from loaders.settings import Settings
from loaders.versions import let_go, number_in_force, numbers_in, path_of, stamp_of

_NEXT = "next.duckdb"
_FICLONE = 0x40049409  # Linux: share the blocks of another file until one of the two is written (ioctl_ficlone(2))
_ONE_MACHINES = {"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "tmpfs"}  # file systems whose every reader this kernel knows


@dataclass(frozen=True, slots=True)
class Base:
    """Which version a file was, and its ``stamp`` then (versions.stamp_of)."""

    number: int
    stamp: str | None


class BaseAhead:
    """The base of the next version, begun by a thread while there is other work, or none; a context in which it may be taken.

    ``finish`` is done to every base. On a disk that shares no blocks, to copy and to finish takes longer than writing what is new.
    """

    def __init__(self, settings: Settings, finish: Callable[[Path], None]):
        self._settings, self._finish = settings, finish
        self._folder = settings.home / "copying" / uuid4().hex
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="copy")
        self._number: int | None = None
        self._begun: Future[Base] | None = None

    def __enter__(self) -> "BaseAhead":
        shutil.rmtree(self._folder.parent, ignore_errors=True)  # of who was killed; who lives, and waits, will make another
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()
        self._forget()

    def begin(self) -> None:
        """Begin what comes after the version in force, unless that was done or is being done."""
        number = number_in_force(self._settings)
        if number != self._number:
            self._forget()
            self._number = number
            if number is not None:
                self._begun = self._thread.submit(self._begin, number)

    def bring_nearer(self, nearer: Callable[[Path, Base], Base]) -> None:
        """While nobody waits: have what was begun from the spare brought up to the version in force, or as near as ``nearer`` can, which
        says what it is then. Where that fails, what was begun is dropped."""
        if self._begun is None or self._begun.exception() or self._begun.result().number == self._number:
            return
        self._begun = self._thread.submit(self._nearer, nearer, self._begun.result())
        wait([self._begun])

    def give(self, usable: Mapping[int, str], target: Path) -> int | None:
        """A base at ``target``, one of the ``usable`` versions: which one, or None where there is none. The mapping is from their numbers
        to the stamps they were finished with.

        It is the one that was begun, or, where that is of no use or came to nothing, a copy of the newest, made now.
        """
        base = self._taken(target)
        if not _is_among(usable, base):
            target.unlink(missing_ok=True)
            base = self._copied_now(usable, target)
        return base and base.number

    def _copied_now(self, usable: Mapping[int, str], target: Path) -> Base | None:
        newest = max(usable, default=None)
        if newest is None or stamp_of(path_of(self._settings, newest)) != usable[newest]:
            return None
        base = _cloned(self._settings, newest, target) or _copied(self._settings, newest, target)
        if not _is_among(usable, base):
            target.unlink()
            return None
        self._make_ours(target)
        return base

    def _taken(self, target: Path) -> Base | None:
        self._number = None  # none is there from now on
        if self._begun is None or self._begun.exception():
            return None
        try:
            (self._folder / _NEXT).rename(target)
        except FileNotFoundError:  # another command took it for one that was left
            return None
        return self._begun.result()

    def _begin(self, number: int) -> Base:
        make_private_folder(self._folder.parent)
        make_private_folder(self._folder)
        target = self._folder / _NEXT
        with self._giving_room_back():
            base = _cloned(self._settings, number, target) or _spare(self._settings, target) or _copied(self._settings, number, target)
            self._make_ours(target)
        return base

    def _make_ours(self, target: Path) -> None:
        target.chmod(0o600)
        self._finish(target)

    def _nearer(self, nearer: Callable[[Path, Base], Base], base: Base) -> Base:
        with self._giving_room_back():
            return nearer(self._folder / _NEXT, base)

    @contextmanager
    def _giving_room_back(self) -> Iterator[None]:
        """Within: should it fail, what was begun is removed, as the build may need the room."""
        try:
            yield
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def _forget(self) -> None:
        if self._begun is not None:
            wait([self._begun])
            shutil.rmtree(self._folder, ignore_errors=True)
        self._number = self._begun = None


def set_aside(settings: Settings, number: int | None) -> int | None:
    """Make that version the spare, which takes it from analysts; the one before, if it was not taken, goes. None: there is none.

    Which version is the spare now: none where its folder cannot be used, as publishing can do without.
    """
    folder = _folder_of_spare(settings)
    for before in numbers_in(folder):
        with suppress(OSError):  # a watch has just taken it, or it is none of ours
            let_go(_place_of_spare(settings, before))
    if number is None:
        return None
    try:
        make_private_folder(folder)
        path_of(settings, number).rename(_place_of_spare(settings, number))
    except OSError:
        return None
    return number


def is_open_somewhere(path: Path) -> bool:
    """Whether a process has a file open, or reaches it by another name. True, too, where the file system could not tell."""
    with path.open("rb+") as file:
        if os.fstat(file.fileno()).st_nlink != 1 or kind_of_file_system(path) not in _ONE_MACHINES:
            return True
        try:  # a lease for writing is given to nobody but who alone has a file open (fcntl(2))
            fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)  # is ignored; what is sent to its holder else would end the process
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        except (AttributeError, OSError):  # no such thing on this system; or somebody has
            return True
    return False


def kind_of_file_system(path: Path) -> str:
    """The kind of file system that a file is on, in Linux's words."""
    device = path.stat().st_dev
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "unknown"
    kinds = {line.split()[2]: line.partition(" - ")[2].split()[0] for line in mounts}
    return kinds.get(f"{os.major(device)}:{os.minor(device)}", "unknown")


def _cloned(settings: Settings, number: int, target: Path) -> Base | None:
    """A version under a second name for its blocks; None where the file system cannot do that."""
    try:
        with path_of(settings, number).open("rb") as source, target.open("wb") as copy:
            fcntl.ioctl(copy, _FICLONE, source.fileno())
    except OSError:
        return None
    set_aside(settings, None)  # nobody will want it here
    return Base(number, stamp_of(path_of(settings, number)))


def _copied(settings: Settings, number: int, target: Path) -> Base:
    """A copy of a version."""
    shutil.copyfile(path_of(settings, number), target)  # within the kernel: a third of the time
    return Base(number, stamp_of(path_of(settings, number)))  # after that: whoever wrote to it meanwhile has changed its stamp


def _spare(settings: Settings, target: Path) -> Base | None:
    """The spare, which is taken from its place; None when there is none, or when it cannot be excluded that somebody has it open."""
    for number in numbers_in(_folder_of_spare(settings)):
        _place_of_spare(settings, number).rename(target)
        if not is_open_somewhere(target):
            return Base(number, stamp_of(target))
        target.unlink()
    return None


def _is_among(usable: Mapping[int, str], base: Base | None) -> bool:
    return base is not None and (base.number, base.stamp) in usable.items()


def _folder_of_spare(settings: Settings) -> Path:
    return settings.home / "spare"


def _place_of_spare(settings: Settings, number: int) -> Path:
    return _folder_of_spare(settings) / path_of(settings, number).name
