"""Host keys: who a server must prove to be, and what to say when it does not."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncssh
from asyncssh.public_key import get_default_public_key_algs

from loaders.errors import HostKeyRefused, SettingsError

SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is, and the file its host key is pinned in."""

    host: str
    port: int
    known_hosts: Path

    @property
    def pin_command(self) -> str:
        """The one command that pins whatever key the server presents."""
        return f"ssh-keyscan -p {self.port} {shlex.quote(self.host)} >> {shlex.quote(str(self.known_hosts))}"


class Witness(asyncssh.SSHClient):
    """Remembers the host key of a server that the pinned keys do not vouch for, and refuses it."""

    presented: asyncssh.SSHKey | None = None
    address = ""

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """asyncssh asks here about a key that no pinned one equals: never trusted, only noted."""
        self.presented, self.address = key, addr
        return False


def pinned_keys(known_hosts: Path) -> asyncssh.SSHKnownHosts:
    """The pinned host keys; none at all when there is no such file. SettingsError when it is no known_hosts file.

    An object and not the file's bytes: asyncssh takes empty bytes for "look in ~/.ssh/known_hosts".
    """
    try:
        return asyncssh.import_known_hosts(known_hosts.read_text(errors="replace"))
    except FileNotFoundError:
        return asyncssh.import_known_hosts("")
    except (OSError, ValueError) as error:
        raise SettingsError(f"FORTRESS_KNOWN_HOSTS={known_hosts} cannot be read as a known_hosts file: {error}") from error


def algorithms(where: Address, pinned: asyncssh.SSHKnownHosts) -> list[str]:
    """Kinds of host key to ask for: the pinned ones, then all others. Empty for asyncssh's own choice.

    By itself asyncssh asks for the pinned kinds alone. A server whose key changed kind then hangs up, which looks
    like a bad network, instead of showing its new key. What may be trusted is not widened by asking.
    """
    keys, authorities, *_ = _match(where, pinned, "")
    wanted = [kind for key in keys for kind in key.sig_algorithms] + get_default_public_key_algs()
    strong = dict.fromkeys(kind.decode() for kind in wanted if kind != b"ssh-rsa")  # which signs with SHA-1
    return list(strong) if keys and not authorities else []


def _match(where: Address, pinned: asyncssh.SSHKnownHosts, address: str) -> Sequence[Sequence[asyncssh.SSHKey]]:
    """Host keys, authorities and revoked keys that are pinned for the host by name or by ``address``."""
    return pinned.match(where.host, address, None if where.port == SSH_PORT else where.port)[:3]


def refusal(where: Address, pinned: asyncssh.SSHKnownHosts, witness: Witness, reason: str) -> HostKeyRefused | None:
    """Why the server is refused: host unknown, or key changed. None when it is neither, but a failed negotiation."""
    keys, authorities, revoked = _match(where, pinned, witness.address)
    shown = witness.presented.get_fingerprint() if witness.presented else None
    if keys or authorities or revoked:
        expected = ", ".join(dict.fromkeys(key.get_fingerprint() for key in [*keys, *authorities])) or "no key but revoked ones"
        return HostKeyRefused(
            f"changed host key of {where.host}:{where.port}: pinned in {where.known_hosts} is {expected}, but it presented "
            f"{shown or 'no key of a pinned kind'} ({reason}). Somebody may stand in between: do not just pin it again, "
            "ask the vendor whether the key was replaced."
        )
    if shown is None:
        return None
    return HostKeyRefused(
        f"unknown host {where.host}:{where.port}: nothing is pinned for it in {where.known_hosts}. It presented {shown}. "
        f"Pin it, after checking the fingerprint with the vendor: {where.pin_command}"
    )
