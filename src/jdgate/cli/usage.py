"""A wrong call, told in the reader's language: click's own sentences are English.

code, params = kind(session, error)       # of a click.ClickException
option("--by", type=FILLED)               # a text that is not blank
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from jdgate.errors import UsageError

if TYPE_CHECKING:
    from jdgate.cli.session import Session

_EXTRA = re.compile(r"Got unexpected extra arguments? \((.*)\)", re.DOTALL)
_PATHS = (
    ("is a directory", "cli.usage.is_folder"),
    ("is a file", "cli.usage.is_file"),
    ("does not exist", "cli.usage.not_there"),
)


class Filled(click.ParamType[str]):
    """A text with something in it; the space around it is left out."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raises: UsageError `cli.usage.blank`."""
        if not str(value).strip():
            raise UsageError("cli.usage.blank", name=param.opts[-1] if param else "?")
        return str(value).strip()


FILLED = Filled()


def kind(session: Session, error: click.ClickException) -> tuple[str, dict[str, object]]:
    """The text code of a wrong call, and its parameters."""
    if isinstance(error, click.MissingParameter):
        return "cli.usage.missing", {"name": _name(error)}
    if isinstance(error, click.NoSuchOption):
        near = _near(session, error.possibilities)
        return "cli.usage.no_option", {"name": error.option_name, "near": near}
    if isinstance(error, click.exceptions.NoSuchCommand):
        near = _near(session, error.possibilities)
        return "cli.usage.no_command", {"name": error.command_name, "near": near}
    if isinstance(error, click.BadParameter):
        return "cli.usage.bad_value", {"name": _name(error), "reason": _expected(session, error)}
    if isinstance(error, click.BadOptionUsage):
        return "cli.usage.no_value", {"name": error.option_name}
    if (group := group_alone(error)) is not None:
        return "cli.usage.which", {"commands": ", ".join(group.commands)}
    if extra := _EXTRA.search(error.message):
        return "cli.usage.extra", {"words": extra[1][:80]}
    return "cli.usage.other", {"reason": error.format_message()}


def group_alone(error: click.ClickException) -> click.Group | None:
    """The group that was called without one of its commands."""
    command = getattr(getattr(error, "ctx", None), "command", None)
    alone = "Missing command" in error.message
    return command if alone and isinstance(command, click.Group) else None


def _expected(session: Session, error: click.BadParameter) -> str:
    type_ = error.param.type if error.param is not None else None
    if isinstance(type_, click.Choice):
        return session.say("cli.usage.choice", choices=", ".join(map(str, type_.choices)))
    if isinstance(type_, click.IntRange | click.FloatRange):
        least, most = type_.min, type_.max
        if most is None:
            return session.say("cli.usage.least", least=least)
        return session.say("cli.usage.range", least=least, most=most)
    for words, code in _PATHS:
        if words in error.message:
            return session.say(code)
    return error.message


def _near(session: Session, names: Sequence[str] | None) -> str:
    return session.say("cli.usage.near", names=", ".join(names)) if names else ""


def _name(error: click.BadParameter) -> str:
    if error.param is None:
        return str(error.param_hint or "?")
    if isinstance(error.param, click.Argument):
        return error.param.make_metavar(error.ctx) if error.ctx else error.param.opts[-1]
    return error.param.opts[-1]
