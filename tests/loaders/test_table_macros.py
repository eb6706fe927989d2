"""The published file's table macros: which they are, what they take, and where they find their tables."""

from pathlib import Path

import duckdb
import pytest

from loaders.table_macros import create_table_macros
from loaders.warehouse import quote

TECHNICAL = {
    "_organization_id": "'acme'", "valid_from": "null::timestamp", "valid_to": "null::timestamp", "is_current": "false",
    "is_deleted": "false", "change_type": "'update'", "version_number": "1::bigint", "_file_id": "1::bigint",
    "_row_number": "1::bigint", "_batch_at": "null::timestamp",
}  # fmt: skip
LIFE = (  # a record's versions: inserted, changed, deleted and inserted again, soft-deleted
    {"id": "'1'", "valid_from": "'2026-06-01'", "valid_to": "'2026-06-02'", "change_type": "'insert'"},
    {"id": "'1'", "valid_from": "'2026-06-02'", "valid_to": "'2026-06-03'", "version_number": "2"},
    {"id": "'1'", "valid_from": "'2026-06-04'", "valid_to": "'2026-06-05'", "version_number": "3", "change_type": "'insert'"},
    {"id": "'1'", "valid_from": "'2026-06-05'", "version_number": "4", "is_deleted": "true"},
)
AT_NOON = ("'2026-06-01T12:00'", "timestamp '2026-06-01 12:00'", "'2026-06-01 12:00Z'", "'2026-06-01T14:00:00+02:00'",
           "timestamptz '2026-06-01 08:00:00-04'", "timestamp_s '2026-06-01 12:00:00'")  # fmt: skip


def make_history(connection: duckdb.DuckDBPyConnection, topic: str, *versions: dict[str, str]) -> None:
    """``marts.<topic>_history`` with the technical columns and those of the versions; all values are SQL."""
    names = {name for version in versions for name in version} - TECHNICAL.keys()
    selects = []
    for version in versions:
        values = dict.fromkeys(sorted(names), "null") | TECHNICAL | version
        casts = {name: f"({value})::timestamp" if name.startswith("valid_") else value for name, value in values.items()}
        selects.append("select " + ", ".join(f"{value} as {quote(name)}" for name, value in casts.items()))
    connection.execute(f"create table marts.{quote(topic + '_history')} as {' union all by name '.join(selects)}")


def publish(path: Path, topic: str, *versions: dict[str, str]) -> Path:
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts")
        make_history(connection, topic, *versions)
        create_table_macros(connection)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    versions = [version | {"status": f"'{word}'"} for version, word in zip(LIFE, ("NEW", "DONE", "AGAIN", "AGAIN"), strict=True)]
    return publish(tmp_path / "fortress.duckdb", "units", *versions)


@pytest.fixture
def reader(file: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(file), read_only=True)


def ask(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple]:
    return connection.execute(query).fetchall()


def test_a_topic_is_as_it_was_and_its_intervals_are_half_open(reader):
    moments = ("2026-05-31", "2026-06-01", "2026-06-01 23:59:59.999999", "2026-06-02", "2026-06-03", "2026-06-04", "2026-06-05")
    found = [ask(reader, f"select status from marts.units_as_of('{moment}')") for moment in moments]
    assert found == [[], [("NEW",)], [("NEW",)], [("DONE",)], [], [("AGAIN",)], []]


@pytest.mark.parametrize("moment", AT_NOON)
def test_a_moment_is_the_same_in_every_form_and_every_session(moment):
    with duckdb.connect() as memory:
        memory.execute("create schema marts; set TimeZone = 'Asia/Tokyo'")
        noon = "'2026-06-01 12:00'"
        make_history(
            memory, "gates", {"id": "'starts'", "valid_from": noon}, {"id": "'ends'", "valid_from": "'2026-01-01'", "valid_to": noon}
        )
        create_table_macros(memory)
        assert ask(memory, f"select id from marts.gates_as_of({moment})") == [("starts",)]
        assert len(ask(memory, f"from marts.gates_changes_between({moment}, '2026-06-02')")) == 2
        assert len(ask(memory, f"from marts.gates_changes_between('2026-05-31', {moment})")) == 0


def test_a_date_is_its_midnight(reader):
    assert ask(reader, "select status from marts.units_as_of(date '2026-06-02')") == [("DONE",)]


