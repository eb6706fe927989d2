"""The naming conventions of columns, asked of the macros that hold them: each rule stands in one place, in ``macros/typing/``."""

import re
from functools import cache
from typing import NoReturn

from jinja2 import Environment, Template

from loaders.settings import PROJECT

_MACROS = PROJECT / "macros" / "typing"


class _Answer(BaseException):
    """What a macro's ``return`` leaves it with, as in dbt."""

    def __init__(self, value: str):
        self.value = value


def _return(value: str) -> NoReturn:
    raise _Answer(value)


def snake_case(name: str) -> str:
    """A delivered column's name as the marts spell it: ``propertyId`` -> ``property_id``."""
    return _ask("snake_case", name)


def type_by_name(name: str) -> str:
    """The type that the vendor's naming rules give a column; ``name`` in snake_case: ``due_date`` -> ``date``."""
    return _ask("type_by_name", name)


@cache
def _ask(macro: str, name: str) -> str:
    try:
        _template(macro).render(name=name, modules={"re": re}, **{"return": _return})
    except _Answer as answer:
        return answer.value
    raise AssertionError(f"the macro {macro} returned nothing")


@cache
def _template(macro: str) -> Template:
    text = (_MACROS / f"{macro}.sql").read_text(encoding="utf-8")
    return Environment(extensions=["jinja2.ext.do"]).from_string(f"{text}{{{{ {macro}(name) }}}}")
