"""Writes docs/licences.md: every locked package with its version and its licence, as the installed package states it."""

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PAGE = PROJECT / "docs" / "licences.md"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
_HEADER = """\
# Licences

Every package of `requirements.lock`, with the licence that the installed package states. Written by `python .ci/licences.py`.
None of them is part of this project's own files. A package that only other systems need is not installed here, and states nothing.

| package | version | licence |
| --- | --- | --- |
"""


def locked() -> list[tuple[str, str]]:
    """Names and versions that the lock pins."""
    return sorted(set(_PINNED.findall((PROJECT / "requirements.lock").read_text(encoding="utf-8"))))


def licence_of(package: str) -> str:
    """By the newest of the three places where a package may say it."""
    try:
        told = metadata(package)
    except PackageNotFoundError:
        return "(not installed on this system)"
    classifiers = [line.rpartition(" :: ")[2] for line in told.get_all("Classifier") or [] if line.startswith("License ::")]
    classifiers = [name for name in classifiers if name != "OSI Approved"]
    text = told.get("License-Expression") or "; ".join(classifiers) or (told.get("License") or "").strip().split("\n")[0]
    return text.replace("|", "/") or "(not stated)"


def main() -> None:
    """Write the page."""
    rows = [f"| {name} | {version} | {licence_of(name)} |\n" for name, version in locked()]
    PAGE.write_text(_HEADER + "".join(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
