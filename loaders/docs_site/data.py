"""What the page is told: of dbt's manifest and catalog only what it shows.

Named here is what goes in, not what stays out: dbt writes paths, user ids and environment variables beside the rest, and
nobody knows what its next version adds.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

from loaders.conventions import snake_case
from loaders.published_relations import PUBLISHED_SCHEMAS
from loaders.registry import topics

Json = dict[str, Any]

PROJECT_NAME = "fortress_warehouse"

_NODE = (
    *("unique_id", "name", "alias", "identifier", "label", "resource_type", "package_name", "original_file_path", "fqn", "version"),
    *("database", "schema", "description", "columns", "meta", "tags", "docs", "group", "language", "raw_code", "compiled_code"),
    *("source_name", "source_description", "source_meta", "loader", "type", "maturity", "url", "owner"),
    *("column_name", "test_metadata", "refs"),
)
_COLUMN = ("name", "description", "meta", "tags")
_MACRO = (
    "unique_id",
    "name",
    "resource_type",
    "package_name",
    "original_file_path",
    "description",
    "arguments",
    "macro_sql",
    "docs",
    "meta",
)
_GROUP = ("unique_id", "name", "resource_type", "package_name", "description", "owner")
_LAYERS = (*PUBLISHED_SCHEMAS, "staging")  # what analysts look for comes first
_KINDS = ("model", "seed", "test")  # unit tests and hooks concern those who change the project
_TOPICS_MARK = re.compile(r"^\[topics\]: #.*$", re.MULTILINE)  # in the overview; Markdown shows nothing of it


def page_manifest(manifest: Mapping[str, Any], freshness: Mapping[str, list[Json]]) -> Json:
    """The manifest for the page. ``freshness`` is what to show of each source, by topic, as the page's ``stats``."""
    types = _types(manifest["sources"].values())
    nodes = {key: _node(node, types) for key, node in manifest["nodes"].items() if _is_ours(node) and node["resource_type"] in _KINDS}
    sources = {
        key: _node(node, types) | {"stats": {one["id"]: one for one in freshness.get(node["name"], [])}}
        for key, node in manifest["sources"].items()
    }
    nodes = dict(sorted(nodes.items(), key=lambda item: _rank(item[1].get("schema", ""), item[1]["name"])))
    exposures = {key: _node(node, types) for key, node in manifest["exposures"].items()}
    macros = {key: _take(macro, _MACRO) for key, macro in manifest["macros"].items() if _is_ours(macro) and not _is_an_engines(macro)}
    labels = {source["name"]: source["meta"]["label"] for source in manifest["sources"].values()}
    shown = nodes.keys() | sources.keys() | exposures.keys() | macros.keys()
    everything = manifest["nodes"] | manifest["sources"] | manifest["exposures"] | manifest["macros"]
    for key, node in (nodes | sources | exposures | macros).items():
        depends_on = everything[key].get("depends_on", {})
        node["depends_on"] = {kind: [one for one in depends_on.get(kind, []) if one in shown] for kind in ("nodes", "macros")}
    return {
        "metadata": {"adapter_type": manifest["metadata"]["adapter_type"], "send_anonymous_usage_stats": False},
        "nodes": nodes,
        "sources": sources,
        "exposures": exposures,
        "macros": macros,
        "groups": {key: _take(group, _GROUP) for key, group in manifest["groups"].items()},
        "docs": {
            key: _overview(doc, nodes.values(), labels)
            for key, doc in manifest["docs"].items()
            if _is_ours(doc) and doc["name"] == "__overview__"
        },
        "parent_map": _edges(manifest["parent_map"], shown),
        "child_map": _edges(manifest["child_map"], shown),
        **{kind: {} for kind in ("metrics", "semantic_models", "saved_queries", "unit_tests", "functions")},
    }


def page_catalog(catalog: Mapping[str, Any], manifest: Mapping[str, Any]) -> Json:
    """The catalog for the page: which relations and columns there are, and their types. Models that wait to be built as they will be."""
    models = {key: node for key, node in manifest["nodes"].items() if _is_ours(node) and node["resource_type"] == "model"}
    waiting = {key: _to_be(node) for key, node in models.items()}
    built = {kind: {key: _cataloged(entry, models.get(key)) for key, entry in catalog[kind].items()} for kind in ("nodes", "sources")}
    nodes = waiting | built["nodes"]
    return built | {
        "nodes": dict(sorted(nodes.items(), key=lambda item: _rank(item[1]["metadata"]["schema"], item[1]["metadata"]["name"])))
    }


