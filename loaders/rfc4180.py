"""CSV to the letter of RFC 4180, proven and counted before DuckDB reads it.

Even in its strict mode, DuckDB's reader drops surplus empty fields (so that an unquoted comma moves a row's values by one
column), drops spaces around quotes, and gives no row at all, without a word, when the header holds a line break of the other
kind. So every record is first seen to have the header's number of fields, and DuckDB has to find as many records.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from loaders.errors import UnreadableFile

LONGEST_RECORD = 16 * 2**20

_BOM = b"\xef\xbb\xbf"
_FIELD = rb'(?:"(?:[^"]++|"")*+"|[^",\r\n]*+)'
_ANY_RECORD = re.compile(_FIELD + rb"(?:," + _FIELD + rb")*+")
_COMMA = re.compile(rb'"(?:[^"]++|"")*+"|(,)')
_LONGEST_TEXT = 200

_Record = tuple[int, bytes]  # the number of its first line, and all its bytes


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file that is CSV to the letter: the header's ``columns``, and how many ``records`` follow it.

    ``has_line_breaks``: some record takes more than one line, or none.
    """

    path: Path
    columns: tuple[str, ...]
    records: int
    has_line_breaks: bool

    def locate(self, number: int) -> tuple[int, str]:
        """Line and text of a record by its 1-based number."""
        records = (record for record in _records(self.path) if record[1].strip(b"\r\n") or len(self.columns) == 1)
        line, record = next(islice(records, number, None))
        return line, _shown(record)


def read_through(path: Path) -> CsvFile:
    """Read a whole file of at least one byte; UnreadableFile, with the line and its text, where it is no CSV in UTF-8."""
    records = _records(path)
    line, header = next(records)
    _refuse_other_formats(header)
    columns, newline = _header(header)
    shape, count, last = _Shape(len(columns), newline), 0, line
    for line, record in records:
        if record != newline or len(columns) == 1:  # an empty line is a record where one field makes a record
            shape.check(line, record)
            count += 1
        last = line + record.count(b"\n")
    return CsvFile(path, columns, count, has_line_breaks=last > count + 2)


def _records(path: Path) -> Iterator[_Record]:
    """Line by line, joined while a quote is open, without the byte-order mark. Each is text in UTF-8."""
    with path.open("rb") as file:
        number, lines = 1, iter(partial(file.readline, LONGEST_RECORD + 1), b"")
        for line in lines:
            line = line.removeprefix(_BOM) if number == 1 else line
            record = _joined(number, line, lines) if line.count(b'"') % 2 else line
            _refuse_what_is_no_text(number, record)
            yield number, record
            number += record.count(b"\n")


def _joined(number: int, first: bytes, lines: Iterator[bytes]) -> bytes:
    record, length, is_open = [first], len(first), True
    while is_open and length <= LONGEST_RECORD and (line := next(lines, b"")):
        record.append(line)
        length += len(line)
        is_open ^= line.count(b'"') % 2
    return b"".join(record)


def _header(header: bytes) -> tuple[tuple[str, ...], bytes]:
    """The columns' names, and the line end that every record has to have."""
    record = _ANY_RECORD.match(header)
    assert record is not None  # the pattern matches nothing at all, too
    newline = header[record.end() :] or b"\n"
    if newline not in (b"\n", b"\r\n"):
        raise UnreadableFile(_reason(record, None), 1, _shown(header))
    columns = tuple(_unquoted(field).decode() for field in _fields(record[0]))
    if any("\n" in column or "\r" in column for column in columns):
        raise UnreadableFile("a column's name holds a line break", 1, _shown(header))
    return columns, newline


class _Shape:
    """What every record of a file has to look like."""

    def __init__(self, columns: int, newline: bytes):
        self.commas, self.newline, self.returns = columns - 1, newline, newline.count(b"\r")
        pattern = _FIELD + rb"(?:," + _FIELD + rb"){%d}(?:" % self.commas + re.escape(newline) + b")?"
        self.fits = re.compile(pattern).fullmatch

    def check(self, line: int, record: bytes) -> None:
        is_plain = b'"' not in record and record.endswith(self.newline) and record.count(b"\r") == self.returns
        if not (record.count(b",") == self.commas if is_plain else self.fits(record)):
            begun = _ANY_RECORD.match(record)
            assert begun is not None
            raise UnreadableFile(_reason(begun, self.commas + 1), line, _shown(record))


def _reason(record: re.Match[bytes], columns: int | None) -> str:
    text, end, fields = record.string, record.end(), len(_fields(record[0]))
    if len(text) > LONGEST_RECORD:
        return f"a record of more than {LONGEST_RECORD:,} bytes, or a quote that is never closed"
    if text[end : end + 1] == b'"':
        is_opening = end == 0 or text[end - 1 : end] == b","
        return "a quote is opened and never closed" if is_opening else "a quote stands in a field that does not begin with one"
    if text[end : end + 1] not in (b"", b"\r", b"\n"):
        return "text follows a closing quote"
    if columns is not None and fields != columns:
        return f"{fields:,} fields where the header has {columns:,}"
    return "a line end that is neither LF nor CRLF, or not the header's"


def _fields(record: bytes) -> list[bytes]:
    commas = [match.start() for match in _COMMA.finditer(record) if match[1]]
    return [record[start + 1 : end] for start, end in zip([-1, *commas], [*commas, len(record)], strict=True)]


def _unquoted(field: bytes) -> bytes:
    return field[1:-1].replace(b'""', b'"') if field.startswith(b'"') else field


def _refuse_other_formats(start: bytes) -> None:
    if start.lstrip().startswith(b"<"):
        raise UnreadableFile("the file looks like an HTML or XML page, not CSV", 1, _shown(start))


def _refuse_what_is_no_text(line: int, record: bytes) -> None:
    if line == 1 and record.startswith(b"\x1f\x8b"):
        raise UnreadableFile("the file is gzip-compressed, though its name says CSV", 1)
    if (at := record.find(b"\0")) >= 0:
        raise UnreadableFile("the file holds a NUL byte", line + record.count(b"\n", 0, at))
    if not record.isascii():
        try:
            record.decode()
        except UnicodeDecodeError as error:
            at, start = error.start, record.rfind(b"\n", 0, error.start) + 1
            raise UnreadableFile("the file is not valid UTF-8", line + record.count(b"\n", 0, at), _shown(record[start:])) from None


def _shown(text: bytes) -> str:
    return text[:_LONGEST_TEXT].decode("utf-8", "backslashreplace").strip("\r\n")
