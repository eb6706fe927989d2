"""A server that means harm: the real one on loopback, made to lie, and the real command line against it.

What the names of an honest server may be is in test_names.py and test_remote.py; broken files are in test_readers.py.
"""

import itertools
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import duckdb
import pytest

from loaders import ssh
from loaders.errors import AccessRefused, AlgorithmsRefused, HostKeyRefused, LoaderError, ServerUnreachable, SettingsError
from loaders.limits import Limits, read_limits
from loaders.mirror import LeftForNextRun, mirror
from loaders.remote import open_remote
from loaders.settings import Settings
from loaders.sftp_server import ServerInfo
from tests import forked
from tests.loaders.hostile_server import Honest, Lies, entry, serve_hostile

PROJECT = Path(__file__).parents[2]
UNITS = b"/acme/public/exported_units"
GOOD = "id\n1\n"
UNSEEMLY = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")  # all controls but the line feed


@dataclass(frozen=True, slots=True)
class Victim:
    """A warehouse, and the folder from which the server that it reads takes what it does not make up."""

    home: Path
    exports: Path
    keys: Path

    def deliver(self, path: str, data: bytes | str = GOOD) -> Path:
        organization_id, topic, name = path.split("/")
        target = self.exports / organization_id / "public" / f"exported_{topic}" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data.encode() if isinstance(data, str) else data)
        return target

    def run(self, server: ServerInfo, *arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
        """The real command, in a process of its own; no output of it may hold what a terminal obeys."""
        own = {
            "FORTRESS_HOME": str(self.home),
            "FORTRESS_EXPORTS_URL": server.url,
            "FORTRESS_SSH_KEY": str(server.client_key),
            "FORTRESS_KNOWN_HOSTS": str(server.known_hosts),
        }
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FORTRESS_")} | own | variables
        done = forked.run(
            [sys.executable, "-m", "loaders", *arguments], cwd=PROJECT, env=environment, capture_output=True, timeout=900, check=False
        )
        assert not UNSEEMLY.search(done.stdout + done.stderr), done.stdout + done.stderr
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return done

    def loaded(self) -> list[tuple[str, str, str]]:
        with duckdb.connect(str(self.home / "build.duckdb"), read_only=True) as connection:
            query = "select organization_id, topic, file_name from raw._files where status = 'loaded' order by all"
            return connection.execute(query).fetchall()

    def landed(self) -> list[str]:
        return sorted(path.name for path in (self.home / "landing").rglob("*") if path.is_file() and not path.name.startswith("."))


@pytest.fixture
def victim(tmp_path: Path) -> Victim:
    (tmp_path / "exports").mkdir()
    return Victim(tmp_path / "home", tmp_path / "exports", tmp_path / "keys")


@contextmanager
def lying(victim: Victim, **lies: object) -> Iterator[ServerInfo]:
    """The victim's exports, served with ``names``, ``sizes`` or ``contents`` that are lies."""
    with serve_hostile(victim.exports, victim.keys, type("Liar", (Lies,), lies)) as server:
        yield server


def outside(victim: Victim) -> dict[str, tuple[int, int]]:
    """All that is on this disk around the warehouse and is not its own: size and time of each path."""
    above = victim.home.parent
    found = (path for path in above.rglob("*") if not path.is_relative_to(victim.home) and not path.is_relative_to(victim.keys))
    return {str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in found}


# --- names

WICKED = [
    b"..",
    b"../../../../../../tmp/owned.csv",
    b"/etc/passwd",
    b"/LOAD.csv",
    b"../LOAD.csv",
    b"a/../LOAD.csv",
    b"..\\..\\LOAD.csv",
    b"C:\\LOAD.csv",
    b"LOAD.csv\n",
    b"\nLOAD.csv",
    b"LOAD.csv\x00.txt",
    b"LOAD\r.csv",
    b"\x1b]0;owned\x07LOAD.csv",
    b"\x1b[2J\x1b[31mLOAD.csv",
    b"LOAD\xc2\x9b31m.csv",
    b"LOAD\xe2\x80\xaevsc.csv",
    b"\xff\xfe\xfd",
    b"LOAD.csv" + b"\xcc\x81" * 50,
    b"A" * 4096 + b".csv",
    b"LOAD" + b"0" * 4096 + b".csv",
    b"exported_" + b"a" * 4096,
    b"exported_../../x",
    b"exported_\x1b[31m",
    b"exported__files",
    b"",
    b" ",
    b".landing",
    b".decisions.jsonl",
    b"{{ env_var('HOME') }}.csv",
    b"$(touch owned).csv",
    b"'; drop table raw._files; --.csv",
]


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_name_leads_out_of_the_landing_folder_or_reaches_the_terminal(victim: Victim, form: str):
    """Every wicked name as a file and as a folder, on every level of the tree."""
    victim.deliver("acme/units/LOAD.csv")
    both = [(name, kind) for name in WICKED for kind in (stat.S_IFREG, stat.S_IFDIR)]
    levels = (b"/", b"/acme", b"/acme/public", UNITS)
    names = dict.fromkeys(levels, lambda: (entry(name, kind) for name, kind in both))
    before = outside(victim)
    contents = {UNITS + b"/" + name: lambda offset, size: b"id\n2\n"[offset:] for name in WICKED}
    with lying(victim, names=names, contents=contents) as server:
        done = victim.run(server, "sync", *(["--json"] if form == "json" else []))
    assert done.returncode == 0, done.stderr.decode()
    assert victim.loaded() == [("acme", "units", "LOAD.csv")]
    assert len(victim.landed()) == 1
    assert sorted(path.name for path in victim.home.iterdir()) == ["build.duckdb", "landing"]
    assert outside(victim) == before
    shown = json.loads(done.stdout)["plan"]["ignored"] if form == "json" else done.stdout.decode().splitlines()
    for fragment in (r"\x1b]0;owned\x07LOAD.csv", r"LOAD\x9b31m.csv", r"\udcff\udcfe\udcfd", r"LOAD\u202evsc.csv", "exported__files"):
        assert sum(fragment in line for line in shown) == len(levels)


def test_links_and_loops_are_not_followed(victim: Victim):
    """Links to a file of this machine, to a parent, and to themselves, on every level; and a folder that holds itself."""
    topic = victim.deliver("acme/units/LOAD.csv").parent
    (topic / "20260101-000000000.csv").symlink_to("/etc/passwd")
    (topic / "20260102-000000000.csv").symlink_to("20260102-000000000.csv")
    (topic.parent / "exported_leases").symlink_to("..")
    (victim.exports / "acme" / "private").symlink_to("public")
    (victim.exports / "loop").symlink_to(".")
    with lying(victim, names={b"/acme/public": lambda: iter([entry(b"public", stat.S_IFDIR)])}) as server:
        done = victim.run(server, "sync")
    assert done.returncode == 0
    assert victim.loaded() == [("acme", "units", "LOAD.csv")]
    for ignored in ("/loop", "/acme/private", "/exported_leases", "/20260101-000000000.csv", "/20260102-000000000.csv", "/public/public"):
        assert f"{ignored}\n" in done.stdout.decode()


def test_folders_named_like_files_and_files_named_like_folders_are_reported(victim: Victim):
    topic = victim.deliver("acme/units/LOAD.csv").parent
    (topic / "20260101-000000000.csv").mkdir()
    (topic.parent / "exported_leases").write_text(GOOD)
    (victim.exports / "beta").mkdir()
    (victim.exports / "beta" / "public").write_text(GOOD)
    (victim.exports / "gamma").write_text(GOOD)
    with serve_hostile(victim.exports, victim.keys) as server:
        done = victim.run(server, "sync")
    assert done.returncode == 0
    assert victim.loaded() == [("acme", "units", "LOAD.csv")]
    for ignored in ("/acme/public/exported_leases", "exported_units/20260101-000000000.csv", "/beta/public", "/gamma"):
        assert f"{ignored}\n" in done.stdout.decode()


def test_a_name_that_a_listing_holds_twice_counts_once(victim: Victim):
    victim.deliver("acme/units/LOAD.csv")
    twice = {
        UNITS: lambda: iter([entry(b"LOAD.csv"), entry(b"LOAD.csv", size=999)]),
        b"/acme/public": lambda: iter([entry(b"exported_units", stat.S_IFDIR)]),
        b"/": lambda: iter([entry(b"acme", stat.S_IFDIR)]),
    }
    with lying(victim, names=twice) as server:
        done = victim.run(server, "sync")
    assert done.returncode == 0
    assert victim.loaded() == [("acme", "units", "LOAD.csv")]
    assert b"not an export, left alone: /acme/public/exported_units/LOAD.csv\n" in done.stdout


def test_organizations_that_differ_in_case_are_two(victim: Victim):
    victim.deliver("acme/units/LOAD.csv", "id\n1\n")
    victim.deliver("ACME/units/LOAD.csv", "id\n2\n")
    with serve_hostile(victim.exports, victim.keys) as server:
        victim.run(server, "sync")
    assert victim.loaded() == [("ACME", "units", "LOAD.csv"), ("acme", "units", "LOAD.csv")]
    with duckdb.connect(str(victim.home / "build.duckdb"), read_only=True) as connection:
        rows = connection.execute("select _organization_id, id from raw.units order by all").fetchall()
    assert rows == [("ACME", "2"), ("acme", "1")]


@pytest.mark.parametrize(
    "topic", ["select", "exported_files", "files", "quarantine", "workorders_history", "information_schema", "main", "0"]
)
def test_a_topic_may_be_called_anything_that_the_grammar_allows(victim: Victim, topic: str, request: pytest.FixtureRequest):
    victim.deliver(f"acme/{topic}/LOAD.csv", "id,name\n1,a\n")
    settings = Settings(victim.home, victim.exports.as_uri())
    from tests.loaders.conftest import Home

    home = Home(settings, victim.exports)
    assert home.sync().attention == []
    assert home.ask(f'select id, name, _organization_id from raw."{topic}"') == [("1", "a", "acme")]
    assert home.ledger("topic, status") == [(topic, "loaded")]


def endless(name: Callable[[int], bytes]) -> Callable[[], Iterator[asyncssh.SFTPName]]:
    return lambda: (entry(name(number)) for number in itertools.count())


@pytest.mark.parametrize(
    "name", [lambda n: b"junk%d" % n, lambda n: b"2026%04d-%06d000.csv" % (101 + n % 28, n % 60)], ids=["junk", "exports"]
)
def test_a_listing_without_an_end_is_given_up_and_the_other_folders_are_read(victim: Victim, name: Callable[[int], bytes]):
    victim.deliver("acme/units/LOAD.csv")
    victim.deliver("beta/units/LOAD.csv")
    with lying(victim, names={UNITS: endless(name)}) as server:
        done = victim.run(server, "sync", FORTRESS_MAX_NAMES="5000")
    assert done.returncode == 3
    assert victim.loaded() == [("beta", "units", "LOAD.csv")]
    assert "exported_units: with this folder, the server lists more than 5,000 names" in done.stdout.decode()
    assert "set FORTRESS_MAX_NAMES to more" in done.stdout.decode()


def test_what_is_in_a_folder_that_was_not_looked_at_has_not_vanished(victim: Victim):
    victim.deliver("acme/units/LOAD.csv")
    with lying(victim) as server:
        victim.run(server, "sync")
    with lying(victim, names={UNITS: endless(lambda n: b"junk%d" % n)}) as server:
        done = victim.run(server, "sync", "--json", FORTRESS_MAX_NAMES="5000")
    assert json.loads(done.stdout)["plan"]["vanished"] == []
    with lying(victim) as server:
        assert victim.run(server, "sync").returncode == 0


def test_many_names_that_are_no_exports_are_reported_in_brief(victim: Victim):
    victim.deliver("acme/units/LOAD.csv")
    with lying(victim, names={UNITS: lambda: (entry(b"junk%d" % n) for n in range(3000))}) as server:
        done = victim.run(server, "sync")
    assert done.returncode == 0
    assert b"... and 2,000 names more" in done.stdout
    assert done.stdout.count(b"not an export") == 1001


def test_a_folder_that_may_not_be_entered_keeps_no_other_from_being_read(victim: Victim):
    victim.deliver("acme/units/LOAD.csv")
    victim.deliver("beta/units/LOAD.csv")

    class Closed(Honest):
        async def scandir(self, path: bytes):
            if path == UNITS:
                raise asyncssh.SFTPPermissionDenied("\x1b[31mno\nsynced: all is well")
            async for name in super().scandir(path):
                yield name

    with serve_hostile(victim.exports, victim.keys, Closed) as server:
        done = victim.run(server, "sync")
    assert done.returncode == 3
    assert victim.loaded() == [("beta", "units", "LOAD.csv")]
    assert r"not looked at: " in done.stdout.decode() and r"\x1b[31mno\nsynced: all is well" in done.stdout.decode()


# --- sizes and bytes


def from_nothing(offset: int, size: int) -> bytes:
    """A file without an end."""
    return b"1\n" * (size // 2) + b"1" * (size % 2)


def test_a_size_that_is_a_lie_leaves_the_file_and_loads_the_others(victim: Victim):
    """Fewer bytes than said, more, and for ever more."""
    for name in ("LOAD", "20260101-000000001", "20260101-000000002", "20260101-000000003"):
        victim.deliver(f"acme/units/{name}.csv", "id,OP\n1,I\n")
    few, many, endless_one = (UNITS + b"/20260101-00000000%d.csv" % number for number in (1, 2, 3))
    with lying(victim, sizes={few: 1000, many: 4, endless_one: 7}, contents={endless_one: from_nothing}) as server:
        done = victim.run(server, "sync")
    assert done.returncode == 75
    assert victim.loaded() == [("acme", "units", "LOAD.csv")]
    assert len(victim.landed()) == 1
    said = done.stdout.decode()
    assert "the server says that it has 1,000 bytes and hands over 10" in said
    assert "the server says that it has 4 bytes and hands over more" in said
    assert "the server says that it has 7 bytes and hands over more" in said


@pytest.mark.parametrize(
    ("size", "variables", "says"),
    [
        (60 * 10**9, {}, "more than one file may have (50,000,000,000): if that is right, set FORTRESS_MAX_FILE_BYTES"),
        (2**64 - 1, {}, "set FORTRESS_MAX_FILE_BYTES"),
        (200, {"FORTRESS_MAX_FILE_BYTES": "100"}, "200 bytes are more than one file may have (100)"),
        (200, {"FORTRESS_MAX_RUN_BYTES": "150"}, "more than this run may still take of its 150: run again, or set FORTRESS_MAX_RUN_BYTES"),
        (10**16, {"FORTRESS_MAX_FILE_BYTES": "100000TB"}, "do not fit on the disk of"),
    ],
)
def test_a_file_beyond_a_limit_is_refused_before_its_first_byte_and_the_others_go_on(
    victim: Victim, size: int, variables: dict[str, str], says: str
):
    for name in ("LOAD", "20260101-000000001", "20260101-000000002"):
        victim.deliver(f"acme/units/{name}.csv", "id,OP\n1,I\n")
    path, asked = UNITS + b"/20260101-000000001.csv", []

    def content(offset: int, wanted: int) -> bytes:
        asked.append(wanted)
        return b""

    with lying(victim, sizes={path: size}, contents={path: content}) as server:
        done = victim.run(server, "sync", **variables)
    assert done.returncode == 3
    assert says in done.stdout.decode()
    assert victim.loaded() == [("acme", "units", "20260101-000000002.csv"), ("acme", "units", "LOAD.csv")]
    assert len(victim.landed()) == 2
    assert asked == []


def test_what_a_run_may_take_no_more_the_next_ones_take(victim: Victim):
    for name in ("LOAD", "20260101-000000001", "20260101-000000002"):
        victim.deliver(f"acme/units/{name}.csv", "id,OP\n1,I\n")
    with serve_hostile(victim.exports, victim.keys) as server:
        codes = [victim.run(server, "sync", FORTRESS_MAX_RUN_BYTES="10").returncode for _ in range(3)]
    assert codes == [3, 3, 0]
    assert len(victim.loaded()) == 3


def left_by(server: ServerInfo, victim: Victim) -> list[LoaderError]:
    settings = Settings(victim.home, server.url, ssh_key=server.client_key, known_hosts=server.known_hosts)
    with open_remote(settings) as remote:
        outcomes = list(mirror(remote, remote.list_exports().files, settings.landing))
    return [one.reason for one in outcomes if isinstance(one, LeftForNextRun)]


def test_a_file_that_drips_is_given_up_and_the_others_go_on(victim: Victim, monkeypatch: pytest.MonkeyPatch):
    """It never stalls: each byte comes in time. The limit on the whole ends it."""
    monkeypatch.setattr(ssh, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(ssh, "SLOWEST_BYTES", 10**9)
    victim.deliver("acme/units/LOAD.csv")
    victim.deliver("acme/units/20260101-000000001.csv", "id,OP\n1,I\n" * 100_000)
    path = UNITS + b"/20260101-000000001.csv"
    with lying(victim, contents={path: lambda offset, size: b"i"}) as server:
        (reason,) = left_by(server, victim)
    assert "too slow" in str(reason)
    assert len(victim.landed()) == 1


def test_what_a_server_says_when_it_fails_is_shown_without_its_escapes(victim: Victim):
    victim.deliver("acme/units/LOAD.csv")

    class Rude(Honest):
        def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs):
            raise asyncssh.SFTPFailure("\x1b]0;owned\x07\x9b31m\nsynced: all is well")

    with serve_hostile(victim.exports, victim.keys, Rude) as server:
        done = victim.run(server, "sync")
    assert done.returncode == 75
    assert r"\x1b]0;owned\x07\x9b31m\nsynced: all is well" in done.stdout.decode()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FORTRESS_MAX_FILE_BYTES", "much"),
        ("FORTRESS_MAX_RUN_BYTES", "-1"),
        ("FORTRESS_MAX_FILE_ROWS", "1 Giga"),
        ("FORTRESS_MEMORY_LIMIT", "4"),
    ],
)
def test_a_limit_that_is_no_number_is_refused_by_its_name(variable: str, value: str):
    with pytest.raises(SettingsError, match=f"{variable}={value}"):
        read_limits({variable: value})


