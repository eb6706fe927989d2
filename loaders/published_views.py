"""Views over tables that lost columns, or are gone: the same views without what they cannot show any more.

A view never holds data, so it can give nothing away: what it asks for and the published file lacks makes it fail. Editing it
is a service to those who read the rest. DuckDB itself takes the statement apart (``json_serialize_sql``) and writes it again.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

Name = tuple[str, str]  # schema, relation
Node = Any  # what JSON knows


@dataclass(frozen=True, slots=True)
class Lost:
    """What the published file lacks of the build: whole relations, and columns by relation."""

    relations: frozenset[Name]
    columns: Mapping[Name, frozenset[str]]


# What has its default is left out: a union over all topics is megabytes otherwise.
_TAKE_APART = "select json_serialize_sql(?, skip_default := true, skip_empty := true, skip_null := true)"


class _Gone(Exception):
    """Nothing of a query is left."""


@dataclass(frozen=True, slots=True)
class Query:
    """A view's query: as a statement, taken apart, and the relations that it names with their schema.

    ``is_local``: it names no database, which means nothing to who opens the file under a name of their own.
    """

    text: str
    tree: Node
    reads: frozenset[Name]
    is_local: bool


def parse_view(connection: duckdb.DuckDBPyConnection, definition: str) -> Query:
    """The query of a ``create view`` statement: what stands behind the first ``as`` that a query follows."""
    start = definition.find(" AS ")
    while start >= 0:
        text = definition[start + 4 :].rstrip("; \n")
        tree = _parsed(connection, text)
        if not tree["error"]:
            tables = [node for node in _nodes(tree) if node.get("type") == "BASE_TABLE"]
            reads = frozenset(_place(table) for table in tables if table.get("schema_name"))
            return Query(text, tree, reads, not any(table.get("catalog_name") for table in tables))
        start = definition.find(" AS ", start + 1)
    raise ValueError(f"no query in: {definition[:200]}")


def without(connection: duckdb.DuckDBPyConnection, query: Query, lost: Lost) -> str | None:
    """The query without what is lost, as a statement; None when nothing of it is left.

    An item of a select list that mentions a lost column goes. So does a branch of a union that reads a lost relation; any
    other query that reads one goes whole. A lost column that is mentioned elsewhere stays: DuckDB will refuse the query.
    """
    columns = frozenset(column for name in query.reads for column in lost.columns.get(name, ()))
    if query.is_local and not columns and not query.reads & lost.relations:
        return query.text
    try:
        statements = [{**one, "node": _rewritten(one["node"], lost, columns)} for one in query.tree["statements"]]
    except _Gone:
        return None
    return connection.execute("select json_deserialize_sql(?::json)", [json.dumps(query.tree | {"statements": statements})]).fetchone()[0]


def _parsed(connection: duckdb.DuckDBPyConnection, select: str) -> dict[str, Any]:
    return json.loads(connection.execute(_TAKE_APART, [select]).fetchone()[0])


def _nodes(node: Node) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _nodes(child)


def _rewritten(node: Node, lost: Lost, columns: frozenset[str]) -> Node:
    if isinstance(node, list):
        return [_rewritten(one, lost, columns) for one in node]
    if not isinstance(node, dict):
        return node
    if node.get("type") == "BASE_TABLE" and _place(node) in lost.relations:
        raise _Gone
    if node.get("type") == "BASE_TABLE" and node.get("schema_name"):  # the build's own name means nothing to who opens the file
        return node | {"catalog_name": "", "qualified_name": {"path": list(_place(node))}}
    if node.get("type") == "SET_OPERATION_NODE" and node["setop_type"].startswith("UNION"):
        return _union(node, lost, columns)
    if node.get("type") == "SELECT_NODE":
        node = node | {"select_list": _items_left(node, lost, columns)}
        if not node["select_list"]:
            raise _Gone
    return {key: _rewritten(value, lost, columns) for key, value in node.items()}


def _lost_in(source: Node, lost: Lost, columns: frozenset[str]) -> frozenset[str]:
    """The lost columns that a query can mean: those of the tables it reads; all that are lost, where it reads queries.

    A topic may keep a column of a name that another loses.
    """
    tables, waiting = [], [source]
    while waiting:
        one = waiting.pop()
        if one.get("type") == "JOIN":
            waiting += [one["left"], one["right"]]
        elif one.get("type") == "BASE_TABLE" and one.get("schema_name"):
            tables.append(_place(one))
        else:
            return columns
    return frozenset(column for table in tables for column in lost.columns.get(table, ()))


def _union(node: dict[str, Any], lost: Lost, columns: frozenset[str]) -> Node:
    """The branches that are left; the only one takes the union's own order, limit and named queries over."""
    branches = []
    for child in node["children"]:
        try:
            branches.append(_rewritten(child, lost, columns))
        except _Gone:
            continue
    if not branches:
        raise _Gone
    branches[0] = _named_like(node["children"][0], branches[0], lost, columns)
    rest = {key: _rewritten(value, lost, columns) for key, value in node.items() if key != "children"}
    if len(branches) > 1:
        return rest | {"children": branches}
    (only,) = branches
    named = rest["cte_map"].get("map", []) + only["cte_map"].get("map", [])
    return only | {"modifiers": only.get("modifiers", []) + rest.get("modifiers", []), "cte_map": {"map": named}}


