"""What an SFTP server answers, taken apart: version 3 of the protocol, draft-ietf-secsh-filexfer-02.

Nothing of it is trusted: every length is checked against what is there.
"""

import struct
from dataclasses import dataclass

_EOF, _NO_SUCH_FILE, _PERMISSION_DENIED, _NO_CONNECTION, _CONNECTION_LOST, _NO_SUCH_PATH = 1, 2, 3, 6, 7, 10
_HAS_SIZE, _HAS_OWNER, _HAS_PERMISSIONS, _HAS_TIMES, _HAS_MORE = 0x1, 0x2, 0x4, 0x8, 0x80000000
_U32, _U64 = struct.Struct(">I"), struct.Struct(">Q")


class BadAnswer(OSError):
    """The server does not keep to SFTP."""

    def __init__(self, fault: str):
        super().__init__(f"the server does not keep to SFTP: {fault}")


class EndOfFile(Exception):
    """There is nothing more to read."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a server tells of a name; None for what it leaves out. ``modified`` is seconds since 1970."""

    size: int | None = None
    permissions: int | None = None
    modified: int | None = None

    @property
    def are_complete(self) -> bool:
        """Whether all was told that is needed."""
        return None not in (self.size, self.permissions, self.modified)


class Answer:
    """An answer's bytes, taken from the front; BadAnswer where it ends too soon."""

    def __init__(self, data: bytes | memoryview):
        self._data, self._at = memoryview(data), 0

    def number(self) -> int:
        """The next four bytes."""
        return int(_U32.unpack(self._next(4))[0])

    def large_number(self) -> int:
        """The next eight bytes."""
        return int(_U64.unpack(self._next(8))[0])

    def string(self) -> memoryview:
        """The next bytes, behind their number."""
        return self._next(self.number())

    def text(self) -> str:
        """The same as text; what is no UTF-8 can be turned back into the server's bytes."""
        return str(self.string(), "utf-8", "surrogateescape")

    def name(self) -> tuple[str, Attributes]:
        """One name of a listing. What a person would be shown of it is left out."""
        name = self.text()
        self.string()
        return name, self.attributes()

    def attributes(self) -> Attributes:
        """What is told of a name, in the order of the protocol."""
        flags = self.number()
        size = self.large_number() if flags & _HAS_SIZE else None
        if flags & _HAS_OWNER:
            self._next(8)
        permissions = self.number() if flags & _HAS_PERMISSIONS else None
        _, modified = (self.number(), self.number()) if flags & _HAS_TIMES else (None, None)
        for _ in range(2 * self.number() if flags & _HAS_MORE else 0):
            self.string()
        return Attributes(size, permissions, modified)

    def pairs(self) -> dict[str, str]:
        """What is left, as names and values."""
        found = {}
        while self._at < len(self._data):
            name = self.text()
            found[name] = self.text()
        return found

    def refusal(self) -> Exception:
        """A status that says no, as the exception that says the same."""
        code, reason = self.number(), self.text()
        return _KINDS.get(code, OSError)(reason or f"the server fails with code {code}")

    def _next(self, size: int) -> memoryview:
        if size > len(self._data) - self._at:
            raise BadAnswer("an answer is shorter than it says")
        self._at += size
        return self._data[self._at - size : self._at]


_KINDS: dict[int, type[Exception]] = {
    _EOF: EndOfFile,
    _NO_SUCH_FILE: FileNotFoundError,
    _NO_SUCH_PATH: FileNotFoundError,
    _PERMISSION_DENIED: PermissionError,
    _NO_CONNECTION: ConnectionError,
    _CONNECTION_LOST: ConnectionError,
}


def string(data: bytes) -> bytes:
    """Bytes as the protocol writes them."""
    return _U32.pack(len(data)) + data


def text(data: str) -> bytes:
    """Text as the protocol writes it; the inverse of ``Answer.text``."""
    return string(data.encode("utf-8", "surrogateescape"))
