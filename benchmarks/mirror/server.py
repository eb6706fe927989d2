"""OpenSSH's own server on loopback: a high port, its own keys and configuration, and nothing of the system's."""

import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

NEEDED = {"sshd": "openssh-server", "ssh-keygen": "openssh-client", "sftp": "openssh-client", "rclone": "rclone", "lftp": "lftp"}
_HOST = "127.0.0.1"
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
_CONFIGURATION = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/client_key.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
Subsystem sftp internal-sftp
LogLevel ERROR
"""


class Missing(Exception):
    """A program is needed that is not installed."""


@dataclass(frozen=True, slots=True)
class Login:
    """What a client needs to reach a server."""

    port: int
    user: str
    key: Path
    known_hosts: Path


def program(name: str) -> str:
    """A program's path; Missing, with what to install, when there is none."""
    found = shutil.which(name, path=_PATH)
    if not found:
        raise Missing(f"{name} is needed: on Debian, apt-get install {' '.join(sorted(set(NEEDED.values())))}")
    return found


@contextmanager
def running(folder: Path) -> Iterator[Login]:
    """A server while it runs; its keys are made in ``folder``."""
    for name in NEEDED:
        program(name)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in ("host_key", "client_key"):
        (folder / name).unlink(missing_ok=True)
        subprocess.run([program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # to where root's server withdraws; Debian's service makes it
    port = _free_port()
    (folder / "configuration").write_text(_CONFIGURATION.format(port=port, folder=folder))
    process = subprocess.Popen([program("sshd"), "-D", "-e", "-f", str(folder / "configuration")])
    try:
        _wait_for(port, process)
        yield Login(port, getpass.getuser(), folder / "client_key", _known(folder, port))
    finally:
        process.terminate()
        process.wait()


@contextmanager
def farther(login: Login, round_trip_ms: int) -> Iterator[Login]:
    """The same server, behind a proxy that holds everything back for half of the round trip in each direction."""
    port = _free_port()
    command = [sys.executable, "-m", "benchmarks.mirror.delay", str(port), str(login.port), str(round_trip_ms / 2)]
    process = subprocess.Popen(command)
    try:
        _wait_for(port, process)
        yield replace(login, port=port, known_hosts=_known(login.key.parent, port))
    finally:
        process.terminate()
        process.wait()


def _known(folder: Path, port: int) -> Path:
    public = (folder / "host_key.pub").read_text().split()[:2]
    path = folder / f"known_hosts_{port}"
    path.write_text(f"[{_HOST}]:{port} {' '.join(public)}\n")
    return path


def _free_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind((_HOST, 0))
        return int(listener.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        if process.poll() is not None:
            raise Missing(f"{process.args} ended with {process.returncode}")
        with suppress(OSError), closing(socket.create_connection((_HOST, port), 1)):
            return
        time.sleep(0.05)
    raise Missing(f"{process.args} does not answer")