def test_moments_may_come_from_another_table(reader):
    query = """
        select day, count(status) from range(timestamp '2026-06-01', timestamp '2026-06-06', interval 1 day) as days(day)
        left join lateral (select status from marts.units_as_of(day)) on true group by day order by day
    """
    assert [count for _, count in ask(reader, query)] == [1, 1, 0, 1, 0]


def test_each_step_tells_what_became_of_the_record(reader):
    columns = "change_type, column_name, old_value, new_value, version_before, version_after, existed_before, exists_after"
    assert ask(reader, f"select {columns} from marts.units_changes_between('2026-06-01', '2026-06-06') order by changed_at") == [
        ("insert", None, None, None, None, 1, False, True),
        ("update", "status", "NEW", "DONE", 1, 2, True, True),
        ("delete", None, None, None, 2, None, True, False),
        ("insert", None, None, None, None, 3, False, True),
        ("update", None, None, None, 3, 4, True, False),
    ]


def test_a_step_whose_column_is_not_in_the_file_is_still_a_step(tmp_path):
    path = publish(tmp_path / "fortress.duckdb", "units", *LIFE[:2])
    with duckdb.connect(str(path), read_only=True) as reader:
        found = ask(reader, "select change_type, column_name from marts.units_changes_between('2026-06-02', '2026-06-03')")
    assert found == [("update", None)]


def test_odd_names_of_topics_and_columns_are_names_and_no_sql(tmp_path):
    odd = 'o\'dd "t"; drop schema marts'
    names = ('sta"tus', "it's", "moment", "since", "column_name", "text", "select", "old", "new", "_none", "ünits")
    versions = [version | dict.fromkeys(names, f"'{number}'") for number, version in enumerate(LIFE[:2])]
    path = publish(tmp_path / "fortress.duckdb", odd, *versions)
    with duckdb.connect(str(path), read_only=True) as reader:
        as_of = reader.execute(f"from marts.{quote(odd + '_as_of')}('2026-06-02')")
        assert set(names) < {column for column, *_ in as_of.description}
        found = ask(reader, f"from marts.{quote(odd + '_changes_between')}('2026-06-02', '2026-06-03')")
    assert sorted(row[4:7] for row in found) == sorted((name, "0", "1") for name in names)


def test_the_file_lists_its_macros_with_what_they_say(reader):
    listed = "duckdb_functions() where function_type = 'table_macro' and not internal"
    query = f"select function_name, parameters, comment from {listed} order by all"
    (as_of, changes) = ask(reader, query)
    assert as_of[:2] == ("units_as_of", ["moment"]) and "units as they were" in as_of[2]
    assert changes[:2] == ("units_changes_between", ["since", "before"]) and "one row per step" in changes[2]


def test_a_table_that_only_looks_like_a_history_gets_no_macro(tmp_path):
    with duckdb.connect() as memory:
        memory.execute("create schema marts; create table marts.price_history (id text, valid_from timestamp)")
        create_table_macros(memory)
        assert ask(memory, "select count(*) from duckdb_functions() where function_type = 'table_macro' and not internal") == [(0,)]


@pytest.mark.parametrize("in_use", ['use "another name"', "set search_path = 'memory.main,\"another name\".marts'"])
def test_an_attached_file_answers_under_any_name_once_it_is_in_use(file, in_use):
    with duckdb.connect() as memory:
        memory.execute(f"attach '{file}' as \"another name\" (read_only)")
        memory.execute(in_use)
        assert ask(memory, "select status from \"another name\".marts.units_as_of('2026-06-01')") == [("NEW",)]
        assert len(ask(memory, "from \"another name\".marts.units_changes_between('2026-06-01', '2026-06-06')")) == 5


@pytest.mark.parametrize("call", ["units_as_of('2026-06-01')", "units_changes_between('2026-06-01', '2026-06-06')"])
def test_an_attached_file_never_answers_with_another_files_rows(file, tmp_path, call):
    other = publish(tmp_path / "yesterday.duckdb", "units", LIFE[0] | {"status": "'OLD'"})
    with duckdb.connect(str(file), read_only=True) as reader:
        reader.execute(f"attach '{other}' as yesterday (read_only)")
        assert ask(reader, f"from marts.{call}")
        with pytest.raises(duckdb.InvalidInputException, match="not in use"):
            ask(reader, f"from yesterday.marts.{call}")
        reader.execute("use yesterday")
        assert ask(reader, f"from yesterday.marts.{call}")
