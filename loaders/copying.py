"""From a channel to the disk: a small file in one question, a large one in many that are under way at once.

At most one byte more than the listed size is taken: it tells that a file is growing, or that the server says less than it gives,
without following it. Whether what came is all, and still the same, is for others to check.
"""

import asyncio
import hashlib
import os
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from loaders.landing import Received, create_part, write_all, writing
from loaders.sftp import Channel
from loaders.sftp_answers import EndOfFile

_UNDER_WAY = 16 << 20  # bytes asked for ahead: 400 MB a second at a round trip of 40 ms
_MOST_UNDER_WAY = 128  # questions
_AT_ONCE = 1 << 20  # bytes that are written and hashed together, in a thread


@asynccontextmanager
async def _opened(channel: Channel, path: str) -> AsyncIterator[bytes]:
    handle = await channel.open(path)
    try:
        yield handle
    finally:
        channel.close(handle)


async def read_whole(channel: Channel, path: str, size: int) -> bytes:
    """A small file's bytes: one question where the server answers whole."""
    data = b""
    async with _opened(channel, path) as handle:
        with suppress(EndOfFile):
            while len(data) <= size:
                data += await channel.read(handle, len(data), size + 1 - len(data))
                if len(data) == size:  # whether there is more, a look at the file will say
                    break
    return data


async def copy_blocks(channel: Channel, path: str, size: int, part: "Part") -> Received:
    """A large file's bytes, to the disk in their order. Of a block that the server gives in part, the rest is asked for."""
    await part.begin()
    async with _opened(channel, path) as handle:
        asked: deque[tuple[int, int, asyncio.Future[tuple[int, bytes]]]] = deque()
        ahead, next_one = min(_UNDER_WAY // channel.block, _MOST_UNDER_WAY), 0
        while part.size not in (size, size + 1):
            while len(asked) < ahead and next_one <= size:
                length = min(channel.block, size + 1 - next_one)
                asked.append((next_one, length, channel.ask_to_read(handle, next_one, length)))
                next_one += length
            offset, length, answer = asked.popleft()
            try:
                data = channel.data_of(await answer, length)
            except EndOfFile:
                break
            await part.add(data)
            if rest := length - len(data):
                offset += len(data)
                asked.appendleft((offset, rest, channel.ask_to_read(handle, offset, rest)))
    return await part.end()


class Part:
    """A ``.part`` in the making. A thread writes and hashes what came, while more comes; LandingRefused when the disk refuses it."""

    def __init__(self, path: Path):
        self._path, self._loop = path, asyncio.get_running_loop()
        with writing(path):
            self._file = create_part(path)
        self.size = 0
        self._hash, self._waiting, self._writing = hashlib.sha256(), list[memoryview](), self._nothing()

    async def begin(self) -> None:
        """From the first byte, whatever was written before."""
        await self._rest()
        self.size, self._hash, self._waiting = 0, hashlib.sha256(), []
        with writing(self._path):
            os.ftruncate(self._file, 0)
            os.lseek(self._file, 0, os.SEEK_SET)

    async def add(self, data: memoryview) -> None:
        """The next bytes. Who adds faster than the disk takes has to wait."""
        self._waiting.append(data)
        self.size += len(data)
        if sum(map(len, self._waiting)) >= _AT_ONCE:
            await self._hand_over()

    async def end(self) -> Received:
        """When all is written: how many bytes that were, and their hash."""
        await self._hand_over()
        await self._writing
        return Received(self.size, self._hash.hexdigest())

    async def aclose(self) -> None:
        """Nothing is written any more."""
        await self._rest()
        os.close(self._file)

    async def _hand_over(self) -> None:
        await self._writing
        self._writing = self._loop.run_in_executor(None, self._write, self._waiting)
        self._waiting = []

    def _write(self, blocks: list[memoryview]) -> None:
        with writing(self._path):
            for block in blocks:
                write_all(self._file, block)
        for block in blocks:
            self._hash.update(block)

    async def _rest(self) -> None:
        """Wait for the thread, whatever it came to: a file must not be closed under it."""
        await asyncio.wait([self._writing])

    def _nothing(self) -> asyncio.Future[None]:
        done = self._loop.create_future()
        done.set_result(None)
        return done
