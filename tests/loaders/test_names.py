"""The grammar of an export tree, against names as delivered and names as an attacker would have them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.names import parse_file, parse_organization, parse_topic


def test_a_change_file_is_named_by_its_time_to_the_millisecond():
    name = parse_file("20260131-235959123.csv")
    assert name is not None
    assert (name.kind, name.batch_at) == ("change", datetime(2026, 1, 31, 23, 59, 59, 123000, UTC))
    assert name.file_name == "20260131-235959123.csv"


@pytest.mark.parametrize(
    ("fraction", "microsecond"), [("123", 123000), ("1234", 123400), ("123456", 123456), ("123456789", 123456), ("999999999999", 999999)]
)
def test_more_digits_of_a_second_are_compared_as_times(fraction: str, microsecond: int):
    name = parse_file(f"20260101-000000{fraction}.parquet")
    assert name is not None and name.batch_at is not None
    assert name.batch_at.microsecond == microsecond


@pytest.mark.parametrize(("stem", "is_part"), [("LOAD", False), ("LOAD00000001", True), ("LOADabcDEF0", True)])
def test_a_snapshot_may_come_in_parts(stem: str, is_part: bool):
    name = parse_file(f"{stem}.csv")
    assert name is not None
    assert (name.kind, name.batch_at, name.is_part) == ("snapshot", None, is_part)


@pytest.mark.parametrize(
    "stem", ["20260230-000000000", "20261301-000000000", "20260101-240000000", "20260101-006000000", "00000101-000000000"]
)
def test_digits_that_are_no_date_are_no_change_file(stem: str):
    assert parse_file(f"{stem}.csv") is None


@pytest.mark.parametrize(
    "file_name",
    [
        "load.csv",
        "LOAD.CSV",
        "LOAD.csv.gz",
        "LOAD.csv.part",
        "LOAD.json",
        "LOADxyz.csv",
        "LOAD.csv\n",
        "LOAD\x00.csv",
        "../LOAD.csv",
        "a/LOAD.csv",
        "20260101-00000012.csv",
        "20260101000000123.csv",
        "20260101-000000123 (1).csv",
        " LOAD.csv",
        ".csv",
        "",
        "20260101-000000" + "1" * 5000 + ".csv",
        "٢٠٢٦٠١٠١-٠٠٠٠٠٠٠٠٠.csv",
        "２０２６0101-000000000.csv",
    ],
)
def test_every_other_file_name_is_no_export(file_name: str):
    assert parse_file(file_name) is None


def test_a_part_number_is_short():
    assert parse_file("LOAD" + "0" * 32 + ".csv") is not None
    assert parse_file("LOAD" + "0" * 33 + ".csv") is None
    assert parse_file("LOAD" + "0" * 5000 + ".csv") is None


@pytest.mark.parametrize("folder", ["..", ".", "", "a/b", "a\\b", "-x", ".hidden", "a b", "a\n", "a;drop", "x" * 129, "caf\u00e9"])
def test_a_hostile_folder_is_no_organization(folder: str):
    assert parse_organization(folder) is None


def test_a_folder_named_like_a_table_of_market_data_is_no_topic():
    """It would be in its way, in the schema that both share."""
    assert [parse_topic(f"exported_{name}") for name in ("market_units", "Market_Property", "market_floorplans")] == [None] * 3
    assert parse_topic("exported_markets") == "markets"


def test_a_topic_is_its_folder_in_lower_case():
    assert parse_topic("exported_WorkOrders") == "workorders"
    assert parse_topic("exported_unit_types2") == "unit_types2"


@pytest.mark.parametrize(
    "folder", ["exported_", "exported", "Exported_units", "exported_a-b", 'exported_a"b', "exported_../x", "exported_" + "x" * 64]
)
def test_a_hostile_folder_is_no_topic(folder: str):
    assert parse_topic(folder) is None


@given(st.text())
def test_no_name_that_fits_can_lead_to_another_folder(name: str):
    for accepted in (parse_organization(name), parse_topic(name), parse_file(name)):
        assert accepted is None or not ({"/", "\\", "\0"} & set(name) or name in (".", ".."))


@given(st.datetimes(min_value=datetime(1000, 1, 1)))
def test_every_time_makes_a_name_that_says_it(moment: datetime):
    name = parse_file(f"{moment:%Y%m%d-%H%M%S%f}.csv")
    assert name is not None
    assert name.batch_at == moment.replace(tzinfo=UTC)
