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
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from urllib.parse import unquote, urlsplit

import asyncssh
from fsspec.asyn import sync
from sshfs import SSHFileSystem

from loaders.channels import LARGE_WEIGHT, Channels
from loaders.copying import Part, copy_blocks, read_whole
from loaders.errors import AccessRefused, AlgorithmsRefused, ReadFailed, SettingsError
from loaders.host_keys import SSH_PORT, Address, Witness, algorithms, pinned_keys, refusal
from loaders.landing import Received, write_part
from loaders.seam import shown
from loaders.settings import Settings
from loaders.sftp import Channel
from loaders.sftp_answers import Attributes, EndOfFile

CONNECT_SECONDS = 20.0
LISTING_SECONDS = 1800.0  # how long one folder's listing may take, however much it moves
SLOWEST_BYTES = 10_000  # a second: a file that comes slower is given up, after
PATIENCE_SECONDS = 600.0

SMALL = 255 * 1024  # bytes: below that, one question brings a file, and many files are asked for together

_LOST = (asyncssh.DisconnectError, asyncssh.ChannelOpenError)
_KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}
_WINDOW = 16 << 20  # bytes that a channel takes without a word of ours; asyncssh's 2 MB are 50 MB a second at 40 ms
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

    An ``@`` after the host means a password with an unescaped ``/``: the rest of it would pass for a path.
    """
    parts = urlsplit(url, allow_fragments=False)
    try:
        port = parts.port or SSH_PORT
    except ValueError:
        port = 0
    if not parts.hostname or not port or "@" in parts.path:
        raise SettingsError(
            "FORTRESS_EXPORTS_URL cannot be read as sftp://user@host:port/root. Percent-encode special characters (@ is %40, / is %2F), "
            "and give a password in FORTRESS_SSH_PASSWORD rather than in the URL."
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
        options |= {"silence": settings.limits.silence, "client_factory": lambda: witness}
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

    def __init__(self, host: str, *, known_hosts: asyncssh.SSHKnownHosts, silence: float = Channels.silence, **options: Any):
        """Connect at once; ``silence`` is the most seconds without a word, ``options`` are asyncssh's."""
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
        """With ``at_most``, no more than one answer beyond that: a listing need not have an end."""

        async def listed(channel: Channel) -> list[dict[str, Any]]:
            entries: list[dict[str, Any]] = []
            handle = await channel.open_folder(path or ".")
            try:
                while at_most is None or len(entries) <= at_most:
                    entries += await _described(channel, path or ".", await channel.names(handle))
            except EndOfFile:
                pass
            finally:
                channel.close(handle)
            return entries

        async with _in_time(LISTING_SECONDS):
            entries = await self._pool.ask(listed)
        return entries if detail else [entry["name"] for entry in entries]

    @_raises_os_errors
    async def _info(self, path: str, **_: Any) -> dict[str, Any]:
        return _entry(path, await self._pool.ask(lambda channel: channel.lstat(path)))

    @_raises_os_errors
    async def _fetch(self, path: str, target: Path, size: int) -> Received:
        async with _in_time(PATIENCE_SECONDS + size / SLOWEST_BYTES):
            if size < SMALL:
                data = await self._pool.ask(lambda channel: read_whole(channel, path, size))
                write_part(target, data)
                return Received(len(data), hashlib.sha256(data).hexdigest())
            async with aclosing(Part(target)) as part:
                return await self._pool.ask(lambda channel: copy_blocks(channel, path, size, part), weight=LARGE_WEIGHT)

    def fetch(self, wanted: Sequence[tuple[str, Path, int]]) -> list[Received | BaseException]:
        """Copy files ``(path, new file, size)``, all at once, and at most ``size + 1`` bytes of each: the one too many tells that
        the file is growing, without following it. What failed is given, not raised."""
        return sync(self.loop, _all, [self._fetch(*one) for one in wanted])

    def look_at(self, paths: Sequence[str]) -> list[dict[str, Any] | BaseException]:
        """What fsspec's ``info`` says, of many at once. What failed is given, not raised."""
        return sync(self.loop, _all, [self._info(path) for path in paths])


async def _all(jobs: Sequence[Awaitable[Any]]) -> list[Any]:
    return await asyncio.gather(*jobs, return_exceptions=True)


@asynccontextmanager
async def _in_time(seconds: float) -> AsyncIterator[None]:
    """A limit on the whole of an operation: ReadFailed then, as a server that drips need not be gone."""
    try:
        async with asyncio.timeout(seconds) as whole:
            yield
    except TimeoutError:
        if whole.expired():
            raise ReadFailed(f"the server took more than {seconds:,.0f} seconds, which is too slow") from None
        raise


async def _described(channel: Channel, folder: str, names: Sequence[tuple[str, Attributes]]) -> list[dict[str, Any]]:
    """What a listing tells, and where it leaves something out, what a look at the name does."""
    entries = []
    for name, told in names:
        if name not in ("", ".", ".."):
            path = f"{folder.rstrip('/')}/{name}"
            attributes = told if told.are_complete else await _attributes(channel, path, told)
            entries += [_entry(path, attributes)] if attributes else []
    return entries


async def _attributes(channel: Channel, path: str, told: Attributes) -> Attributes | None:
    """What a listing left out; None for a name that is not there. One such name is not to hide the folder that it is listed in."""
    try:
        return await channel.lstat(path)
    except FileNotFoundError:
        return None
    except PermissionError:
        return told


def _entry(name: str, told: Attributes) -> dict[str, Any]:
    """fsspec's description of one file or folder; what is neither nor a link is ``other``."""
    kind = _KINDS.get(stat.S_IFMT(told.permissions or 0), "other")
    modified = None if told.modified is None else datetime.fromtimestamp(told.modified, UTC)
    return {"name": name, "size": told.size, "type": kind, "mtime": modified}
