"""What the benchmark calls right is right by the replay, and it notices what is wrong."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pytest

from benchmarks.answers import judge
from benchmarks.contestants import Answer
from benchmarks.contestants.plain import PLAIN
from benchmarks.contestants.plain.__main__ import main as take
from benchmarks.oracle import replayed
from benchmarks.sizes import BUSY_TOPIC, Size
from benchmarks.topics import Format
from benchmarks.work import Exports, Pool

TINY = Size("tiny", rows=600, files=3, changes=100)


@dataclass(frozen=True)
class Taken:
    """Exports that were delivered in two goes, what the plain SQL made of them, and what the replay does."""

    exports: Exports
    plain: Answer
    replayed: Answer


def _taken(folder: Path, form: Format, parts: int) -> Taken:
    exports = Exports(folder / "exports", Pool(folder / "pool", TINY, form, parts))
    exports.deliver_past(BUSY_TOPIC)
    take(exports.root, folder)
    for hour in range(6):  # enough for a record to be deleted, to return and to be changed in several files
        exports.deliver_hour(hour, BUSY_TOPIC)
        if hour % 2:
            take(exports.root, folder)
    return Taken(exports, PLAIN.answer(folder), replayed(exports, BUSY_TOPIC, folder))


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taken]:
    yield _taken(tmp_path_factory.mktemp("csv"), "csv", 1)


def _count(answer: Answer, query: str) -> int:
    with duckdb.connect(str(answer.database), read_only=True) as connection:
        return connection.execute(f"select count(*) from ({query})").fetchone()[0]


def _with(answer: Answer, folder: Path, statement: str) -> Answer:
    """A copy of the replay's answer with something done to it."""
    copy = folder / "wrong.duckdb"
    shutil.copy(answer.database, copy)
    with duckdb.connect(str(copy)) as connection:
        assert connection.execute(statement).fetchone() == (1,)
    return replace(answer, database=copy)


def test_the_plain_sql_says_what_the_replay_says(taken):
    assert judge(taken.replayed, taken.plain).is_right


def test_the_work_has_every_kind_of_version_and_deletions(taken):
    kinds = _count(taken.plain, f"select distinct change_type from ({taken.plain.history})")
    assert kinds == 4
    assert _count(taken.plain, f"from ({taken.plain.history}) where is_deleted") > 0
    assert _count(taken.plain, f"from ({taken.plain.history}) where version_number > 3") > 0
    closed = f"select id from ({taken.plain.history}) group by id having bool_and(not is_current)"
    assert _count(taken.plain, closed) > 20


def test_files_cut_into_ten_say_what_the_replay_says(tmp_path):
    cut = _taken(tmp_path, "csv", 10)
    assert len(list(cut.exports.folder().iterdir())) == 1 + 3 * 10 + 6
    assert judge(cut.replayed, cut.plain).is_right


def test_parquet_says_what_csv_says(taken, tmp_path):
    exports = Exports(tmp_path / "exports", Pool(tmp_path / "pool", TINY, "parquet"))
    exports.deliver_past(BUSY_TOPIC)
    for hour in range(6):
        exports.deliver_hour(hour, BUSY_TOPIC)
    take(exports.root, tmp_path)
    assert judge(taken.replayed, PLAIN.answer(tmp_path)).is_right


def test_the_same_arguments_give_the_same_bytes(taken, tmp_path):
    again = Pool(tmp_path, TINY)
    for path in [*again.past(BUSY_TOPIC), again.hour(BUSY_TOPIC, 0)]:
        before = taken.exports.folder() / path.name
        assert path.read_bytes() == before.read_bytes()
        assert path.stat().st_mtime == before.stat().st_mtime


_FIRST = "(select min(id) from current_rows where entry_notes is null)"
_CLOSED = "(select (min(id), 1) from history_rows where version_number = 1 and not is_current)"
_WRONGS = {
    "a row lacks": (f"delete from current_rows where id = {_FIRST}", (1, 0), (0, 0)),
    "a row is there twice": (f"insert into current_rows from current_rows where id = {_FIRST}", (0, 1), (0, 0)),
    "a null has become an empty text": (f"update current_rows set entry_notes = '' where id = {_FIRST}", (1, 1), (0, 0)),
    "a version ends a millisecond late": (
        f"update history_rows set valid_to = valid_to + interval 1 millisecond where (id, version_number) = {_CLOSED}", (0, 0), (1, 1)
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", _WRONGS)
def test_the_checker_notices(taken, tmp_path, wrong):
    statement, current, history = _WRONGS[wrong]
    verdict = judge(taken.replayed, _with(taken.replayed, tmp_path, statement))
    assert (verdict.current, verdict.history, verdict.is_right) == (current, history, False)
