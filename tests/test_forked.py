"""A forked process is told from an ordinary one by nothing that the tests look at."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest

from tests import forked

BOTH = pytest.mark.parametrize("library", [subprocess, forked])

SELF_PORTRAIT = """
import json, os, signal, sys, threading, time
print(json.dumps({
    "arguments": sys.argv, "of Python": sys.orig_argv, "path": sys.path, "folder": os.getcwd(), "environment": dict(os.environ),
    "time zone": time.tzname, "flags": repr(sys.flags), "executable": sys.executable, "main": sorted(dir(sys.modules["__main__"])),
    "name": __name__, "threads": threading.active_count(), "input": sys.stdin.read(),
    "encodings": [sys.stdin.encoding, sys.stdout.encoding],
    "buffered": [one.line_buffering for one in (sys.stdin, sys.stdout, sys.stderr)],
    "unbuffered": [type(one.buffer).__name__ for one in (sys.stdout, sys.stderr)], "errors": [sys.stdout.errors, sys.stderr.errors],
    "terminal": [os.isatty(number) for number in range(3)], "open": sorted(os.listdir("/proc/self/fd"), key=int)[:-1],
    "parent": os.getppid(), "group": os.getpgid(0), "session": os.getsid(0), "mask": (mask := os.umask(0)), "niceness": os.nice(0),
    "signals": {number.name: str(signal.getsignal(number)) for number in signal.Signals},
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())), "loaders": "loaders" in sys.modules,
}, default=str))
"""


def portrait(library: ModuleType, *arguments: str, **options: Any) -> dict[str, Any]:
    done = library.run([sys.executable, *arguments], input="line 1\nline 2\n", capture_output=True, text=True, check=True, **options)
    assert done.stderr == ""
    return json.loads(done.stdout)


def forks(options: Any = None) -> bool:
    """Whether a process's libraries are there without having been imported."""
    code = "import sys; print('dbt.cli.main' in sys.modules)"
    return "True" in forked.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, **(options or {})).stdout


def test_it_is_a_fork():
    assert forks()


@pytest.mark.parametrize(
    "options",
    [{"preexec_fn": lambda: None}, {"env": os.environ | {"LD_PRELOAD": ""}}, {"env": os.environ | {"PYTHONHASHSEED": "7"}}],
    ids=["a function of ours before the start", "another library", "another setting of Python"],
)
def test_what_a_fork_cannot_do_is_an_ordinary_process(options: dict[str, Any]):
    assert not forks(options)


@pytest.mark.parametrize("kind", ["-c", "-m"])
@pytest.mark.parametrize("options", [{}, {"umask": 0o137}, {"start_new_session": True}], ids=lambda options: str(options))
def test_a_process_finds_itself_as_an_ordinary_one_would(kind: str, options: dict[str, Any], tmp_path: Path):
    (tmp_path / "portrait.py").write_text(SELF_PORTRAIT)
    environment = os.environ | {"TZ": "Pacific/Auckland", "PLANTED": "ä\udcff"}
    what = [kind, {"-c": SELF_PORTRAIT, "-m": "portrait"}[kind], "one", "--two", ""]
    ordinary, fork = (portrait(one, *what, cwd=tmp_path, env=environment, **options) for one in (subprocess, forked))
    if options.get("start_new_session"):
        assert fork.pop("session") != ordinary.pop("session") and fork.pop("group") != ordinary.pop("group")
    assert fork == ordinary
    assert fork["time zone"] == ["NZST", "NZDT"] and fork["parent"] == os.getpid() and fork["folder"] == str(tmp_path)


@pytest.mark.parametrize(
    "code",
    [
        *("pass", "raise SystemExit(3)", "raise SystemExit('a reason')", "1 / 0", "raise KeyboardInterrupt", "import os; os._exit(9)"),
        *("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "import no_such_module", "syntax error", "input(); input()"),
        "import atexit; atexit.register(print, 'last words'); print('first')",
        "import sys; sys.unraisablehook = lambda _: print('heard', file=sys.stderr)\nclass A:\n  def __del__(self): 1 / 0\na = A()",
        "import threading, time; threading.Thread(target=lambda: (time.sleep(.1), print('late'))).start()",
        "print('not flushed', end=''); import duckdb; connection = duckdb.connect(); print(connection.execute('select 42').fetchall())",
    ],
    ids=lambda code: code[:40],
)
def test_it_ends_as_an_ordinary_one_does(code: str):
    def end(library: ModuleType) -> tuple[Any, ...]:
        done = library.run([sys.executable, "-c", code], input=b"one line\n", capture_output=True)
        return done.returncode, done.stdout, done.stderr.splitlines()[-1:]  # a traceback is longer by the zygote's own frames

    assert end(forked) == end(subprocess)


@BOTH
def test_a_database_that_nobody_closed_is_whole_at_the_end(library: ModuleType, tmp_path: Path):
    code = "import duckdb; connection = duckdb.connect('one.duckdb'); connection.execute('create table t as select 1')"
    library.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["one.duckdb"]  # and no log beside it


RENDER = """
import sys
from dbt_common.clients import jinja
generate, generated = jinja.MacroFuzzEnvironment._generate, []
jinja.MacroFuzzEnvironment._generate = lambda *what, **how: generated.append(1) or generate(*what, **how)
print(jinja.get_template(sys.argv[1], {}).render({"x": 4}), len(generated))
"""


def test_a_template_is_compiled_once_and_another_anew():
    said, other = f"{{{{ x + 38 }}}} {uuid4()}", f"{{{{ x }}}} {uuid4()}"
    found = [forked.run([sys.executable, "-c", RENDER, one], capture_output=True, text=True).stdout for one in (said, said, other)]
    assert found == [f"42 {said[-36:]} 1\n", f"42 {said[-36:]} 0\n", f"4 {other[-36:]} 1\n"]


@BOTH
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_signals_reach_it(library: ModuleType, ending: signal.Signals):
    code = "import sys, time; print('ready', flush=True); time.sleep(60)"
    with library.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout.readline() == b"ready\n"
        assert process.poll() is None
        process.send_signal(ending)
        assert process.wait(timeout=60) == -ending


@BOTH
def test_a_handler_of_its_own_is_heard(library: ModuleType):
    code = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(143)); print('ready', flush=True); time.sleep(60)"
    with library.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        process.terminate()
        assert process.wait(timeout=60) == 143


@BOTH
def test_what_it_is_told_arrives_while_it_lives_and_its_pipes_end_with_it(library: ModuleType):
    code = "for line in iter(input, 'end'): print(line.upper(), flush=True)"
    with library.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        for word in ("one", "two"):
            process.stdin.write(f"{word}\n")
            assert process.stdout.readline() == f"{word.upper()}\n"
        assert process.communicate("end\n") == ("", None)
        assert process.returncode == 0


@BOTH
def test_one_that_takes_too_long_is_killed(library: ModuleType):
    with pytest.raises(subprocess.TimeoutExpired):
        library.run([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.1)


def test_the_project_is_imported_from_the_folder_it_is_run_in(tmp_path: Path):
    (tmp_path / "loaders").mkdir()
    (tmp_path / "loaders" / "__main__.py").write_text("print(__file__, __name__)")
    done = forked.run([sys.executable, "-m", "loaders"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == f"{tmp_path}/loaders/__main__.py __main__\n"


def test_no_two_have_the_same_chances():
    code = "import random, uuid; print(random.random(), uuid.uuid4())"
    drawn = {forked.run([sys.executable, "-c", code], capture_output=True, text=True).stdout for _ in range(3)}
    assert len(drawn) == 3
