"""What a warehouse leaves on the disk is its owner's alone, but for what is published. docs/decisions/0012-personal-data-stays-in.md."""

import os
import struct
from contextlib import suppress
from pathlib import Path

OWNER_ALONE, GROUP_MAY_ENTER = 0o700, 0o750
_USER, _GROUP, _OTHER, _NOBODY = 0x01, 0x04, 0x20, 0xFFFFFFFF
_OWNERS_FILES = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", tag, rights, _NOBODY) for tag, rights in ((_USER, 7), (_GROUP, 0), (_OTHER, 0))
)


def keep_to_owner() -> None:
    """From now on this process and its children create nothing that others may read, whatever umask they were started with."""
    os.umask(0o077)


def make_home(home: Path) -> None:
    """The warehouse's folder, which the group may enter to reach the published file. One that is there keeps its rights.

    `dbt` by hand comes with a umask of its own, and DuckDB's log and temporary files with it: where the file system knows
    access lists, the folder says that its files are the owner's.
    """
    if not home.is_dir():
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(GROUP_MAY_ENTER)
    with suppress(OSError, AttributeError):  # no access lists here, or not our folder: the umask has to do
        os.setxattr(home, "system.posix_acl_default", _OWNERS_FILES)


def make_folder_for_group(folder: Path) -> None:
    """A folder whose files the group may list and, where they say so, read."""
    if not folder.is_dir():
        folder.mkdir()
        folder.chmod(GROUP_MAY_ENTER)


def make_private_folder(folder: Path) -> None:
    """A folder that its owner alone may enter."""
    if not folder.is_dir():
        folder.mkdir(mode=OWNER_ALONE)
        folder.chmod(OWNER_ALONE)  # a umask may have taken from the owner, too
