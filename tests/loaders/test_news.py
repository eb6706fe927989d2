"""What a build has to do for what was loaded."""

import pytest

from loaders import news
from loaders.news import find_news
from loaders.warehouse import open_build
from tests.loaders.conftest import Home


@pytest.mark.parametrize(("at_once", "expected"), [(3, (("units",), ())), (4, ((), ("units",)))])
def test_a_topic_with_very_many_new_rows_is_built_anew(
    home: Home, monkeypatch: pytest.MonkeyPatch, at_once: int, expected: tuple[tuple[str, ...], tuple[str, ...]]
):
    with open_build(home.settings.build) as connection:
        before = find_news(connection)
        for topic, file_id in before.newest.items():
            connection.execute("insert into raw._built values (?, ?, ?, now()::timestamp)", [topic, file_id, before.fingerprints[topic]])
    home.deliver("acme/units/20260601-010000000.csv", "OP,id\nI,a\nI,b\n")
    home.deliver("acme/units/20260601-020000000.csv", "OP,id\nU,a\nD,b\n")
    home.sync()
    monkeypatch.setattr(news, "ROWS_RESOLVED_AT_ONCE", at_once)
    with open_build(home.settings.build) as connection:
        found = find_news(connection)
    assert (found.rebuild, tuple(topic for topic in found.topics if topic != news.LEDGER)) == expected
