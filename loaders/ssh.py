"""SFTP through sshfs, with the doors closed that sshfs leaves open.

sshfs sets ``known_hosts=None``, which turns host-key checking off; here the pinned keys are a required
argument. sshfs lets a server stall for ever; here every operation has a limit, renewed by progress (loaders/channels.py).
What asyncssh raises leaves as the OSError that fsspec's callers expect, or as one of loaders.errors where
only this module can say what to do next.
"""

import asyncio
import functools
import hashlib
import shlex
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from urllib.parse import unquote, urlsplit

import asyncssh
from fsspec.asyn import sync
from sshfs import SSHFileSystem

from loaders.channels import LARGE_WEIGHT, Channels
from loaders.copying import Memory, Part, copy
from loaders.errors import AccessRefused, AlgorithmsRefused, LandingRefused, ReadFailed, SettingsError
from loaders.host_keys import SSH_PORT, Address, Witness, algorithms, pinned_keys, refusal
from loaders.landing import Received, Wanted, write_part, writing
from loaders.limits import LARGE_FILE
from loaders.listing import description, list_folder
from loaders.loops import running_loop
from loaders.seam import shown
from loaders.settings import Settings

CONNECT_SECONDS = 20.0
LISTING_SECONDS = 1800.0  # how long one folder's listing may take, however much it moves
SLOWEST_BYTES = 10_000  # a second: a file that comes slower is given up, after
PATIENCE_SECONDS = 600.0

_LOST = (asyncssh.DisconnectError, asyncssh.ChannelOpenError)
_WINDOW = 16 << 20  # bytes that a channel takes without a word of ours; asyncssh's 2 MB are 50 MB a second at 40 ms
_PACKET = 128 << 10  # bytes; asyncssh's 32 KB make four times the packets, and each is Python's work
_OF_SHELLS = 2  # sessions that sshfs sets aside
_NO_SHA1_SIGNATURES = "-ssh-rsa"

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Server:
    """An ``sftp://`` URL taken apart; ``root`` is ``.`` (the login's folder) when the URL has no path."""

    host: str
    port: int
    user: str | None
    password: str | None = field(repr=False)
    root: str


def parse_url(url: str) -> Server:
    """The server that a URL names; SettingsError, which never quotes the URL, when it cannot be read.

    An ``@`` after the host means a password with an unescaped ``/``: the rest of it would pass for a path. What follows an unescaped
    ``?`` would be lost, be it the rest of a password or of a path.
    """
    parts = urlsplit(url, allow_fragments=False)
    try:
        port = parts.port or SSH_PORT
    except ValueError:
        port = 0
    if not parts.hostname or not port or "@" in parts.path or parts.query:
        raise SettingsError(
            "FORTRESS_EXPORTS_URL cannot be read as sftp://user@host:port/root. Percent-encode special characters (@ is %40, / is %2F, "
            "? is %3F), and give a password in FORTRESS_SSH_PASSWORD rather than in the URL."
        )
    user, password = (unquote(part) if part else None for part in (parts.username, parts.password))
    return Server(parts.hostname, port, user, password, unquote(parts.path) or ".")


