"""What a delivered file says, and what is refused: every case goes through a whole sync into a real warehouse."""

import base64
import datetime as dt
import decimal
import gzip
import io
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loaders.settings import Settings
from loaders.waiting import set_aside
from loaders.warehouse import open_build
from tests.loaders.conftest import Home

CHANGE = "acme/units/20260101-080000000.csv"
Row = tuple[str | None, ...]


def parquet(columns: dict[str, Any] | pa.Table, **options: Any) -> bytes:
    """A Parquet file as another tool than DuckDB writes it."""
    sink = io.BytesIO()
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), sink, **options)
    return sink.getvalue()


class _Keys(pe.KmsClient):
    """Where a vendor keeps keys; this one's are no secret."""

    def __init__(self, _: pe.KmsConnectionConfig):
        super().__init__()

    def wrap_key(self, key: bytes, _: str) -> bytes:
        return base64.b64encode(key)


def encrypted(plaintext_footer: bool) -> bytes:
    """An encrypted Parquet file; with a footer in plain text, one column of it is."""
    how = pe.EncryptionConfiguration(footer_key="footer", column_keys={"column": ["a"]}, plaintext_footer=plaintext_footer)
    properties = pe.CryptoFactory(_Keys).file_encryption_properties(pe.KmsConnectionConfig(), how)
    sink, table = io.BytesIO(), pa.table({"id": ["1"], "a": [1]})
    with pq.ParquetWriter(sink, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)
    return sink.getvalue()


def raw(home: Home, columns: str = "*", topic: str = "units") -> list[tuple[Any, ...]]:
    return home.ask(f'select {columns} from raw."{topic}" order by _file_id, _row_number')


# --- values


def test_null_and_the_empty_string_are_kept_apart_in_csv(home: Home):
    home.deliver("acme/units/LOAD.csv", 'id,a,b\n1,,""\n2,"",\n')
    home.sync()
    assert raw(home, "id, a, b") == [("1", None, ""), ("2", "", None)]


def test_null_and_the_empty_string_are_kept_apart_in_parquet(home: Home):
    home.deliver("acme/units/LOAD.parquet", parquet({"id": ["1", "2"], "a": [None, ""], "b": ["", None]}))
    home.sync()
    assert raw(home, "id, a, b") == [("1", None, ""), ("2", "", None)]


def test_a_byte_order_mark_before_a_quoted_header_is_none_of_it(home: Home):
    home.deliver("acme/units/LOAD.csv", '\ufeff"id","a"\r\n"1","x, ""y"""\r\n')
    home.sync()
    assert raw(home, "id, a") == [("1", 'x, "y"')]


def test_values_are_kept_to_the_letter(home: Home):
    values = ["a,b", 'say "x"', "two\r\nlines", "two\nlines", "  led", "trailed  ", "naïve 🏢 \u2028", "#", "\\", "'", "NULL", "007", "1e5"]
    lines = [f'{n},"{value.replace(chr(34), chr(34) * 2)}"' for n, value in enumerate(values)]
    home.deliver("acme/units/LOAD.csv", "id,a\n" + "\n".join(lines))
    home.sync()
    assert [a for (a,) in raw(home, "a")] == values


def test_spaces_around_an_unquoted_value_are_part_of_it(home: Home):
    home.deliver("acme/units/LOAD.csv", "id,a,b\n1,  a , \n")
    home.sync()
    assert raw(home, "a, b") == [("  a ", " ")]


def field(value: str | None, quoted: bool) -> str:
    if value is None:
        return ""
    if quoted or not value or set(value) & set(',"\r\n'):
        return '"' + value.replace('"', '""') + '"'
    return value


texts = st.none() | st.text(st.sampled_from(",\"\r\n a'#\\é🏢\t;|")) | st.text(st.characters(exclude_characters="\0", codec="utf-8"))
tables = st.integers(1, 4).flatmap(lambda width: st.lists(st.tuples(st.text("abc1", min_size=1), *[texts] * (width - 1)), max_size=6))


@dataclass(frozen=True)
class Written:
    """A table, and the ways to write it that the standard leaves open."""

    rows: list[Row]
    newline: str
    has_mark: bool
    ends: bool
    quoted: int

    @property
    def width(self) -> int:
        return len(self.rows[0]) if self.rows else 2

    def text(self) -> str:
        chance = random.Random(self.quoted)
        lines = [",".join(["id", "c1", "c2", "c3"][: self.width])]
        lines += [",".join(field(value, chance.random() < 0.3) for value in row) for row in self.rows]
        return ("\ufeff" if self.has_mark else "") + self.newline.join(lines) + (self.newline if self.ends else "")


