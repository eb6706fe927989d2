"""What a server may ask of this machine at most. docs/security.md lists the limits, docs/decisions/0022 says why they are what they are."""

import os
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from loaders.errors import SettingsError, TooMuchAsked

_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_SIZE = re.compile(r"(\d[\d_]*(?:\.\d+)?)\s*([A-Za-z]*)")
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]i?B|%)", re.IGNORECASE)
_SECONDS, _LONGEST_SILENCE = re.compile(r"\d{1,6}(\.\d{1,6})?"), 3600
_KEPT_FREE, _SHARE_KEPT_FREE = 10**9, 20  # a gigabyte of the disk, or a twentieth of a small one

LARGE_FILE = 255 * 1024  # bytes: from there on, a file is mirrored by itself, and written while it comes; OpenSSH answers less at once


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of one file, as delivered and as text; bytes of one run; rows of one file; names of one listing; DuckDB's memory;
    seconds without a word from the server."""

    file_bytes: int = 50 * 10**9
    run_bytes: int | None = None
    file_rows: int = 200_000_000
    names: int = 2_000_000
    memory: str = "1GB"
    silence: float = 60.0

    @property
    def memory_bytes(self) -> int:
        """DuckDB's memory as a number; a share is one of this machine's."""
        match = _MEMORY.fullmatch(self.memory)
        assert match is not None, self.memory
        if match[2] == "%":
            return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * float(match[1]) / 100)
        return int(float(match[1]) * _UNITS[match[2].upper()])


def read_limits(values: Mapping[str, str]) -> Limits:
    """The limits that the environment sets; SettingsError, naming the variable, for what is no number or no size."""
    usual = Limits()
    run_bytes, memory = values.get("FORTRESS_MAX_RUN_BYTES"), values.get("FORTRESS_MEMORY_LIMIT", usual.memory)
    if not _MEMORY.fullmatch(memory.strip()):
        raise SettingsError(f"FORTRESS_MEMORY_LIMIT={memory} is no size of memory: write it like 4GB or 800MB.")
    return Limits(
        file_bytes=_size("FORTRESS_MAX_FILE_BYTES", values, usual.file_bytes),
        run_bytes=_size("FORTRESS_MAX_RUN_BYTES", values, 0) if run_bytes else None,
        file_rows=_size("FORTRESS_MAX_FILE_ROWS", values, usual.file_rows),
        names=_size("FORTRESS_MAX_NAMES", values, usual.names),
        memory=memory.strip(),
        silence=_seconds("FORTRESS_SILENCE_SECONDS", values, usual.silence),
    )


def _size(variable: str, values: Mapping[str, str], default: int) -> int:
    """``50GB``, ``1.5 TB``, ``800_000``: a number of bytes, rows or names."""
    text = values.get(variable)
    if text is None:
        return default
    match = _SIZE.fullmatch(text.strip())
    if not match or match[2].upper() not in _UNITS:
        raise SettingsError(f"{variable}={text} is no number: write it like 200000000, 800MB or 50GB.")
    return int(float(match[1].replace("_", "")) * _UNITS[match[2].upper()])


def _seconds(variable: str, values: Mapping[str, str], default: float) -> float:
    text = values.get(variable, f"{default:g}").strip()
    if not _SECONDS.fullmatch(text) or not 0 < float(text) <= _LONGEST_SILENCE:
        raise SettingsError(f"{variable}={text} is no number of seconds up to {_LONGEST_SILENCE}: how long the server may send nothing.")
    return float(text)


@dataclass(slots=True)
class Allowance:
    """What one run may still download into ``landing``. Asked by several threads."""

    limits: Limits
    landing: Path
    taken: int = 0
    under_way: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def of(self, path: str, size: int) -> Iterator[None]:
        """While a file of that size is downloaded; TooMuchAsked, before its first byte, when it may not be."""
        with self.lock:
            self._refuse(path, size)
            self.taken += size
            self.under_way += size
        try:
            yield
        finally:
            with self.lock:
                self.under_way -= size

    def _refuse(self, path: str, size: int) -> None:
        if size > self.limits.file_bytes:
            raise TooMuchAsked(
                f"{path}: {size:,} bytes are more than one file may have ({self.limits.file_bytes:,}): if that is right, "
                "set FORTRESS_MAX_FILE_BYTES to more."
            )
        if self.limits.run_bytes is not None and self.taken + size > self.limits.run_bytes:
            raise TooMuchAsked(
                f"{path}: {size:,} bytes are more than this run may still take of its {self.limits.run_bytes:,}: run again, "
                "or set FORTRESS_MAX_RUN_BYTES to more."
            )
        disk = shutil.disk_usage(self.landing)
        room = disk.free - self.under_way - min(_KEPT_FREE, disk.total // _SHARE_KEPT_FREE)
        if size > room:
            raise TooMuchAsked(
                f"{path}: {size:,} bytes do not fit on the disk of {self.landing}, where {max(room, 0):,} can be taken: free space there, "
                "or set FORTRESS_HOME to a larger disk."
            )
