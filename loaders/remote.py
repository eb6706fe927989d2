"""Listing and reading exports behind one seam, whatever fsspec URL they are at.

Above this module there are only ``RemoteFile`` and loaders.errors; below it fsspec, and loaders.ssh for SFTP.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import fsspec
from fsspec.asyn import AsyncFileSystem
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from fsspec.registry import known_implementations

from loaders.errors import LoaderError, NothingThere, ReadFailed, ServerUnreachable, SettingsError, TooMuchAsked, Vanished
from loaders.landing import Received, Wanted, complete_part, create_part, sha256_of, writing
from loaders.limits import Limits
from loaders.names import parse_organization
from loaders.seam import Seam, seam_for, shown
from loaders.settings import Settings
from loaders.tree import Entry, Listing, RemoteFile, Walk

__all__ = ["Listing", "Remote", "RemoteFile", "open_remote"]

_MODIFIED_KEYS = ("mtime", "modified", "LastModified", "last_modified", "created")

_GENEROUS = Limits()

T = TypeVar("T")


class Many(Protocol):
    """A file system that is asked about many files at once. What failed is given, not raised."""

    def fetch(self, wanted: Sequence[Wanted]) -> Sequence[Received | BaseException]:
        """Copy the files, to stay."""

    def look_at(self, paths: Sequence[str]) -> Sequence[dict[str, Any] | BaseException]:
        """fsspec's description of each."""


class OneByOne:
    """The same for any file system of fsspec."""

    def __init__(self, fs: fsspec.AbstractFileSystem):
        self._fs = fs

    def fetch(self, wanted: Sequence[Wanted]) -> Sequence[Received | BaseException]:
        """Copy the files."""
        return [self._given(self._fetch, one) for one in wanted]

    def look_at(self, paths: Sequence[str]) -> Sequence[dict[str, Any] | BaseException]:
        """fsspec's description of each."""
        return [self._given(self._look_at, path) for path in paths]

    def _given(self, operation: Callable[..., T], *arguments: Any) -> T | Exception:
        try:
            return operation(*arguments)
        except Exception as error:  # the seam says what it is
            return error

    def _fetch(self, one: Wanted) -> Received:
        with writing(one.part):
            os.close(create_part(one.part))
        self._fs.get_file(one.path, str(one.part))
        with writing(one.part):
            complete_part(one.part, one.modified_at)
            return Received(one.part.stat().st_size, sha256_of(one.part))

    def _look_at(self, path: str) -> dict[str, Any]:
        self._fs.invalidate_cache(path)  # object stores would repeat the listing
        return dict(self._fs.info(path))


class Remote:
    """An open export tree. Methods may be called from several threads; a file system that cannot bear that gets one at a time."""

    def __init__(
        self,
        fs: fsspec.AbstractFileSystem,
        root: str,
        seam: Seam,
        organization_id: str | None = None,
        many: Many | None = None,
        limits: Limits = _GENEROUS,
    ):
        """``root`` as ``fs`` spells it; ``many`` where the file system can be asked about many files at once."""
        self._fs, self._root, self._seam, self._organization_id = fs, root, seam, organization_id
        self._limits, self._names, self._counting = limits, 0, threading.Lock()
        self._many, self._counts_itself = many or OneByOne(fs), many is not None
        bears_threads = isinstance(fs, AsyncFileSystem | LocalFileSystem)
        self._turn: AbstractContextManager[Any] = nullcontext() if bears_threads else threading.Lock()

    def list_exports(self) -> Listing:
        """Every export below the root; NothingThere when the root is missing or has no export folder."""
        self._names = 0
        try:
            root = self._entries(self._root)
        except Vanished as error:
            raise self._nothing_there("does not exist") from error
        listing = Walk(self._entries_if_there, self._own_organization).run(root)
        if listing is None:
            raise self._nothing_there("holds no export folder")
        return listing

    def stat(self, files: Sequence[RemoteFile]) -> list[tuple[int, datetime] | LoaderError]:
        """Size and modification time now, of each; Vanished when a file is gone, or is a file no more."""
        with self._turn:
            told = self._many.look_at([file.path for file in files])
        return [self._of(file, one, self._stamp) for file, one in zip(files, told, strict=True)]

    def download(self, wanted: Sequence[tuple[RemoteFile, Path]]) -> list[Received | LoaderError]:
        """Copy the files' bytes into new files. Whether they are all, and still the same, is the caller's to check."""
        with self._turn:
            received = self._many.fetch([Wanted(file.path, part, file.size, file.modified_at) for file, part in wanted])
        return [self._of(file, one, lambda _, it: it) for (file, _), one in zip(wanted, received, strict=True)]

    def _of(self, file: RemoteFile, given: Any | BaseException, meaning: Callable[[RemoteFile, Any], T]) -> T | LoaderError:
        try:
            with self._seam.crossing(file.path, ReadFailed):
                if isinstance(given, BaseException):
                    raise given
                return meaning(file, given)
        except LoaderError as error:
            return error

    def _stamp(self, file: RemoteFile, info: Mapping[str, Any]) -> tuple[int, datetime]:
        entry = _entry(info, "")
        if entry.kind != "file" or entry.size is None or entry.modified_at is None:
            raise Vanished(f"{self._seam.label}: {shown(file.path)}: is no file any more")
        return entry.size, entry.modified_at

    def _entries(self, folder: str) -> list[Entry]:
        at_most = self._limits.names - self._names
        with self._turn, self._seam.crossing(folder, ReadFailed):
            infos = self._fs.ls(folder, detail=True, **({"at_most": at_most} if self._counts_itself else {}))
        with self._counting:
            self._names += len(infos)
            if self._names > self._limits.names:
                self._names -= len(infos)
                raise TooMuchAsked(
                    f"{self._seam.label}: {shown(folder)}: with this folder, the server lists more than {self._limits.names:,} names. "
                    "Nothing in it was looked at. If there are that many exports, set FORTRESS_MAX_NAMES to more."
                )
        listed = [_entry(info, folder) for info in infos if info["name"].rstrip("/") != folder.rstrip("/")]
        return sorted(listed, key=lambda entry: entry.name)

    def _entries_if_there(self, folder: str) -> list[Entry]:
        """A folder that went away after its parent was listed holds nothing."""
        try:
            return self._entries(folder)
        except Vanished:
            return []

    def _own_organization(self) -> str:
        for name in (self._root.rstrip("/").rpartition("/")[2], self._organization_id or ""):
            if parse_organization(name):
                return name
        raise SettingsError(
            f"{self._seam.label} is one organization's own folder, and its name is no organization id: set FORTRESS_ORGANIZATION_ID."
        )

    def _nothing_there(self, fault: str) -> NothingThere:
        return NothingThere(
            f"{self._seam.label} {fault}. Looked below it for {{organizationId}}/public/exported_{{topic}} and public/exported_{{topic}}: "
            "FORTRESS_EXPORTS_URL must name the folder that holds the organizations' folders, or one organization's."
        )


