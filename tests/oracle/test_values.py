"""Names and typed values."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from tests.oracle.values import snake_case, typed


@pytest.mark.parametrize(
    ("text", "type_name", "value"),
    [
        ("2026-03-01T12:00:00Z", "timestamp", datetime(2026, 3, 1, 12)),
        ("2026-03-01T12:00:00.123456", "timestamp", datetime(2026, 3, 1, 12, 0, 0, 123456)),
        ("2026-03-01 00:30:00.5+02:00", "timestamp", datetime(2026, 2, 28, 22, 30, 0, 500000)),
        ("2026-03-01T12:00:00-0530", "timestamp", datetime(2026, 3, 1, 17, 30)),
        ("2026-03-01", "timestamp", datetime(2026, 3, 1)),
        *((text, "timestamp", None) for text in ("", "infinity", "2026-02-30T00:00:00Z", "2026-03-01T25:00:00Z", "03/01/2026", "0")),
        *(
            (text, "timestamp", None)
            for text in ("-infinity", "epoch", "2026-03-01T24:00:00Z", "2026-03-01T12:00:00+99:00", "2026-03-01T12:00 UTC")
        ),
        (" 2026-03-01T12:00:00Z ", "timestamp", datetime(2026, 3, 1, 12)),
        ("2024-02-29", "date", date(2024, 2, 29)),
        ("2024-02-29T23:30:00-05:00", "date", date(2024, 2, 29)),
        *((text, "date", None) for text in ("", "2023-02-29", "today")),
        *((text, "boolean", True) for text in ("true", "T", "1", "yes", "Y")),
        *((text, "boolean", False) for text in ("False", "f", "0", "NO", "n")),
        *((text, "boolean", None) for text in ("", "maybe", "2")),
        ("12.5", "decimal", Decimal("12.50")),
        ("-0.000001", "decimal", Decimal("-0.000001")),
        ("1.2345670000", "decimal", Decimal("1.234567")),
        ("0.30000000000000004", "decimal", Decimal("0.3")),
        ("1.5E2", "decimal", Decimal("150")),
        *((text, "decimal", None) for text in ("1e-7", "1_000", "1,000.5", "$5")),
        ("999999999999.999999", "decimal", Decimal("999999999999.999999")),
        *((text, "decimal", None) for text in ("", "1.2345678", "1000000000000", "NaN", "1,5", "٣")),
        ("007", "integer", 7),
        ("7.5", "integer", None),
        ("", "text", ""),
        (None, "text", None),
    ],
)
def test_text_that_does_not_cast_is_null(text, type_name, value):
    assert typed(text, type_name) == value


@pytest.mark.parametrize(
    ("name", "snake"), [("propertyId", "property_id"), ("id", "id"), ("isHTMLText", "is_html_text"), ("due_date", "due_date")]
)
def test_names_become_snake_case(name, snake):
    assert snake_case(name) == snake
