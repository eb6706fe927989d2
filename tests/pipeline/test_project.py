"""Rules of the house that can be checked on the project itself: layers, descriptions, and lists that must agree."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from loaders.manifest import parsed_project, part_of
from loaders.registry import REGISTRY, modelled_topics, topics
from loaders.scaffold.files import differing_files
from loaders.warehouse import LEDGER_COLUMNS, RECONCILIATION_COLUMNS
from tests.pipeline.harness import PROJECT


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict:
    home = tmp_path_factory.mktemp("manifest")
    own = {"FORTRESS_HOME": str(home), "DBT_TARGET_PATH": str(home / "target"), "DBT_LOG_PATH": str(home / "logs")}
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "--warn-error", "parse"]
    done = subprocess.run(command, cwd=PROJECT, env=os.environ | own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return json.loads((home / "target" / "manifest.json").read_text())


def ours(manifest: dict, kind: str) -> list[dict]:
    return [node for node in manifest[kind].values() if node["package_name"] == "fortress_warehouse"]


def test_only_staging_reads_what_the_loader_wrote(manifest):
    models = [node for node in ours(manifest, "nodes") if node["resource_type"] == "model"]
    readers = {node["name"] for node in models if any(parent.startswith("source.") for parent in node["depends_on"]["nodes"])}
    assert {name for name in readers if not name.startswith("stg_")} == {
        "files",  # the ledger, published
        "api_reconciliation",  # what the API said, published
    }


def test_marts_stand_on_staging_and_on_one_another_and_on_nothing_else(manifest):
    for node in (node for node in ours(manifest, "nodes") if node["resource_type"] == "model" and node["schema"] == "marts"):
        parents = {parent.split(".")[-1] for parent in node["depends_on"]["nodes"]}
        topic = node["name"].removesuffix("_changes").removesuffix("_history")
        if node["group"] == "market":  # what was observed, and its comparison with the portfolio
            continue
        assert parents <= {f"stg_fortress__{topic}", "stg_fortress__files", f"{topic}_changes", f"{topic}_history"}


def test_no_dbt_snapshot_is_a_base_for_history(manifest):
    assert [node["name"] for node in ours(manifest, "nodes") if node["resource_type"] == "snapshot"] == []


def test_every_model_is_described_and_its_grain_comes_first(manifest):
    models = [node for node in ours(manifest, "nodes") if node["resource_type"] == "model"]
    assert {node["name"] for node in models if not node["description"].startswith("One row per ")} == set()


def test_every_macro_is_described_with_its_arguments(manifest):
    macros = [macro for macro in ours(manifest, "macros") if not macro["name"].startswith("test_")]
    names = {macro["name"] for macro in macros}
    macros = [macro for macro in macros if macro["name"].partition("__")[2] not in names]  # an engine's own says what the asked one says
    assert {macro["name"] for macro in macros if not macro["description"]} == set()
    for macro in macros:
        signature = re.search(r"macro\s+\w+\((.*?)\)", macro["macro_sql"])
        expected = [argument.split("=")[0].strip() for argument in signature[1].split(",") if argument.strip()] if signature else []
        assert [argument["name"] for argument in macro["arguments"]] == expected, macro["name"]


def test_every_macro_file_opens_with_what_it_does():
    assert [path.name for path in (PROJECT / "macros").rglob("*.sql") if not path.read_text().startswith("{#")] == []


def test_every_topic_of_the_registry_has_the_files_that_scaffold_writes():
    assert differing_files() == []
    assert modelled_topics() == topics().keys()


def test_the_audit_reads_every_topic_that_has_marts(manifest):
    unions = {"rule_disagreements": "_changes", "cast_failures": "_changes", "snapshot_drift": "_changes", "unresolved_references": ""}
    for name, suffix in unions.items():
        (model,) = [node for node in ours(manifest, "nodes") if node["name"] == name]
        assert {parent.split(".")[-1] for parent in model["depends_on"]["nodes"]} >= {topic + suffix for topic in modelled_topics()}, name


@pytest.mark.parametrize(("name", "columns"), [("_files", LEDGER_COLUMNS), ("_api_reconciliation", RECONCILIATION_COLUMNS)])
def test_the_registry_describes_the_loaders_own_tables_as_the_loader_makes_them(name: str, columns: dict[str, str]):
    (source,) = yaml.safe_load(REGISTRY.read_text())["sources"]
    (table,) = [table for table in source["tables"] if table["name"] == name]
    described = {column["name"]: column["data_type"].replace("text", "varchar") for column in table["columns"]}
    assert list(described.items()) == list(columns.items())


def test_the_lock_pins_everything_by_hash_and_names_no_registry():
    for name in ("requirements.lock", "requirements-uv.lock", "explore.lock"):
        text = (PROJECT / name).read_text()
        assert "://" not in text
        pinned = re.findall(r"^([a-z0-9][\w.-]*)==[^\s\\]+.*?((?:\\\n\s+--hash=sha256:[0-9a-f]{64} ?)+)", text, re.MULTILINE)
        assert len(pinned) == len(re.findall(r"^[a-z0-9]", text, re.MULTILINE))


def test_what_explores_the_tables_has_the_duckdb_that_wrote_them():
    locks = [(PROJECT / name).read_text() for name in ("requirements.lock", "explore.lock")]
    versions = {re.findall(r"^duckdb==(\S+)", lock, re.MULTILINE)[0] for lock in locks}
    assert len(versions) == 1


def test_dbt_is_pinned_below_the_version_that_downloads_a_binary():
    (version,) = re.findall(r"^dbt-core==1\.(\d+)\.", Path(PROJECT / "requirements.lock").read_text(), re.MULTILINE)
    assert int(version) < 12


def test_a_part_of_the_project_holds_what_is_asked_for_and_what_that_reads_and_finds_it():
    project = parsed_project()
    asked_for = ("workorders_changes", "references_of_workorders_arrive")
    for lookup in (project.ref_lookup, project.source_lookup, project.doc_lookup):
        assert lookup  # each is made when it is first asked for, as dbt does when it parses
    part = part_of(project, ["build", "--indirect-selection", "cautious", "--select", *asked_for, "--exclude", "tag:market"])
    names = {node.name for node in part.nodes.values()}
    assert {*asked_for, "stg_fortress__workorders", "units_changes"} <= names
    assert not names & {"leases_changes", "stg_fortress__leases", "references_of_units_arrive"}
    assert part.ref_lookup.find("units", None, None, part).name == "units"
    assert part.source_lookup.find("fortress.workorders", None, part).name == "workorders"
    assert part_of(project, ["build", "--select", *asked_for]) is project  # dbt adds the tests that read them
