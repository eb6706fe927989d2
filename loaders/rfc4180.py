"""CSV as RFC 4180 has it, proven and counted before DuckDB reads it.

Even in its strict mode, DuckDB's reader drops surplus empty fields, so that an unquoted comma moves a row's values by one
column without a word; and it gives no row at all when the header holds a line break of the other kind. So every record is
first seen to have the header's number of fields, and DuckDB has to find as many records.

To do so fast, a line is reduced to its shape: its quotes, commas and line ends. A file has few that differ.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from loaders.errors import UnreadableFile

LONGEST_LINE = 16 * 2**20

_CHUNK = 16 * 2**20
_BOM = b"\xef\xbb\xbf"
_CONTENT = bytes(set(range(256)) - set(b'",\r\n'))
_MASK = bytes(byte if byte in b'",\r\n' else ord("x") for byte in range(256))
_QUOTED = re.compile(rb'"[^"]*"')
_LONGEST_TEXT = 200


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file whose header is read: its ``columns``, and the line end that every record must have."""

    path: Path
    columns: tuple[str, ...]
    newline: bytes

    def count(self) -> tuple[int, bool]:
        """How many records follow the header, and whether some value holds a line break; UnreadableFile at the first that is none."""
        records, lines = -1, -1
        for first, last in _records(self):
            records += 1
            lines += last - first + 1
        return records, lines > records

    def locate(self, number: int) -> tuple[int, str]:
        """Line and text of a record by its 1-based number."""
        first, _ = next(islice(_records(self), number, None))
        return first, _text_of(self.path, first)


def read_header(path: Path) -> CsvFile:
    """The header of a file of at least one byte; UnreadableFile when it is none."""
    with path.open("rb") as file:
        line = file.readline(LONGEST_LINE).removeprefix(_BOM)
    _refuse_other_formats(line)
    _refuse_what_is_no_text(line, 1)
    if line.count(b'"') % 2:
        raise UnreadableFile("a quote in the header is not closed before the line ends", 1, _shown(line))
    try:
        columns = next(csv.reader([line.decode().rstrip("\r\n")], strict=True), [""])
    except csv.Error as error:
        raise UnreadableFile(f"the header cannot be read ({error})", 1, _shown(line)) from None
    return CsvFile(path, tuple(columns), b"\r\n" if line.endswith(b"\r\n") else b"\n")


def _records(file: CsvFile) -> Iterator[tuple[int, int]]:
    """First and last line of each record, the header's included. Empty lines are none, unless one field makes a record."""
    line_end = file.newline[:-1]
    expected, blank = b"," * (len(file.columns) - 1) + line_end, line_end if len(file.columns) > 1 else None
    good: set[bytes] = set()
    first, begun = 1, b""
    for number, shape in enumerate(_shapes(file), start=1):
        if begun and b'"' not in shape:
            continue
        if begun or shape not in good:
            bare = _QUOTED.sub(b"", begun + shape)
            begun = bare[: bare.find(b'"') + 1]  # where a quote is left, it is open
            if begun:
                continue
            if shape == blank:
                first = number + 1
                continue
            if bare != expected:
                raise UnreadableFile(_reason(bare, expected), first, _text_of(file.path, first))
            if first == number:
                good.add(shape)
        yield first, number
        first = number + 1
    if begun:
        raise UnreadableFile("a quote is opened and never closed", first, _text_of(file.path, first))


def _shapes(file: CsvFile) -> Iterator[bytes]:
    """Each line without its content and without its LF."""
    line = 1
    with file.path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            chunk += stream.readline(LONGEST_LINE)
            _refuse_what_is_no_text(chunk, line)
            _refuse_stray_quotes(chunk, line)
            shapes = chunk.translate(None, _CONTENT).split(b"\n")
            if chunk.endswith(b"\n"):
                shapes.pop()
            elif stream.peek(1):
                raise UnreadableFile(f"a line of more than {LONGEST_LINE:,} bytes", line + len(shapes) - 1)
            else:
                shapes[-1] += file.newline[:-1]
            yield from shapes
            line += len(shapes)


def _reason(found: bytes, expected: bytes) -> str:
    fields, wanted = found.count(b",") + 1, expected.count(b",") + 1
    if fields != wanted:
        return f"{fields:,} fields where the header has {wanted:,}"
    return "a line end that is neither LF nor CRLF, or not the header's"


def _refuse_other_formats(header: bytes) -> None:
    if header.startswith(b"\x1f\x8b"):
        raise UnreadableFile("the file is gzip-compressed, though its name says CSV", 1)
    if header.lstrip().startswith(b"<"):
        raise UnreadableFile("the file looks like an HTML or XML page, not CSV", 1, _shown(header))


def _refuse_what_is_no_text(chunk: bytes, line: int) -> None:
    """``line`` is the number of the chunk's first."""
    if (at := chunk.find(b"\0")) >= 0:
        raise UnreadableFile("the file holds a NUL byte", line + chunk.count(b"\n", 0, at))
    try:
        chunk.decode()
    except UnicodeDecodeError as error:
        start = chunk.rfind(b"\n", 0, error.start) + 1
        raise UnreadableFile("the file is not valid UTF-8", line + chunk.count(b"\n", 0, start), _shown(chunk[start:])) from None


def _refuse_stray_quotes(chunk: bytes, line: int) -> None:
    """A quote with content on both sides opens no value, closes none and is no doubled one: DuckDB would shift values there."""
    if (at := chunk.translate(_MASK).find(b'x"x')) >= 0:
        start = chunk.rfind(b"\n", 0, at) + 1
        reason = "a quote stands in the middle of a value: one that holds quotes is quoted, and its quotes are doubled"
        raise UnreadableFile(reason, line + chunk.count(b"\n", 0, start), _shown(chunk[start:]))


def _text_of(path: Path, number: int) -> str:
    with path.open("rb") as file:
        return _shown(next(islice(file, number - 1, None), b""))


def _shown(text: bytes) -> str:
    return text.split(b"\n", 1)[0][:_LONGEST_TEXT].decode("utf-8", "backslashreplace").rstrip("\r")
