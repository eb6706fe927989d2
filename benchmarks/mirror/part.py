"""Small files and a large one, near and far: every client in turn, and every byte compared."""

import hashlib
import os
import shutil
from collections import Counter
from datetime import timedelta
from pathlib import Path

from benchmarks.bench import Bench, in_turn
from benchmarks.mirror.clients import CLIENTS, Client
from benchmarks.mirror.server import Login, farther, running
from benchmarks.processes import Failed, measure
from benchmarks.work import ORGANIZATION_ID, SNAPSHOT_AT
from loaders.names import PUBLIC_FOLDER

ROUND_TRIP_MS = 40
_PATIENCE = 120  # seconds: who takes longer is not asked again
_SMALL, _LARGE = 20_000, 500_000_000


def mirror(bench: Bench) -> None:
    """Both trees, on both lines."""
    scale = 20 if bench.size.name == "XS" else 1
    small = _tree(bench.folder / "mirror" / "small", 2_000 // scale, _SMALL)
    large = _tree(bench.folder / "mirror" / "large", 1, _LARGE // scale)
    with running(bench.folder / "mirror" / "server") as near, farther(near, ROUND_TRIP_MS) as far:
        for what, source in (("many small files", small), ("one large file", large)):
            for line, login in (("", near), (f", {ROUND_TRIP_MS} ms", far)):
                _compare(bench, f"mirror: {what}{line}", source, login)


def _tree(root: Path, files: int, size: int) -> Path:
    """Files of random bytes, under names that exports have."""
    folder = root / ORGANIZATION_ID / PUBLIC_FOLDER / "exported_workorders"
    shutil.rmtree(root, ignore_errors=True)
    folder.mkdir(parents=True)
    for number in range(files):
        moment = SNAPSHOT_AT + timedelta(minutes=number)
        with (folder / f"{moment:%Y%m%d-%H%M%S}000.csv").open("wb") as file:
            for _ in range(0, size, 1 << 20):
                file.write(os.urandom(min(size, 1 << 20)))
        os.utime(folder / f"{moment:%Y%m%d-%H%M%S}000.csv", (moment.timestamp(), moment.timestamp()))
    return root


def _compare(bench: Bench, part: str, source: Path, login: Login) -> None:
    right = _contents(source)
    for repeat in range((bench.repeats + 1) // 2):
        for client in in_turn(CLIENTS, repeat):
            if max((sample.wall for sample in bench.results.of(part, client.name)), default=0) < _PATIENCE:
                _one(bench, part, client, source, login, repeat, right)


def _one(bench: Bench, part: str, client: Client, source: Path, login: Login, repeat: int, right: Counter[str]) -> None:
    target = bench.empty_home("mirrored")
    os.sync()  # what the one before has written is not written while this one is measured
    try:
        cost = measure(client.command(login, source, target), client.environment(login, source, target))
    except Failed as error:
        bench.results.judge(part, client.name, "FAILED")
        bench.say(f"{part}: {client.name}: {str(error)[-600:]}")
        return
    bench.keep(part, client.name, repeat, cost, "-")
    bench.results.judge(part, client.name, "right" if _contents(target) == right else "WRONG, other bytes")


def _contents(folder: Path) -> Counter[str]:
    """The hashes of all files, whatever they are called."""
    return Counter(_hash(path) for path in folder.rglob("*") if path.is_file() and path.name.partition(".")[0] != "")


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
