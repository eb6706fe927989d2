"""``Popen`` and ``run`` of the standard library for commands of Python that need not import their libraries first.

The tests run hundreds of real commands, and most of the time of each went into the same imports: half a second for the loader's, three
for dbt's. So each process of tests keeps one more, ``tests/zygote.py``, that has imported them and forks: a real process with its own
number, arguments, environment, folder, pipes, signals and death, whose parent is the process of tests, as with any ``Popen``. The code
under test is imported anew in each. What dbt would find out or compile anew in each process, and never otherwise, is there: the methods
of its records, and, in ``target/templates``, the macros by their text. ``tests/test_forked.py`` compares such processes with ordinary ones.

Whatever a fork cannot do is an ordinary process: another program, another way of calling Python, ``preexec_fn``, a shell, variables that
the interpreter or its loader reads at its start (LD_PRELOAD), an operating system that is not Linux.

On purpose the standard library's: what measures start-up, time or memory (tests/loaders/test_kindness.py, test_bombs.py), what shows
that a command imports what it needs and nothing more (tests/loaders/test_remote.py), dbt by hand and the programs that the pages print
(tests/pipeline/test_project.py, test_pages.py), an output that takes nothing (tests/loaders/test_lookers.py), and so that kills of
ordinary processes are among those that are tested, tests/loaders/test_mirror.py and tests/market/test_kills.py.
"""

import ctypes
import inspect
import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PIPE, STDOUT, DEVNULL = subprocess.PIPE, subprocess.STDOUT, subprocess.DEVNULL
CompletedProcess, TimeoutExpired = subprocess.CompletedProcess, subprocess.TimeoutExpired

_ADOPT_ORPHANS = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
_READ_AT_START = ("PYTHON", "LD_", "LC_", "LANG", "MALLOC_", "GLIBC_")
_UNSUPPORTED = ("executable", "preexec_fn", "shell", "pass_fds", "gids", "uid", "gid", "startupinfo", "creationflags")
_NAMES = tuple(inspect.signature(subprocess.Popen._execute_child).parameters)[1:]  # type: ignore[attr-defined]  # not the same in all Pythons
_one_at_a_time = threading.RLock()


class Popen(subprocess.Popen):
    """The standard library's, but for the start."""

    def _execute_child(self, *given: Any) -> None:
        options = dict(zip(_NAMES, given, strict=True))
        if not _can_be_forked(options):
            return super()._execute_child(*given)  # type: ignore[misc]
        pipes = [options[name] if options[name] >= 0 else number for number, name in enumerate(("p2cread", "c2pwrite", "errwrite"))]
        self.pid = _ask(pipes, _request(options))
        self._child_created = True
        self._close_pipe_fds(*(options[name] for name in ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")))  # type: ignore[attr-defined]


def run(
    arguments: Any, *, input: Any = None, check: bool = False, capture_output: bool = False, timeout: float | None = None, **options: Any
) -> Any:
    """The standard library's ``run``."""
    pipes = {"stdin": PIPE} if input is not None else {}
    pipes |= {"stdout": PIPE, "stderr": PIPE} if capture_output else {}
    with Popen(arguments, **pipes, **options) as process:
        try:
            out, err = process.communicate(input, timeout)
        except BaseException:
            process.kill()
            raise
    done = CompletedProcess(process.args, process.returncode, out, err)
    if check:
        done.check_returncode()
    return done


def _can_be_forked(options: dict[str, Any]) -> bool:
    arguments = options["args"]
    if sys.platform != "linux" or isinstance(arguments, str | bytes | os.PathLike) or len(arguments) < 3:
        return False
    if str(arguments[0]) != sys.executable or arguments[1] not in ("-m", "-c") or not all(isinstance(one, str) for one in arguments):
        return False
    if any(options[name] for name in _UNSUPPORTED if options[name] != -1) or options.get("process_group", -1) not in (None, -1):
        return False
    return _read_at_start(os.environ if options["env"] is None else options["env"]) == _zygote().read_at_start


def _request(options: dict[str, Any]) -> dict[str, Any]:
    return {
        "arguments": options["args"][1:],
        "env": dict(os.environ if options["env"] is None else options["env"]),
        "cwd": str(Path(options["cwd"] or ".").absolute()),
        "umask": options["umask"],
        "session": options["start_new_session"],
    }


def _ask(pipes: list[int], request: dict[str, Any]) -> int:
    """The number of the process that the zygote has forked, our child since its parent is gone."""
    with _one_at_a_time:
        connection = _zygote().connection
        socket.send_fds(connection, [b"!"], pipes)
        connection.sendall(json.dumps(request).encode() + b"\n")
        answer = connection.recv(20)
    assert answer.endswith(b"\n"), "the zygote has died: its reason is on standard error"
    return int(answer)


@dataclass(frozen=True)
class Zygote:
    """The process that forks, and the variables that it was started with. It ends with the connection."""

    process: subprocess.Popen[bytes]
    connection: socket.socket
    read_at_start: dict[str, str]


def _zygote() -> Zygote:
    with _one_at_a_time:
        return _start()


@cache
def _start() -> Zygote:
    assert ctypes.CDLL(None, use_errno=True).prctl(_ADOPT_ORPHANS, 1, 0, 0, 0) == 0, os.strerror(ctypes.get_errno())
    ours, its = socket.socketpair()
    with its:
        command = [sys.executable, str(Path(__file__).with_name("zygote.py")), str(its.fileno())]
        process = subprocess.Popen(command, pass_fds=[its.fileno()], stdin=DEVNULL, stdout=DEVNULL)
    return Zygote(process, ours, _read_at_start(os.environ))


def _read_at_start(environment: Any) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_READ_AT_START)}
