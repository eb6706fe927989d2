"""The YAML of a topic: its four models described to the last column, with the tests that hold their grain.

Columns are described once, where the file names them first, and referred to by YAML's anchors after that.
"""

from typing import Any

from loaders.conventions import snake_case
from loaders.registry import Column, Topic, topics
from loaders.scaffold.yaml_text import Inline, InlineMapping, dump

_HEADER = (
    "# Written by `python -m loaders scaffold` from the registry: change that, not this. Tests of your own go into a file beside it.\n"
)

_PLACE = ["_file_id", "_row_number"]
_VERSION = ["valid_from", "valid_to", "is_current", "is_deleted", "change_type", "version_number"]
_STAGED = ["_organization_id", *_PLACE, "_op", "_cast_failures"]
_HASHES = ["_image", "_bucket"]
_RESOLVED = ["_batch_at", "outcome", *_VERSION, "_rules_disagree", "_cast_failures", "_resolution", "_newest_file_id", *_HASHES]
_LOGGED = ["_organization_id", *_PLACE, "_op", *_RESOLVED]
_DATED = ["_organization_id", *_VERSION, *_PLACE, "_batch_at"]
_CURRENT = ["_organization_id", *_PLACE, "_batch_at"]


def topic_yaml(topic: Topic) -> str:
    """The text of ``models/topics/<topic>.yml``."""
    document = {"version": 2, "models": _models(topic)}
    dumped = dump(document)
    return _HEADER + dumped.replace("\nmodels:", "\n\nmodels:").replace("\n  - name: ", "\n\n  - name: ").replace(
        "models:\n\n", "models:\n"
    )


def _models(topic: Topic) -> list[dict[str, Any]]:
    name, record = topic.name, topic.record
    business = [_business_column(column) for column in topic.columns]
    shared = {one: {"name": one, "description": f"{{{{ doc('{one}') }}}}"} for one in _LOGGED}

    def model(model_name: str, description: str, technical: list[str], tests: list[Any]) -> dict[str, Any]:
        columns = Inline([*business, *(shared[one] for one in technical)])
        config = InlineMapping(group=topic.group)
        entry = {"name": model_name, "description": description, "config": config, "columns": columns}
        return entry | ({"data_tests": tests} if tests else {})

    log = model(
        f"{name}_changes",
        f"One row per delivered row of {record}, in whatever file it came, with its outcome and the version it made.",
        _LOGGED,
        [_soundness_test(name)],
    )
    log["columns"] = list(log["columns"])  # written in full, as the first; the others point here
    history = model(
        f"{name}_history",
        f"One row per version of {record}: what it looked like from `valid_from` until before `valid_to` (null: until now).",
        _DATED,
        [],
    )
    current = model(
        name,
        f"{topic.description} Here stands what exists now, as last delivered; what was deleted, hard or soft, is in {name}_history.",
        _CURRENT,
        _references_test(topic),
    )
    staging = model(
        f"stg_fortress__{name}",
        f"One row per delivered row of {record}, in whatever file it came: names in snake_case, values typed, nothing resolved yet.",
        _STAGED,
        [],
    )
    return [log, history, current, staging]


def _soundness_test(topic: str) -> dict[str, Any]:
    """One test for all that the contract says of a topic's three tables; its name is given, as dbt would make one of a hash."""
    models = {"history": f"{topic}_history", "current": topic, "rows": f"stg_fortress__{topic}", "files": "stg_fortress__files"}
    return {"sound_topic": {"name": f"sound_{topic}", "arguments": InlineMapping({one: _ref(model) for one, model in models.items()})}}


def _references_test(topic: Topic) -> list[dict[str, Any]]:
    """One warning test for all references; its name is given, as dbt would make one of a hash."""
    found = [
        {"column": snake_case(column.name), "target": _ref(column.references)} for column in topic.columns if column.references in topics()
    ]
    arguments = {"references": [InlineMapping(one) for one in found], "files": "source('fortress', '_files')"}
    return [{"references_arrive": {"name": f"references_of_{topic.name}_arrive", "arguments": arguments}}] if found else []


def _ref(model_name: str) -> str:
    return f"ref('{model_name}')"


def _business_column(column: Column) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": snake_case(column.name), "description": column.description}
    return entry | ({"config": InlineMapping(meta={"pii": column.pii}, tags=["pii"])} if column.pii else {})