written = st.builds(Written, tables, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans(), st.integers(0, 99))


@given(st.lists(written, min_size=1, max_size=15))
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_was_written_as_rfc_4180_is_what_raw_says(tmp_path_factory: pytest.TempPathFactory, files: list[Written]):
    folder = tmp_path_factory.mktemp("written")
    home = Home(Settings(folder / "home", f"file://{folder / 'exports'}"), folder / "exports")
    for number, one in enumerate(files):
        home.deliver(f"o{number:02}/t{one.width}/LOAD.csv", one.text())
    home.sync()
    assert {(status, reason) for status, reason in home.ledger("status, reason")} == {("loaded", None)}
    for width in {one.width for one in files}:
        expected = [
            (*row, f"o{number:02}", place)
            for number, one in enumerate(files)
            for place, row in enumerate(one.rows, start=1)
            if one.width == width
        ]
        assert sorted(raw(home, "* exclude (_file_id, _op)", f"t{width}"), key=lambda row: row[-2:]) == expected


@pytest.mark.parametrize("text", ["plain text, quoted", "two\nlines, quoted"], ids=["one line each", "with line breaks"])
def test_rows_of_a_large_file_are_numbered_in_its_order(home: Home, text: str):
    filler = f'"{text} {"x" * 150}"'
    home.deliver("acme/units/LOAD.csv", "id,a\n" + "".join(f"{n},{filler}\n" for n in range(1, 200_001)))
    home.sync()
    assert raw_summary(home) == (200_000, 200_000, 1, 200_000, True)


def raw_summary(home: Home) -> tuple[Any, ...]:
    numbers = "count(*), count(distinct _row_number), min(_row_number), max(_row_number), bool_and(id::bigint = _row_number)"
    (summary,) = home.ask(f"select {numbers} from raw.units")
    return summary


def test_rows_of_a_large_parquet_file_are_numbered_in_its_order(home: Home):
    ids = [str(n) for n in range(1, 200_001)]
    home.deliver("acme/units/LOAD.parquet", parquet({"id": ids, "file_row_number": ["mine"] * len(ids)}, row_group_size=10_000))
    home.deliver("beta/units/LOAD.parquet", parquet({"id": ids}, row_group_size=10_000))
    home.sync()
    for organization in ("acme", "beta"):
        query = f"select count(*), bool_and(id::bigint = _row_number) from raw.units where _organization_id = '{organization}'"
        assert home.ask(query) == [(200_000, True)]


def test_long_values_that_look_like_rows_do_not_mislead_the_reader(home: Home):
    """DuckDB's parallel reader takes lines inside such values for records, and refuses the file."""
    value = ('"",\n,"",\r\n,""' + "x" * 300) * 100
    home.deliver("acme/units/LOAD.csv", "id,a,b\n" + "".join(f'{n},"{value}",\n' for n in range(1, 601)))
    home.sync()
    assert home.ledger("status, row_count, reason") == [("loaded", 600, None)]
    assert raw_summary(home)[-1] is True


def test_typed_parquet_is_loaded_as_text(home: Home):
    moment = dt.datetime(2026, 1, 2, 3, 4, 5, 678901)
    columns = {
        "id": pa.array([7]),
        "local": pa.array([moment]),
        "zoned": pa.array([moment.replace(tzinfo=dt.UTC)], pa.timestamp("us", "America/New_York")),
        "day": pa.array([moment.date()]),
        "amount": pa.array([decimal.Decimal("12.50")]),
        "yes": pa.array([True]),
        "many": pa.array([["a", None]]),
        "nested": pa.array([{"a": 1, "b": 'x"'}]),
        "bytes": pa.array([b"caf\xc3\xa9"]),
        "no text": pa.array([b"\xff\x00"]),
        "share": pa.array([0.1]),
    }
    home.deliver("acme/units/LOAD.parquet", parquet(columns))
    home.sync()
    zoned, nested = "2026-01-02 03:04:05.678901+00", '{"a":1,"b":"x\\""}'
    expected = ("7", zoned[:-3], zoned, "2026-01-02", "12.50", "true", '["a",null]', nested, "café", "\\xFF\\x00", "0.1")
    assert raw(home, "* exclude (_organization_id, _file_id, _row_number, _op)") == [expected]


