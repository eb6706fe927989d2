"""Who mirrors: each a command that copies a folder of the server to a folder here. Of several settings, the best counts."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.mirror.server import Login, program

Command = Callable[[Login, Path, Path], list[str]]


@dataclass(frozen=True, slots=True)
class Client:
    """A client with one of its settings. ``family`` is its name without the setting."""

    family: str
    setting: str
    command: Command
    environment: Callable[[Login, Path, Path], Mapping[str, str]] = field(default=lambda login, source, target: {})

    @property
    def name(self) -> str:
        """As the table shows it."""
        return f"{self.family}, {self.setting}" if self.setting else self.family


def _ours(login: Login, source: Path, target: Path) -> Mapping[str, str]:
    return {
        "FORTRESS_EXPORTS_URL": f"sftp://{login.user}@127.0.0.1:{login.port}{source}",
        "FORTRESS_SSH_KEY": str(login.key),
        "FORTRESS_KNOWN_HOSTS": str(login.known_hosts),
        "FORTRESS_HOME": str(target),
    }


def _rclone(*options: str) -> Command:
    return lambda login, source, target: [
        program("rclone"), "copy", f":sftp:{source}", str(target), "--config", "/dev/null", "--sftp-host", "127.0.0.1",
        "--sftp-port", str(login.port), "--sftp-user", login.user, "--sftp-key-file", str(login.key),
        "--sftp-known-hosts-file", str(login.known_hosts), "--sftp-disable-hashcheck", "--no-traverse", *options,
    ]  # fmt: skip


def _lftp(options: str) -> Command:
    return lambda login, source, target: [
        program("lftp"), "-c",
        f"set sftp:connect-program 'ssh -a -x -i {login.key} -o UserKnownHostsFile={login.known_hosts}'; set net:max-retries 3; "
        f"open -u {login.user},none -p {login.port} sftp://127.0.0.1; mirror {options} {source} {target}",
    ]  # fmt: skip


def _openssh(login: Login, source: Path, target: Path) -> list[str]:
    return [
        program("sftp"), "-q", "-r", "-P", str(login.port), "-i", str(login.key), "-o", f"UserKnownHostsFile={login.known_hosts}",
        f"{login.user}@127.0.0.1:{source}", str(target),
    ]  # fmt: skip


OURS = Client("ours", "", lambda login, source, target: [sys.executable, "-m", "benchmarks.mirror.ours"], _ours)
CLIENTS = (
    OURS,
    Client("rclone", "4 at once", _rclone("--transfers", "4", "--checkers", "4")),
    Client("rclone", "8 at once", _rclone("--transfers", "8", "--checkers", "8")),
    Client("rclone", "32 at once, large blocks", _rclone("--transfers", "32", "--sftp-chunk-size", "255k", "--sftp-concurrency", "128")),
    Client("lftp", "4 at once", _lftp("--parallel=4 --use-pget-n=4")),
    Client("lftp", "16 at once", _lftp("--parallel=16 --use-pget-n=8")),
    Client("OpenSSH sftp", "", _openssh),
)
