"""What a sync leaves on the server is in ``status``, with the reason and what to do, until it lies there no more."""

import json
from collections.abc import Callable

import pytest

from loaders.errors import ReadFailed
from loaders.left_behind import remember_left
from loaders.remote import open_remote
from loaders.warehouse import open_build
from tests.loaders.conftest import Home
from tests.loaders.test_cli import CHANGE, GOOD, Done, at_home, loaders, project
from tests.loaders.test_metrics import key, samples

__all__ = ["at_home", "loaders", "project"]  # fixtures

LARGE = "acme/units/20260101-090000000.csv"


@pytest.fixture
def delivered(home: Home) -> Home:
    home.deliver(CHANGE, GOOD)
    home.deliver(LARGE, GOOD + "U,2,B\n" * 50)
    return home


def test_a_file_beyond_a_limit_is_in_the_status_until_the_limit_lets_it_in(at_home: Callable[..., Done], delivered: Home):
    assert at_home("sync", FORTRESS_MAX_FILE_BYTES="100").returncode == 3
    done = at_home("status")
    assert done.returncode == 3
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("left until somebody acts"))
    assert "314 bytes are more than one file may have (100): if that is right, set FORTRESS_MAX_FILE_BYTES" in line
    (first,) = json.loads(at_home("status", "--json").stdout)["left"]
    assert (first["file"], first["organization_id"], first["topic"], first["error"]) == (LARGE, "acme", "units", "TooMuchAsked")
    at_home("sync", FORTRESS_MAX_FILE_BYTES="100")
    done = at_home("status", "--openmetrics")
    assert samples(done.stdout)[key("left_files", needs="somebody")] == 1
    assert json.loads(at_home("status", "--json").stdout)["left"] == [first]  # since when it lies there, not since the last look
    assert at_home("sync").returncode == 0
    done = at_home("status")
    assert done.returncode == 0 and "left" not in done.stdout


def test_what_is_tried_again_by_itself_is_shown_and_asks_for_nobody(at_home: Callable[..., Done], delivered: Home):
    with open_remote(delivered.settings) as remote:
        files = remote.list_exports().files
    with open_build(delivered.settings.build) as connection:
        remember_left(connection, [(files[0], ReadFailed("the server had no mind to"))], [])
    done = at_home("status")
    assert done.returncode == 0
    assert f"left, and tried again by the next run: {CHANGE}: the server had no mind to" in done.stdout
    assert samples(at_home("status", "--openmetrics").stdout)[key("left_files", needs="nobody")] == 1


def test_a_folder_that_may_not_be_entered_is_in_the_status(at_home: Callable[..., Done], delivered: Home):
    """Where everything may be entered, as by root, the limit on names closes it."""
    at_home("sync", FORTRESS_MAX_NAMES="3")
    done = at_home("status")
    assert done.returncode == 3
    assert "set FORTRESS_MAX_NAMES to more" in done.stdout
