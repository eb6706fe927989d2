"""From a channel to the disk: a small file in one question, a large one in many that are under way at once.

At most one byte more than the listed size is taken: it tells that a file is growing, or that the server says less than it gives,
without following it. Whether what came is all, and still the same, is for others to check.
"""

import asyncio
import hashlib
import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from loaders.landing import Received, complete, create_part, write_all, writing
from loaders.sftp import Channel, Told
from loaders.sftp_answers import EndOfFile

_BYTES_A_SECOND = 400_000_000  # enough is asked for ahead for so many
_LEAST_UNDER_WAY, _MOST_UNDER_WAY = 4 << 20, 16 << 20  # bytes; what OpenSSH's server has to hold back costs it as much as to send it
_MOST_QUESTIONS = 128
_AT_ONCE = 1 << 20  # bytes that are written and hashed together, in a thread, and more when it was busy, up to
_MOST_HELD = 8 << 20
_UNSYNCED = 64 << 20  # bytes after which the disk is set to work, so that less is left to wait for at the end


class Sink(Protocol):
    """Where a file's bytes go, in their order."""

    size: int

    async def begin(self) -> None:
        """From the first byte, whatever came before."""

    async def add(self, data: memoryview) -> None:
        """The next bytes. Who adds faster than they are taken has to wait."""


async def copy(channel: Channel, path: str, size: int, sink: Sink) -> None:
    """A file's bytes. Of a block that the server gives in part, the rest is asked for."""
    await sink.begin()
    handle = await channel.open(path)
    try:
        with suppress(EndOfFile):
            await _copy_blocks(channel, handle, size, sink)
    finally:
        channel.close(handle)


async def _copy_blocks(channel: Channel, handle: bytes, size: int, sink: Sink) -> None:
    asked: deque[tuple[int, int, asyncio.Future[Told]]] = deque()
    ahead, next_one = _ahead(channel), 0
    while True:
        while len(asked) < ahead and next_one <= size:
            length = min(channel.block, size + 1 - next_one)
            asked.append((next_one, length, channel.ask_to_read(handle, next_one, length)))
            next_one += length
        offset, length, answer = asked.popleft()
        data = channel.data_of(await answer, length)
        await sink.add(data)
        if sink.size >= size:  # whether there is more, a look at the file will say
            return
        if rest := length - len(data):
            offset += len(data)
            asked.appendleft((offset, rest, channel.ask_to_read(handle, offset, rest)))


def _ahead(channel: Channel) -> int:
    """How many blocks are asked for ahead: enough for the way to the server, and no more."""
    under_way = min(max(int(channel.round_trip * _BYTES_A_SECOND), _LEAST_UNDER_WAY), _MOST_UNDER_WAY)
    return min(under_way // channel.block, _MOST_QUESTIONS)


class Memory:
    """The bytes of a small file."""

    def __init__(self) -> None:
        self.data = b""

    @property
    def size(self) -> int:
        """How many they are."""
        return len(self.data)

    async def begin(self) -> None:
        """From the first byte, whatever came before."""
        self.data = b""

    async def add(self, data: memoryview) -> None:
        """The next bytes."""
        self.data += data


class Part:
    """A ``.part`` in the making. A thread writes and hashes what came, while more comes; LandingRefused when the disk refuses it."""

    def __init__(self, path: Path, modified_at: datetime):
        self._path, self._modified_at, self._loop = path, modified_at, asyncio.get_running_loop()
        with writing(path):
            self._file = create_part(path)
        self.size, self._held, self._synced = 0, 0, 0
        self._hash, self._waiting = hashlib.sha256(), list[memoryview]()
        self._writing, self._syncing = self._nothing(), self._nothing()

    async def begin(self) -> None:
        """From the first byte, whatever was written before."""
        await self._rest()
        self.size, self._held, self._synced, self._hash, self._waiting = 0, 0, 0, hashlib.sha256(), []
        with writing(self._path):
            os.ftruncate(self._file, 0)
            os.lseek(self._file, 0, os.SEEK_SET)

    async def add(self, data: memoryview) -> None:
        """The next bytes. Who adds faster than the disk takes has to wait."""
        self._waiting.append(data)
        self._held += len(data)
        self.size += len(data)
        if self._held >= (_AT_ONCE if self._writing.done() else _MOST_HELD):
            await self._hand_over()
            self._sync_now_and_then()

    async def complete(self) -> Received:
        """When all is on the disk: how many bytes that were, and their hash."""
        await self._hand_over()
        await asyncio.shield(self._syncing)
        await self._then(self._complete)
        await asyncio.shield(self._writing)
        return Received(self.size, self._hash.hexdigest())

    async def aclose(self) -> None:
        """Nothing is written any more."""
        await self._rest()
        os.close(self._file)

    async def _hand_over(self) -> None:
        blocks, self._waiting, self._held = self._waiting, [], 0
        await self._then(self._write, blocks)

    async def _then(self, work: Callable[..., None], *arguments: Any) -> None:
        """Have a thread do it after what it is at. Shielded, as to be cancelled ends the wait and not the thread."""
        await asyncio.shield(self._writing)
        self._writing = self._loop.run_in_executor(None, work, *arguments)

    def _sync_now_and_then(self) -> None:
        if self.size - self._synced >= _UNSYNCED and self._syncing.done():
            self._syncing.result()  # the system tells of a disk that fails once
            self._syncing, self._synced = self._loop.run_in_executor(None, self._sync), self.size

    def _sync(self) -> None:
        with writing(self._path):
            os.fsync(self._file)

    def _write(self, blocks: list[memoryview]) -> None:
        with writing(self._path):
            for block in blocks:
                write_all(self._file, block)
        for block in blocks:
            self._hash.update(block)

    def _complete(self) -> None:
        with writing(self._path):
            complete(self._file, self._modified_at)

    async def _rest(self) -> None:
        """Wait for the threads, whatever they came to: a file must not be closed under them."""
        await asyncio.wait([self._writing, self._syncing])

    def _nothing(self) -> asyncio.Future[None]:
        done = self._loop.create_future()
        done.set_result(None)
        return done
