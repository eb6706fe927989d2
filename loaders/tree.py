"""The walk down an export tree, level by level, never deeper and never through a name that does not fit.

    {root}/{organizationId}/public/exported_{topic}/{name}.{csv|parquet}
    {root}/public/exported_{topic}/{name}.{csv|parquet}         when the root is itself one organization's folder

What does not fit is reported once, where it was met.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from loaders.errors import SettingsError
from loaders.names import PUBLIC_FOLDER, ExportName, parse_file, parse_organization, parse_topic
from loaders.seam import shown

_LISTINGS_AT_ONCE = 16
_LONGEST_NAME = 128  # no export's name is near it, and a landed name must stay below a file system's 255


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
class Entry:
    """One name in a folder; ``kind`` is ``file``, ``directory``, ``link`` or anything else. The name is untrusted."""

    path: str
    name: str
    kind: str
    size: int | None
    modified_at: datetime | None

    @property
    def fits(self) -> bool:
        """Whether the grammar may look at it: a hostile name can never be turned into another path."""
        return "/" not in self.name and self.name.isascii() and len(self.name) <= _LONGEST_NAME

    @property
    def is_folder(self) -> bool:
        """Whether the walk may go below it, if its name is one that the grammar knows."""
        return self.fits and self.kind == "directory"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder on the way down, with what its path said so far."""

    path: str
    organization_id: str
    topic: str = ""


List = Callable[[str], list[Entry]]


@dataclass(slots=True)
class Walk:
    """One walk; ``own_organization`` says whose the root is, should it hold ``public`` itself."""

    ls: List
    own_organization: Callable[[], str]
    ignored: list[str] = field(default_factory=list)

    def run(self, root: Sequence[Entry]) -> Listing | None:
        """All exports below the entries of the root; None when there is not one export folder."""
        with ThreadPoolExecutor(_LISTINGS_AT_ONCE, thread_name_prefix="listing") as pool:
            organizations, publics = self._top(root)
            publics += self._publics(self._below(pool, organizations))
            topics = self._topics(self._below(pool, publics))
            files = self._files(self._below(pool, topics))
        ignored = tuple(sorted({shown(path) for path in self.ignored}))
        return Listing(tuple(sorted(files, key=_place)), ignored) if topics else None

    def _below(self, pool: ThreadPoolExecutor, folders: Sequence[Folder]) -> Iterator[tuple[Folder, Entry]]:
        for folder, entries in zip(folders, pool.map(self.ls, [folder.path for folder in folders]), strict=True):
            yield from ((folder, entry) for entry in entries)

    def _top(self, root: Sequence[Entry]) -> tuple[list[Folder], list[Folder]]:
        """The organizations' folders, and the root's own ``public`` when it is itself an organization's folder."""
        organizations, publics = [], []
        for entry in root:
            if entry.is_folder and entry.name == PUBLIC_FOLDER and self._holds_topics(entry):
                publics.append(Folder(entry.path, self.own_organization()))
            elif entry.is_folder and parse_organization(entry.name):
                organizations.append(Folder(entry.path, entry.name))
            else:
                self.ignored.append(entry.path)
        return organizations, publics

    def _holds_topics(self, folder: Entry) -> bool:
        return any(parse_topic(entry.name) for entry in self.ls(folder.path))

    def _publics(self, entries: Iterator[tuple[Folder, Entry]]) -> list[Folder]:
        publics = []
        for organization, entry in entries:
            if entry.is_folder and entry.name == PUBLIC_FOLDER:
                publics.append(Folder(entry.path, organization.organization_id))
            else:
                self.ignored.append(entry.path)
        return publics

    def _topics(self, entries: Iterator[tuple[Folder, Entry]]) -> list[Folder]:
        """The topics' folders; of two that differ in case alone only the first, lest they overwrite each other for ever."""
        topics: dict[tuple[str, str], Folder] = {}
        for public, entry in entries:
            topic = parse_topic(entry.name) if entry.is_folder else None
            if topic and (public.organization_id, topic) not in topics:
                topics[public.organization_id, topic] = Folder(entry.path, public.organization_id, topic)
            else:
                self.ignored.append(entry.path)
        return list(topics.values())

    def _files(self, entries: Iterator[tuple[Folder, Entry]]) -> list[RemoteFile]:
        files = []
        for topic, entry in entries:
            name = parse_file(entry.name) if entry.fits and entry.kind == "file" else None
            if name:
                files.append(_remote_file(topic, entry, name))
            else:
                self.ignored.append(entry.path)
        return files


def _remote_file(topic: Folder, entry: Entry, name: ExportName) -> RemoteFile:
    if entry.size is None or entry.modified_at is None:
        raise SettingsError(
            f"{shown(entry.path)}: the server tells no size or no modification time, so a new version could not be told from an old one."
        )
    return RemoteFile(entry.path, topic.organization_id, topic.topic, name, entry.size, entry.modified_at)


def _place(file: RemoteFile) -> tuple[str, str, str]:
    return file.organization_id, file.topic, file.name.file_name
