"""SFTP as we speak it: servers that answer in pieces, out of turn, too much, nonsense, or on one session only."""

import asyncio
import gc
import os
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.channels import Channels
from loaders.copying import Memory, copy
from loaders.errors import LoaderError, ReadFailed, SettingsError
from loaders.limits import Limits
from loaders.mirror import Landed, LeftForNextRun, mirror
from loaders.remote import open_remote
from loaders.settings import Settings, load_settings
from loaders.sftp import Channel, ChannelLost
from loaders.sftp_answers import Answer, BadAnswer
from loaders.sftp_server import ServerInfo
from tests.loaders.hostile_server import Honest, Lies, serve_hostile
from tests.loaders.test_hostile import UNITS, Victim

LARGE = os.urandom(3_000_000)
NAMES = [f"20260101-0000000{number:02}.csv" for number in range(40)]
STUCK = UNITS + b"/LOAD.csv"


@pytest.fixture
def victim(tmp_path: Path) -> Victim:
    """A large file between small ones."""
    (tmp_path / "exports").mkdir()
    victim = Victim(tmp_path / "home", tmp_path / "exports", tmp_path / "keys")
    for name in NAMES:
        victim.deliver(f"acme/units/{name}", name)
    victim.deliver("acme/units/LOAD.csv", LARGE)
    return victim


def settings_of(victim: Victim, server: ServerInfo) -> Settings:
    limits = Limits(silence=0.5)
    return Settings(victim.home, server.url, ssh_key=server.client_key, known_hosts=server.known_hosts, limits=limits)


def mirrored(settings: Settings) -> tuple[dict[str, bytes], list[LoaderError]]:
    """What landed, by its name at the vendor's; and why the others did not."""
    with open_remote(settings) as remote:
        outcomes = list(mirror(remote, remote.list_exports().files, settings.landing))
    landed = {one.file.name.file_name: one.path.read_bytes() for one in outcomes if isinstance(one, Landed)}
    return landed, [one.reason for one in outcomes if isinstance(one, LeftForNextRun)]


def delivered(victim: Victim) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in victim.exports.rglob("*.csv")}


# --- what a server may do


class InPieces(Honest):
    """Gives what it likes of what it is asked for, and takes its time with it: what is asked first may be answered last."""

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        await asyncio.sleep(offset % 7 / 200)
        return super().read(file_obj, offset, min(size, 100_000 + offset % 1000))  # type: ignore[arg-type]


def test_what_comes_in_pieces_and_out_of_turn_lands_whole_and_in_order(victim: Victim):
    with serve_hostile(victim.exports, victim.keys, InPieces) as server:
        assert mirrored(settings_of(victim, server)) == (delivered(victim), [])


def test_a_server_that_allows_one_session_only_is_asked_for_a_second_one_once_and_nothing_is_lost(victim: Victim):
    asked: list[str] = []

    class OneSession(asyncssh.SSHServer):
        def session_requested(self) -> object:
            asked.append("session")
            return len(asked) == 1 and asyncssh.stream.SSHServerStreamSession(
                None, lambda channel: Honest(victim.exports, channel), 3, False
            )

    with serve_hostile(victim.exports, victim.keys, server_factory=OneSession, sftp_factory=None, encoding=None) as server:
        assert mirrored(settings_of(victim, server)) == (delivered(victim), [])
    assert len(asked) == 2


def test_what_was_asked_ahead_and_is_never_looked_at_says_nothing_when_the_server_is_gone(caplog: pytest.LogCaptureFixture):
    async def ask_and_lose() -> None:
        channel = Channel(60)
        asked = [channel.ask_to_read(b"handle", place, 1) for place in range(100)]
        channel.connection_lost(None)
        with pytest.raises(ChannelLost):
            await asked[0]

    asyncio.run(ask_and_lose())
    gc.collect()
    assert caplog.records == []


def test_who_asks_just_after_the_connection_was_given_up_hears_of_the_server_and_not_of_a_file(victim: Victim):
    """asyncssh calls an aborted connection closed only some turns later. What was asked until then was left as one file that the server
    does not read, and a run over a dead line ended without a word of the line."""

    class Mute(asyncssh.SSHServer):
        async def session_requested(self) -> object:
            await asyncio.sleep(0.5)
            return False

    async def ask_as_it_is_given_up(where: ServerInfo) -> None:
        options = {"client_keys": [str(where.client_key)], "known_hosts": str(where.known_hosts), "config": None}
        async with asyncssh.connect(where.host, where.port, username="x", **options) as connection:
            channels = Channels(connection, max_channels=1)
            channels.silence = 0.2
            with pytest.raises(TimeoutError):
                await channels._ask_alone(lambda channel: channel.lstat("x"))
            for again in (channels._ask_alone, channels.ask):
                with pytest.raises(ConnectionError, match="no answer in time"):
                    await again(lambda channel: channel.lstat("x"))
        await asyncio.sleep(0.5)  # until the server is done, too

    with serve_hostile(victim.exports, victim.keys, server_factory=Mute, sftp_factory=None, encoding=None) as server:
        asyncio.run(ask_as_it_is_given_up(server))


