"""A Python that has imported the libraries and forks itself for each command; ``tests.forked`` starts it, and says why.

Run as a script with the number of a Unix socket. A request is three file descriptors and a line of JSON with ``arguments`` (those of
Python), ``env``, ``cwd``, ``umask`` (-1: as it is) and ``session`` (whether to begin one); the answer is the number of the process.
"""

import atexit
import gc
import hashlib
import importlib
import inspect
import io
import json
import marshal
import os
import runpy
import signal
import socket
import sys
import threading
import time
import types
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

_IMPORTED: set[str] = set()  # the modules of the libraries, and theirs
TARGET = Path(__file__).resolve().parents[1] / "target"

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
    keep_templates(TARGET / "templates")
    gc.collect()
    gc.freeze()  # or the collector would write to all their pages, and each fork would have them copied
    gc.set_threshold(20_000, 20, 20)  # what is frozen does not count for it: it would take all else for news, and look through it often
    _IMPORTED.update(sys.modules)
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
    manifest, parser = importlib.import_module("dbt.contracts.graph.manifest").Manifest, importlib.import_module("dbt.parser.manifest")
    for kept in (TARGET / "parsed").glob("*.msgpack"):  # another's may be any project: read for the methods that dbt makes on the way
        with suppress(Exception):
            manifest.from_msgpack(kept.read_bytes(), decoder=parser.extended_mashumuro_decoder).build_flat_graph()
    gc.collect()
    importlib.import_module("multiprocessing.resource_tracker")._resource_tracker._stop()  # of the locks in them


def keep_templates(folder: Path) -> None:
    """Have dbt keep the macros that it compiles, as Python keeps modules: 250 of them are a quarter of a build."""
    folder.mkdir(parents=True, exist_ok=True)
    version = importlib.import_module("importlib.metadata").version
    versions = [sys.version, *(version(one) for one in ("jinja2", "dbt-core", "dbt-common"))]
    templates = importlib.import_module("dbt_common.clients.jinja")  # whose environments are all alike but for their kind
    for kind in (templates.MacroFuzzEnvironment, templates.NativeSandboxEnvironment):
        _keep_what_is_compiled(kind, folder, [kind.__name__, *versions])


def _keep_what_is_compiled(kind: type, folder: Path, said: list[str]) -> None:
    compile_anew = kind.compile  # type: ignore[attr-defined]

    def compiled(self: Any, source: Any, *options: Any, **named: Any) -> Any:
        if options or named or not isinstance(source, str):
            return compile_anew(self, source, *options, **named)
        path = folder / hashlib.sha256(repr([*said, source]).encode()).hexdigest()
        with suppress(OSError, EOFError, ValueError):
            return marshal.loads(path.read_bytes())
        code = compile_anew(self, source)
        with suppress(OSError):
            part = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
            part.write_bytes(marshal.dumps(code))
            part.replace(path)
        return code

    kind.compile = compiled  # type: ignore[attr-defined]


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


def execute(kind: str, what: str, *arguments: str) -> None:
    """``python -m what arguments`` or ``python -c what arguments``."""
    sys.argv[:] = [kind, *arguments]
    sys.path.insert(0, str(Path.cwd()) if kind == "-m" else "")
    if kind == "-m":
        sys.modules.pop(what, None)
        runpy._run_module_as_main(what)  # type: ignore[attr-defined]  # what Python itself calls
    else:
        exec(compile(what, "<string>", "exec"), sys.modules["__main__"].__dict__)


def leave_without_the_libraries(code: int) -> None:
    """End as Python does, but leave to the system what the zygote has made: to take its modules apart costs more than most commands.

    What the command itself has brought is taken apart, and what it had dbt open is closed: DuckDB writes its log into the file then.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads
    atexit._run_exitfuncs()
    own = [weakref.ref(sys.modules.pop(name)) for name in [*sys.modules] if name not in _IMPORTED or name == "__main__"]
    gc.collect()
    for module in filter(None, (one() for one in own)):  # somebody holds it still
        vars(module).update(dict.fromkeys(vars(module).keys() - {"__builtins__"}))
    sys.modules["dbt.adapters.duckdb.connections"].DuckDBConnectionManager.close_all_connections()
    gc.collect()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _leave_quietly() -> None:
    """DuckDB's bindings list on standard error what was not taken apart before the end, and what ``freeze`` holds is not. Whatever Python
    itself still has to say is heard."""
    sys.stderr = sys.__stderr__ = _stream(os.dup(2), "w", sys.__stderr__, line_buffering=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


if __name__ == "__main__":
    import_libraries()
    asked = wait_for_request(socket.socket(fileno=int(sys.argv[1])))
    become(asked)
    try:
        execute(*asked["arguments"])
        ended = 0
    except SystemExit as end:
        ended = end.code or 0
        if not isinstance(ended, int):
            raise  # Python prints it, as it does with other exceptions
    try:
        sys.stdout.flush()
    except OSError:
        sys.exit(ended)  # Python says so in its own way
    leave_without_the_libraries(ended & 0xFF)
