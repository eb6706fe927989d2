"""CSV as RFC 4180 has it, proven and counted: nothing that DuckDB reads of a file counts before.

Even in its strict mode, DuckDB's reader drops surplus empty fields, so that an unquoted comma moves a row's values by one
column without a word; and it gives no row at all when the header holds a line break of the other kind. So every record is
first seen to have the header's number of fields, and DuckDB has to find as many records.

To do so fast, a line is reduced to its shape: its quotes, commas and line ends. A file has few that differ.
"""

import csv
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from loaders.errors import UnreadableFile
from loaders.formats import recognised

LONGEST_LINE = 16 * 2**20

_CHUNK = 4 * 2**20  # a chunk of nothing but line ends is cut into as many pieces as it has bytes
_MOST_BLANK_LINES = 100_000
_MOST_SHAPES, _LONGEST_SHAPE = 10_000, 16_384  # that are remembered: a file may be made so that no two are alike
_MOST_FIELDS = 100_000  # that are even looked at: what a file may have is decided in loaders.readers
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

    @property
    def is_ended(self) -> bool:
        """Whether the last line ends. It need not; but a file that was cut short inside its last value shows it by this alone."""
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == b"\n"

    def count(self) -> int:
        """How many records follow the header; UnreadableFile at the first that is none."""
        blank: set[int] = set()
        records = sum(1 for _ in _records(self, blank)) - 1
        self._refuse_unless_empty(blank)
        return records

    def locate(self, number: int) -> tuple[int, str]:
        """Line and text of a record by its 1-based number."""
        first, _ = next(islice(_records(self, set()), number, None))
        return first, _text_of(self.path, first)

    def _refuse_unless_empty(self, numbers: set[int]) -> None:
        """A line without a comma has the shape of an empty one, and may hold a single field."""
        if numbers:
            with self.path.open("rb") as file:
                for number, line in enumerate(file, start=1):
                    if number in numbers and line.strip(b"\r\n"):
                        raise UnreadableFile(_reason(self, b"", b"," * (len(self.columns) - 1), number), number, _shown(line))


def read_header(path: Path) -> CsvFile:
    """The header of a file of at least one byte; UnreadableFile when it is none."""
    with path.open("rb") as file:
        line = file.readline(LONGEST_LINE)
    if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
        raise UnreadableFile(f"a line of more than {LONGEST_LINE:,} bytes: its line ends are missing, or a value is too long", 1)
    if found := recognised(line, is_text=True):
        instead = "" if "must be" in found else ", not CSV"
        raise UnreadableFile(f"the file is {found}{instead}: have it exported again", 1, _shown(line))
    line = line.removeprefix(_BOM)
    _refuse_what_is_no_text(line, 1)
    body = line.removesuffix(b"\n").removesuffix(b"\r")
    if not body.strip():
        raise UnreadableFile("the first line is empty, and has to name the columns", 1)
    if body.count(b'"') % 2:
        raise UnreadableFile("a quote in the header is not closed before the line ends: a column's name is one line", 1, _shown(line))
    if b"\r" in _QUOTED.sub(b"", body):
        raise UnreadableFile("lines end in CR alone: write LF or CRLF", 1, _shown(line))
    if (commas := body.count(b",")) >= _MOST_FIELDS:
        raise UnreadableFile(f"{commas + 1:,} columns, or lines without an end: no export has as many", 1)
    try:
        columns = next(csv.reader([body.decode()], strict=True), [""])
    except csv.Error:
        raise UnreadableFile("the header cannot be read: text follows a closing quote", 1, _shown(line)) from None
    return CsvFile(path, tuple(columns), b"\r\n" if line.endswith(b"\r\n") else b"\n")


def _records(file: CsvFile, blank_lines: set[int]) -> Iterator[tuple[int, int]]:
    """First and last line of each record, the header's included. Lines that look empty are none, unless one field makes a
    record, and are added to ``blank_lines``."""
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
                blank_lines.add(number)
                if len(blank_lines) > _MOST_BLANK_LINES:
                    raise UnreadableFile(f"more than {_MOST_BLANK_LINES:,} empty lines: have it exported again", number)
                first = number + 1
                continue
            if bare != expected:
                raise UnreadableFile(_reason(file, bare, expected, number), first, _text_of(file.path, first))
            if first == number and len(good) < _MOST_SHAPES and len(shape) < _LONGEST_SHAPE:
                good.add(shape)
        yield first, number
        first = number + 1
    if begun:
        reason = "a quote is opened and never closed: the file was cut short, or a quote inside a value is not doubled"
        raise UnreadableFile(reason, first, _text_of(file.path, first))