def test_no_more_sessions_are_opened_than_the_setting_says(victim: Victim):
    sessions: list[object] = []

    class Counted(InPieces):
        def __init__(self, *arguments: object):
            super().__init__(*arguments)  # type: ignore[arg-type]
            sessions.append(self)

    with serve_hostile(victim.exports, victim.keys, Counted) as server:
        settings = settings_of(victim, server)
        assert mirrored(replace(settings, sftp_sessions=2)) == (delivered(victim), [])
        assert len(sessions) == 2
        assert mirrored(replace(settings, sftp_sessions=1, home=victim.home / "other")) == (delivered(victim), [])
    assert len(sessions) == 3


def test_a_server_far_away_is_asked_for_more_ahead_than_one_nearby():
    async def asked_for(seconds_away: float) -> int:
        channel = Channel(60)
        channel.block = 255 * 1024
        copying = asyncio.create_task(copy(channel, "LOAD.csv", 100_000_000, Memory()))
        await asyncio.sleep(seconds_away)
        channel.data_received(struct.pack(">IBIIB", 10, 102, 1, 1, 7), None)  # the file is open: its handle
        await asyncio.sleep(0.01)
        copying.cancel()
        return len(channel._asked) * channel.block

    near, far = (min(asyncio.run(asked_for(seconds)) for _ in range(3)) for seconds in (0, 0.05))
    assert 1_000_000 < near < far


# --- what it may not


def test_a_server_that_hangs_over_one_part_of_a_file_has_that_file_left_and_all_others_taken(victim: Victim):
    class OnePart(Honest):
        def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs):
            return path, super().open(path, pflags, attrs)

        async def read(self, file_obj: tuple, offset: int, size: int) -> bytes:
            if file_obj[0] == STUCK and offset <= 2_000_000 < offset + size:
                await asyncio.sleep(3600)
            return super().read(file_obj[1], offset, size)

        def close(self, file_obj: tuple) -> None:
            super().close(file_obj[1])

    with serve_hostile(victim.exports, victim.keys, OnePart) as server:
        landed, (reason,) = mirrored(settings_of(victim, server))
    assert isinstance(reason, ReadFailed) and "has sent nothing of this for 0.5 seconds, twice" in str(reason)
    assert landed == {name: data for name, data in delivered(victim).items() if name != "LOAD.csv"}
    assert not list(victim.home.rglob("*.part"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (lambda offset, size: LARGE[offset : min(offset + size, 2_000_000)], "has 3,000,000 bytes and hands over 2,000,000"),
        (lambda offset, size: (LARGE + LARGE)[offset : offset + size], "has 3,000,000 bytes and hands over more"),
        (lambda offset, size: LARGE[offset : offset + size] + b"!", "does not keep to SFTP: more bytes come than were asked for"),
    ],
)
def test_a_large_file_of_which_less_or_more_comes_than_the_server_says_is_left(
    victim: Victim, content: Callable[[int, int], bytes], says: str
):
    liar = type("Liar", (Lies,), {"contents": {STUCK: content}, "sizes": {STUCK: 3_000_000}})
    with serve_hostile(victim.exports, victim.keys, liar) as server:
        landed, (reason,) = mirrored(settings_of(victim, server))
    assert isinstance(reason, ReadFailed) and says in str(reason)
    assert len(landed) == len(NAMES)


GREETING = bytes.fromhex("00000005 02 00000003")
NONSENSE = {
    "a length beyond all bounds": GREETING + b"\xff\xff\xff\xff\x65",
    "a length that holds nothing": GREETING + b"\x00\x00\x00\x00",
    "an answer to no question": GREETING + bytes.fromhex("00000009 66 000000ff 00000000"),
    "an answer that ends too soon": GREETING + bytes.fromhex("00000009 66 00000001 00ffffff"),
    "another version": bytes.fromhex("00000005 02 00000006"),
    "a greeting that ends too soon": bytes.fromhex("00000009 02 00000003 000000ff"),
    "text": b"Welcome to ACME! This account is not available.\r\n",
    "nothing": b"",
}


@pytest.mark.parametrize("said", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_ends_in_an_error_of_ours_and_at_once(victim: Victim, said: bytes):
    def speak(stdin: asyncssh.SSHReader, stdout: asyncssh.SSHWriter, stderr: asyncssh.SSHWriter) -> None:
        stdout.write(said)
        if not said:
            stdout.channel.exit(0)

    speaker = serve_hostile(victim.exports, victim.keys, sftp_factory=None, session_factory=speak, encoding=None)
    with speaker as server, pytest.raises(LoaderError) as raised:
        mirrored(settings_of(victim, server))
    assert "no answer in time" not in str(raised.value)


@given(st.binary(max_size=200))
def test_whatever_bytes_an_answer_holds_they_are_taken_apart_or_refused(data: bytes):
    for question in (Answer.name, Answer.attributes, Answer.pairs, Answer.refusal, Answer.text):
        try:
            question(Answer(data))
        except BadAnswer as refused:
            assert "shorter than it says" in str(refused)


@pytest.mark.parametrize("value", ["0", "-1", "65", "many", "1.5"])
def test_a_number_of_sessions_that_is_none_is_refused_by_its_name(value: str):
    with pytest.raises(SettingsError, match=f"FORTRESS_SFTP_SESSIONS={value}"):
        load_settings({"FORTRESS_SFTP_SESSIONS": value}, None)