def connect(settings: Settings, server: Server) -> "PinnedSFTP":
    """An open connection; HostKeyRefused, AccessRefused, SettingsError, or an OSError.

    ``~/.ssh/config`` is not read: what a run does depends on the environment variables alone.
    """
    where = Address(server.host, server.port, settings.known_hosts.expanduser())
    pinned, witness = pinned_keys(where.known_hosts), Witness()
    options = _credentials(settings, server) | ({"username": server.user} if server.user else {})
    options["server_host_key_algs"] = algorithms(where, pinned) or _NO_SHA1_SIGNATURES
    try:
        options |= {"silence": settings.limits.silence, "sessions": settings.sftp_sessions, "client_factory": lambda: witness}
        return PinnedSFTP(server.host, port=server.port, known_hosts=pinned, **options)
    except PermissionError as error:  # sshfs's translation of asyncssh's PermissionDenied
        raise AccessRefused(
            f"{server.host}:{server.port} refused the login ({shown(str(error))}). Check the user in FORTRESS_EXPORTS_URL, "
            "FORTRESS_SSH_KEY and FORTRESS_SSH_PASSWORD, and that the vendor has the public key."
        ) from error
    except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed) as error:
        if _nothing_in_common(error):
            raise AlgorithmsRefused(
                f"{server.host}:{server.port} offers no cryptography that can be trusted ({shown(error.reason)}). SHA-1, 3DES and the "
                "like are refused; have the vendor bring the server's SSH up to date."
            ) from error
        raise refusal(where, pinned, witness, shown(error.reason)) or _as_os_error(error) from error
    except asyncssh.ConnectionLost as error:
        raise ConnectionError(
            f"{shown(error.reason)} before the two sides had agreed on how to speak. If that stays so, the server may offer only "
            "cryptography that is refused: ask the vendor whether the server's SSH is up to date."
        ) from error
    except asyncssh.Error as error:
        raise _as_os_error(error) from error


def _nothing_in_common(error: asyncssh.DisconnectError) -> bool:
    """Whether the two sides share no way to agree on keys, to encrypt or to sign what is sent. Of host keys, others decide."""
    return isinstance(error, asyncssh.KeyExchangeFailed) and error.reason.startswith("No matching")


def _credentials(settings: Settings, server: Server) -> dict[str, Any]:
    """asyncssh's options for the credentials given; none given: the agent and ``~/.ssh``, as ssh does.

    Whatever is given is used alone, so that an agent full of other keys cannot exhaust the server's patience.
    """
    password = settings.ssh_password or server.password
    if settings.ssh_key is None and password is None:
        return {}
    keys = None if settings.ssh_key is None else [_read_key(settings.ssh_key.expanduser())]
    return {"client_keys": keys, "password": password, "agent_path": None}


def _read_key(path: Path) -> asyncssh.SSHKey:
    """The private key for logging in; SettingsError when it is missing, readable by others, or no usable key."""
    try:
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"FORTRESS_SSH_KEY={path} can be read by others than its owner: chmod 600 {shlex.quote(str(path))}")
        return asyncssh.read_private_key(path)
    except OSError as error:
        raise SettingsError(f"FORTRESS_SSH_KEY={path} cannot be read: {error.strerror}") from error
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise SettingsError(
            f"FORTRESS_SSH_KEY={path} is no private key that can be used as it is. If it has a passphrase, add it to ssh-agent "
            "and leave FORTRESS_SSH_KEY unset; else name the private key, not the .pub file."
        ) from error


def _as_os_error(error: Exception) -> OSError:
    """The OSError that says the same; the text is the server's, which never holds our secrets."""
    if isinstance(error, asyncssh.PermissionDenied):
        return PermissionError(str(error))
    return ConnectionError(str(error)) if isinstance(error, _LOST) else OSError(str(error))


