"""The registry as Python reads it, and the naming conventions, which it asks of dbt's macros."""

import re

import pytest

from loaders.conventions import snake_case, type_by_name
from loaders.errors import RegistryRefused
from loaders.registry import topics

TYPES = {"text", "timestamp", "date", "boolean", "bigint", "decimal(18,6)", "json"}


def test_every_topic_is_described_and_grouped():
    assert len(topics()) >= 33
    for topic in topics().values():
        assert topic.description.startswith("One row per "), topic.name
        assert topic.record.split()[0] in ("a", "an"), topic.name
        assert topic.label and topic.group, topic.name
        assert "id" in {column.name for column in topic.columns}, topic.name


def test_every_column_is_described_and_typed():
    for topic in topics().values():
        for column in topic.columns:
            assert column.description, (topic.name, column.name)
            assert column.data_type in TYPES, (topic.name, column.name)
            assert column.pii in {None, "identifier", "security", "sensitive"}, (topic.name, column.name)
            assert column.references is None or column.references in topics(), (topic.name, column.name)


ENTRY = """
sources:
  - name: fortress
    tables:
      - name: keyfobs
        description: One row per fob.
        config: {meta: {label: Fobs, record: a fob, group: other, restricted: false}}
        columns:
          - {name: id, data_type: text, description: The key.}
          - {name: email, data_type: text, description: Whose., config: {meta: {pii: identifier}}}
"""


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("pii: identifier", "pii: personal", "keyfobs.email: pii is one of identifier, security, sensitive, not personal"),
        ("pii: identifier", "ppi: identifier", "keyfobs.email: meta knows no ppi"),
        ("config: {meta: {pii: identifier}}", "meta: {pii: identifier}", "keyfobs.email: knows no meta"),
        ("data_type: text, description: The", "data_type: money, description: The", "keyfobs.id: data_type is one of text"),
        ("name: email", "name: id", "keyfobs: id is listed twice"),
        (", restricted: false", "", "keyfobs: config: meta: needs restricted"),
        ("        columns:", "       columns:", "cannot be read as the registry"),
    ],
)
def test_an_entry_that_is_not_understood_is_refused_and_publishes_nothing(tmp_path, right, wrong, said):
    registry = tmp_path / "registry.yml"
    registry.write_text(ENTRY)
    assert topics(registry)["keyfobs"].columns[1].pii == "identifier"
    topics.cache_clear()
    registry.write_text(ENTRY.replace(right, wrong))
    with pytest.raises(RegistryRefused, match=re.escape(said)):
        topics(registry)


@pytest.mark.parametrize(
    ("delivered", "expected"),
    [
        ("propertyId", "property_id"),
        ("isADA", "is_ada"),
        ("HTMLBody", "html_body"),
        ("isDeleted", "delivered_is_deleted"),
        ("_file_id", "delivered__file_id"),
        ("unit no.", "unit_no"),
        ("§", "column"),
    ],
)
def test_python_and_dbt_spell_a_column_alike(delivered, expected):
    assert snake_case(delivered) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("completed_at", "timestamp"),
        ("due_date", "date"),
        ("is_ready", "boolean"),
        ("rent_amount", "decimal(18,6)"),
        ("amounts", "text"),
    ],
)
def test_a_name_tells_its_type(name, expected):
    assert type_by_name(name) == expected


def test_no_two_columns_of_a_topic_have_one_name():
    for topic in topics().values():
        names = [snake_case(column.name) for column in topic.columns]
        assert len(names) == len(set(names)), topic.name