def test_limits_are_written_as_people_write_them():
    values = {"FORTRESS_MAX_FILE_BYTES": "1.5 GB", "FORTRESS_MAX_RUN_BYTES": "2TiB", "FORTRESS_MAX_FILE_ROWS": "1_000_000"}
    found = read_limits(values | {"FORTRESS_MEMORY_LIMIT": "800MB"})
    assert found == Limits(file_bytes=1_500_000_000, run_bytes=2 * 2**40, file_rows=1_000_000, memory="800MB")


# --- who the server is, and how it speaks


def attempt(victim: Victim, server: ServerInfo, **other: object) -> LoaderError:
    settings = {"ssh_key": server.client_key, "known_hosts": server.known_hosts, "exports_url": server.url} | other
    with pytest.raises(LoaderError) as refused, open_remote(Settings(victim.home, **settings)):  # type: ignore[arg-type]
        pass
    return refused.value


def hung_up_first(refused: LoaderError) -> bool:
    """Where two sides have nothing in common, which of them hangs up first is chance; a server that did has not said why."""
    return isinstance(refused, ServerUnreachable) and "only cryptography that is refused" in str(refused)


@pytest.mark.parametrize(
    "offer",
    [
        {"kex_algs": ["diffie-hellman-group14-sha1"]},
        {"kex_algs": ["diffie-hellman-group1-sha1"]},
        {"encryption_algs": ["3des-cbc"]},
        {"encryption_algs": ["arcfour"]},
        {"encryption_algs": ["aes256-cbc"]},
        {"encryption_algs": ["aes256-ctr"], "mac_algs": ["hmac-sha1", "hmac-md5", "umac-64@openssh.com"]},
    ],
    ids=lambda offer: ",".join(offer[next(reversed(offer))]),
)
def test_a_server_that_offers_only_weak_cryptography_is_refused_with_what_to_do(victim: Victim, offer: dict[str, list[str]]):
    with serve_hostile(victim.exports, victim.keys, **offer) as server:
        refused = attempt(victim, server)
    assert isinstance(refused, AlgorithmsRefused) or hung_up_first(refused)
    assert re.search("cryptography (that can be trusted|that is refused)", str(refused)) and "up to date" in str(refused)


