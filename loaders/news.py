"""What a build has to do: which topics have files that no build has seen, and what of the project changed since."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import duckdb
import yaml

from loaders.errors import UnverifiableBuild
from loaders.gate_settings import VARIABLES
from loaders.project_state import project_state
from loaders.registry import modelled_topics, topics
from loaders.settings import PROJECT
from loaders.warehouse import quote, table_columns

# The ledger's own place among the topics: the models that belong to no topic, audit.files among them.
LEDGER = "_files"
MARKET = "_market"  # and that of the models of market data; their ledger is a table of its own
MARKET_MODELS = "tag:market"
MARKET_TABLES = (
    "market_properties_daily",
    "market_floorplans_daily",
    "market_units_changes",
    "market_units",
)  # which no topic's build makes

ROWS_RESOLVED_AT_ONCE = 1_000_000  # of one topic: with what they touch, they fit into the default memory

# Written from the registry, and covered by the set of topics; the tests decide nothing that a table says.
_NOT_SHARED = (Path("macros/tests"), Path("macros/market"), Path("macros/dialect/spark"), Path("macros/project/modelled_topics.sql"))


@dataclass(frozen=True, slots=True)
class News:
    """What a build has to do.

    ``newest`` is the ledger's end for every topic with marts, and for the ledger itself (``_files``); ``topics`` are those
    of them that no build has seen whole. ``rebuild`` are those that are built anew from the raw rows, because what the
    project says of them changed, because they were never built, or because very many rows are new; ``removed`` have tables
    and no models any more.

    ``columns`` are the raw columns of the topics with news, as JSON. ``steady`` are the topics among ``topics`` that have the
    columns they had: their views say what they would say anew, so that only tables are built.
    """

    topics: tuple[str, ...]
    rebuild: tuple[str, ...]
    removed: tuple[str, ...]
    fingerprints: dict[str, str]
    newest: dict[str, int]
    columns: dict[str, str] = field(default_factory=dict)
    steady: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.topics or self.rebuild or self.removed)

    @property
    def is_everything(self) -> bool:
        """Whether every topic is built anew."""
        return set(self.rebuild) == set(self.newest)

    def without(self, topics: Collection[str]) -> "News":
        """The same, less what is new of some topics."""
        return replace(self, topics=tuple(topic for topic in self.topics if topic not in topics), steady=self.steady.difference(topics))

    def pretended(self, topics: Collection[str]) -> "News":
        """News of topics that have none and go on as they are."""
        return replace(self, topics=tuple(topics), steady=frozenset(topics))

    def of(self, topics: Collection[str]) -> "News":
        """Only what is new of some topics, of which nothing is built anew."""
        return replace(self.without(set(self.topics).difference(topics)), rebuild=(), removed=())


def find_news(connection: duckdb.DuckDBPyConnection) -> News:
    """Compare the ledger and the project with what the last builds had seen."""
    newest = _ledger_ends(connection)
    marks = _fingerprints_in(project_state())
    built = {topic: (file_id, mark) for topic, file_id, mark, _ in connection.execute("from raw._built").fetchall()}
    changed = {topic for topic in newest if built.get(topic, (0, ""))[1] != marks[topic]}
    unseen = [topic for topic in sorted(newest.keys() - changed) if built[topic][0] < newest[topic]]
    rebuild = tuple(sorted(changed | _with_many_new_rows(connection, unseen)))
    stale = tuple(topic for topic in unseen if topic not in rebuild)
    columns = {topic: json.dumps(table_columns(connection, "raw", topic)) for topic in (*stale, *rebuild)}
    steady = _steady(connection, stale, columns) if {*rebuild} <= {MARKET} else frozenset()  # which no view of a topic reads
    return News(stale, rebuild, tuple(sorted(built.keys() - newest.keys())), marks, newest, columns, steady)


def _with_many_new_rows(connection: duckdb.DuckDBPyConnection, unseen: Sequence[str]) -> set[str]:
    """Those whose new rows are more than a build resolves at once: their logs are written anew (macros/cdc/in_portions.sql)."""
    query = """
        select topic from raw._files inner join raw._built using (topic)
        where list_contains(?::varchar[], topic) and _files._file_id > _built._file_id and status in ('loaded', 'superseded')
        group by topic having sum(row_count) > ?
    """
    return {topic for (topic,) in connection.execute(query, [[*unseen], ROWS_RESOLVED_AT_ONCE]).fetchall()} if unseen else set()


def _steady(connection: duckdb.DuckDBPyConnection, stale: Sequence[str], columns: Mapping[str, str]) -> frozenset[str]:
    """The topics whose views stand as they are. Those of no topic read all others: they stand where all of them do."""
    known = dict(connection.execute("from raw._staged").fetchall())
    topics = [topic for topic in stale if topic not in (LEDGER, MARKET)]
    steady = {topic for topic in topics if known.get(topic) == columns[topic] and table_columns(connection, "marts", topic)}
    return frozenset(steady | ({LEDGER} if len(steady) == len(topics) else set()))


def _ledger_ends(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    with_rows = connection.execute("select topic, max(_file_id) from raw._files where row_count is not null group by topic").fetchall()
    (end,) = connection.execute("select coalesce(max(_file_id), 0) from raw._files").fetchone()
    modelled = modelled_topics()
    known = dict.fromkeys(modelled, 0) | {topic: end for topic, end in with_rows if topic in modelled} | {LEDGER: end}
    return known | ({MARKET: exports} if (exports := _market_exports(connection)) else {})


def _market_exports(connection: duckdb.DuckDBPyConnection) -> int:
    """How many exports of market data were loaded: the end of their ledger, which is there only where some were asked for."""
    try:
        (number,) = connection.execute("select coalesce(max(load_number), 0) from raw._market_jobs").fetchone() or (0,)
    except duckdb.CatalogException:
        return 0
    return number


def refuse_if_unbuilt(connection: duckdb.DuckDBPyConnection) -> None:
    """UnverifiableBuild when some change log does not hold all that is loaded, whoever built it: no difference, but work not done yet."""
    if behind := _unbuilt_topics(connection):
        raise UnverifiableBuild(f"loaded but not built: {', '.join(behind)}. Run `python -m loaders run`, or `dbt build`, first.")


def _unbuilt_topics(connection: duckdb.DuckDBPyConnection) -> list[str]:
    found = []
    for topic in sorted(modelled_topics()):
        is_built = table_columns(connection, "marts", f"{topic}_changes")
        seen = f"(select coalesce(max(_file_id), 0) from marts.{quote(topic + '_changes')})" if is_built else "0"
        query = f"select count(*) from raw._files where topic = ? and row_count > 0 and _file_id > {seen}"
        if connection.execute(query, [topic]).fetchone()[0]:
            found.append(topic)
    return found


@lru_cache(maxsize=1)
def _fingerprints_in(_state: str) -> dict[str, str]:
    """Those of the project in that state: a watch asks in each round."""
    return fingerprints()


def fingerprints(project: Path = PROJECT) -> dict[str, str]:
    """For each topic, and for the models of no topic, a hash of all that decides what its tables say."""
    modelled = modelled_topics()
    shared = _hash(
        project, [*_shared_macros(project), *(project / "models/staging").rglob("stg_fortress__files.sql")], _project_settings(project)
    )
    found = {topic: _hash(project, _models_of(project, topic), shared + _expected_columns(topic)) for topic in modelled}
    market = [
        *_market_models(project),
        *(project / "macros/market").rglob("*"),
        *(project / "seeds").rglob("*"),
        *(project / "models").rglob("_market__*"),
    ]
    found[MARKET] = _hash(project, [path for path in market if path.is_file()], shared)
    return found | {LEDGER: _hash(project, models_of_no_topic(project), shared + repr(sorted(modelled)))}


def models_of_no_topic(project: Path = PROJECT) -> list[Path]:
    """The model files that scaffold does not write: the audit, and what was added by hand; without those of market data."""
    of_topics = {path for topic in modelled_topics() for path in _models_of(project, topic)} | set(_market_models(project))
    return sorted(path for path in (project / "models").rglob("*.sql") if path not in of_topics)


def _market_models(project: Path) -> list[Path]:
    return [path for layer in ("staging", "marts") for path in (project / "models" / layer / "market").glob("*.sql")]


def _models_of(project: Path, topic: str) -> list[Path]:
    marts = project / "models" / "marts"
    return [
        project / "models" / "staging" / "fortress" / f"stg_fortress__{topic}.sql",
        marts / "changes" / f"{topic}_changes.sql",
        marts / "history" / f"{topic}_history.sql",
        marts / "current" / f"{topic}.sql",
    ]


def _shared_macros(project: Path) -> list[Path]:
    found = (project / "macros").rglob("*.sql")
    return [path for path in found if not any(path.is_relative_to(project / exempt) for exempt in _NOT_SHARED)]


def _project_settings(project: Path) -> str:
    """dbt_project.yml without the gates: they decide what is loaded, and not what the marts say of it."""
    settings = yaml.load((project / "dbt_project.yml").read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return repr(settings | {"vars": {name: value for name, value in settings["vars"].items() if name not in VARIABLES}})


def _expected_columns(topic: str) -> str:
    known = topics().get(topic)
    return repr([(column.name, column.data_type) for column in known.columns] if known else None)


def _hash(project: Path, paths: Iterable[Path], more: str = "") -> str:
    digest = hashlib.sha256(more.encode())
    for path in sorted(paths):
        digest.update(path.relative_to(project).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