@contextmanager
def open_remote(settings: Settings) -> Iterator[Remote]:
    """The exports that the settings name, closed on leaving; SettingsError, HostKeyRefused, AccessRefused, ServerUnreachable."""
    opened = _sftp if urlsplit(settings.require_exports_url()).scheme in ("sftp", "ssh") else _other
    with opened(settings) as remote:
        yield remote


@contextmanager
def _sftp(settings: Settings) -> Iterator[Remote]:
    from loaders import ssh  # imported here: it takes most of a second that a local folder need not pay

    server, seam = ssh.parse_url(settings.require_exports_url()), seam_for(settings)
    with seam.crossing("connecting", ServerUnreachable):
        fs = ssh.connect(settings, server)
    try:
        yield Remote(fs, server.root, seam, settings.organization_id, fs, settings.limits)
    finally:
        fs.close()


@contextmanager
def _other(settings: Settings) -> Iterator[Remote]:
    """A local folder, or any URL that an installed fsspec package understands."""
    url, seam = settings.require_exports_url(), seam_for(settings)
    try:
        with seam.crossing("connecting", ServerUnreachable):
            fs, root = url_to_fs(url, skip_instance_cache=True)
    except (ImportError, ValueError) as error:  # fsspec's words for: package missing, scheme unknown
        raise SettingsError(_cannot_read(urlsplit(url).scheme, error)) from error
    yield Remote(fs, root, seam, settings.organization_id, limits=settings.limits)


def _cannot_read(scheme: str, error: Exception) -> str:
    known = known_implementations.get(scheme)
    if known is None:
        return f"FORTRESS_EXPORTS_URL: nothing here reads {scheme}://. Use sftp://user@host/root or file:///root."
    package = known["class"].split(".")[0]
    missing = f"{package}, which is not part of this project: `.venv/bin/uv pip install {package}`" if package != "fsspec" else str(error)
    return f"FORTRESS_EXPORTS_URL: {scheme}:// needs a package that is not installed: {missing}"


def _entry(info: Mapping[str, Any], folder: str) -> Entry:
    """fsspec's description of one name; a name that is not right below ``folder`` keeps its slashes, and so fits nothing."""
    path = info["name"].rstrip("/")
    kind = "link" if info.get("islink") else info["type"]
    return Entry(path, path.removeprefix(folder.rstrip("/") + "/"), kind, info.get("size"), _modified_at(info))


def _modified_at(info: Mapping[str, Any]) -> datetime | None:
    """The modification time in UTC, by whichever name and type a file system gives it; None when it gives none."""
    value = next((info[key] for key in _MODIFIED_KEYS if info.get(key) is not None), None)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    if value is None:
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
