"""Every way the loader can fail, in two families: worth another try, and not before somebody acts.

A library's own exceptions are translated into these at the seam where the library is called, so that
nothing above that seam needs to know which library it was. Each message says what happened, to which
file, and what to do next.
"""


class LoaderError(Exception):
    """Anything the loader refuses or fails to do."""


class TryAgain(LoaderError):
    """The same call may succeed later; nothing was changed."""


class Never(LoaderError):
    """The same call will fail again until somebody acts; nothing was changed."""


class ServerUnreachable(TryAgain):
    """The server did not answer, or dropped the connection."""


class StillGrowing(TryAgain):
    """A file's size or modification time moved while it was being read."""


class Vanished(TryAgain):
    """A file was listed and then gone before it could be read."""


class ReadFailed(TryAgain):
    """The server answered, and failed to hand over one file or folder."""


class WarehouseBusy(TryAgain):
    """Another process holds build.duckdb."""


class LakeUnreachable(TryAgain):
    """The lake's store did not take, or hand over, a file; the next sync goes on from there."""


class RateLimited(TryAgain):
    """A service wants us to wait longer than a command may; ``seconds`` is what it asked for, None where it did not say."""

    def __init__(self, message: str, seconds: float | None = None):
        super().__init__(message)
        self.seconds = seconds


class SettingsError(Never):
    """An environment variable is missing or has a value that cannot be used."""


class HostKeyRefused(Never):
    """The server's host key is unknown, or is not the one that was pinned."""


class AccessRefused(Never):
    """The server answered and refused the credentials or the path."""


class NothingThere(Never):
    """The exports' root exists but holds no export folder, or does not exist at all."""


class TooMuchAsked(Never):
    """A server asks for more than one of the limits allows (loaders/limits.py)."""


class AlgorithmsRefused(Never):
    """The server offers only cryptography that is too weak to be trusted, or none in common."""


class LandingRefused(Never):
    """The landing folder cannot be written: no space left, read-only, or not ours."""


class WarehouseRefused(Never):
    """build.duckdb cannot be opened, or DuckDB gave up on it: no space or memory left, damaged, or not ours."""


class OutputRefused(Never):
    """What a command found could not be written where its output goes."""


class PublishRefused(Never):
    """The build did not pass the checks that stand before publishing; the published file is untouched."""


class BuildFailed(Never):
    """dbt reported an error; what was published before is untouched."""


class LakeRefused(Never):
    """The lake holds the files of another warehouse, or those of this one under other numbers."""


class RestoreRefused(Never):
    """There is a build database already, or no landed file to make one of."""


class DocsFailed(Never):
    """The docs site cannot be made of what dbt wrote."""


class NoSuchRecord(Never):
    """No delivered row has the id that was asked for."""


class SeveralRecords(Never):
    """Several organizations have a record of the id that was asked for."""


class DecisionRefused(Never):
    """A file that cannot be released or given up, or a decision without a reason."""


class RegistryRefused(Never):
    """The registry, _fortress__sources.yml, cannot be understood; nothing was built or published by it."""


class ScaffoldRefused(Never):
    """A topic cannot be given models: it was never delivered, or its name is taken."""


class UnverifiableBuild(Never):
    """There is nothing to compare: the build has not seen all that is loaded."""


class CertificateRefused(Never):
    """A service's certificate is not one that this machine trusts."""


class QuotaUsedUp(Never):
    """The account's quota with a service is used up: asking again costs an answer and brings nothing."""


class RequestRefused(Never):
    """A service understood what was asked of it, and will not do it."""


class NoSuchJob(Never):
    """A service has no job of this id, or not for this account."""


class NotOffered(Never):
    """A service knows no such address, or no such record."""


class AlreadyAsked(Never):
    """What is asked for is loaded, or under way."""


class UnreadableFile(Never):
    """A delivered file cannot be read whole, so no row of it is applied.

    ``reason`` says what is wrong and what to do, and quotes nothing of the file: it is published. ``line`` is the 1-based
    line (CSV) or row (Parquet) where it was noticed and ``column`` the byte in it; ``text`` is the offending text, which
    stays on this machine. All three may be unknown.
    """

    def __init__(self, reason: str, line: int | None = None, text: str | None = None, column: int | None = None):
        place = "" if line is None else f"line {line:d}: " if column is None else f"line {line:d}, byte {column:d}: "
        super().__init__(place + reason)
        self.reason, self.line, self.text, self.column = reason, line, text, column
