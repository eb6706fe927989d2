"""Settings: the environment, and a ``.env`` beside the project; the real environment wins."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from loaders.errors import SettingsError
from loaders.limits import Limits, read_limits

PROJECT = Path(__file__).resolve().parent.parent
_UNREADABLE_URL = "(a URL that cannot be read)"
PII_MODES = ("include", "hash", "exclude")
_SHORTEST_KEY = 16  # bytes: who can guess the key can guess what was hashed
_MOST_SESSIONS = 64
_FEWEST_KEPT = 2  # a reader may be on its way into the version before


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a command may be told from outside. Secrets are kept out of ``repr``."""

    home: Path
    exports_url: str | None = field(default=None, repr=False)  # a URL may carry a password
    ssh_key: Path | None = None
    ssh_password: str | None = field(default=None, repr=False)
    known_hosts: Path = Path("~/.ssh/known_hosts")
    organization_id: str | None = None
    lake_url: str | None = field(default=None, repr=False)
    pii: str = "exclude"
    pii_key: bytes | None = field(default=None, repr=False)
    keep_published: int = 3
    sftp_sessions: int = 8
    limits: Limits = field(default_factory=Limits)

    @property
    def landing(self) -> Path:
        """Immutable copies of every delivered file version."""
        return self.home / "landing"

    @property
    def build(self) -> Path:
        """The one writer's database: raw, staging, marts, audit."""
        return self.home / "build.duckdb"

    @property
    def published(self) -> Path:
        """What analysts open: marts and audit. A link to the newest of ``versions``."""
        return self.home / "fortress.duckdb"

    @property
    def versions(self) -> Path:
        """The last published versions, each in a file of its own."""
        return self.home / "published"

    @property
    def source_label(self) -> str:
        """The exports' address as it may be shown: without user name, password or query."""
        if self.exports_url is None:
            return "(none)"
        try:
            parts = urlsplit(self.exports_url)
            host = f"{parts.hostname or ''}:{parts.port}" if parts.port else parts.hostname or ""
        except ValueError:  # its message would quote the URL, password and all
            return _UNREADABLE_URL
        label = f"{parts.scheme}://{host}{parts.path}" if parts.scheme else parts.path
        is_local = parts.scheme in ("", "file") and not host and parts.path.startswith("/")
        # A password with a / or # of its own ends as a path, one with a ? as a query, and begins as a port.
        return label if is_local or "@" not in label + parts.query else _UNREADABLE_URL

    def require_warehouse(self) -> None:
        """SettingsError when nothing was ever loaded."""
        if not self.build.exists():
            raise SettingsError(f"there is no warehouse in {self.home} yet: `python -m loaders run` makes one.")

    def require_exports_url(self) -> str:
        """The exports' URL; SettingsError, which never quotes it, when none is set or it cannot be taken apart."""
        if not self.exports_url:
            raise SettingsError(
                "FORTRESS_EXPORTS_URL is not set: nothing to read from. Set it to sftp://user@host/root or file:///root, "
                "in the environment or in .env; `make run` without it runs the demonstration."
            )
        try:
            _ = urlsplit(self.exports_url).port
        except ValueError:
            raise SettingsError(
                "FORTRESS_EXPORTS_URL cannot be read as a URL: percent-encode special characters in user name and password."
            ) from None
        return self.exports_url


