"""What can be said of the packages without asking anybody: that they fit one another, and are the ones that are pinned."""

import re
import subprocess
import sys
from collections import defaultdict
from importlib.metadata import distributions
from pathlib import Path

import pytest

from loaders.settings import PROJECT

LOCKS = ["requirements.lock", "requirements-uv.lock", "audit.lock", "explore.lock", "benchmarks/dlt.lock", "benchmarks/plots.lock"]
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)([^\n]*\n(?:    --hash=[^\n]*\n)*)", re.MULTILINE)


def test_the_installed_packages_fit_one_another():
    uv = Path(sys.executable).parent / "uv"
    done = subprocess.run([uv, "pip", "check", "--offline", "--python", sys.executable], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_by_hash_and_from_nowhere_in_particular(lock: str):
    text = (PROJECT / lock).read_text(encoding="utf-8")
    pinned = PINNED.findall(text)
    assert pinned and [name for name, _, rest in pinned if "--hash=sha256:" not in rest] == []
    assert "://" not in text and not re.search(r"^\s*-(?!-hash=)", text, re.MULTILINE)  # no address, and no option that would name one


def test_what_is_installed_is_what_is_pinned():
    pinned = defaultdict(set)  # a package may have one version for each Python
    for name, number, _ in PINNED.findall((PROJECT / "requirements.lock").read_text(encoding="utf-8")):
        pinned[name].add(number)
    installed = {name.lower().replace("_", "-"): distribution.version for distribution in distributions() if (name := distribution.name)}
    assert len(pinned.keys() & installed.keys()) > 50
    assert {name: installed[name] for name in pinned.keys() & installed.keys() if installed[name] not in pinned[name]} == {}
