"""What the API may answer, and what we make of it. Only GET ever leaves this machine, and the key goes nowhere else."""

from collections.abc import Callable

import pytest

from loaders.errors import AccessRefused, LoaderError, NotOffered, RateLimited, ReadFailed, RequestRefused, ServerUnreachable, SettingsError
from loaders.reconcile.client import Api
from loaders.reconcile.service import problem, written
from loaders.reconcile.settings import ApiSettings, load_api_settings
from loaders.settings import Settings
from loaders.summary import error_code
from loaders.web.service import Reply
from tests.odd_answers import HANG_UP
from tests.reconcile.conftest import BRISK, ORDERS, Compare, OddApi, ask, order

LIST, ONE = ("GET", r"/v1/workOrders"), ("GET", r"/v1/workOrders/.+")
HTML = Reply(502, b"<html><h1>Bad gateway</h1></html>", {"Content-Type": "text/html"})


@pytest.mark.parametrize(
    ("reply", "kind", "code", "says"),
    [
        (problem(400, "limit must be a number"), RequestRefused, 1, "Bad Request; limit must be a number"),
        (problem(401, "unknown key"), AccessRefused, 1, "the key is missing, wrong or expired: Unauthorized; unknown key"),
        (Reply(403), AccessRefused, 1, "gives no reason"),
        (problem(404, "no route"), NotOffered, 1, "has nothing there, or not for this key"),
        (Reply(429, b"slow down", {"Retry-After": "31536000"}), RateLimited, 75, "31,536,000 s"),
        (problem(500, "ouch"), ReadFailed, 75, "the service failed: Internal Server Error; ouch"),
        (HTML, ReadFailed, 75, "the service failed"),
        (
            Reply(200, b"<html>sign in</html>", {"Content-Type": "text/html"}),
            ReadFailed,
            75,
            "is not JSON (20 bytes, said to be text/html)",
        ),
        (Reply(200, b'[{"id": "w0'), ReadFailed, 75, "is not JSON"),
        (Reply(200, b'[{"id": NaN}]'), ReadFailed, 75, "is not JSON"),
        (Reply(200, b"[" * 100_000), ReadFailed, 75, "is not JSON"),
        (written({"id": "w000"}), ReadFailed, 75, "without a list"),
        (Reply(302, b"", {"Location": "https://elsewhere.invalid/"}), RequestRefused, 1, "correct FORTRESS_API_URL"),
        (HANG_UP, ServerUnreachable, 75, "RemoteProtocolError"),
    ],
)
def test_every_answer_has_a_name_a_message_and_an_exit_code(
    api: OddApi, client: Api, reply: Reply, kind: type[LoaderError], code: int, says: str
):
    api.plan(LIST, *[reply] * 9)
    with pytest.raises(kind) as raised:
        client.listed(ORDERS, {})
    assert says in str(raised.value) and "GET 127.0.0.1" in str(raised.value)
    assert error_code(raised.value) == code


def test_what_may_pass_by_itself_is_asked_again(api: OddApi, client: Api, slept: list[float]):
    api.plan(LIST, HTML, Reply(200, b'[{"id": "w0', cut=6), Reply(429, b"", {"Retry-After": "7"}), Reply(200, b"[{"))
    assert client.listed(ORDERS, {}).total == 40
    assert len(slept) == 4 and slept[2] >= 7


def test_no_redirect_takes_the_key_elsewhere(api: OddApi, client: Api):
    elsewhere = OddApi({})
    from loaders.reconcile.service import serve

    with serve(elsewhere) as url:
        api.plan(LIST, *[Reply(status, b"", {"Location": f"{url}{ORDERS}"}) for status in (301, 302, 307, 308)])
        for _ in range(4):
            with pytest.raises(RequestRefused):
                client.listed(ORDERS, {})
    assert elsewhere.calls == []


def test_a_key_that_is_sent_back_is_not_said(api: OddApi, client: Api, said: list[str]):
    api.plan(LIST, *[problem(500, f"the key {api.key} is odd")] * 9)
    with pytest.raises(ReadFailed) as raised:
        client.listed(ORDERS, {})
    assert "***" in str(raised.value) and api.key not in str(raised.value) + "".join(said) + repr(client._settings)


def test_nothing_but_get_is_ever_sent(api: OddApi, compare: Compare):
    api.records[ORDERS].append(order(70))
    compare(organizations=("acme",))
    compare("workorders")
    assert len(api.calls) > 50 and {call.method for call in api.calls} == {"GET"}
    assert {call.body for call in api.calls} == {b""}


