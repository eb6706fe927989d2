"""Parquet files are proven in a process of their own, with a limit on its memory.

A few hundred bytes of Parquet can ask for all the memory there is, or set off a mistake in the library that reads them. Then
that process ends and not the run: the file is refused, and the next one gets another process. It lives as long as the
one that started it, so that it is started once for a run, and only when Parquet comes.
"""

import atexit
import json
import resource
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from loaders.errors import TooMuchAsked, UnreadableFile
from loaders.limits import Limits

_OVERHEAD = 2**30  # what Python, DuckDB's code and its threads' stacks take beside DuckDB's own limit


class _Prover:
    """One process, asked line by line; ``limits`` are its for as long as it lives."""

    def __init__(self, limits: Limits):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "loaders.prover", json.dumps(asdict(limits))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[1],
        )
        atexit.register(self.close)

    def ask(self, path: Path, file_name: str) -> dict[str, Any] | None:
        """The answer about one file; None when the process did not live to give it."""
        assert self._process.stdin and self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps([str(path), file_name]).encode() + b"\n")
            self._process.stdin.flush()
        answer = self._process.stdout.readline()
        return json.loads(answer) if answer.endswith(b"\n") else None

    def close(self) -> None:
        """End the process, which ends with its input."""
        for end in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                end.close()  # type: ignore[union-attr]
        self._process.wait()


@cache
def _prover(limits: Limits) -> _Prover:
    return _Prover(limits)


def prove(path: Path, file_name: str, limits: Limits) -> dict[str, Any]:
    """What loaders.parquet says of the file; UnreadableFile, or TooMuchAsked when a limit of ours is what stands against the file."""
    prover = _prover(limits)
    answer = prover.ask(path, file_name)
    if answer is None:
        prover.close()
        _prover.cache_clear()
        raise UnreadableFile("the Parquet file ends the process that reads it: it is damaged, or meant to do so; have it exported again")
    if "refused" in answer:
        raise UnreadableFile(*answer["refused"])
    if "too_much" in answer:
        raise TooMuchAsked(answer["too_much"])
    return answer["proven"]


def _main() -> None:
    from loaders.parquet import prove_parquet

    limits = Limits(**json.loads(sys.argv[1]))
    with suppress(ValueError, OSError):  # a stricter limit is set from outside
        most = limits.memory_bytes + _OVERHEAD
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        path, file_name = json.loads(line)
        print(json.dumps(_answer(prove_parquet, Path(path), file_name, limits)), flush=True)


def _answer(proof: Any, path: Path, file_name: str, limits: Limits) -> dict[str, Any]:
    try:
        return {"proven": proof(path, file_name, limits)}
    except UnreadableFile as error:
        return {"refused": [error.reason, error.line, error.text, error.column]}
    except TooMuchAsked as error:
        return {"too_much": str(error)}
    except MemoryError:
        return {"too_much": f"{file_name} cannot be read with FORTRESS_MEMORY_LIMIT={limits.memory}: if it is sound, set that to more."}


if __name__ == "__main__":
    _main()
