"""A Python that has imported the libraries and forks itself for each command; ``tests.forked`` starts it, and says why.

Run as a script with the number of a Unix socket. A request is three file descriptors and a line of JSON with ``arguments`` (those of
Python), ``env``, ``cwd``, ``umask`` (-1: as it is) and ``session`` (whether to begin one); the answer is the number of the process.
"""

import atexit
import gc
import importlib
import inspect
import io
import json
import os
import runpy
import signal
import socket
import sys
import time
import types
from pathlib import Path
from typing import Any

# Third parties' modules alone: the project's own may come from a copy in another folder. None of these starts a thread, without which
# a fork would be half a process, and none opens a database.
LIBRARIES = (
    *("click", "dotenv", "duckdb", "fsspec.implementations.local", "httpx", "rich.console", "rich.table", "tenacity", "yaml"),
    *(
        "asyncssh",
        "sshfs",
        "dbt.cli.main",
        "dbt.adapters.duckdb.impl",
        "dbt.parser.manifest",
        "dbt.task.build",
        "dbt_common.clients.agate_helper",
        "babel.dates",
    ),
)


def import_libraries() -> None:
    sys.path.remove(str(Path(__file__).parent))
    for name in LIBRARIES:
        importlib.import_module(name)
    prepare_dbt()
    gc.freeze()  # or the collector would write to all their pages, and each fork would have them copied
    threads = len(list(Path("/proc/self/task").iterdir()))
    assert threads == 1, f"importing the libraries has started {threads - 1} threads: a process with threads cannot be forked"


def prepare_dbt() -> None:
    """What dbt finds out about its own classes and files when it is first used, a second's work, and keeps."""
    project, selectors = importlib.import_module("dbt.contracts.project"), importlib.import_module("dbt.contracts.selection")
    credentials = importlib.import_module("dbt.adapters.duckdb.credentials")
    for one in (project.Configuration, project.PackageConfig, project.ProfileConfig, project.Project, project.ProjectFlags):
        one.json_schema()
    selectors.SelectorFile.json_schema()
    credentials.DuckDBCredentials.json_schema()
    inspect.stack()


def wait_for_request(asking: socket.socket) -> dict[str, Any]:
    """Fork for one request after the other; returns in the forks alone, with the request. Ends when nobody is left to ask."""
    lines = asking.makefile("rb")
    while True:
        _, pipes, _, _ = socket.recv_fds(asking, 1, 3)
        if not pipes:
            os._exit(0)
        request = json.loads(lines.readline())
        told, tell = os.pipe()
        if (middle := os.fork()) == 0:
            if number := os.fork():  # whose parent dies here, and the tests' process adopts it
                os.write(tell, b"%d\n" % number)
                os._exit(0)
            os.close(told)
            os.close(tell)
            lines.close()
            asking.close()
            return request | {"pipes": pipes}
        os.waitpid(middle, 0)
        asking.sendall(os.read(told, 20))
        for one in (told, tell, *pipes):
            os.close(one)


def become(request: dict[str, Any]) -> None:
    """Make this process the one that was asked for, as far as Python would find it at its start."""
    for number, pipe in enumerate(request["pipes"]):
        os.dup2(pipe, number)
        os.close(pipe)
    if request["session"]:
        os.setsid()
    if request["umask"] >= 0:
        os.umask(request["umask"])
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sys.stdin = sys.__stdin__ = _stream(0, "r", sys.__stdin__)
    sys.stdout = sys.__stdout__ = _stream(1, "w", sys.__stdout__)
    sys.stderr = sys.__stderr__ = _stream(2, "w", sys.__stderr__, line_buffering=True)
    atexit.register(_leave_quietly)
    sys.orig_argv[1:] = request["arguments"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    sys.modules["__main__"].__dict__.update({"__annotations__": {}} if "__annotations__" in globals() else {})


def _stream(number: int, mode: str, before: Any, **options: bool) -> io.TextIOWrapper:
    """A standard stream like the one that Python has made, on what the descriptor leads to now."""
    at_once = before.write_through  # PYTHONUNBUFFERED
    raw = open(number, mode + "b", 0 if at_once and mode == "w" else -1, closefd=False)  # noqa: SIM115
    buffering = {"write_through": True} if at_once else options or {"line_buffering": raw.isatty()}
    return io.TextIOWrapper(raw, encoding=before.encoding, errors=before.errors, **buffering)


def _leave_quietly() -> None:
    """DuckDB's bindings list on standard error what was not taken apart before the end, and what ``freeze`` holds is not. Whatever Python
    itself still has to say is heard."""
    sys.stderr = sys.__stderr__ = _stream(os.dup(2), "w", sys.__stderr__, line_buffering=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def execute(kind: str, what: str, *arguments: str) -> None:
    """``python -m what arguments`` or ``python -c what arguments``."""
    sys.argv[:] = [kind, *arguments]
    sys.path.insert(0, str(Path.cwd()) if kind == "-m" else "")
    if kind == "-m":
        sys.modules.pop(what, None)
        runpy._run_module_as_main(what)  # type: ignore[attr-defined]  # what Python itself calls
    else:
        exec(compile(what, "<string>", "exec"), sys.modules["__main__"].__dict__)


if __name__ == "__main__":
    import_libraries()
    asked = wait_for_request(socket.socket(fileno=int(sys.argv[1])))
    become(asked)
    execute(*asked["arguments"])
