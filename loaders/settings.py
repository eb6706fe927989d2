"""Settings: the environment, and a ``.env`` beside the project; the real environment wins."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from loaders.errors import SettingsError

PROJECT = Path(__file__).resolve().parent.parent
_UNREADABLE_URL = "(a URL that cannot be read)"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a command may be told from outside. Secrets are kept out of ``repr``."""

    home: Path
    exports_url: str | None = field(default=None, repr=False)  # a URL may carry a password
    ssh_key: Path | None = None
    ssh_password: str | None = field(default=None, repr=False)
    known_hosts: Path = Path("~/.ssh/known_hosts")
    organization_id: str | None = None

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
        """What analysts open: marts and audit."""
        return self.home / "fortress.duckdb"

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
        return label if is_local or "@" not in label else _UNREADABLE_URL  # a password with a / or # of its own ends as a path

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
    values = {k: v for k, v in (dotenv_values(dotenv) if dotenv and dotenv.is_file() else {}).items() if v}
    values |= {k: v for k, v in (os.environ if environ is None else environ).items() if v}
    home = values.get("FORTRESS_HOME")
    key = values.get("FORTRESS_SSH_KEY")
    return Settings(
        home=Path(home).expanduser().absolute() if home else PROJECT / "warehouse",
        exports_url=values.get("FORTRESS_EXPORTS_URL"),
        ssh_key=Path(key).expanduser() if key else None,
        ssh_password=values.get("FORTRESS_SSH_PASSWORD"),
        known_hosts=Path(values.get("FORTRESS_KNOWN_HOSTS", "~/.ssh/known_hosts")).expanduser(),
        organization_id=values.get("FORTRESS_ORGANIZATION_ID"),
    )