def _shapes(file: CsvFile) -> Iterator[bytes]:
    """Each line without its content and without its LF."""
    line, is_inside = 1, False
    with file.path.open("rb") as stream:
        stream.seek(len(_BOM) if stream.read(len(_BOM)) == _BOM else 0)  # it would stand beside the header's first quote
        while chunk := stream.read(_CHUNK):
            chunk += stream.readline(LONGEST_LINE)
            _refuse_what_is_no_text(chunk, line)
            _refuse_stray_quotes(chunk, line, is_inside)
            is_inside ^= chunk.count(b'"') % 2 == 1
            shapes = chunk.translate(None, _CONTENT).split(b"\n")
            if chunk.endswith(b"\n"):
                shapes.pop()
            elif stream.peek(1):
                reason = f"a line of more than {LONGEST_LINE:,} bytes: its line ends are missing, or a value is too long"
                raise UnreadableFile(reason, line + len(shapes) - 1)
            else:
                shapes[-1] += file.newline[:-1]
            yield from shapes
            line += len(shapes)


def _reason(file: CsvFile, found: bytes, expected: bytes, number: int) -> str:
    """What is wrong with the record that ends in this line."""
    fields, wanted = found.count(b",") + 1, expected.count(b",") + 1
    is_cut_short = fields <= wanted and _is_cut_short(file.path, number)
    if fields == wanted:
        end = "half a line end: the file was cut short, have it delivered again"
        return end if is_cut_short else "a line end that is neither LF nor CRLF, or not the header's: write one of them throughout"
    count = f"{fields:,} fields where the header has {wanted:,}"
    if is_cut_short:
        return f"{count}, and no line end: the file was cut short, have it delivered again"
    return f"{count}: {'a value with a comma has to be quoted' if fields > wanted else 'values are missing, or a line was broken in two'}"


def _is_cut_short(path: Path, number: int) -> bool:
    """Whether a line is the file's last and does not end."""
    with path.open("rb") as file:
        return not next(islice(file, number - 1, None), b"\n").endswith(b"\n")


def _refuse_what_is_no_text(chunk: bytes, line: int) -> None:
    """``line`` is the number of the chunk's first."""
    if (at := chunk.find(b"\0")) >= 0:
        raise _refused("the file holds a NUL byte, which no text has: have it exported again", chunk, at, line)
    try:
        if not chunk.isascii():  # which is twenty times as fast
            chunk.decode()
    except UnicodeDecodeError as error:
        is_end = error.end == len(chunk) and "unexpected end" in error.reason
        what = "the file ends in the middle of a character: it was cut short" if is_end else "the file is not valid UTF-8"
        raise _refused(f"{what}; have it exported again, in UTF-8", chunk, error.start, line) from None


def _refused(reason: str, chunk: bytes, at: int, line: int) -> UnreadableFile:
    """The reason with the place: byte ``at`` of a chunk whose first line is ``line``."""
    start = chunk.rfind(b"\n", 0, at) + 1
    return UnreadableFile(reason, line + chunk.count(b"\n", 0, start), _shown(chunk[start:]), at - start + 1)


def _refuse_stray_quotes(chunk: bytes, line: int, is_inside: bool) -> None:
    """A quote beside content opens no value and closes none, unless it is doubled in a quoted one: DuckDB would shift values
    there, or lose some. ``is_inside``: the chunk begins within a quoted value."""
    shape = chunk.translate(_MASK)
    at = shape.find(b'x"x') + 1 or None
    if at is None and (b'x""' in shape or b'""x' in shape):
        at = _stray_quote(shape, is_inside)
    if at is not None:
        reason = "a quote stands in the middle of a value: one that holds quotes is quoted, and its quotes are doubled"
        raise _refused(reason, chunk, at, line)


def _stray_quote(shape: bytes, is_inside: bool) -> int | None:
    """Where a quote stands beside content that is outside of quoted values."""
    at, parts = 0, shape.split(b'"')
    for number, part in enumerate(parts):
        if part and (number % 2 == 1) == is_inside:
            if number and part.startswith(b"x"):
                return at - 1
            if number < len(parts) - 1 and part.endswith(b"x"):
                return at + len(part)
        at += len(part) + 1
    return None


def _text_of(path: Path, number: int) -> str:
    with path.open("rb") as file:
        return _shown(next(islice(file, number - 1, None), b""))


def _shown(text: bytes) -> str:
    return text.split(b"\n", 1)[0][:_LONGEST_TEXT].decode("utf-8", "backslashreplace").rstrip("\r")
