"""The cookbook and the page on connecting, run as they are printed, on a demonstration published for the purpose.

After a change that is meant to change an answer, ``COOKBOOK=write pytest tests/pipeline/test_pages.py`` prints them anew; read the
difference before you commit it.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from loaders.examples import MARKET_EXAMPLE, RENT_EXAMPLE
from loaders.registry import topics
from tests import forked
from tests.pipeline.cookbook import Recipe, answer, recipes, rewrite
from tests.pipeline.harness import PROJECT

CONNECT = (PROJECT / "docs" / "connect.md").read_text(encoding="utf-8")
DEMONSTRATE = """
import pathlib, sys
from loaders.demonstration import demonstrate
from loaders.settings import Settings
demonstrate(Settings(pathlib.Path(sys.argv[1])), print)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which ``warehouse/`` is the demonstration's: the one of ``make run`` without any settings."""
    made = tmp_path_factory.mktemp("demonstration")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("FORTRESS_")}
    own = {"DBT_TARGET_PATH": str(made / "target")}
    command = [sys.executable, "-c", DEMONSTRATE, str(made / "warehouse")]
    done = forked.run(command, cwd=PROJECT, env=inherited | own, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return made


@pytest.fixture(scope="module")
def published(folder: Path) -> Path:
    return folder / "warehouse" / "fortress.duckdb"


@pytest.fixture(scope="module")
def fortress(published: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(published), read_only=True) as connection:
        if os.environ.get("COOKBOOK") == "write":
            rewrite(connection)
        yield connection


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", CONNECT, re.MULTILINE | re.DOTALL)


def test_the_cookbook_has_at_least_a_dozen_questions():
    assert len(recipes()) >= 12
    assert all(recipe.question.endswith("?") for recipe in recipes())


@pytest.mark.parametrize("recipe", recipes(), ids=lambda recipe: recipe.question)
def test_the_cookbook_prints_what_its_query_answers(fortress: duckdb.DuckDBPyConnection, recipe: Recipe):
    found = answer(fortress, recipe.sql)
    assert len(found.splitlines()) > 1, "no rows"
    (now,) = [one for one in recipes() if one.question == recipe.question]  # read again: it may have been printed anew
    assert found == now.printed


def test_the_cookbook_needs_no_column_that_names_a_person_or_opens_a_door():
    text = " ".join(recipe.sql for recipe in recipes())
    kept_back = {column.name for topic in topics().values() for column in topic.columns if column.pii in ("identifier", "security")}
    words = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() for name in kept_back}
    assert set(re.findall(r"\w+", text)) & words - {"work_orders"} == set()  # an alias of ours
    assert {topic for topic in re.findall(r"marts\.([a-z]+)", text) if topics()[topic].restricted} == set()


def test_the_python_of_the_page_runs(folder: Path):
    (program,) = blocks("python")
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) > 0


@pytest.mark.parametrize("number", range(len(blocks("sql"))))
def test_the_sql_of_the_page_runs_in_a_database_of_ones_own(folder: Path, number: int):
    script = "import duckdb, sys; connection = duckdb.connect(); print(connection.execute(sys.argv[1]).fetchall())"
    done = subprocess.run([sys.executable, "-c", script, blocks("sql")[number]], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() not in ("", "[]")


def test_a_reader_that_knows_the_format_of_duckdb_1_2_reads_the_file(published: Path):
    """The number in the file's header: 65 is what 1.2 writes, and what it refuses to go beyond."""
    header = published.read_bytes()[:20]
    assert header[8:12] == b"DUCK"
    assert int.from_bytes(header[12:20], "little") <= 65


def test_the_query_on_the_market_that_a_run_prints_has_an_answer(fortress: duckdb.DuckDBPyConnection):
    rows = fortress.execute(MARKET_EXAMPLE).fetchall()
    assert [row[:3] for row in rows] == [(name, date(2026, month, 1), 3) for name in ("Austin", "Denver") for month in (4, 5)]


def test_the_demonstration_shows_our_rents_beside_the_markets_and_what_the_api_said(fortress: duckdb.DuckDBPyConnection):
    rents = fortress.execute(RENT_EXAMPLE).fetchall()
    assert len(rents) == 12 and all(row[2] and row[5] and row[6] for row in rents)  # six properties, two months; units and both rents
    said = dict(fortress.execute("select verdict, count(*) from audit.api_reconciliation where id is not null group by all").fetchall())
    assert {"newer_in_api", "different"} <= said.keys()  # an hour of changes to come, and what the letter of the vendor's rule lost
    (why,) = fortress.execute(
        "select distinct explanation from audit.api_reconciliation where explanation like '%rule_disagreements%'"
    ).fetchone()
    assert "before the watermark" in why
