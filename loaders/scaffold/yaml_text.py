"""YAML as people would write it: long texts folded, small things in one line, anchors named after what they stand for."""

import re
from typing import Any

import yaml


class Inline(list):
    """A list written in one line."""


class InlineMapping(dict):
    """A mapping written in one line."""


class _Dumper(yaml.SafeDumper):
    """Long texts folded, anchors named after the column."""

    def generate_anchor(self, node: yaml.Node) -> str:
        name = node.value[0][1].value
        return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else super().generate_anchor(node)

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        return super().increase_indent(flow, indentless=False)


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = ">" if len(text) > 100 else '"' if "'" in text and "{" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_inline(dumper: yaml.SafeDumper, entries: list) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", entries, flow_style=True)


def _represent_inline_mapping(dumper: yaml.SafeDumper, entries: dict) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", entries, flow_style=True)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(Inline, _represent_inline)
_Dumper.add_representer(InlineMapping, _represent_inline_mapping)


def dump(document: Any) -> str:
    """The document's text. An object that it holds twice is written once, and referred to by an anchor after that."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=140, default_flow_style=False)