def _raises_os_errors(operation: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Translate asyncssh's exceptions at the method that called it."""

    @functools.wraps(operation)
    async def translated(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await operation(*args, **kwargs)
        except asyncssh.Error as error:
            raise _as_os_error(error) from error

    return translated


class PinnedSFTP(SSHFileSystem):
    """sshfs with a checked host key, links reported as links, and limits on silence. Never shared between settings."""

    cachable = False
    loop = property(lambda self: running_loop())  # fsspec's would be asyncio's

    def __init__(
        self, host: str, *, known_hosts: asyncssh.SSHKnownHosts, silence: float = Channels.silence, sessions: int = 8, **options: Any
    ):
        """Connect at once; ``silence`` is the most seconds without a word, ``sessions`` how many to keep open, ``options`` asyncssh's."""
        super().__init__(
            host,
            known_hosts=known_hosts,  # left out, sshfs would accept any server
            config=None,
            connect_timeout=CONNECT_SECONDS,
            keepalive_interval=15,
            encryption_algs="^aes128-gcm@openssh.com",  # 1.5 times as fast as chacha20, asyncssh's first choice
            kex_algs="-*sha1",
            mac_algs="-hmac-sha1*,umac-64*",
            signature_algs=_NO_SHA1_SIGNATURES,
            pool_type=Channels,
            window=_WINDOW,
            max_pktsize=_PACKET,
            max_sessions=sessions + _OF_SHELLS,
            **options,
        )
        self._pool.silence = silence

        # Reads in flight when a connection is lost fail unheard, and asyncio would print each; whoever asked for the file is told.
        self.loop.call_soon_threadsafe(self.loop.set_exception_handler, lambda *_: None)

    def close(self) -> None:
        """Close the connection now; sshfs leaves it to the garbage collector. A lost connection is closed already."""
        with suppress(OSError, asyncssh.Error):
            sync(self.loop, self._close, timeout=5)

    async def _close(self) -> None:
        self._client.abort()  # reads still in flight fail at once instead of keeping their threads
        await self._stack.aclose()

    @_raises_os_errors
    async def _ls(self, path: str, detail: bool = True, at_most: int | None = None, **_: Any) -> list[Any]:
        async with _Limit(LISTING_SECONDS):
            entries = await self._pool.ask(lambda channel: list_folder(channel, path or ".", at_most))
        return entries if detail else [entry["name"] for entry in entries]

    @_raises_os_errors
    async def _info(self, path: str, **_: Any) -> dict[str, Any]:
        return description(path, await self._pool.ask(lambda channel: channel.lstat(path)))

    @_raises_os_errors
    async def _fetch(self, one: Wanted) -> Received | bytes:
        """A large file's bytes go to the disk as they come; a small one's are given, as that is another thread's work."""
        async with _Limit(PATIENCE_SECONDS + one.size / SLOWEST_BYTES):
            if one.size < LARGE_FILE:
                memory = Memory()
                await self._pool.ask(lambda channel: copy(channel, one.path, one.size, memory))
                return memory.data
            async with aclosing(Part(one.part, one.modified_at)) as part:
                await self._pool.ask(lambda channel: copy(channel, one.path, one.size, part), weight=LARGE_WEIGHT)
                return await part.complete()

    def fetch(self, wanted: Sequence[Wanted]) -> list[Received | BaseException]:
        """Copy files, all at once, and at most one byte more of each than its size: that tells that the file is growing, without
        following it. What failed is given, not raised."""
        given = sync(self.loop, _all, [self._fetch(one) for one in wanted])
        return [_written(one, data) if isinstance(data, bytes) else data for one, data in zip(wanted, given, strict=True)]

    def look_at(self, paths: Sequence[str]) -> list[dict[str, Any] | BaseException]:
        """What fsspec's ``info`` says, of many at once. What failed is given, not raised."""
        return sync(self.loop, _all, [self._info(path) for path in paths])


async def _all(jobs: Sequence[Awaitable[Any]]) -> list[Any]:
    return await asyncio.gather(*jobs, return_exceptions=True)


def _written(one: Wanted, data: bytes) -> Received | LandingRefused:
    try:
        with writing(one.part):
            write_part(one.part, data, one.modified_at)
    except LandingRefused as error:
        return error
    return Received(len(data), hashlib.sha256(data).hexdigest())


class _Limit:
    """A limit on the whole of an operation: ReadFailed then, as a server that drips need not be gone."""

    def __init__(self, seconds: float):
        self._seconds, self._whole = seconds, asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._whole.__aenter__()

    async def __aexit__(self, *raised: Any) -> None:
        try:
            await self._whole.__aexit__(*raised)
        except TimeoutError:
            raise ReadFailed(f"the server took more than {self._seconds:,.0f} seconds, which is too slow") from None
