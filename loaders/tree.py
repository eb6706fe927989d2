"""The walk down an export tree, level by level, never deeper and never through a name that does not fit.

    {root}/{organizationId}/public/exported_{topic}/{name}.{csv|parquet}
    {root}/public/exported_{topic}/{name}.{csv|parquet}         when the root is itself one organization's folder

What does not fit is reported once, where it was met; a folder that cannot be looked into is closed, and the others are walked.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from loaders.errors import AccessRefused, LoaderError, Never, ReadFailed, TooMuchAsked
from loaders.names import PUBLIC_FOLDER, ExportName, parse_file, parse_organization, parse_topic
from loaders.seam import shown

_LISTINGS_AT_ONCE = 16
_UNTELLING = "the server tells no size or no modification time, so a new version could not be told from an old one"
_MOST_IGNORED_SHOWN = 1_000
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
    """What a server holds: the exports by organization, topic and name, and the paths that are none, escaped for showing.

    ``closed`` are the folders and files that could not be looked at, with the reason; what is below them is unknown.
    """

    files: tuple[RemoteFile, ...]
    ignored: tuple[str, ...]
    closed: tuple["Closed", ...] = ()

    def knows(self, path: str) -> bool:
        """Whether a path would be in the listing if it were on the server."""
        return not any(path == one.path or path.startswith(one.path.rstrip("/") + "/") for one in self.closed)


@dataclass(frozen=True, slots=True)
class Closed:
    """A folder or file that could not be looked at. ``path`` may hold anything: escape it for showing.

    ``needs_somebody`` is false where the next sync may find it open: the server fell silent over it, or failed to list it.
    """

    path: str
    reason: str
    error: str = "Closed"
    needs_somebody: bool = True

    @classmethod
    def because_of(cls, path: str, error: LoaderError) -> "Closed":
        """Closed by what was raised when it was looked into."""
        reason = str(error) if shown(path) in str(error) else f"{shown(path)}: {error}"
        return cls(path, reason) if isinstance(error, Never) else cls(path, reason, type(error).__name__, needs_somebody=False)


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
    closed: list[Closed] = field(default_factory=list)

    def run(self, root: Sequence[Entry]) -> Listing | None:
        """All exports below the entries of the root; None when there is not one export folder."""
        with ThreadPoolExecutor(_LISTINGS_AT_ONCE, thread_name_prefix="listing") as pool:
            organizations, publics = self._top(root)
            publics += self._publics(self._below(pool, organizations))
            topics = self._topics(self._below(pool, publics))
            files = self._files(self._below(pool, topics))
        closed = tuple(sorted(self.closed, key=lambda one: one.path))
        return Listing(tuple(sorted(files, key=_place)), self._ignored(), closed) if topics or closed else None

    def _ignored(self) -> tuple[str, ...]:
        paths = sorted(set(self.ignored))
        more = len(paths) - _MOST_IGNORED_SHOWN
        return (*map(shown, paths[:_MOST_IGNORED_SHOWN]), *([f"... and {more:,} names more"] if more > 0 else []))

    def _below(self, pool: ThreadPoolExecutor, folders: Sequence[Folder]) -> Iterator[tuple[Folder, Entry]]:
        for folder, entries in zip(folders, pool.map(self._list, [folder.path for folder in folders]), strict=True):
            yield from ((folder, entry) for entry in entries)

    def _list(self, path: str) -> list[Entry]:
        """What a folder holds; nothing when it is closed to us: one such folder is not to keep the others from us."""
        try:
            return self.ls(path)
        except (AccessRefused, ReadFailed, TooMuchAsked) as error:
            self.closed.append(Closed.because_of(path, error))
            return []

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
        return any(parse_topic(entry.name) for entry in self._list(folder.path))

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
        """The exports; a name that a listing holds twice counts once."""
        files: dict[str, RemoteFile] = {}
        for topic, entry in entries:
            name = parse_file(entry.name) if entry.fits and entry.kind == "file" else None
            if not name or entry.path in files:
                self.ignored.append(entry.path)
            elif entry.size is None or entry.modified_at is None:
                self.closed.append(Closed(entry.path, f"{shown(entry.path)}: {_UNTELLING}"))
            else:
                files[entry.path] = RemoteFile(entry.path, topic.organization_id, topic.topic, name, entry.size, entry.modified_at)
        return list(files.values())


def _place(file: RemoteFile) -> tuple[str, str, str]:
    return file.organization_id, file.topic, file.name.file_name
