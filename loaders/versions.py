"""The published versions on the disk, and the name under which analysts find the newest.

    {home}/fortress.duckdb -> published/000007.duckdb
    {home}/published/      the last versions, each in a file that nobody writes to while it is there

The name is a link, switched in one step. Who has a version open keeps it, whole, until they reconnect. That each has a path
of its own is for readers who write: DuckDB keeps their log beside the file they opened, and beside one name for all it
would stand in the way of everybody who opens the next version.
"""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loaders.landing import to_disk
from loaders.private import make_folder_for_group, make_private_folder
from loaders.settings import Settings
from loaders.warehouse import in_our_words

_READABLE_BY_GROUP = 0o640


def number_in_force(settings: Settings) -> int | None:
    """The version that analysts get now; None when nothing is published, or by an older project."""
    return _number(settings.published.resolve()) if settings.published.exists() else None


def numbers(settings: Settings) -> list[int]:
    """The versions on the disk, oldest first."""
    return numbers_in(settings.versions)


def numbers_in(folder: Path) -> list[int]:
    """The versions in a folder, oldest first; none where there is no such folder."""
    found = (_number(path) for path in folder.glob("*.duckdb"))
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
        yield folder / "next.duckdb"
    except OSError as error:
        raise in_our_words(settings.published, f"cannot be written: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def stamp_of(path: Path) -> str | None:
    """A mark that changes when somebody writes to a version; None when that is under way, or there is no such file."""
    if not path.exists() or path.with_name(f"{path.name}.wal").exists():
        return None
    return f"{path.stat().st_size}, {path.stat().st_mtime_ns}"


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
        let_go(path)


def let_go(path: Path) -> None:
    """Take a file its name. A thread has it open until then and gives its room back, which takes the kernel a second for some gigabytes."""
    held = os.open(path, os.O_RDONLY)
    path.unlink()
    threading.Thread(target=os.close, args=(held,), name="giving-room-back").start()


def _number(path: Path) -> int | None:
    return int(path.stem) if path.stem.isascii() and path.stem.isdigit() else None