# --- headers


def test_names_of_operations_and_columns_may_be_written_in_any_case(home: Home):
    home.deliver(CHANGE, "op,Id,a\nu,1,x\nD,2,\n")
    home.sync()
    assert raw(home, "id, a, _op") == [("1", "x", "U"), ("2", None, "D")]
    assert home.columns("units") == ["Id", "a"]


def test_a_snapshot_may_have_an_operation_column_or_none(home: Home):
    home.deliver("acme/units/LOAD.csv", "id\n1\n")
    home.deliver("beta/units/LOAD.csv", "OP,id\nI,1\n")
    home.sync()
    assert raw(home, "_op") == [(None,), ("I",)]


def test_a_mark_at_the_beginning_is_no_part_of_a_quoted_name(home: Home):
    """So spreadsheets and .NET write it."""
    home.deliver("acme/units/LOAD.csv", '\ufeff"id","a"\r\n"1","x, y"\r\n2,""\r\n')
    home.sync()
    assert raw(home, "id, a") == [("1", "x, y"), ("2", "")]
    assert home.columns("units") == ["id", "a"]


def test_a_header_alone_is_a_file_without_rows(home: Home):
    for organization, data in {"acme": "id,a", "beta": "id,a\r\n", "gamma": "\ufeffid,a\n"}.items():
        home.deliver(f"{organization}/units/LOAD.csv", data)
    home.deliver("delta/units/LOAD.parquet", parquet({"id": pa.array([], pa.string())}))
    assert home.sync().attention == []
    assert home.ledger("status, row_count") == [("loaded", 0)] * 4
    assert home.columns("units") == ["id", "a"]


STRANGE = [
    "select",
    "order",
    'a"b',
    "x;drop table raw._files",
    "a'b",
    "file_row_number",
    "v0",
    "c1",
    "v1",
    "é",
    "a b",
    "rowid",
    "%s",
    "[a]",
]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_columns_may_have_any_name(home: Home, form: str):
    names = ["id", *STRANGE, "_file_id", "_op", "delivered__op", "_ROW_NUMBER"]
    values = [str(place) for place in range(len(names))]
    lines = [",".join(field(name, True) for name in names), ",".join(values)]
    data = "\n".join(lines).encode() if form == "csv" else parquet({name: [value] for name, value in zip(names, values, strict=True)})
    home.deliver(f"acme/units/LOAD.{form}", data)
    assert home.sync().attention == []
    ours = ["delivered__file_id", "delivered__op", "delivered_delivered__op", "delivered__ROW_NUMBER"]
    assert home.columns("units") == ["id", *STRANGE, *ours]
    assert raw(home) == [(*values, "acme", 1, 1, None)]


def test_a_spelling_that_differs_in_case_is_the_column_that_is_there(home: Home):
    """DuckDB knows `État` and `état` for two."""
    home.deliver("acme/units/LOAD.csv", "id,unitId,État\n1,a,b\n")
    home.deliver("acme/units/20260101-080000000.csv", "OP,ID,UNITID,ÉTAT\nU,1,c,d\n")
    home.sync()
    assert home.columns("units") == ["id", "unitId", "État"]
    assert raw(home, 'id, "unitId", "État"') == [("1", "a", "b"), ("1", "c", "d")]


def test_a_file_may_have_1500_columns(home: Home):
    names = ["id", *(f"column{n}" for n in range(1, 1500))]
    home.deliver("acme/keyfobs/LOAD.csv", ",".join(names) + "\n" + ",".join(str(n) for n in range(1500)) + "\n")
    home.sync()
    assert home.columns("keyfobs") == names
    assert raw(home, topic="keyfobs")[0][:1500] == tuple(str(n) for n in range(1500))


def test_what_a_folder_above_is_called_is_no_column(exports: Path, tmp_path: Path):
    """DuckDB reads `id=9` in a path as a column, and would put it in the place of every row's id."""
    home = Home(Settings(tmp_path / "id=9" / "a[b]*" / "home", f"file://{exports}"), exports)
    home.deliver("acme/units/LOAD.csv", "id\n1\n")
    home.deliver("beta/units/LOAD.parquet", parquet({"id": ["1"]}))
    home.sync()
    assert raw(home, "id") == [("1",), ("1",)]