def load_settings(environ: Mapping[str, str] | None = None, dotenv: Path | None = PROJECT / ".env") -> Settings:
    """Settings from ``environ`` (default: the process's) over those of the ``.env`` file.

    Relative paths count from the project's root for the default home and from the working directory otherwise.
    """
    values = read_values(environ, dotenv)
    home = values.get("FORTRESS_HOME")
    key = values.get("FORTRESS_SSH_KEY")
    return Settings(
        home=Path(home).expanduser().absolute() if home else PROJECT / "warehouse",
        exports_url=values.get("FORTRESS_EXPORTS_URL"),
        ssh_key=Path(key).expanduser() if key else None,
        ssh_password=values.get("FORTRESS_SSH_PASSWORD"),
        known_hosts=Path(values.get("FORTRESS_KNOWN_HOSTS", "~/.ssh/known_hosts")).expanduser(),
        organization_id=values.get("FORTRESS_ORGANIZATION_ID"),
        lake_url=values.get("FORTRESS_LAKE_URL"),
        pii=_pii(values),
        pii_key=_pii_key(values) if _pii(values) == "hash" else None,
        keep_published=_keep_published(values),
        sftp_sessions=_sftp_sessions(values),
        limits=read_limits(values),
    )


def read_values(environ: Mapping[str, str] | None = None, dotenv: Path | None = PROJECT / ".env") -> dict[str, str]:
    """What is set, of whatever name: ``environ`` (default: the process's) over the ``.env`` file. What is empty is not set."""
    values = {k: v for k, v in (dotenv_values(dotenv) if dotenv and dotenv.is_file() else {}).items() if v}
    values |= {k: v for k, v in (os.environ if environ is None else environ).items() if v}
    return {k: v.strip() if k.endswith("_URL") else v for k, v in values.items()}  # a blank that was copied along is part of no address


def _pii(values: Mapping[str, str]) -> str:
    mode = values.get("FORTRESS_PII", "exclude").strip().lower()
    if mode not in PII_MODES:
        raise SettingsError(
            f"FORTRESS_PII={mode!r} is none of include, hash and exclude: what fortress.duckdb does with columns that name a person."
        )
    return mode


def _pii_key(values: Mapping[str, str]) -> bytes:
    """The key for hashing, from the environment or a file; its text stands in no message."""
    text, path = values.get("FORTRESS_PII_KEY"), values.get("FORTRESS_PII_KEY_FILE")
    if text and path:
        raise SettingsError("FORTRESS_PII_KEY and FORTRESS_PII_KEY_FILE are both set: which of them counts? Unset one.")
    if not text and not path:
        raise SettingsError(
            "FORTRESS_PII=hash needs a key, without which anybody could try out all telephone numbers. Make one and keep it: "
            "`(umask 077; openssl rand -hex 32 > pii.key)`, then set FORTRESS_PII_KEY_FILE to its path (or FORTRESS_PII_KEY to its text)."
        )
    key = text.encode() if text else read_key_file("FORTRESS_PII_KEY_FILE", path or "")
    if len(key) < _SHORTEST_KEY:
        raise SettingsError(
            f"the key for FORTRESS_PII=hash is shorter than {_SHORTEST_KEY} bytes, and could be guessed: `openssl rand -hex 32`."
        )
    return key


def read_key_file(name: str, text: str) -> bytes:
    """What a secret's file holds; SettingsError, naming the setting, when it cannot be read, or can be read by others than its owner."""
    path = Path(text).expanduser()
    try:
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"{name}={path} can be read by others than its owner: chmod 600 {shlex.quote(str(path))}")
        return path.read_bytes().strip()
    except OSError as error:
        raise SettingsError(f"{name}={path} cannot be read: {error.strerror}") from error


def _sftp_sessions(values: Mapping[str, str]) -> int:
    text = values.get("FORTRESS_SFTP_SESSIONS", "8").strip()
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST_SESSIONS):
        raise SettingsError(
            f"FORTRESS_SFTP_SESSIONS={text} is no whole number from 1 to {_MOST_SESSIONS}: how many sessions to keep open with the server."
        )
    return int(text)


def _keep_published(values: Mapping[str, str]) -> int:
    text = values.get("FORTRESS_KEEP_PUBLISHED", "3").strip()
    if not (text.isascii() and text.isdigit() and int(text) >= _FEWEST_KEPT):
        raise SettingsError(
            f"FORTRESS_KEEP_PUBLISHED={text} is no whole number from {_FEWEST_KEPT} on: how many published versions to keep."
        )
    return int(text)
