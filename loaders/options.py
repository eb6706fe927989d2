"""What the command line understands beside texts and numbers."""

from datetime import timedelta
from typing import Any

import click

from loaders.durations import parse_duration


class Duration(click.ParamType):
    """``30s``, ``5m``, ``1h``."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """A timedelta; what is none is the command line's fault."""
        try:
            return value if isinstance(value, timedelta) else parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _want_json(context: click.Context, _parameter: click.Parameter, is_wanted: bool) -> None:
    context.find_root().obj = context.find_root().obj or is_wanted


log_json = click.option(
    "--log-json", is_flag=True, expose_value=False, callback=_want_json, help="Progress and errors as JSON lines on standard error."
)


def wants_json_log() -> bool:
    """Whether ``--log-json`` stands before the command or after it."""
    return bool(click.get_current_context().find_root().obj)
