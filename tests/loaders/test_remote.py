"""Listing and connecting: a real SFTP server on loopback, real folders, real keys."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import asyncssh
import fsspec
import pytest
from sshfs import SSHFileSystem

from loaders import ssh
from loaders.errors import AccessRefused, HostKeyRefused, LoaderError, NothingThere, ServerUnreachable, SettingsError, Vanished
from loaders.limits import Limits
from loaders.remote import Listing, open_remote
from loaders.settings import Settings
from loaders.sftp_server import ServerInfo, serve

Write = Callable[..., Path]
SECRET = "pa55-w0rd/@#"


def exports_of(settings: Settings) -> Listing:
    with open_remote(settings) as remote:
        return remote.list_exports()


def places(listing: Listing) -> list[tuple[str, str, str]]:
    return [(file.organization_id, file.topic, file.name.file_name) for file in listing.files]


# --- listing


@pytest.mark.parametrize("source", ["over_sftp", "locally"])
def test_exports_are_listed_by_organization_topic_and_name(source: str, write: Write, request: pytest.FixtureRequest):
    write("beta/public/exported_Units/LOAD.parquet")
    write("acme/public/exported_WorkOrders/20260101-000000000.csv")
    write("acme/public/exported_WorkOrders/LOAD.csv")
    listing = exports_of(request.getfixturevalue(source))
    assert places(listing) == [
        ("acme", "workorders", "20260101-000000000.csv"),
        ("acme", "workorders", "LOAD.csv"),
        ("beta", "units", "LOAD.parquet"),
    ]
    assert listing.ignored == ()


def test_times_are_whole_seconds_over_sftp_and_microseconds_locally(write: Write, over_sftp: Settings, locally: Settings):
    file = write("acme/public/exported_units/LOAD.csv", b"id\n12\n")
    os.utime(file, ns=(0, 1_767_225_600_123_456_000))
    assert [(f.size, f.modified_at) for f in exports_of(over_sftp).files] == [(6, datetime(2026, 1, 1, tzinfo=UTC))]
    assert [f.modified_at for f in exports_of(locally).files] == [datetime(2026, 1, 1, 0, 0, 0, 123456, UTC)]


@pytest.mark.parametrize("source", ["over_sftp", "locally"])
def test_ignored_names_are_reported_once_and_never_followed(
    source: str, write: Write, exports: Path, tmp_path: Path, request: pytest.FixtureRequest
):
    good = write("acme/public/exported_units/LOAD.csv")
    bad = ["notes.txt", "LOAD.csv.part", "LOAD\x1b[2J.csv", "٢٠٢٦٠١٠١-٠٠٠٠٠٠٠٠٠.csv", "LOAD" + "0" * 200 + ".csv"]
    for name in bad:
        (good.parent / name).write_bytes(b"x")
    (good.parent / "20260101-000000000.csv").mkdir()
    (good.parent / "20260102-000000000.csv").symlink_to(good)
    (exports / "evil").symlink_to(tmp_path)
    for path in ("acme/private/exported_units", "acme/public/units", ".git/public/exported_units"):
        write(f"{path}/LOAD.csv")
    listing = exports_of(request.getfixturevalue(source))
    folders = ["/evil", "/.git", "/acme/private", "/acme/public/units"]
    files = [f"/acme/public/exported_units/{name}" for name in [*bad, "20260101-000000000.csv", "20260102-000000000.csv"]]
    assert places(listing) == [("acme", "units", "LOAD.csv")]
    assert len(listing.ignored) == len(folders + files)
    for path in folders + files:
        assert sum(shown.endswith(path.replace("\x1b", "\\x1b")) for shown in listing.ignored) == 1


def test_of_two_folders_of_one_topic_only_the_first_counts(write: Write, locally: Settings):
    """They would replace each other's files in every run."""
    write("acme/public/exported_Units/LOAD.csv")
    second = write("acme/public/exported_units/LOAD.csv")
    listing = exports_of(locally)
    assert [Path(file.path).parent.name for file in listing.files] == ["exported_Units"]
    assert listing.ignored == (str(second.parent),)


def test_a_name_that_is_no_utf8_is_ignored_and_does_not_fail_the_listing(write: Write, over_sftp: Settings):
    topic = write("acme/public/exported_units/LOAD.csv").parent
    (Path(os.fsdecode(bytes(topic) + b"/\xff\xfe.csv"))).write_bytes(b"x")
    listing = exports_of(over_sftp)
    assert len(listing.files) == 1
    assert listing.ignored == ("/acme/public/exported_units/\\udcff\\udcfe.csv",)


