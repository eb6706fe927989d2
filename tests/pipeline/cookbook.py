"""The cookbook's questions, read from the page; what they answer, as the page prints it."""

import re
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tests.pipeline.harness import PROJECT

PAGE = PROJECT / "docs" / "cookbook.md"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One heading of the page: its query, and the result that is printed below (empty if none is)."""

    question: str
    sql: str
    printed: str


def recipes(page: Path = PAGE) -> list[Recipe]:
    """Every heading with its query, in order."""
    sections = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return [_recipe(section) for section in sections]


def answer(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """A query's result as the page prints it: aligned columns, two blanks between."""
    found = connection.execute(sql)
    rows = [[name for name, *_ in found.description or ()]] + [[_text(value) for value in row] for row in found.fetchall()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)


def rewrite(connection: duckdb.DuckDBPyConnection, page: Path = PAGE) -> None:
    """Print every result anew into the page."""
    text = page.read_text(encoding="utf-8")
    for recipe in recipes(page):
        query = f"```sql\n{recipe.sql}\n```\n"
        old = f"{query}\n```text\n{recipe.printed}\n```\n" if recipe.printed else query
        text = text.replace(old, f"{query}\n```text\n{answer(connection, recipe.sql)}\n```\n")
    page.write_text(text, encoding="utf-8")


def _recipe(section: str) -> Recipe:
    (sql,) = re.findall(r"^```sql\n(.*?)\n```$", section, re.MULTILINE | re.DOTALL)
    printed = re.findall(r"^```text\n(.*?)\n```$", section, re.MULTILINE | re.DOTALL)
    return Recipe(section.split("\n", 1)[0], sql, printed[0] if printed else "")


def _text(value: object) -> str:
    return "null" if value is None else str(value)
