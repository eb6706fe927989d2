"""Listing and reading an export tree behind one seam, whatever fsspec URL it is at.

    {root}/{organizationId}/public/exported_{topic}/{name}.{csv|parquet}

Above this module there are only ``RemoteFile`` and loaders.errors. A server's names are untrusted: a path is
built from a listed name only after the name fitted the grammar, and nothing is listed below a name that did not.
"""

import errno
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import fsspec
from fsspec.asyn import AsyncFileSystem
from fsspec.implementations.local import LocalFileSystem

from loaders.errors import (
    AccessRefused,
    LandingRefused,
    LoaderError,
    NothingThere,
    ReadFailed,
    ServerUnreachable,
    SettingsError,
    Vanished,
)
from loaders.names import PUBLIC_FOLDER, ExportName, parse_file, parse_organization, parse_topic
from loaders.settings import Settings

_LISTINGS_AT_ONCE = 16
_LONGEST_NAME = 128  # no export's name is near it, and a landed name must stay below a file system's 255
_MODIFIED_KEYS = ("mtime", "modified", "LastModified", "last_modified", "created")
_NO_NETWORK = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN}
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}

Fetch = Callable[[str, Path, int], object]


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One delivered file version as listed. ``modified_at`` is UTC: microseconds locally, whole seconds over SFTP."""

    path: str
    organization_id: str
    topic: str
    name: ExportName
    size: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Listing:
    """What a server holds: the exports by organization, topic and name, and the paths that are none, escaped for showing."""

    files: tuple[RemoteFile, ...]
    ignored: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One name in a folder. ``fits`` is False for what is never followed: hostile or overlong names and links."""

    path: str
    name: str
    kind: str
    size: int | None
    modified_at: datetime | None
    fits: bool


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder on the way down, with what its path said so far."""

    path: str
    organization_id: str
    topic: str = ""


class Remote:
    """An export tree. Methods may be called from several threads; what cannot stand that waits its turn."""

    def __init__(self, fs: fsspec.AbstractFileSystem, root: str, label: str, organization_id: str | None = None, fetch: Fetch | None = None):
        self._fs, self._root, self._label, self._organization_id = fs, root, label, organization_id
        self._fetch = fetch or (lambda path, target, _: fs.get_file(path, str(target)))
        parallel = isinstance(fs, AsyncFileSystem | LocalFileSystem)
        self._turn: AbstractContextManager[Any] = nullcontext() if parallel else threading.Lock()

    def list_exports(self) -> Listing:
        """Every export below the root, level by level; NothingThere when there is no export folder at all."""
        ignored: list[str] = []
        with ThreadPoolExecutor(_LISTINGS_AT_ONCE, thread_name_prefix="listing") as pool:

            def below(folders: Sequence[_Folder]) -> Iterator[tuple[_Folder, _Entry]]:
                for folder, entries in zip(folders, pool.map(self._entries, (folder.path for folder in folders)), strict=True):
                    yield from ((folder, entry) for entry in entries)

            organizations, publics = self._top(ignored)
            for organization, entry in below(organizations):
                if entry.fits and entry.kind == "directory" and entry.name == PUBLIC_FOLDER:
                    publics.append(_Folder(entry.path, organization.organization_id))
                else:
                    ignored.append(entry.path)
            topics = _topic_folders(below(publics), ignored)
            if not topics:
                raise self._nothing_there()
            files = _files(below(topics), ignored)
        return Listing(files, tuple(sorted(_shown(path) for path in ignored)))

    def stat(self, file: RemoteFile) -> tuple[int, datetime]:
        """Size and modification time now; Vanished when the file is gone."""
        with self._turn, _translated(f"{self._label}: {file.path}", ReadFailed):
            info = self._fs.info(file.path)
        modified_at = _modified_at(info)
        if info.get("type") != "file" or modified_at is None:
            raise Vanished(f"{file.path} is no file any more")
        return info["size"], modified_at

    def download(self, file: RemoteFile, target: Path) -> None:
        """Copy the file's bytes into ``target``, overwriting it; whether they are all there is the caller's to check."""
        with self._turn, _translated(f"{self._label}: {file.path}", ReadFailed):
            self._fetch(file.path, target, file.size)

    def _top(self, ignored: list[str]) -> tuple[list[_Folder], list[_Folder]]:
        """The organizations' folders, and the root's own ``public`` when the root is itself an organization's folder."""
        organizations, publics = [], []
        for entry in self._root_entries():
            if entry.fits and entry.kind == "directory" and entry.name == PUBLIC_FOLDER and self._holds_topics(entry.path):
                publics.append(_Folder(entry.path, self._own_organization()))
            elif entry.fits and entry.kind == "directory" and parse_organization(entry.name):
                organizations.append(_Folder(entry.path, entry.name))
            else:
                ignored.append(entry.path)
        return organizations, publics

    def _root_entries(self) -> list[_Entry]:
        try:
            return self._entries(self._root, missing_is_empty=False)
        except Vanished as error:
            raise self._nothing_there() from error

    def _holds_topics(self, path: str) -> bool:
        return any(parse_topic(entry.name) for entry in self._entries(path))

    def _own_organization(self) -> str:
        """The organization that the root itself belongs to; SettingsError when nothing says which."""
        name = self._organization_id or self._root.rstrip("/").rpartition("/")[2]
        if not parse_organization(name):
            raise SettingsError(
                f"{self._label} is one organization's own folder, and its name is no usable organization id: set FORTRESS_ORGANIZATION_ID."
            )
        return name

    def _nothing_there(self) -> NothingThere:
        return NothingThere(
            f"{self._label}: no export folder found; looked for {{organizationId}}/public/exported_{{topic}} and public/exported_{{topic}} "
            "below it. Is FORTRESS_EXPORTS_URL the folder above the organizations' folders?"
        )

    def _entries(self, folder: str, missing_is_empty: bool = True) -> list[_Entry]:
        """The names in one folder, sorted; a folder that vanished since its parent was listed is empty."""
        try:
            with self._turn, _translated(f"{self._label}: {_shown(folder)}", ServerUnreachable):
                infos = self._fs.ls(folder, detail=True)
        except Vanished:
            if missing_is_empty:
                return []
            raise
        entries = (_entry(info, folder) for info in infos if info["name"].rstrip("/") != folder.rstrip("/"))
        return sorted(entries, key=lambda entry: entry.name)