@pytest.mark.parametrize("source", ["over_sftp", "locally"])
def test_a_root_that_is_itself_one_organization(source: str, write: Write, request: pytest.FixtureRequest):
    write("acme/public/exported_units/LOAD.csv")
    settings = request.getfixturevalue(source)
    listing = exports_of(replace(settings, exports_url=settings.exports_url.rstrip("/") + "/acme"))
    assert places(listing) == [("acme", "units", "LOAD.csv")]


def test_a_nameless_root_takes_its_organization_from_the_settings(write: Write, over_sftp: Settings):
    write("public/exported_units/LOAD.csv")
    with pytest.raises(SettingsError, match="FORTRESS_ORGANIZATION_ID"):
        exports_of(over_sftp)
    assert places(exports_of(replace(over_sftp, organization_id="acme"))) == [("acme", "units", "LOAD.csv")]


def test_an_organization_may_be_called_public(write: Write, locally: Settings):
    write("public/public/exported_units/LOAD.csv")
    assert places(exports_of(locally)) == [("public", "units", "LOAD.csv")]


@pytest.mark.parametrize("source", ["over_sftp", "locally"])
def test_a_missing_root_and_one_without_exports_say_what_was_looked_for(source: str, write: Write, request: pytest.FixtureRequest):
    settings = request.getfixturevalue(source)
    write("acme/elsewhere/LOAD.csv")
    for url in (settings.exports_url, settings.exports_url.rstrip("/") + "/nowhere"):
        with pytest.raises(NothingThere, match=r"exported_\{topic\}"):
            exports_of(replace(settings, exports_url=url))


def test_an_empty_topic_folder_is_an_empty_listing(exports: Path, locally: Settings):
    (exports / "acme/public/exported_units").mkdir(parents=True)
    assert exports_of(locally) == Listing((), ())


def test_other_fsspec_urls_work(locally: Settings):
    fsspec.filesystem("memory").pipe("/shop/acme/public/exported_units/LOAD.csv", b"id\n1\n")
    assert places(exports_of(replace(locally, exports_url="memory://shop"))) == [("acme", "units", "LOAD.csv")]


def test_a_missing_package_is_named(locally: Settings):
    with pytest.raises(SettingsError, match="s3fs"):
        exports_of(replace(locally, exports_url="s3://bucket/exports"))


def test_a_file_that_went_away_has_vanished(write: Write, over_sftp: Settings, locally: Settings, tmp_path: Path):
    path = write("acme/public/exported_units/LOAD.csv")
    for settings in (over_sftp, locally):
        path.write_bytes(b"x")
        with open_remote(settings) as remote:
            file = remote.list_exports().files[0]
            path.unlink()
            (now,) = remote.stat([file])
            (received,) = remote.download([(file, tmp_path / settings.exports_url.partition(":")[0])])
        assert isinstance(now, Vanished) and isinstance(received, Vanished)


@pytest.mark.parametrize("source", ["over_sftp", "locally"])
def test_a_file_that_became_a_link_is_no_file_any_more(source: str, write: Write, request: pytest.FixtureRequest):
    path = write("acme/public/exported_units/LOAD.csv")
    with open_remote(request.getfixturevalue(source)) as remote:
        file = remote.list_exports().files[0]
        path.rename(path.with_name("elsewhere"))
        path.symlink_to(path.with_name("elsewhere"))
        (now,) = remote.stat([file])
    assert isinstance(now, Vanished)


# --- host keys


def test_an_unknown_host_key_is_refused_with_the_one_command_that_pins_it(over_sftp: Settings, server: ServerInfo, write: Write):
    write("acme/public/exported_units/LOAD.csv")
    fingerprint = asyncssh.read_public_key(server.host_key_path.with_suffix(".pub")).get_fingerprint()
    settings = replace(over_sftp, known_hosts=server.known_hosts.with_name("not there yet"))
    with pytest.raises(HostKeyRefused, match="unknown host") as refused:
        exports_of(settings)
    assert fingerprint in str(refused.value)
    command = str(refused.value).rpartition("with the vendor: ")[2]
    assert command == f"ssh-keyscan -p {server.port} {server.host} >> '{settings.known_hosts}'"
    if shutil.which("ssh-keyscan"):
        subprocess.run(command, shell=True, check=True, capture_output=True)
        assert len(exports_of(settings).files) == 1


