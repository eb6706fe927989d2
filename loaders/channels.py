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
from sshfs.pools import SFTPSoftChannelPool

from loaders.errors import ReadFailed

MOST_SILENT = 10  # files and folders that are waited for in vain before the server is given up

_LOST = (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection)

T = TypeVar("T")


class Patience:
    """Gives up after so many seconds without a word; ``heard`` begins them anew."""

    def __init__(self, seconds: float, give_up: Callable[[], None]):
        self._seconds, self._give_up, self._loop = seconds, give_up, asyncio.get_running_loop()
        self._timer = self._loop.call_later(seconds, give_up)

    def heard(self) -> None:
        """The server has said something."""
        self._timer.cancel()
        self._timer = self._loop.call_later(self._seconds, self._give_up)

    def end(self) -> None:
        """Nothing is waited for any more."""
        self._timer.cancel()


Question = Callable[[asyncssh.SFTPClient, Patience], Awaitable[T]]


class Channels(SFTPSoftChannelPool):
    """sshfs's pool, less the channels that were given up. ``silence``: the most seconds without a word."""

    silence = 60.0

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self._given_up: set[asyncssh.SFTPClient] = set()
        self._endings: set[asyncio.Task[None]] = set()  # a task that nobody holds may be collected before it has run
        self._alone, self._silent, self._ended_because = asyncio.Lock(), 0, ""

    async def ask(self, question: "Question[T]") -> T:
        """The answer. ReadFailed where only this one stays out; an OSError, or one of asyncssh's, when the server is gone."""
        try:
            async with self.get() as channel:
                return await self._asked(channel, question)
        except _LOST:  # because of this question or of another one on the channel
            pass
        async with self._alone:
            return await self._ask_alone(question)

    @asynccontextmanager
    async def get(self) -> AsyncIterator[asyncssh.SFTPClient]:
        """The channel with the least to do, or a new one."""
        async with self._answering():
            channel = await self._least_busy()
        self._channels[channel] += 1
        try:
            yield channel
        finally:
            if channel in self._channels:
                self._channels[channel] -= 1

    async def _least_busy(self) -> asyncssh.SFTPClient:
        channel, users = self._least_used()
        if channel is None or users >= self._THRESHOLD:
            async with self._channels_lock:
                if opened := await self._maybe_new_channel():
                    self._channels[opened] = 0
                    return opened
            channel, _ = self._least_used()
        if channel is None:
            raise ConnectionError("the server opens no channel for files")
        return channel

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        """Within, the server itself is waited for, and no file: its silence ends the connection, so that nobody else waits for it."""
        try:
            async with asyncio.timeout(self.silence):
                yield
        except TimeoutError:
            self.client.abort()
            raise

    async def _asked(self, channel: asyncssh.SFTPClient, question: "Question[T]") -> T:
        patience = Patience(self.silence, lambda: self._give_up(channel))
        try:
            return await question(channel, patience)
        finally:
            patience.end()

    async def _ask_alone(self, question: "Question[T]") -> T:
        channel = await self._opened()
        try:
            return await self._asked(channel, question)
        except _LOST:
            if channel not in self._given_up:  # the connection is gone
                raise
            raise self._unanswered() from None
        finally:
            channel.exit()

    async def _opened(self) -> asyncssh.SFTPClient:
        try:
            async with self._answering():
                return await self.client.start_sftp_client(**self.sftp_client_kwargs)
        except asyncssh.ChannelOpenError as error:
            if self._ended_because:
                raise ConnectionError(self._ended_because) from None
            if self.client.is_closed():
                raise
            raise ReadFailed(f"the server fell silent, and opens no further channel to ask again: {error.reason}") from None

    def _unanswered(self) -> Exception:
        self._silent += 1
        if self._silent > MOST_SILENT:
            self._ended_because = f"{self._silent} files or folders were waited for in vain, and this run waits for no more"
            self.client.abort()
            return ConnectionError(self._ended_because)
        return ReadFailed(f"the server answers, and has sent nothing of this for {self.silence:g} seconds, twice")

    def _give_up(self, channel: asyncssh.SFTPClient) -> None:
        """Have all that waits on a channel fail. To close it as asyncssh does would be to wait for the server once more."""
        self._given_up.add(channel)
        self._channels.pop(channel, None)
        self._endings.add(asyncio.get_running_loop().create_task(channel._handler._cleanup(None)))
