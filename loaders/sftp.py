"""What reading needs of SFTP, version 3: names, attributes and bytes, with many questions under way on one channel.

asyncssh speaks SFTP too, and each file costs it three times the work: a question is a task, and two encrypted packets of its own.
Here all that is asked in one turn of the event loop leaves together. The protocol is draft-ietf-secsh-filexfer-02; what
limits@openssh.com is, OpenSSH's file PROTOCOL says.
"""

import asyncio
import struct

import asyncssh

from loaders.sftp_answers import Answer, Attributes, BadAnswer, EndOfFile, string, text

_INIT, _VERSION, _OPEN, _CLOSE, _READ, _LSTAT, _OPENDIR, _READDIR = 1, 2, 3, 4, 5, 7, 11, 12
_STATUS, _HANDLE, _DATA, _NAME, _ATTRS, _EXTENDED, _EXTENDED_REPLY = 101, 102, 103, 104, 105, 200, 201
_FOR_READING, _SPOKEN = 1, 3
_SHORTEST_ANSWER, _LONGEST_ANSWER = 5, 5 << 20  # bytes; OpenSSH's are 256 KB at most, asyncssh's 4 MB
_MOST_PIECES = 1_000  # a server that sends byte by byte is not to take forty times the memory
_LONGEST_WAY = 1.0  # seconds; what is not known yet
_LIMITS = "limits@openssh.com"
_LARGEST_READ = 255 * 1024  # what OpenSSH answers at once
_SAFE_READ = 32 * 1024  # what every server has to answer at once
_U32, _HEAD, _SPAN = struct.Struct(">I"), struct.Struct(">IBI"), struct.Struct(">QI")


Told = tuple[int, memoryview]  # the kind of an answer, and what it holds


class ChannelLost(ConnectionError):
    """The channel ended before the answer came: given up, closed by the server, or gone with its connection."""


