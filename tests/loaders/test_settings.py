"""Settings: where they come from, and what is never shown of them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.errors import SettingsError
from loaders.settings import PROJECT, Settings, load_settings


def label(url: str | None) -> str:
    return Settings(Path("home"), url).source_label


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (None, "(none)"),
        ("sftp://user:secret@host:2222/root", "sftp://host:2222/root"),
        ("sftp://user@host/root", "sftp://host/root"),
        ("s3://bucket/exports?token=secret#secret", "s3://bucket/exports"),
        ("file:///srv/exports@prod", "file:///srv/exports@prod"),
        ("/srv/exports:old@prod", "/srv/exports:old@prod"),
    ],
)
def test_the_source_is_shown_without_user_password_and_query(url: str | None, shown: str):
    assert label(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "sftp://user:secret@[host/root",
        "sftp://user:secret@host:port/root",
        "sftp://user:12/secret@host/root",
        "sftp://user:12?secret@host/root",
        "sftp://user:12@secret/x@host/root",
        "user:secret@host/root",
        "user_1:secret@host/root",
        "simplecache::sftp://user:secret@host/root",
    ],
)
def test_a_url_that_hides_a_password_in_a_strange_place_is_not_shown_at_all(url: str):
    assert label(url) == "(a URL that cannot be read)"


@given(st.text(), st.text("abcXYZ0189/#?@:%[]", min_size=1).filter(lambda secret: len(secret) > 5), st.text())
def test_the_label_never_raises_and_never_leaks_a_password(before: str, password: str, after: str):
    assert isinstance(label(before), str)
    shown = label(f"sftp://user:q{password}q@host{after}")
    assert f"q{password}q" not in shown


@pytest.mark.parametrize("url", [None, "", "sftp://user:secret@[host/root", "sftp://user:secret@host:port/root"])
def test_a_url_that_is_missing_or_broken_is_refused_without_quoting_it(url: str | None):
    with pytest.raises(SettingsError, match="FORTRESS_EXPORTS_URL") as refusal:
        Settings(Path("home"), url).require_exports_url()
    assert "secret" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_secrets_are_kept_out_of_what_is_printed_of_settings():
    settings = load_settings({"FORTRESS_EXPORTS_URL": "sftp://user:secret@host/root", "FORTRESS_SSH_PASSWORD": "secret"}, dotenv=None)
    assert "secret" not in repr(settings)


def test_the_real_environment_wins_over_the_file_and_an_empty_value_is_none(tmp_path: Path):
    dotenv = tmp_path / ".env"
    dotenv.write_text("FORTRESS_EXPORTS_URL=file:///from/the/file\nFORTRESS_HOME=\nFORTRESS_ORGANIZATION_ID='acme'\n")
    settings = load_settings({"FORTRESS_EXPORTS_URL": "file:///from/the/environment", "FORTRESS_ORGANIZATION_ID": ""}, dotenv)
    assert settings.exports_url == "file:///from/the/environment"
    assert settings.organization_id == "acme"
    assert settings.home == PROJECT / "warehouse"


def test_a_home_is_absolute_wherever_it_was_named_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert load_settings({"FORTRESS_HOME": "mine"}, dotenv=None).home == tmp_path / "mine"
    assert load_settings({"FORTRESS_HOME": "~/mine"}, dotenv=None).home == Path.home() / "mine"
