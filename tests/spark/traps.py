"""A feed of deposits in two deliveries, with what random feeds do not hold: JSON, parts beside changes, columns that come later."""

from datetime import UTC, datetime, timedelta

from tests.oracle.batches import Delivered

_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_COLUMNS = ("id", "total", "property", "transactions", "createdAt", "updatedAt", "deletedAt")
_NEW = (*_COLUMNS, "note", "receivedDate", "isFinal")  # no entry of the registry names the last three

Row = tuple[str | None, ...]


def _row(key: str, total: str, hour: int, gone: str | None = None, document: str = '{"id": "p1", "name": "Oak  Court"}') -> Row:
    moment = (_NOON + timedelta(hours=hour)).isoformat().replace("+00:00", "Z")
    return key, total, document, '[{"amount": 1.5}, null]', "2026-02-01T00:00:00Z", moment, gone


def _file(organization: str, name: str, hour: int, rows: list[Row], columns: tuple[str, ...] = _COLUMNS) -> Delivered:
    return Delivered(organization, "deposits", name, _NOON + timedelta(hours=hour), columns, tuple(rows))


def _changes(organization: str, hour: int, rows: list[Row], columns: tuple[str, ...] = _COLUMNS, modified: int | None = None) -> Delivered:
    name = f"{_NOON + timedelta(hours=hour):%Y%m%d-%H%M%S}000.csv"
    return _file(organization, name, modified or hour, rows, ("OP", *columns))


FIRST = [
    _file("org-parts", "LOAD00000001.csv", 0, [_row("d|1", "10", -3), _row("d|2", "20.5", -2, document='{"id":"p1","deep":{"a":[1,2]}}')]),
    _file("org-parts", "LOAD00000002.csv", 0, [_row("d|3", "30", -1, gone="2026-03-01T11:30:00Z"), _row("d|4", "4e1", -1)]),
    _changes("org-parts", 2, [("U", *_row("d|1", "11", 1)), ("D", *_row("d|2", "20.5", 1)), ("I", *_row("d|5", "50", 1))]),
    _file("org-plain", "LOAD.csv", 0, [_row("d|1", "1", -3), _row("D|1", "2", -3), _row("two words", "3", -3), _row("O'Brien", "4", -3)]),
    _changes("org-plain", 4, [("U", *_row("d|1", "not a sum", 3)), ("D", *_row("d|1", "1", 3)), ("I", *_row("d|1", "1.5", 3))]),
]
SECOND = [
    _changes("org-parts", 1, [("U", *_row("d|2", "21", 1)), ("I", *_row("d|6", "60", 1))], modified=9),  # late
    _changes("org-parts", 2, [("U", *_row("d|1", "12", 1, document="not json"))], modified=9),  # a revision
    _file("org-parts", "LOAD00000002.csv", 8, [_row("d|3", "31", 7)]),  # a part again, on top of the feed: d|4 is gone
    _file("org-plain", "LOAD.csv", 8, [_row("d|1", "1.50", 3), _row("O'Brien", "40", 6, gone="2026-03-01T18:00:00Z")]),
    _changes("org-plain", 9, [("U", *_row("D|1", "1e400", 8), "naïve 🐎", "2026-03-02", "maybe")], _NEW),
]
