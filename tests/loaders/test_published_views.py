"""Views over tables that lost columns or are gone, on DuckDB itself."""

import duckdb
import pytest

from loaders.published_views import Lost, parse_view, without

PEOPLE = {("marts", "people"): frozenset({"email", "phone"})}


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        yield connection


def rewritten(connection: duckdb.DuckDBPyConnection, query: str, relations: set = frozenset(), columns: dict = PEOPLE) -> str | None:
    """The query after DuckDB stored it as a view's, as publishing meets it."""
    connection.execute("create schema if not exists marts")
    for name in ("people", "pets", "secrets"):
        connection.execute(f"create or replace table marts.{name} (id int, email text, phone text, topic text, shade text)")
    connection.execute(f"create or replace view marts.v as {query}")
    (definition,) = connection.execute("select sql from duckdb_views() where view_name = 'v'").fetchone()
    return without(connection, parse_view(connection, definition), Lost(frozenset(relations), columns))


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("select id, email, phone, shade from marts.people", "SELECT id, shade FROM marts.people"),
        (
            "select p.id, p.email from marts.people as p where p.shade is not null",
            "SELECT p.id FROM marts.people AS p WHERE (p.shade IS NOT NULL)",
        ),
        ("select id, lower(email) as e, coalesce(phone, email) from marts.people", "SELECT id FROM marts.people"),
        ("select id, EMAIL from marts.people", "SELECT id FROM marts.people"),
        ("select * from marts.people", "SELECT * FROM marts.people"),
        ("select * exclude (email, shade) from marts.people", "SELECT * EXCLUDE (shade) FROM marts.people"),
        (
            "with x as (select id, email from marts.people) select id, email from x",
            "WITH x AS (SELECT id FROM marts.people) SELECT id FROM x",
        ),
        ("select id, (select max(email) from marts.people) as most from marts.pets", "SELECT id FROM marts.pets"),
        (
            "select unnest([{'is': 'email', 'text': email}, {'is': 'shade', 'text': shade}], recursive := true) from marts.people",
            """SELECT unnest(list_value(struct_pack("is" := 'shade', "text" := shade)), "recursive" := true) FROM marts.people""",
        ),
        ("select id, 'email' as email_is from marts.people", "SELECT id, 'email' AS email_is FROM marts.people"),
    ],
)
def test_select_lists_lose_what_reads_a_lost_column(connection, query: str, left: str):
    assert rewritten(connection, query) == left


def test_a_view_of_nothing_but_lost_columns_is_gone(connection):
    assert rewritten(connection, "select email from marts.people") is None


def test_columns_of_the_same_name_stay_where_the_relation_kept_them(connection):
    assert rewritten(connection, "select id, email from marts.pets") == "SELECT id, email FROM marts.pets"


def test_a_union_loses_its_branches_over_what_is_gone_and_keeps_its_order_and_named_queries(connection):
    union = """
        with few as (select id from marts.pets)
        (select 'people' as topic, id from marts.people) union all (select 'secrets', id from marts.secrets)
        union all (select 'pets', id from few) order by id desc limit 7
    """
    two = rewritten(connection, union, {("marts", "secrets")})
    assert two is not None and "secrets" not in two and two.count("UNION ALL") == 1 and "LIMIT 7" in two
    one = rewritten(connection, union, {("marts", "secrets"), ("marts", "people")})
    assert one == "WITH few AS (SELECT id FROM marts.pets) SELECT 'pets' AS topic, id FROM few ORDER BY id DESC LIMIT 7"
    connection.execute(one)
    assert rewritten(connection, union, {("marts", "secrets"), ("marts", "people"), ("marts", "pets")}) is None


def test_a_join_with_what_is_gone_goes_whole(connection):
    assert rewritten(connection, "select p.id from marts.people as p join marts.secrets as s using (id)", {("marts", "secrets")}) is None


def test_the_builds_own_name_is_taken_off(connection):
    query = "select id from memory.marts.pets"
    assert rewritten(connection, query) == "SELECT id FROM marts.pets"


@pytest.mark.parametrize("name", ['"a AS select 1"', '"quote"" AS"', "plain", '"As"'])
def test_a_view_is_taken_apart_whatever_it_is_called(connection, name: str):
    connection.execute('create schema marts; create table marts.t (id int, "x AS y" int)')
    connection.execute(f'create view marts.{name} as select id as "b AS c", "x AS y" from marts.t')
    (definition,) = connection.execute("select sql from duckdb_views() where schema_name = 'marts'").fetchone()
    query = parse_view(connection, definition)
    assert query.reads == {("marts", "t")}
    assert without(connection, query, Lost(frozenset(), {})) == 'SELECT id AS "b AS c", "x AS y" FROM marts.t'
