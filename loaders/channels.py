"""SFTP channels over one connection, and what becomes of one that falls silent.

A server works off what is asked on a channel in its own order: a file that it cannot read on, such as one on a store that hangs,
holds up all else on its channel. So a channel that has been silent for too long is given up, and not the connection; what was asked
on it is asked once more, on a channel of its own. What is silent there too is at fault itself.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncssh

from loaders.errors import ReadFailed
from loaders.sftp import Channel, ChannelLost

MOST_SILENT = 10  # files and folders that are waited for in vain before the server is given up

_BUSY = 16  # questions under way on a channel before another one is opened
LARGE_WEIGHT = _BUSY  # a large file keeps its channel busy

T = TypeVar("T")
Question = Callable[[Channel], Awaitable[T]]


class Channels:
    """The channels of a connection, at most ``max_channels`` and fewer where the server opens no more; in the place of sshfs's pool.

    ``silence``: the most seconds without a word on a channel where something was asked.
    """

    silence = 60.0

    def __init__(self, client: asyncssh.SSHClientConnection, *, max_channels: int, **_: Any):
        self.client, self._most = client, max_channels
        self._open: list[Channel] = []
        self._opening: asyncio.Task[None] | None = None
        self._alone, self._silent, self._ended_because = asyncio.Lock(), 0, ""

    async def ask(self, question: "Question[T]", weight: int = 1) -> T:
        """The answer. ReadFailed where only this one stays out; an OSError, or one of asyncssh's, when the server is gone.

        ``weight``: of how many questions under way this one takes the room.
        """
        try:
            channel = await self._least_busy()
            channel.users += weight
            try:
                return await question(channel)
            finally:
                channel.users -= weight
        except ChannelLost:  # because of this question or of another one on the channel
            pass
        async with self._alone:
            return await self._ask_alone(question)

    async def close(self) -> None:
        """End all channels; nothing is waited for."""
        for channel in self._open:
            channel.end(ChannelLost("closed"))

    async def _least_busy(self) -> Channel:
        """The channel with the least to do. While it is busy, another one is opened beside it, for those that come later."""
        while not (usable := [channel for channel in self._open if channel.is_open]):
            await asyncio.shield(self._another())  # who is in a hurry does not end it for the others
        channel = min(usable, key=lambda one: one.users)
        if channel.users >= _BUSY and len(usable) < self._most and self._opening is None:
            self._another()
        return channel

    def _another(self) -> asyncio.Task[None]:
        """One channel more, which is opened once for all that wait for it."""
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open_another())
        return self._opening

    async def _open_another(self) -> None:
        try:
            self._open = [channel for channel in self._open if channel.is_open]
            self._open.append(await self._opened())
        except (asyncssh.ChannelOpenError, OSError) as error:
            self._most = len(self._open)  # as many as the server bears
            if not self._open:
                raise self._no_channel(error) from None
        finally:
            self._opening = None

    def _no_channel(self, error: Exception) -> Exception:
        if not isinstance(error, asyncssh.ChannelOpenError):
            return error
        if self._ended_because or self.client.is_closed():
            return ConnectionError(self._ended_because or error.reason)
        return ConnectionError(f"the server opens no channel for files: {error.reason}")

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        """Within, the server itself is waited for, and no file: its silence ends the connection, so that nobody else waits for it."""
        try:
            async with asyncio.timeout(self.silence):
                yield
        except TimeoutError:
            self._end_connection("no answer in time")
            raise

    async def _opened(self) -> Channel:
        async with self._answering():
            return await Channel.opened(self.client, self.silence)

    async def _ask_alone(self, question: "Question[T]") -> T:
        channel = await self._opened_alone()
        try:
            return await question(channel)
        except ChannelLost:
            if not channel.was_given_up:  # the connection is gone
                raise
            raise self._unanswered() from None
        finally:
            channel.end(ChannelLost("closed"))

    async def _opened_alone(self) -> Channel:
        try:
            return await self._opened()
        except asyncssh.ChannelOpenError as error:
            if self._ended_because:
                raise ConnectionError(self._ended_because) from None
            if self.client.is_closed():
                raise
            raise ReadFailed(f"the server fell silent, and opens no further channel to ask again: {error.reason}") from None

    def _unanswered(self) -> Exception:
        self._silent += 1
        if self._silent > MOST_SILENT:
            self._end_connection(f"{self._silent} files or folders were waited for in vain, and this run waits for no more")
            return ConnectionError(self._ended_because)
        return ReadFailed(f"the server answers, and has sent nothing of this for {self.silence:g} seconds, twice")

    def _end_connection(self, reason: str) -> None:
        """Abort it. asyncssh calls it closed only some turns of the event loop later; who asks until then is to hear ``reason``."""
        self._ended_because = self._ended_because or reason
        self.client.abort()
