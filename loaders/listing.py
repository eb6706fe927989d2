"""What a folder on an SFTP server holds, in fsspec's words."""

import stat
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from loaders.sftp import Channel
from loaders.sftp_answers import Attributes, EndOfFile

_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}


async def list_folder(channel: Channel, path: str, at_most: int | None) -> list[dict[str, Any]]:
    """A folder's names, described. With ``at_most``, no more than one answer beyond that: a listing need not have an end."""
    entries: list[dict[str, Any]] = []
    handle = await channel.open_folder(path)
    try:
        while at_most is None or len(entries) <= at_most:
            entries += await _described(channel, path, await channel.names(handle))
    except EndOfFile:
        pass
    finally:
        channel.close(handle)
    return entries


async def _described(channel: Channel, folder: str, names: Sequence[tuple[str, Attributes]]) -> list[dict[str, Any]]:
    """What a listing tells, and where it leaves something out, what a look at the name does."""
    entries = []
    for name, told in names:
        if name not in ("", ".", ".."):
            path = f"{folder.rstrip('/')}/{name}"
            attributes = told if told.are_complete else await _attributes(channel, path, told)
            entries += [description(path, attributes)] if attributes else []
    return entries


async def _attributes(channel: Channel, path: str, told: Attributes) -> Attributes | None:
    """What a listing left out; None for a name that is not there. One such name is not to hide the folder that it is listed in."""
    try:
        return await channel.lstat(path)
    except FileNotFoundError:
        return None
    except PermissionError:
        return told


def description(name: str, told: Attributes) -> dict[str, Any]:
    """fsspec's description of one file or folder; what is neither nor a link is ``other``."""
    kind = _KINDS.get(stat.S_IFMT(told.permissions or 0), "other")
    modified = None if told.modified is None else datetime.fromtimestamp(told.modified, UTC)
    return {"name": name, "size": told.size, "type": kind, "mtime": modified}