class Channel(asyncssh.SSHClientSession[bytes]):
    """One SFTP session. What is asked raises FileNotFoundError, PermissionError, another OSError, BadAnswer or ChannelLost.

    Once the server has sent nothing for ``silence`` seconds though something was asked, the channel gives itself up.
    """

    def __init__(self, silence: float):
        self._silence = silence
        self._loop = asyncio.get_running_loop()
        self._asked: dict[int, asyncio.Future[Told]] = {}
        self._outgoing: list[bytes] = []
        self._pieces, self._held, self._needed = list[bytes](), 0, _U32.size + 1  # of the next answer
        self._last_number, self._heard, self._watch = 0, 0.0, None
        self._ended: Exception | None = None
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self.users, self.was_given_up = 0, False
        self.block = _SAFE_READ  # bytes that are answered at once
        self.round_trip = _LONGEST_WAY  # seconds, of the fastest answer so far

    @classmethod
    async def opened(cls, connection: asyncssh.SSHClientConnection, silence: float) -> "Channel":
        """A new session on a connection; asyncssh.ChannelOpenError when the server opens none."""
        _, channel = await connection.create_session(lambda: cls(silence), subsystem="sftp", encoding=None)
        await channel._greet()
        return channel

    async def lstat(self, path: str) -> Attributes:
        """What a name is now, and of a link what the link is."""
        return (await self._answer(_ATTRS, _LSTAT, text(path))).attributes()

    async def open(self, path: str) -> bytes:
        """A file's handle, for reading."""
        return bytes((await self._answer(_HANDLE, _OPEN, text(path), _U32.pack(_FOR_READING), _U32.pack(0))).string())

    async def open_folder(self, path: str) -> bytes:
        """A folder's handle, for its names."""
        return bytes((await self._answer(_HANDLE, _OPENDIR, text(path))).string())

    async def names(self, handle: bytes) -> list[tuple[str, Attributes]]:
        """The next names of a folder; EndOfFile behind the last."""
        answer = await self._answer(_NAME, _READDIR, string(handle))
        return [answer.name() for _ in range(answer.number())]

    async def read(self, handle: bytes, offset: int, size: int) -> memoryview:
        """At most ``size`` bytes, of which a server may give fewer; EndOfFile when there are none."""
        return self.data_of(await self.ask_to_read(handle, offset, size), size)

    def ask_to_read(self, handle: bytes, offset: int, size: int) -> asyncio.Future[Told]:
        """The same without waiting; ``data_of`` says what the answer holds."""
        return self._ask(_READ, string(handle), _SPAN.pack(offset, size))

    def data_of(self, told: Told, size: int) -> memoryview:
        """The bytes in an answer to a question for ``size`` of them; EndOfFile."""
        data = self._expected(_DATA, told).string()
        if not data:
            raise EndOfFile
        if len(data) > size:
            raise BadAnswer("more bytes come than were asked for")
        return data

    def close(self, handle: bytes) -> None:
        """Let go of a handle; nobody waits for the answer."""
        if self.is_open:
            self._ask(_CLOSE, string(handle))

    @property
    def is_open(self) -> bool:
        """Whether anything can be asked."""
        return self._ended is None

    def give_up(self) -> None:
        """Have all that waits on the channel fail. The server is not waited for, as it may be silent."""
        self.was_given_up = True
        self.end(ChannelLost("the server fell silent"))

    def end(self, error: Exception) -> None:
        """Nothing more is asked, and what waits fails with ``error``."""
        if self._ended is None:
            self._ended = error
            for future in self._asked.values():
                if not future.done():
                    future.set_exception(error)
                    future.exception()  # of blocks asked for ahead, nobody may ever ask what became; asyncio would log each
            self._asked.clear()
            self._pieces.clear()
            if self._watch:
                self._watch.cancel()
            if self._channel:
                self._channel.abort()

    def connection_made(self, chan: "asyncssh.SSHClientChannel[bytes]") -> None:
        """asyncssh says that the channel is there."""
        self._channel = chan

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncssh says that the channel is gone."""
        self.end(ChannelLost(str(exc) if exc else "the server closed the channel"))

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """asyncssh hands over what came: answers, in pieces. What comes as an error's text is left out."""
        if datatype is not None or self._ended:
            return
        self._heard = self._loop.time()
        self._pieces.append(data)
        self._held += len(data)
        if len(self._pieces) > _MOST_PIECES:
            self._pieces = [b"".join(self._pieces)]
        try:
            if self._held >= self._needed:
                self._take_whole(b"".join(self._pieces))
        except BadAnswer as error:
            self.end(error)

    def _take_whole(self, data: bytes) -> None:
        """The answers that are there; what is left waits for more, and is put together only when that is enough."""
        at = 0
        while len(data) >= at + (needed := self._size_at(data, at)):
            self._take(data[at + _U32.size], memoryview(data)[at + _U32.size + 1 : at + needed])
            at += needed
        self._pieces, self._held, self._needed = [data[at:]], len(data) - at, needed

    def _size_at(self, data: bytes, at: int) -> int:
        """How many bytes the answer that begins there has; of one whose length is not there yet, the least that tells it."""
        if len(data) < at + _U32.size:
            return _U32.size + 1
        (size,) = _U32.unpack_from(data, at)
        if not _SHORTEST_ANSWER <= size <= _LONGEST_ANSWER:
            raise BadAnswer(f"an answer of {size:,} bytes")
        return int(_U32.size + size)

    def _take(self, kind: int, body: memoryview) -> None:
        """An answer goes to who asked; the greeting, which has no number, to number 0."""
        number = 0 if kind == _VERSION else _U32.unpack_from(body)[0]
        future = self._asked.pop(number, None)
        if future is None:
            raise BadAnswer("an answer comes to no question")
        if not future.done():
            future.set_result((kind, body if kind == _VERSION else body[_U32.size :]))

    async def _answer(self, wanted: int, kind: int, *said: bytes) -> Answer:
        asked_at = self._loop.time()
        told = await self._ask(kind, *said)
        self.round_trip = min(self.round_trip, self._loop.time() - asked_at)
        return self._expected(wanted, told)

    def _expected(self, wanted: int, told: Told) -> Answer:
        kind, body = told
        if kind == _STATUS:
            raise Answer(body).refusal()
        if kind != wanted:
            raise BadAnswer(f"an answer is of kind {kind}, and not {wanted}")
        return Answer(body)

    def _ask(self, kind: int, *said: bytes) -> asyncio.Future[Told]:
        self._last_number += 1
        body = b"".join(said)
        return self._send(self._last_number, _HEAD.pack(5 + len(body), kind, self._last_number) + body)

    def _send(self, number: int, packet: bytes) -> asyncio.Future[Told]:
        if self._ended:
            raise self._ended
        if not self._asked:
            self._heard = self._loop.time()
        if self._watch is None:
            self._watch = self._loop.call_later(self._silence, self._look)
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(packet)
        future = self._asked[number] = self._loop.create_future()
        return future

    def _flush(self) -> None:
        packets, self._outgoing = b"".join(self._outgoing), []
        if self._channel and not self._ended:
            self._channel.write(packets)

    def _look(self) -> None:
        """Whether the server has said something in time."""
        self._watch = None
        if self._asked and not self._ended:
            left = self._heard + self._silence - self._loop.time()
            if left <= 0:
                self.give_up()
            else:
                self._watch = self._loop.call_later(left, self._look)

    async def _greet(self) -> None:
        _, body = await self._send(0, _HEAD.pack(5, _INIT, _SPOKEN))
        greeting = Answer(body)
        if (version := greeting.number()) != _SPOKEN:
            raise BadAnswer(f"it speaks version {version}, and not {_SPOKEN}")
        if greeting.pairs().get(_LIMITS) == "1":
            self._ask(_EXTENDED, string(_LIMITS.encode())).add_done_callback(self._note_limits)

    def _note_limits(self, told: asyncio.Future[Told]) -> None:
        if not told.cancelled() and not told.exception() and told.result()[0] == _EXTENDED_REPLY:
            limits = Answer(told.result()[1])
            _, largest_read = limits.large_number(), limits.large_number()
            self.block = min(largest_read, _LARGEST_READ) or self.block
