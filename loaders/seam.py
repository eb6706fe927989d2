"""The seam where other libraries' exceptions become loaders.errors, and where secrets are taken out of their texts."""

import errno
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from loaders.errors import AccessRefused, LandingRefused, LoaderError, ServerUnreachable, SettingsError, Vanished
from loaders.settings import Settings

_NO_NETWORK = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN}
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


@dataclass(frozen=True, slots=True)
class Seam:
    """Translates for one source. ``label`` may be shown, ``secrets`` never."""

    label: str
    secrets: frozenset[str] = field(default=frozenset(), repr=False)

    @contextmanager
    def crossing(self, path: str, otherwise: type[LoaderError]) -> Iterator[None]:
        """Within: library exceptions leave as loaders.errors naming ``path``; ``otherwise`` for those of no known kind.

        Python's own mistakes (TypeError, KeyError, ...) pass as they are: they are ours, and no server's fault.
        """
        try:
            yield
        except LoaderError:
            raise
        except Exception as error:
            kind = _kind(error, otherwise)
            if kind is None:
                raise
            text = str(error) or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)
            clean = shown(without(self.secrets, text))  # the text may be the server's own, with a terminal's escapes in it
            if kind is LandingRefused:
                clean = f"cannot be copied into the landing folder: {clean}. Nothing half-written counts; free space or mend the rights."
            raise kind(f"{self.label}: {shown(path)}: {clean}") from (error if clean == text else None)


def seam_for(settings: Settings) -> Seam:
    """The seam of the source that the settings name; SettingsError when its URL cannot be taken apart."""
    url = urlsplit(settings.require_exports_url())
    try:
        label = settings.source_label
    except ValueError:  # whose text would quote what it took for the port: maybe half a password
        label = ""
    if not label:
        raise SettingsError("FORTRESS_EXPORTS_URL cannot be read: percent-encode special characters in user name and password.")
    given = [settings.ssh_password, url.password, url.query]
    return Seam(label, frozenset(text for secret in given if secret for text in (secret, unquote(secret))))


def without(secrets: Iterable[str], text: str) -> str:
    """``text`` with asterisks in the place of every secret."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def shown(text: str) -> str:
    """``text`` as it may be printed: control characters and the like escaped, overlong text cut."""
    return visible(text) if len(text) <= 1000 else f"{visible(text[:1000])}... ({len(text)} characters)"


def printable(text: str) -> str:
    """A message of several lines as it may be printed, whatever libraries and servers have put in it."""
    return "\n".join(map(visible, text.split("\n")))


def visible(text: str) -> str:
    """``text`` with escapes in the place of all that a terminal would obey or not show."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _kind(error: Exception, otherwise: type[LoaderError]) -> type[LoaderError] | None:
    """Which of ours an exception is; None when it is no library's but a mistake in this code."""
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return Vanished
        case PermissionError():
            return AccessRefused
        case ConnectionError() | TimeoutError() | EOFError() | socket.gaierror():
            return ServerUnreachable
        case OSError():
            return {**dict.fromkeys(_NO_NETWORK, ServerUnreachable), **dict.fromkeys(_NO_SPACE, LandingRefused)}.get(error.errno, otherwise)
    if "Authentication" in type(error).__name__ or "Permission" in type(error).__name__:  # paramiko's and the clouds' own
        return AccessRefused
    return None if type(error).__module__ == "builtins" else otherwise