@contextmanager
def open_remote(settings: Settings) -> Iterator[Remote]:
    """The exports that the settings name, closed on leaving; SettingsError, HostKeyRefused, AccessRefused or ServerUnreachable."""
    url = settings.require_exports_url()
    if urlsplit(url).scheme in ("sftp", "ssh"):
        with _open_sftp(settings) as remote:
            yield remote
    else:
        fs, root = _filesystem(url, settings)
        yield Remote(fs, root, settings.source_label, settings.organization_id)


@contextmanager
def _open_sftp(settings: Settings) -> Iterator[Remote]:
    from loaders import ssh  # here because it costs a third of a second that a local folder need not pay

    server = ssh.parse_url(settings.require_exports_url())
    with _translated(f"sftp://{server.host}:{server.port}", ServerUnreachable):
        fs, root = ssh.connect(settings)
    try:
        yield Remote(fs, root, settings.source_label, settings.organization_id, fs.fetch)
    finally:
        fs.close()


def _filesystem(url: str, settings: Settings) -> tuple[fsspec.AbstractFileSystem, str]:
    """Any other fsspec URL's file system and root; SettingsError naming the package that is missing."""
    secrets = {text for part in (urlsplit(url).password, urlsplit(url).query) if part for text in (part, unquote(part))}
    try:
        return fsspec.core.url_to_fs(url, skip_instance_cache=True)
    except ImportError as error:
        raise SettingsError(f"FORTRESS_EXPORTS_URL: {urlsplit(url).scheme}:// needs a package that is not installed: {error}") from error
    except ValueError as error:
        text = str(error)
        for secret in secrets:
            text = text.replace(secret, "***")
        raise SettingsError(f"FORTRESS_EXPORTS_URL={settings.source_label}: {text}") from error
