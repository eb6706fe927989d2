"""CSV to the letter of RFC 4180, proven and counted before DuckDB reads it.

Even in its strict mode, DuckDB's reader drops surplus empty fields (so that an unquoted comma moves a row's values by one
column), drops spaces around quotes, and gives no row at all, without a word, when the header holds a line break of the other
kind. So every record is first seen to have the header's number of fields, and DuckDB has to find as many records.
"""

import codecs
import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from loaders.errors import UnreadableFile

_CHUNK = 2**22
_LONGEST_TEXT = 200
_BOM = codecs.BOM_UTF8
_FIELD = rb'(?:"(?:[^"]++|"")*+"|[^",\r\n]*+)'
_ANY_RECORD = re.compile(_FIELD + rb"(?:," + _FIELD + rb")*+")
_SEPARATOR = re.compile(rb'"(?:[^"]++|"")*+"|(,)')


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file that is CSV to the letter: the header's ``columns``, and how many ``records`` follow it."""

    path: Path
    columns: tuple[str, ...]
    records: int

    def locate(self, number: int) -> tuple[int, str]:
        """Line and text of a record by its 1-based number."""
        with _mapped(self.path) as data:
            match = next(islice(_Layout(data).records(), number - 1, None))
            text = match[0].lstrip(b"\r\n")
            return _line_at(data, match.end() - len(text)), _shown(text)


def read_through(path: Path) -> CsvFile:
    """Read a whole file of at least one byte; UnreadableFile, with the line and its text, where it is no CSV in UTF-8."""
    with _mapped(path) as data:
        _refuse_other_formats(data)
        _refuse_what_is_no_text(data)
        layout = _Layout(data)
        count, end = 0, layout.first
        for record in layout.records():
            count, end = count + 1, record.end()
        if not layout.is_blank_from(end):
            raise layout.fault(end)
        return CsvFile(path, tuple(layout.columns), count)


class _Layout:
    """Where a file's header ends, and what a record looks like."""

    def __init__(self, data: mmap.mmap):
        self.data = data
        start = len(_BOM) if data[: len(_BOM)] == _BOM else 0
        header = _ANY_RECORD.match(data, start)
        assert header is not None  # the pattern matches nothing at all, too
        self.newline = b"\r\n" if data[header.end() : header.end() + 2] == b"\r\n" else b"\n"
        if data[header.end() : header.end() + len(self.newline)] not in (b"", self.newline):
            raise _fault(data, start, None)
        self.columns = [_unquoted(field).decode() for field in _fields(header[0])]
        self.first = min(header.end() + len(self.newline), len(data))
        if any("\n" in column or "\r" in column for column in self.columns):
            raise UnreadableFile("a column's name holds a line break", 1, _shown(header[0]))

    def records(self) -> Iterator[re.Match[bytes]]:
        """Record by record, until the end or the first that is none. Empty lines between records are no records."""
        more, newline = len(self.columns) - 1, re.escape(self.newline)
        blank = b"(?:" + newline + b")*+" if more else b""
        pattern = rb"(?!\Z)" + blank + _FIELD + rb"(?:," + _FIELD + rb"){%d}(?:" % more + newline + rb"|\Z)"
        match, end = re.compile(pattern).match, self.first
        while record := match(self.data, end):
            yield record
            end = record.end()

    def is_blank_from(self, position: int) -> bool:
        return re.compile(b"(?:" + re.escape(self.newline) + rb")*+\Z").match(self.data, position) is not None

    def fault(self, position: int) -> UnreadableFile:
        """Why no record begins here."""
        while self.data[position : position + len(self.newline)] == self.newline:
            position += len(self.newline)
        return _fault(self.data, position, len(self.columns))


def _fault(data: mmap.mmap, position: int, columns: int | None) -> UnreadableFile:
    record = _ANY_RECORD.match(data, position)
    assert record is not None
    first_line, *_ = [*data[position : position + _LONGEST_TEXT].splitlines(), b""]
    return UnreadableFile(_reason(data, record, columns), _line_at(data, position), _shown(first_line))


def _reason(data: mmap.mmap, record: re.Match[bytes], columns: int | None) -> str:
    after, before = data[record.end() : record.end() + 1], data[record.end() - 1 : record.end()]
    fields = len(_fields(record[0]))
    if after == b'"':
        is_opening = record.end() == record.start() or before == b","
        return "a quote is opened and never closed" if is_opening else "a quote stands in a field that does not begin with one"
    if after not in (b"", b"\r", b"\n"):
        return "text follows a closing quote"
    if columns is not None and fields != columns:
        return f"{fields:,} fields where the header has {columns:,}"
    return "a line end that is neither LF nor CRLF, or not the header's"


def _fields(record: bytes) -> list[bytes]:
    commas = [match.start() for match in _SEPARATOR.finditer(record) if match[1]]
    return [record[start + 1 : end] for start, end in zip([-1, *commas], [*commas, len(record)], strict=True)]


def _unquoted(field: bytes) -> bytes:
    return field[1:-1].replace(b'""', b'"') if field.startswith(b'"') else field


def _refuse_other_formats(data: mmap.mmap) -> None:
    if data[:2] == b"\x1f\x8b":
        raise UnreadableFile("the file is gzip-compressed, though its name says CSV", 1)
    head = data[:1024].removeprefix(_BOM).lstrip()
    if head.startswith(b"<"):
        raise UnreadableFile("the file looks like an HTML or XML page, not CSV", 1, _shown(head.splitlines()[0]))


def _refuse_what_is_no_text(data: mmap.mmap) -> None:
    if (at := data.find(b"\0")) >= 0:
        raise UnreadableFile("the file holds a NUL byte", _line_at(data, at))
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), _CHUNK):
        try:
            decoder.decode(data[start : start + _CHUNK], final=start + _CHUNK >= len(data))
        except UnicodeDecodeError as error:
            at = min(start + _CHUNK, len(data)) - len(error.object) + error.start
            line_start = data.rfind(b"\n", 0, at) + 1
            raise UnreadableFile("the file is not valid UTF-8", _line_at(data, at), _shown(data[line_start : at + 20])) from None


def _line_at(data: mmap.mmap, position: int) -> int:
    return data[:position].count(b"\n") + 1


def _shown(text: bytes) -> str:
    return text[:_LONGEST_TEXT].decode("utf-8", "backslashreplace").strip("\r\n")


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