def test_a_host_key_that_signs_with_sha1_alone_is_refused(victim: Victim):
    key = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    line = key.export_public_key().decode()
    with serve_hostile(victim.exports, victim.keys, server_host_keys=[key]) as server:
        server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {line}")
        with open_remote(Settings(victim.home, server.url, ssh_key=server.client_key, known_hosts=server.known_hosts)):
            pass  # the same key signs with SHA-2, too
    key.sig_algorithms = (b"ssh-rsa",)
    with serve_hostile(victim.exports, victim.keys, server_host_keys=[key]) as server:
        server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {line}")
        refused = attempt(victim, server)
    assert isinstance(refused, HostKeyRefused | AlgorithmsRefused) or hung_up_first(refused), refused


def test_a_server_that_wants_a_password_where_a_key_is_set_says_what_to_check(victim: Victim):
    class Passwords(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == ("fortress", "right")

    with serve_hostile(victim.exports, victim.keys, server_factory=Passwords, authorized_client_keys=None, public_key_auth=False) as server:
        key_alone, wrong = attempt(victim, server), attempt(victim, server, ssh_key=None, ssh_password="wr0ng")
        with open_remote(Settings(victim.home, server.url, ssh_password="right", known_hosts=server.known_hosts)):
            pass
    for refused in (key_alone, wrong):
        assert isinstance(refused, AccessRefused)
        assert "FORTRESS_SSH_PASSWORD" in str(refused) and "wr0ng" not in str(refused)


def test_a_wrong_user_is_refused_with_what_to_check(victim: Victim):
    class OneUser(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            self.username = username
            return True

        def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
            return username == "fortress"

        def public_key_auth_supported(self) -> bool:
            return True

    with serve_hostile(victim.exports, victim.keys, server_factory=OneUser, authorized_client_keys=None) as server:
        refused = attempt(victim, server, exports_url=server.url.replace("fortress@", "mallory@"))
        with open_remote(Settings(victim.home, server.url, ssh_key=server.client_key, known_hosts=server.known_hosts)):
            pass
    assert isinstance(refused, AccessRefused)
    assert "Check the user in FORTRESS_EXPORTS_URL" in str(refused)


def test_unknown_and_changed_host_keys_end_the_real_command_with_1_and_what_to_do(victim: Victim):
    victim.deliver("acme/units/LOAD.csv")
    with serve_hostile(victim.exports, victim.keys) as server:
        pinned = server.known_hosts.read_text()
        server.known_hosts.write_text("")
        unknown = victim.run(server, "sync")
        server.known_hosts.write_text(pinned.split()[0] + " " + asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode())
        changed = victim.run(server, "sync")
    assert (unknown.returncode, changed.returncode) == (1, 1)
    assert b"ssh-keyscan" in unknown.stderr and b"ssh-keyscan" not in changed.stderr
    assert b"ask the vendor whether the key was replaced" in changed.stderr
    assert not victim.home.exists()


def test_the_refusals_are_of_their_kinds(victim: Victim):
    with serve_hostile(victim.exports, victim.keys) as server:
        server.known_hosts.write_text("")
        assert isinstance(attempt(victim, server), HostKeyRefused)