def test_an_empty_known_hosts_file_does_not_fall_back_to_the_users_own(
    over_sftp: Settings, server: ServerInfo, tmp_path: Path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/known_hosts").write_text(server.known_hosts.read_text())
    server.known_hosts.write_text("")
    with pytest.raises(HostKeyRefused, match="unknown host"):
        exports_of(over_sftp)


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256"])
def test_a_changed_host_key_is_refused_and_nobody_is_told_to_pin_it_again(kind: str, over_sftp: Settings, server: ServerInfo):
    other = asyncssh.generate_private_key(kind).export_public_key().decode()
    server.known_hosts.write_text(f"[{server.host}]:{server.port} {other}")
    with pytest.raises(HostKeyRefused, match="changed host key") as refused:
        exports_of(over_sftp)
    presented = asyncssh.read_public_key(server.host_key_path.with_suffix(".pub"))
    for key in (asyncssh.import_public_key(other), presented):
        assert key.get_fingerprint() in str(refused.value)
    assert "ssh-keyscan" not in str(refused.value)


def test_a_server_with_several_host_keys_is_asked_for_the_pinned_one(over_sftp: Settings, server: ServerInfo):
    """Also with a key of another kind pinned beside it, that the server has no more."""
    other = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode()
    server.known_hosts.write_text(f"[{server.host}]:{server.port} {other}{server.known_hosts.read_text()}")
    with pytest.raises(NothingThere):
        exports_of(over_sftp)


def test_a_revoked_host_key_is_refused(over_sftp: Settings, server: ServerInfo):
    server.known_hosts.write_text(f"@revoked {server.known_hosts.read_text()}")
    with pytest.raises(HostKeyRefused, match="revoked"):
        exports_of(over_sftp)


def test_host_key_checking_is_on_although_sshfs_turns_it_off(over_sftp: Settings, server: ServerInfo):
    careless = SSHFileSystem(
        server.host, port=server.port, username="fortress", client_keys=[str(server.client_key)], config=None, skip_instance_cache=True
    )
    assert careless.ls("/") == []  # sshfs by itself trusts anybody
    server.known_hosts.write_text("")
    with pytest.raises(HostKeyRefused):
        exports_of(over_sftp)
    with pytest.raises(TypeError, match="known_hosts"):
        ssh.PinnedSFTP(server.host)  # type: ignore[call-arg]


def test_a_connection_is_never_shared_between_settings(over_sftp: Settings, server: ServerInfo, write: Write):
    write("acme/public/exported_units/LOAD.csv")
    with open_remote(over_sftp):
        server.known_hosts.write_text("")
        with pytest.raises(HostKeyRefused):
            exports_of(over_sftp)


# --- credentials


def test_a_wrong_client_key_is_refused(over_sftp: Settings, tmp_path: Path):
    stranger = tmp_path / "stranger"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(stranger)
    stranger.chmod(0o600)
    with pytest.raises(AccessRefused):
        exports_of(replace(over_sftp, ssh_key=stranger))


def test_a_key_that_cannot_be_used_names_its_variable(over_sftp: Settings, server: ServerInfo, tmp_path: Path):
    public, encrypted, readable = server.client_key.with_suffix(".pub"), tmp_path / "encrypted", tmp_path / "readable"
    public.chmod(0o600)
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(encrypted, "pkcs8-pem", passphrase="unknown")
    encrypted.chmod(0o600)
    shutil.copy(server.client_key, readable)
    readable.chmod(0o644)
    for path, hint in ((tmp_path / "none", "No such file"), (public, "private key"), (encrypted, "passphrase"), (readable, "chmod 600")):
        with pytest.raises(SettingsError, match="FORTRESS_SSH_KEY") as refused:
            exports_of(replace(over_sftp, ssh_key=path))
        assert hint in str(refused.value)


def attempt(settings: Settings) -> LoaderError:
    with pytest.raises(LoaderError) as failed:
        exports_of(settings)
    return failed.value


def test_no_secret_is_in_any_error_message(over_sftp: Settings, server: ServerInfo, tmp_path: Path):
    quoted = SECRET.replace("/", "%2F").replace("@", "%40").replace("#", "%23")
    base = replace(over_sftp, ssh_key=None, ssh_password=None)
    errors = [
        attempt(replace(base, ssh_password=SECRET)),
        attempt(replace(base, exports_url=server.url.replace("fortress@", f"fortress:{quoted}@"))),
        attempt(replace(base, exports_url=server.url.replace("fortress@", f"fortress:{SECRET}@"))),
        attempt(replace(base, exports_url=f"sftp://fortress:22/{SECRET}@127.0.0.1/")),
        attempt(replace(base, exports_url=f"sftp://fortress:4711?{SECRET}@127.0.0.1/")),
        attempt(replace(base, exports_url=server.url.replace("fortress@", f"fortress:{quoted}@"), known_hosts=tmp_path / "none")),
        attempt(replace(base, exports_url=f"sftp://fortress:{quoted}@127.0.0.1:1/")),
        attempt(replace(base, exports_url=f"nonsense://fortress:{quoted}@127.0.0.1/?token={quoted}")),
        attempt(replace(base, exports_url=f"s3://fortress:{SECRET}@bucket/")),
    ]
    for error in errors:
        whole = "".join(traceback.format_exception(error))
        assert not any(part in whole for part in (SECRET, quoted, "pa55", "4711"))


# --- a server that is not well


def test_nobody_listening_is_unreachable(over_sftp: Settings):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(ServerUnreachable):
        exports_of(replace(over_sftp, exports_url=f"sftp://x@127.0.0.1:{port}/"))


def test_a_server_that_accepts_and_says_nothing_is_given_up(over_sftp: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ssh, "CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(ServerUnreachable):
        exports_of(replace(over_sftp, exports_url=f"sftp://x@127.0.0.1:{mute.getsockname()[1]}/"))


def test_a_server_that_stalls_in_the_middle_is_given_up(over_sftp: Settings, exports: Path, write: Write, tmp_path: Path):
    """Opening a pipe that nobody writes to blocks the server's only thread: it stalls for real."""
    file = write("acme/public/exported_units/LOAD.csv")
    os.mkfifo(exports / "pipe")
    with open_remote(replace(over_sftp, limits=Limits(silence=0.3))) as remote:
        listed = remote.list_exports().files[0]
        (outcome,) = remote.download([(replace(listed, path="/pipe"), tmp_path / "target")])
        assert isinstance(outcome, ServerUnreachable) and "no answer in time" in str(outcome)
        (exports / "pipe").write_bytes(b"")  # lets the server go on
    assert file.exists()


def test_the_server_refuses_to_write_and_to_leave_its_folder(server: ServerInfo, exports: Path, tmp_path: Path):
    (tmp_path / "outside").write_bytes(b"secret")
    (exports / "link").symlink_to(tmp_path / "outside")
    keys = {"client_keys": [str(server.client_key)], "known_hosts": str(server.known_hosts)}
    fs = SSHFileSystem(server.host, port=server.port, username="fortress", config=None, skip_instance_cache=True, **keys)
    for write_something in (
        lambda: fs.open("/new", "wb"),
        lambda: fs.rm_file("/link"),
        lambda: fs.mkdir("/folder"),
        lambda: fs.mv("/link", "/b"),
    ):
        with pytest.raises((OSError, asyncssh.Error)):
            write_something()
    for outside in ("/link", "/../outside"):
        with pytest.raises((OSError, asyncssh.Error)):
            fs.cat_file(outside)
    assert [path.name for path in exports.iterdir()] == ["link"]


def test_the_server_keeps_its_keys(exports: Path, tmp_path: Path):
    with serve(exports, tmp_path / "keys") as first:
        kept = first.host_key_path.read_bytes(), first.client_key.read_bytes()
    with serve(exports, tmp_path / "keys") as second:
        assert (second.host_key_path.read_bytes(), second.client_key.read_bytes()) == kept
    assert second.client_key.stat().st_mode & 0o777 == 0o600
    assert not any(thread.name == "sftp-server" for thread in threading.enumerate())


def test_a_local_folder_does_not_pay_for_ssh(locally: Settings, write: Write):
    write("acme/public/exported_units/LOAD.csv")
    code = (
        "import sys; from pathlib import Path; from loaders.remote import open_remote; from loaders.settings import Settings\n"
        f"with open_remote(Settings(Path('.'), {locally.exports_url!r})) as r: assert r.list_exports().files\n"
        "assert 'asyncssh' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
