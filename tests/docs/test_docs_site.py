"""What is in the docs site's file, and what is not; and that nothing in the project is without a description."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from shutil import copy

import duckdb
import pytest

from loaders.conventions import snake_case
from loaders.docs_site.page import fill_page
from loaders.errors import DocsFailed
from loaders.privacy import Policy
from loaders.published_tables import write_published
from loaders.registry import topics
from loaders.warehouse import open_build
from tests.docs.conftest import BUILT, PLANTED, STOPPED, Site
from tests.pipeline.harness import PROJECT


@pytest.fixture(params=["first_day", "site"])
def either(request: pytest.FixtureRequest) -> Site:
    return request.getfixturevalue(request.param)


def ours(manifest: dict, kind: str) -> Iterator[tuple[str, dict]]:
    yield from ((key, node) for key, node in manifest[kind].items() if node["package_name"] == "fortress_warehouse")


def models(manifest: dict) -> dict[str, dict]:
    return {key: node for key, node in ours(manifest, "nodes") if node["resource_type"] == "model"}


def test_the_page_holds_nothing_of_the_machine_the_person_or_the_secrets(either):
    secrets = {"planted-", str(PROJECT), str(either.home)}
    assert all("planted-" in value for value in PLANTED.values())
    assert str(either.home) in json.dumps(either.manifest)  # dbt's own manifest does hold such things
    assert {secret for secret in secrets if secret in either.text} == set()


def test_the_page_holds_no_delivered_value(site):
    with duckdb.connect(str(site.home / "build.duckdb"), read_only=True) as connection:
        people = connection.execute("select id, email, phone, \"lastName\" || '@' from raw.customers").fetchall()
        orders = connection.execute("select id, _organization_id from raw.workorders").fetchall()
    values = {value for row in people + orders for value in row if value}
    assert len(values) > 50
    assert {value for value in values if value in site.text} == set()


def test_the_page_asks_the_network_for_nothing(either):
    assert not re.findall(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=[\"']?(?:https?:)?//", either.text)
    assert not re.findall(r"cloudfront|sinter-collect|fuzzed\.getdbt\.com", either.text)
    assert "default-src 'none'" in either.text
    assert either.inlined("manifest")["metadata"]["send_anonymous_usage_stats"] is False


def test_a_description_cannot_end_the_script_it_stands_in(first_day):
    template = (first_day.home / "target" / "index.html").read_text(encoding="utf-8")
    hostile = {"description": "</script><script>alert(1)</script><!--"}
    page = fill_page(template, hostile, {})
    assert page.count("</script") == template.count("</script")
    assert Site.read(page, "manifest") == hostile


def test_the_docs_of_the_first_day_make_no_warehouse(first_day):
    assert sorted(path.name for path in first_day.home.iterdir() if path.suffix == ".duckdb") == []
    assert models(first_day.manifest).keys() <= first_day.inlined("manifest")["nodes"].keys()


def test_expected_columns_bear_their_types_before_anything_is_built(first_day):
    columns = first_day.inlined("manifest")["nodes"]["model.fortress_warehouse.workorders"]["columns"]
    expected = {snake_case(column.name): column.data_type for column in topics()["workorders"].columns if column.data_type}
    assert {name: columns[name].get("type") for name in expected} == expected


def test_tables_stand_where_their_readers_find_them(first_day):
    nodes = first_day.inlined("manifest")["nodes"]
    databases = {topic.restricted: set() for topic in topics().values()}
    for topic in topics().values():
        databases[topic.restricted] |= {nodes[f"model.fortress_warehouse.{topic.name}{kind}"]["database"] for kind in ("", "_history")}
    assert databases == {False: {"fortress"}, True: {"build"}}  # restricted topics are not in the published file
    assert nodes["model.fortress_warehouse.files"]["database"] == "fortress"


def test_tables_and_views_are_called_what_the_published_file_has(site, tmp_path):
    build = Path(copy(site.home / "build.duckdb", tmp_path))  # others read the site's own
    with open_build(build) as connection:
        write_published(connection, tmp_path / "published.duckdb", Policy("exclude"))
    with duckdb.connect(str(tmp_path / "published.duckdb"), read_only=True) as reader:
        query = "select table_name, table_type from information_schema.tables where table_schema = 'marts'"
        published = {name: kind for name, kind in reader.execute(query).fetchall() if name.split("_")[0] in BUILT}
    assert set(published.values()) == {"BASE TABLE", "VIEW"}
    catalog, manifest = (site.inlined(name)["nodes"] for name in ("catalog", "manifest"))
    keys = {name: f"model.fortress_warehouse.{name}" for name in published}
    assert {name: catalog[key]["metadata"]["type"] for name, key in keys.items()} == published
    is_view = {name: manifest[key]["config"]["materialized"] == "view" for name, key in keys.items()}
    assert is_view == {name: kind == "VIEW" for name, kind in published.items()}


def test_sources_say_how_fresh_they_are(site):
    sources = site.inlined("manifest")["sources"]
    delivered = {one["label"]: one["value"] for one in sources["source.fortress_warehouse.fortress.units"]["stats"].values()}
    never = {one["label"]: one["value"] for one in sources["source.fortress_warehouse.fortress.balances"]["stats"].values()}
    with duckdb.connect(str(site.home / "build.duckdb"), read_only=True) as connection:
        (newest,) = connection.execute("select max(batch_at) from raw._files where topic = 'units' and status = 'loaded'").fetchone()
    assert delivered["New files expected"] == "within 24 hours"
    assert delivered["Latest file, its time"] == f"{newest:%Y-%m-%d %H:%M} UTC"
    assert never["Latest file, its time"] == never["Latest file, loaded"] == "nothing yet"


def test_everything_in_the_project_is_described(site):
    described = {key: node for kind in ("sources", "exposures", "macros", "groups") for key, node in ours(site.manifest, kind)}
    described = {
        key: node for key, node in described.items() if not node["name"].startswith(("default__", "spark__"))
    }  # as the macro that asks
    described |= models(site.manifest)
    nameless = [key for key, node in described.items() if not (node["description"] or "").strip()]
    columns = [
        f"{key}.{column['name']}"
        for key, node in described.items()
        for column in node.get("columns", {}).values()
        if not column["description"].strip()
    ]
    assert (nameless, columns) == ([], [])


def test_every_column_that_was_built_is_described_but_for_those_that_nobody_expected(site):
    known = {topic.name: {snake_case(column.name) for column in topic.columns} for topic in topics().values()}
    with duckdb.connect(str(site.home / "build.duckdb"), read_only=True) as connection:
        delivered = connection.execute("select table_name, column_name from duckdb_columns() where schema_name = 'raw'").fetchall()
    unexpected = {(topic, snake_case(name)) for topic, name in delivered if snake_case(name) not in known.get(topic, set())}
    catalog = site.inlined("catalog")["nodes"]
    assert {f"model.fortress_warehouse.{topic}{kind}" for topic in BUILT for kind in ("", "_history", "_changes")} <= catalog.keys()
    undescribed = [
        (key, name)
        for key, relation in catalog.items()
        for name in relation["columns"]
        if name not in site.manifest["nodes"][key]["columns"] and not any((topic, name) in unexpected for topic in BUILT if topic in key)
    ]
    assert undescribed == []


def test_descriptions_are_comments_in_the_database(site):
    with duckdb.connect(str(site.home / "build.duckdb"), read_only=True) as connection:
        of_relations = dict(
            connection.execute(
                """
                select schema_name || '.' || table_name, comment from duckdb_tables()
                union all select schema_name || '.' || view_name, comment from duckdb_views()
                """
            ).fetchall()
        )
        of_columns = {
            (relation, name): comment
            for relation, name, comment in connection.execute(
                "select schema_name || '.' || table_name, column_name, comment from duckdb_columns()"
            ).fetchall()
        }
    built = [(f"{node['schema']}.{node['alias']}", node) for node in models(site.manifest).values() if node["schema"] in ("marts", "audit")]
    present = [(relation, node) for relation, node in built if relation in of_relations]
    assert len(present) >= 3 * len(BUILT) + 2
    assert {relation: of_relations[relation] for relation, _ in present} == {relation: node["description"] for relation, node in present}
    wanted = {(relation, column["name"]): column["description"] for relation, node in present for column in node["columns"].values()}
    assert {place: of_columns[place] for place in wanted} == wanted


def test_a_build_that_only_adds_rows_sets_no_comment_on_the_change_log_again(site):
    said = re.split(r"\n=+ .* =+\n", "\n" + (site.home / "logs" / "dbt.log").read_text(encoding="utf-8"))
    first, second, *_ = [one for one in said if "running dbt with arguments" in one]  # and not only parsing the project
    commented = [set(re.findall(r'comment on \w+ "build"\."marts"\."(\w+)"', run)) for run in (first, second)]
    assert commented[0] >= {"units_changes", "units_history", "units"}
    assert commented[1] == {"units"}  # a view is made anew, and with it its comments


def test_source_freshness_warns_of_a_topic_that_stopped_coming_and_not_of_one_that_never_came(site):
    results = json.loads((site.home / "target" / "sources.json").read_text(encoding="utf-8"))["results"]
    status = {result["unique_id"].split(".")[-1]: result["status"] for result in results}
    assert status.keys() == topics().keys() | {"_files"}
    assert {topic: said for topic, said in status.items() if said != "pass"} == {STOPPED: "warn"}


def test_a_page_that_is_not_the_known_one_is_an_error_and_not_a_silent_loss():
    with pytest.raises(DocsFailed, match="After an upgrade of dbt-core"):
        fill_page("<html><title>Another page</title></html>", {}, {})
