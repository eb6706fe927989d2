"""The list of licences names what the lock pins, and nothing else."""

import re
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def test_every_locked_package_stands_in_the_list_of_licences_with_its_version():
    listed = re.findall(r"^\| (\S+) \| (\S+) \| (.+) \|$", (PROJECT / "docs/licences.md").read_text(), re.MULTILINE)
    pinned = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", (PROJECT / "requirements.lock").read_text(), re.MULTILINE)
    assert sorted((name, version) for name, version, _ in listed if name not in ("package", "---")) == sorted(set(pinned))
    assert not [name for name, _, licence in listed if licence == "(not stated)"]
