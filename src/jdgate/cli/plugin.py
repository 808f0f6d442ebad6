"""`jdgate plugin list`: the plugins of the running daemon, what they do and how they are."""

from __future__ import annotations

from typing import Any

import click

from jdgate.cli.help import Group
from jdgate.cli.session import Session, common, pass_session
from jdgate.cli.show import listed, table
from jdgate.texts import Lang, say


def plugin_lines(rows: list[dict[str, Any]], lang: Lang, width: int | None = None) -> list[str]:
    """The answer of `plugin.list`: [{name, version, origin, hooks, condition{state, failures,
    places, retry_in}}]."""
    if not rows:
        return [say("cli.plugin.none", lang)]
    titles = [
        say(f"cli.title.{name}", lang) for name in ("plugin", "version", "state", "origin", "hooks")
    ]
    cells = [
        [
            one.get("name"),
            one.get("version") or "—",
            say(f"cli.state.{_condition(one).get('state', 'running')}", lang),
            one.get("origin") or "—",
            listed(str(hook).removeprefix("jdgate_") for hook in one.get("hooks") or []),
        ]
        for one in rows
    ]
    lines = table(titles, cells, width)
    for one in rows:
        for place, error in (_condition(one).get("places") or {}).items():
            lines.append(
                say(
                    "cli.plugin.trouble",
                    lang,
                    plugin=one.get("name"),
                    place=place,
                    error=error,
                    failures=_condition(one).get("failures", 0),
                    seconds=round(float(_condition(one).get("retry_in") or 0)),
                )
            )
    return lines


def _condition(one: dict[str, Any]) -> dict[str, Any]:
    found = one.get("condition") or one
    return found if isinstance(found, dict) else {}


@click.group("plugin", cls=Group)
@common
def plugin() -> None:
    pass


@plugin.command("list")
@common
@pass_session
def list_(session: Session) -> None:
    with session.connect() as control:
        rows = control.call("plugin.list")
    session.answer(rows, lambda reply: plugin_lines(reply, session.lang, session.width))