def test_one_topics_trouble_does_not_keep_the_others_and_stands_in_the_table(api: OddApi, compare: Compare, settings: Settings):
    api.plan(LIST, *[Reply(403)] * 9)
    done = compare(organizations=("acme",))
    assert ([one.topic for one in done.topics], done.exit_code) == (["units"], 1)
    assert ask(settings, "select topic, verdict from audit.api_reconciliation where kind = 'topic' order by 1") == [
        ("units", "same"),
        ("workorders", "not_compared"),
    ]


def test_a_service_that_fails_in_the_middle_is_tried_again_by_the_next_command(api: OddApi, compare: Compare):
    api.plan(ONE, *[Reply(503)] * 9)
    done = compare(organizations=("acme",))
    assert ([one.topic for one in done.topics], done.exit_code) == (["units"], 75)
    assert compare(organizations=("acme",)).exit_code in (0, 75)


def test_a_refused_key_ends_all_at_once_and_writes_nothing(api: OddApi, settings: Settings, said: list[str]):
    from loaders.reconcile.workflow import Wanted, reconcile

    wrong = Api(ApiSettings(api.url, "another"), BRISK, said.append)
    with pytest.raises(AccessRefused, match="401"):
        reconcile(settings, wrong, Wanted(), said.append)
    assert len(api.calls) == 1 and ask(settings, "select count(*) from raw._api_reconciliation") == [(0,)]


def test_topics_without_a_counterpart_are_said_and_unknown_ones_refused(compare: Compare):
    assert compare("workorders", "balances", sample=0).without == ["balances"]
    with pytest.raises(SettingsError, match="no topic 'nonsense'"):
        compare("nonsense")
    with pytest.raises(SettingsError, match="nothing of the topic 'leases'"):
        compare("leases")
    with pytest.raises(SettingsError, match="nothing was ever delivered for the organization 'gamma'"):
        compare("workorders", organizations=("gamma",))


def test_a_build_that_is_behind_is_not_compared(compare: Compare, settings: Settings):
    import duckdb

    with duckdb.connect(str(settings.build)) as connection:
        connection.execute("delete from marts.units_changes where _file_id = (select max(_file_id) from marts.units_changes)")
    with pytest.raises(LoaderError, match="loaded but not built: units"):
        compare("units")


def test_records_with_odd_keys_and_another_records_answer(api: OddApi, everything: Callable[[], dict]):
    api.records[ORDERS] += [{"id": None}, {"id": ["x"]}, {"id": "\x1b[31m"}, {"nothing": 1}]  # type: ignore[list-item]
    api.habits.filters = False
    api.plan(("GET", r"/v1/workOrders/w005"), written(order(6)))
    api.plan(("GET", r"/v1/workOrders/w006"), written([order(6)]))
    found = everything()
    assert {key: one.verdict.value for key, one in found.items()} == {("w005", None): "unreadable_there"}


# --- settings


@pytest.mark.parametrize("url", ["http://api.example/v1", "https://me:pl4nted@api.example", "https://api.example/?key=pl4nted", "nonsense"])
def test_an_address_that_is_not_safe_is_refused_without_quoting_it(url: str):
    with pytest.raises(SettingsError, match="FORTRESS_API_URL") as raised:
        load_api_settings({"FORTRESS_API_URL": url, "FORTRESS_API_KEY": "k"}, dotenv=None)
    assert "pl4nted" not in str(raised.value)


def test_the_key_comes_from_the_environment_or_from_a_file_of_its_owners_alone(tmp_path):
    path = tmp_path / "key"
    path.write_text("from-a-file\n")
    path.chmod(0o600)
    assert load_api_settings({"FORTRESS_API_KEY_FILE": str(path)}, dotenv=None).key == "from-a-file"
    settings = load_api_settings({"FORTRESS_API_KEY": "pl4nted"}, dotenv=None)
    assert (settings.key, settings.url, "pl4nted" in repr(settings)) == ("pl4nted", "https://api.fortresstech.io/v1", False)
    path.chmod(0o644)
    for environ, says in (
        ({"FORTRESS_API_KEY_FILE": str(path)}, "chmod 600"),
        ({"FORTRESS_API_KEY_FILE": str(path), "FORTRESS_API_KEY": "x"}, "both set"),
        ({"FORTRESS_API_KEY": "pl4nted\nX-Evil: 1"}, "characters"),
        ({}, "there is no access"),
    ):
        with pytest.raises(SettingsError, match=says) as raised:
            load_api_settings(environ, dotenv=None)
        assert "pl4nted" not in str(raised.value)
