"""The loader's command line with a limit on the size of the files it writes: a stand-in for a disk that fills up.

The process sets it itself, for one that is to set it between fork and exec cannot be forked (``tests/forked.py``).
"""

_PYTHON = """
import resource, runpy, sys
room = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
runpy.run_module("loaders", run_name="__main__", alter_sys=True)
"""


def loaders(room: int | None = None) -> tuple[str, ...]:
    """Arguments of Python, after which the command's follow. ``room``: bytes beyond which no file grows."""
    return ("-m", "loaders") if room is None else ("-c", _PYTHON, str(room))