def _to_be(node: Json) -> Json:
    kind = "VIEW" if _as_published(node) == "view" else "BASE TABLE"
    metadata = {"type": kind, "schema": node["schema"], "name": node["alias"]}
    return {"metadata": metadata, "columns": {}, "stats": {}, "unique_id": node["unique_id"]}


def _cataloged(entry: Json, model: Json | None) -> Json:
    metadata = _take(entry["metadata"], ("type", "schema", "name"))
    if model and _as_published(model) == "table":
        metadata["type"] = "BASE TABLE"
    columns = {name: _take(column, ("name", "type", "index")) for name, column in entry["columns"].items()}
    return {"metadata": metadata, "columns": columns, "stats": {}, "unique_id": entry["unique_id"]}


def _node(node: Json, types: Mapping[str, Mapping[str, str]]) -> Json:
    expected = types.get(_topic(node["name"]), {})
    columns = {
        name: _take(column, _COLUMN) | ({"type": data_type} if (data_type := column.get("data_type") or expected.get(name)) else {})
        for name, column in node.get("columns", {}).items()
    }
    taken = _take(node, _NODE) | {
        "columns": columns,
        "config": {"materialized": _as_published(node), "meta": node.get("config", {}).get("meta", {})},
    }
    if node.get("group"):
        taken["meta"] = {"subject": node["group"]} | node["meta"]
    if _is_published(node):
        taken["database"] = "fortress"  # where its readers find it
    return taken


def _is_published(node: Json) -> bool:
    return node.get("schema") in PUBLISHED_SCHEMAS and _topic(node["name"]) not in _restricted_topics()


def _as_published(node: Json) -> str | None:
    """What its readers find: a topic's current state, a view in the build, is written out for them (loaders/published_tables.py)."""
    is_current_state = f"macro.{PROJECT_NAME}.current_state" in node.get("depends_on", {}).get("macros", [])
    return "table" if is_current_state and _is_published(node) else node.get("config", {}).get("materialized")


@cache
def _restricted_topics() -> set[str]:
    """Topics that the published file leaves out by default."""
    return {topic.name for topic in topics().values() if topic.restricted}


def _types(sources: Iterable[Json]) -> dict[str, dict[str, str]]:
    """By topic and column in snake_case, the type the registry expects: what to show where nothing has been built."""
    return {
        source["name"]: {snake_case(name): column["data_type"] for name, column in source["columns"].items() if column["data_type"]}
        for source in sources
    }


def _rank(schema: str, name: str) -> tuple[int, int, str]:
    layer = _LAYERS.index(schema) if schema in _LAYERS else len(_LAYERS)
    return layer, 2 if name.endswith("_changes") else int(name.endswith("_history")), name


def _topic(model: str) -> str:
    return model.removeprefix("stg_fortress__").removesuffix("_changes").removesuffix("_history")


def _overview(doc: Json, nodes: Collection[Json], labels: Mapping[str, str]) -> Json:
    text = _TOPICS_MARK.sub(lambda _: _topics_by_group(nodes, labels), doc["block_contents"])
    return _take(doc, ("unique_id", "name", "package_name")) | {"block_contents": text}


def _topics_by_group(nodes: Collection[Json], labels: Mapping[str, str]) -> str:
    """A table in Markdown: each group with links to its current tables."""
    by_group: dict[str, list[str]] = {}
    for node in sorted(nodes, key=lambda node: node["name"]):
        if node.get("schema") == "marts" and node["name"] == _topic(node["name"]):
            label = labels.get(node["name"], node["name"].replace("_", " ").capitalize())
            by_group.setdefault(node["group"] or "", []).append(f"[{label}](#!/model/{node['unique_id']})")
    rows = [f"| {group or 'other'} | {', '.join(links)} |" for group, links in sorted(by_group.items())]
    return "\n".join(["| Subject | Topics |", "| --- | --- |", *rows])


def _edges(edges: Mapping[str, list[str]], shown: Collection[str]) -> dict[str, list[str]]:
    return {key: [one for one in others if one in shown] for key, others in edges.items() if key in shown}


def _is_ours(entry: Mapping[str, Any]) -> bool:
    return entry["package_name"] == PROJECT_NAME


def _is_an_engines(macro: Mapping[str, Any]) -> bool:
    """Whether it is how one engine says what another macro asks for, which is the one described."""
    return macro["name"].startswith(("default__", "spark__"))


def _take(entry: Mapping[str, Any], keys: Collection[str]) -> Json:
    return {key: entry[key] for key in keys if key in entry}
