"""Which files the registry asks for, what they must say, and whether they do."""

from collections.abc import Iterator
from pathlib import Path

from loaders.registry import Topic, topics
from loaders.scaffold.exposures import EXPOSURES, exposures_yaml
from loaders.scaffold.topic_yaml import topic_yaml
from loaders.settings import PROJECT
from loaders.topic_models import model_files

_TOPICS_MACRO = """\
{{#
    The topics that have marts, for the models that read all of them. Written by `python -m loaders scaffold` from the registry.

    Example: `{{% for topic in modelled_topics() %}}`
#}}
{{% macro modelled_topics() -%}}
    {{%- do return([
{names}
    ]) -%}}
{{%- endmacro %}}
"""


def expected_files(project: Path = PROJECT) -> dict[Path, str]:
    """Every file that the registry asks for, with the text it must have."""
    known = topics()
    expected = {path: text for topic in known.values() for path, text in _files_of(topic)}
    names = "\n".join(f"        '{name}'," for name in sorted(known))
    expected[Path("macros/project/modelled_topics.sql")] = _TOPICS_MACRO.format(names=names)
    expected[EXPOSURES] = exposures_yaml(known.values(), project)
    return {project / path: text for path, text in expected.items()}


def differing_files(project: Path = PROJECT) -> list[Path]:
    """The files, relative to the project, that do not say what the registry asks for, or that no topic of it asks for."""
    expected = expected_files(project)
    differing = {path for path, text in expected.items() if not path.exists() or path.read_text(encoding="utf-8") != text}
    present = {
        path for folder in ("marts/changes", "marts/history", "marts/current") for path in (project / "models" / folder).glob("*.sql")
    }
    return sorted(path.relative_to(project) for path in differing | (present - expected.keys()))


def write_files(project: Path = PROJECT) -> list[Path]:
    """Write what differs and give the files written, relative to the project. A file that no topic asks for is left alone."""
    expected = expected_files(project)
    written = [path for path in differing_files(project) if project / path in expected]
    for path in written:
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(expected[project / path], encoding="utf-8")
    return written


def _files_of(topic: Topic) -> Iterator[tuple[Path, str]]:
    for path, text in model_files(topic.name).items():
        yield Path("models") / path, text
    yield Path("models/topics") / f"{topic.name}.yml", topic_yaml(topic)