def _place(table: dict[str, Any]) -> Name:
    return table.get("schema_name", ""), table["table_name"]


def _named_like(first: dict[str, Any], branch: dict[str, Any], lost: Lost, columns: frozenset[str]) -> Node:
    """A union's columns are named by its first branch: whichever is first now bears those names."""
    if {first["type"], branch["type"]} != {"SELECT_NODE"}:
        return branch
    names, items = [_name(item) for item in _items_left(first, lost, columns)], branch["select_list"]
    if len(names) != len(items):
        return branch
    return branch | {
        "select_list": [item | {"alias": name} if name != _name(item) else item for name, item in zip(names, items, strict=True)]
    }


def _name(item: dict[str, Any]) -> str:
    """What a select list's item is called; nothing where DuckDB makes a name up."""
    return item.get("alias") or (item["column_names"][-1] if item["type"] == "COLUMN_REF" else "")


def _items_left(select: dict[str, Any], lost: Lost, columns: frozenset[str]) -> list[Node]:
    here = _lost_in(select["from_table"], lost, columns)

    def mentions(node: Node, meant: frozenset[str]) -> bool:
        """Whether an expression reads a lost column; a query in it can mean its own tables' as well. ``* exclude (it)`` does not."""
        if isinstance(node, list):
            return any(mentions(one, meant) for one in node)
        if not isinstance(node, dict):
            return False
        if node.get("type") == "SELECT_NODE":
            meant = meant | _lost_in(node["from_table"], lost, columns)
        if node.get("type") == "COLUMN_REF" and any(name.lower() in meant for name in node["column_names"]):
            return True
        return any(mentions(value, meant) for value in node.values())

    pruned = [_pruned(_unstarred(item, here), lambda node: mentions(node, here)) for item in select["select_list"]]
    return [item for item in pruned if not mentions(item, here)]


def _pruned(node: Node, is_lost: Callable[[Node], bool]) -> Node:
    """An expression whose lists (`[a, b]`) have lost the elements that mention a lost column; all of them lost, it is left as it is."""
    if isinstance(node, list):
        return [_pruned(one, is_lost) for one in node]
    if not isinstance(node, dict):
        return node
    if node.get("function_name") == "list_value":
        left = [one for one in node.get("arguments", []) if not is_lost(one)]
        node = node | ({"arguments": left} if left else {})
    return {key: _pruned(value, is_lost) for key, value in node.items()}


def _unstarred(item: dict[str, Any], columns: frozenset[str]) -> dict[str, Any]:
    if item.get("type") != "STAR":
        return item
    return item | {"exclude_list": [name for name in item.get("exclude_list", []) if name.lower() not in columns]}