# --- files that are refused

WHOLE = parquet({"id": [str(n) for n in range(5000)], "a": [f"v{n % 50}" for n in range(5000)]})

NUL_ROWS = parquet({"id": ["1", "2", "3"], "a": ["x", "y\0z", "w"]})
ROWS_IN_FOOTER = b"\x16\x90\x4e"  # 5000 as Thrift writes it; the first time, of the whole file

# What the file holds, the reason that the ledger gives (a part of it), and the text that offends (a part of it).
REFUSED_CSV = {
    "unitId,unitID\n": ("line 1: columns 1 and 2 have one name, case aside; there is no column id", "unitId,unitID"),
    "id,a,A\n1,2,3\n": ("line 1: columns 2 and 3 have one name, case aside", "id,a,A"),
    "id,é,É\n1,2,3\n": ("line 1: columns 2 and 3 have one name, case aside", "id,é,É"),
    "id,a,a\n1,2,3\n": ("line 1: columns 2 and 3 have one name, case aside", "id,a,a"),
    "id,,a\n1,2,3\n": ("line 1: column 2 has no name", "id,,a"),
    "id, ,a\n1,2,3\n": ("line 1: column 2 has no name", "id, ,a"),
    "id,a,\n1,2,\n": ("line 1: column 3 has no name", "id,a,"),
    "id,a\tb\n1,2\n": ("line 1: column 2 has a control character in its name", "id,a\\tb"),
    'id,"a\nb"\n1,2\n': ("line 1: a quote in the header is not closed before the line ends", 'id,"a'),
    'id,"a"b\n1,2\n': ("line 1: the header cannot be read: text follows a closing quote", 'id,"a"b'),
    "unit,a\n1,2\n": ("line 1: there is no column id", "unit,a"),
    "id;a\n1;2\n": ("line 1: there is no column id: the header is separated by semicolons, and must be by commas", "id;a"),
    "id\ta\n1\t2\n": ("the header is separated by tabs, and must be by commas", "id\\ta"),
    "id|a\n1|2\n": ("the header is separated by bars, and must be by commas", "id|a"),
    "Jane Doe,1980-01-01\n": ("line 1: there is no column id: have the header mended", "Jane Doe,1980-01-01"),
    "\nid,a\n1,2\n": ("line 1: the first line is empty, and has to name the columns", None),
    "\n": ("line 1: the first line is empty", None),
    "id,a\n1,2\n,3\n": ("line 3: row 2 has no id, and every record needs one", ",3"),
    'id,a\n"1","2\n2"\n"",3\n': ("line 4: row 2 has no id", '"",3'),
    "id\n1\n\n2\n": ("line 3: row 2 has no id", None),
    "id,a\n1,2\nid,a\n3,4\n": ("line 3: row 2 is the header again: two files were run together", "id,a"),
    "id,a\n1,2\n2\n3,4\n": ("line 3: 1 fields where the header has 2: values are missing, or a line was broken in two", "2"),
    "id,a\n1,2\n\n3": ("line 4: 1 fields where the header has 2, and no line end: the file was cut short", "3"),
    "id,a\n1,2\n3,4,5\n": ("line 3: 3 fields where the header has 2: a value with a comma has to be quoted", "3,4,5"),
    "id,a\n1,2\n3,4,\n": ("line 3: 3 fields where the header has 2", "3,4,"),
    "id,a,b\n1,2,3\nSmith, John,1,\n": ("line 3: 4 fields where the header has 3", "Smith, John,1,"),
    "id,a,b\n1,2,3\n4,5": ("line 3: 2 fields where the header has 3, and no line end: the file was cut short", "4,5"),
    "id,a\r\n1,2\r\n3,4\r": ("line 3: half a line end: the file was cut short", "3,4"),
    'id,a\n1,"x\ny"\n2,"b\n3,c\n': ("line 4: a quote is opened and never closed: the file was cut short", '2,"b'),
    'id,a\n1,a"b\n2,c\n': ("line 2, byte 4: a quote stands in the middle of a value", '1,a"b'),
    'id,a\n1,"a"b\n': ("line 2, byte 5: a quote stands in the middle of a value", '1,"a"b'),
    'id,a\n1, "a"\n': ("line 2, byte 4: a quote stands in the middle of a value", '1, "a"'),
    'id,a\n1, ""\n': ("line 2, byte 4: a quote stands in the middle of a value", '1, ""'),
    'id,a\n1,a""b\n': ("line 2, byte 4: a quote stands in the middle of a value", '1,a""b'),
    # ... where a line that begins within a value is the first of those that are read at once
    f'id,a\n1,{"x" * (2**22 - 10)}\n2,"a\n"x""b\n': ("line 4, byte 1: a quote stands in the middle of a value", '"x""b'),
    'id,a\n"1""",""a\n': ("line 2, byte 8: a quote stands in the middle of a value", '"1""",""a'),
    "id,a\n1,2\r\n3,4\n": ("line 2: a line end that is neither LF nor CRLF, or not the header's", "1,2"),
    "id,a\r\n1,2\n3,4\r\n": ("line 2: a line end that is neither LF nor CRLF, or not the header's", "1,2"),
    "id,a\r1,2\r": ("line 1: lines end in CR alone", "id,a"),
    "id,a\n1,2\n3,x\0\n": ("line 3, byte 4: the file holds a NUL byte", "3,x"),
    "<!DOCTYPE html>\n<html>502</html>": ("line 1: the file is an HTML page, not CSV", "<!DOCTYPE html>"),
    "\ufeff<html/>": ("line 1: the file is an HTML page, not CSV", "<html/>"),
    "<?xml version='1.0'?>\n<a/>": ("line 1: the file is an XML or HTML document, not CSV", "<?xml"),
    '{"error": "expired", "id": 7}\n': ("line 1: the file is a JSON document, not CSV", "expired"),
    "": ("the file is empty (zero bytes): not even a header is there", None),
    ",".join(["id", *(f"c{n}" for n in range(2500))]): ("line 1: 2,501 columns are more than the 2,000", None),
}
REFUSED_BYTES = {
    b"id,a\n1,2\n3,caf\xe9\n4,5\n": ("line 3, byte 6: the file is not valid UTF-8", "3,caf\\xe9"),
    b"id,a\n1,2\n3,caf\xc3": ("line 3, byte 6: the file ends in the middle of a character: it was cut short", "3,caf"),
    "id,a\n1,2\n".encode("utf-16"): ("line 1: the file is text in UTF-16, and must be UTF-8: have it exported again", None),
    "id,a\n1,2\n".encode("utf-16-le"): ("line 1: the file is text in UTF-16, and must be UTF-8: have it exported again", None),
    gzip.compress(b"id\n1\n", mtime=0): ("line 1: the file is gzip-compressed, not CSV", None),
    b"PK\x03\x04" + bytes(40): ("line 1: the file is a ZIP archive or an Excel workbook, not CSV", None),
    WHOLE: ("line 1: the file is a Parquet file, not CSV", None),
    b"id,a\n1," + b"x" * (17 * 2**20) + b"\n": ("line 2: a line of more than 16,777,216 bytes", None),
}
REFUSED_CHANGES = {
    "id,a\n1,2\n": ("line 1: a change file needs a column OP", "id,a"),
    "OP,id\nU,1\nX,2\n": ("line 3: row 2 has an operation that is not I, U or D", "X,2"),
    "OP,id\nU,1\n,2\n": ("line 3: row 2 has no operation, and must have I, U or D", ",2"),
    'OP,id\nU,1\n" I",2\n': ("line 3: row 2 has an operation that is not I, U or D", '" I",2'),
    "op,OP,id\nU,U,1\n": ("line 1: columns 1 and 2 have one name, case aside", "op,OP,id"),
}
TORN, CUT = "the Parquet file cannot be read: it is damaged", "the Parquet file cannot be read: its end is missing, it was cut short"
REFUSED_PARQUET = {
    encrypted(plaintext_footer=False): ("the Parquet file is encrypted, and nobody here has the key", None),
    encrypted(plaintext_footer=True): ("the Parquet file is encrypted, and nobody here has the key", None),
    parquet({"id": [{"a": "1"}, {"a": None}]}): ("the column id holds lists or records", None),
    parquet({"ID": [["1"]], "a": ["x"]}): ("the column id holds lists or records", None),
    WHOLE[:-10]: (CUT, None),
    WHOLE[: len(WHOLE) // 2]: (CUT, None),
    WHOLE[:4] + bytes(200) + WHOLE[204:]: (TORN, None),
    WHOLE[:-8] + b"\xff\xff\xff\x7fPAR1": (TORN, None),
    b"PAR1": (CUT, None),
    b"id,a\n1,2\n": ("the Parquet file cannot be read: it does not begin as one", None),
    b"<html>502</html>": ("the file is an HTML page, not Parquet", None),
    gzip.compress(WHOLE, mtime=0): ("the file is gzip-compressed, not Parquet", None),
    b"": ("the file is empty (zero bytes)", None),
    WHOLE.replace(ROWS_IN_FOOTER, b"\x16\x92\x4e", 1): ("the file says it holds 5,001 rows, and 5,000 could be read", None),
    parquet({"a": ["1"]}): ("there is no column id", "a"),
    parquet({"id": ["1"], "a": ["x"], "A": ["y"]}): ("columns 2 and 3 have one name, case aside", "id,a,A"),
    parquet({"id": ["1", None]}): ("row 2 has no id", None),
    parquet({"id": ["1", ""]}): ("row 2 has no id", None),
    NUL_ROWS: ("row 2 holds a NUL byte, which no text has", "column a"),
    parquet(pa.table([["1"], ["x"], ["y"]], names=["id", "a", "a"])): ("columns 2 and 3 have one name, case aside", "id,a,a"),
    parquet(pa.table([["1"], ["x"]], names=["id", ""])): ("column 2 has no name", "id,"),
    parquet(pa.table([["1"], ["x"]], names=["id", "a\nb"])): ("column 2 has a control character in its name", "id,a\\nb"),
}
REFUSED = [
    *(("acme/units/LOAD.csv", data.encode(), reason) for data, reason in REFUSED_CSV.items()),
    *(("acme/units/LOAD.csv", data, reason) for data, reason in REFUSED_BYTES.items()),
    *((CHANGE, data.encode(), reason) for data, reason in REFUSED_CHANGES.items()),
    (CHANGE.replace("csv", "parquet"), parquet({"id": ["1"], "a": ["x"]}), ("a change file needs a column OP", "id,a")),
    (
        CHANGE.replace("csv", "parquet"),
        parquet({"OP": ["U", "X"], "id": ["1", "2"]}),
        ("row 2 has an operation that is not", "operation 'X'"),
    ),
    *(("acme/units/LOAD.parquet", data, reason) for data, reason in REFUSED_PARQUET.items()),
]


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Every file that is to be refused, as an organization of its own beside one good file, in one sync."""
    folder = tmp_path_factory.mktemp("refused")
    home = Home(Settings(folder / "home", f"file://{folder / 'exports'}"), folder / "exports")
    for number, (path, data, _) in enumerate(REFUSED):
        home.deliver(path.replace("acme", f"o{number}"), data)
    home.deliver("zzz/units/LOAD.csv", "id\n1\n")
    home.sync()
    return home


@pytest.mark.parametrize("number", range(len(REFUSED)), ids=lambda number: str(REFUSED[number][1][:30]))
def test_a_bad_file_is_quarantined_with_the_reason_and_the_line(refusals: Home, number: int):
    (found,) = refusals.ask(f"select status, row_count, reason from raw._files where organization_id = 'o{number}'")
    assert found[:2] == ("quarantined", None)
    assert REFUSED[number][2][0] in found[2]


def test_what_offends_in_a_bad_file_is_kept_apart_from_the_reason(refusals: Home):
    with open_build(refusals.settings.build, read_only=True) as connection:
        waiting = {one.organization_id: one for one in set_aside(connection)}
    assert len(waiting) == len(REFUSED)
    for number, (_, _, (_, text)) in enumerate(REFUSED):
        one = waiting[f"o{number}"]
        assert text is None or text in (one.offending_text or "")
        assert text is None or len(text) < 4 or text not in one.reason, one.reason


def test_no_row_and_no_column_of_a_bad_file_is_in_raw_and_the_good_one_is(refusals: Home):
    assert raw(refusals, "id, _organization_id") == [("1", "zzz")]
    assert refusals.columns("units") == ["id"]


def test_a_reason_says_nothing_of_where_the_warehouse_is(refusals: Home):
    assert refusals.ask(f"select reason from raw._files where contains(reason, '{refusals.settings.home}')") == []


@pytest.mark.parametrize(("path", "data", "_"), [REFUSED[place] for place in (2, 17, 21, 22, -13, -6)])
def test_a_bad_file_leaves_no_table_behind(home: Home, path: str, data: bytes, _: str):
    assert home.deliver(path, data).exists()
    assert [version.status for version in home.sync().attention] == ["quarantined"]
    assert home.ask("select table_name from duckdb_tables() where schema_name = 'raw' and table_name[1] <> '_'") == []


@pytest.mark.parametrize("data", ["id,a,new\n1,2,3\n4,5\n", "id,a,new\n1,2,3\n,5,6\n"], ids=["ragged", "no id"])
def test_a_bad_file_adds_no_column_to_a_table_that_is_there(home: Home, data: str):
    home.deliver("acme/units/LOAD.csv", "id,a\n1,2\n")
    home.deliver("beta/units/LOAD.csv", data)
    home.sync()
    assert home.columns("units") == ["id", "a"]
    assert raw(home, "id, a") == [("1", "2")]


MENDED = 'id,a,b\n1,x,"q ""z"", y"\n2,"two\nlines",\n3,,""\n4,é🏢,plain\n5,"a,b",c\n'.encode()
STRAY = [
    b'"',
    b'""',
    b",",
    b"\n",
    b"\r",
    b"\r\n",
    b"\0",
    b"\xff",
    b"a",
    b" ",
    b"'",
    b"\\",
    b";",
    b"\t",
    "\u2028".encode(),
    "\ufeff".encode(),
]


def damaged(chance: random.Random) -> bytes:
    """The file with a few bytes cut off, put in, or taken out."""
    data = MENDED.replace(b"\n", b"\r\n") if chance.random() < 0.2 else MENDED
    for _ in range(chance.choice([1, 1, 2])):
        at, gone = chance.randrange(1, len(data)), chance.choice([0, 0, 1, 2])
        data = data[:at] if chance.random() < 0.2 else data[:at] + chance.choice([*STRAY, b""]) + data[at + gone :]
    return data


def parsed(text: str) -> list[list[str | None]]:
    """RFC 4180 to the letter, record by record; ValueError for what is none. Null and empty are kept apart."""
    field = re.compile(r'(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|\Z)')
    records: list[list[str | None]] = [[]]
    at = 0
    while at < len(text) or records[-1]:
        found = field.match(text, at)
        if not found:
            raise ValueError(text[at:])
        quoted, bare, end = found.groups()
        records[-1].append(quoted.replace('""', '"') if quoted is not None else bare or None)
        at = found.end()
        if end != ",":
            records.append([])
        if at == len(text) and end != ",":
            break
    return [record for record in records if record not in ([], [None])]


def test_a_damaged_file_is_refused_or_read_as_the_standard_says(home: Home):
    chance = random.Random(11)
    files = {f"o{number:03}": damaged(chance) for number in range(300)}
    for organization, data in files.items():
        home.deliver(f"{organization}/units/LOAD.csv", data)
    assert home.sync().left == []
    statuses = dict(home.ask("select organization_id, status from raw._files"))
    assert set(statuses.values()) == {"loaded", "quarantined"}
    names = [name.replace('"', '""') for name in home.columns("units")]
    rows = home.ask(
        f"""select _organization_id, {", ".join(f'"{name}"' for name in names)} from raw.units order by _file_id, _row_number"""
    )
    for organization in (organization for organization, status in statuses.items() if status == "loaded"):
        header, *records = parsed(files[organization].decode("utf-8-sig"))
        place = {name.replace('""', '"').lower(): number for number, name in enumerate(names, start=1)}
        of_file = [[row[place[str(column).lower()]] for column in header] for row in rows if row[0] == organization]
        assert of_file == records, files[organization]


def test_no_torn_parquet_file_can_stop_the_others(home: Home):
    """Bytes turned at random make DuckDB give up in many ways; one leaves a database unusable, and none may be the warehouse."""
    chance, whole = (
        random.Random(3),
        parquet({"id": ["1"] * 500, "n": list(range(500)), "l": [[n] for n in range(500)]}, compression="zstd"),
    )
    for number in range(40):
        torn = bytearray(whole)
        for _ in range(3):
            torn[chance.randrange(len(whole) // 2, len(whole) - 4)] = chance.randrange(256)
        home.deliver(f"o{number}/units/LOAD.parquet", bytes(torn))
    home.deliver("zzz/units/LOAD.csv", "id\nlast\n")
    home.sync()
    assert ("last",) in raw(home, "id")
    assert home.ask("select count(*) from raw._files") == [(41,)]
