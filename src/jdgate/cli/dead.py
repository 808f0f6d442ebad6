"""`jdgate dead`: messages the gateway could not process or deliver, kept for a person.

Rows are {id, direction (in|out), member, type, code, params, at, attempts, state, erased_at}.
"""

from __future__ import annotations

from typing import Any

import click

from jdgate.cli.help import Group
from jdgate.cli.session import Session, common, pass_session
from jdgate.cli.show import local, pairs, table
from jdgate.texts import Lang, say


def reason(row: dict[str, Any], lang: Lang) -> str:
    """Why it lies here."""
    return say(str(row.get("code")), lang, **(row.get("params") or {}))


def dead_lines(rows: list[dict[str, Any]], lang: Lang, width: int | None = None) -> list[str]:
    """The answer of `dead.list`."""
    if not rows:
        return [say("cli.dead.none", lang)]
    titles = [
        say(f"cli.title.{name}", lang)
        for name in ("id", "at", "direction", "member", "type", "reason")
    ]
    cells = [
        [
            one.get("id"),
            local(one.get("at")),
            say(f"cli.direction.{one.get('direction')}", lang),
            one.get("member"),
            one.get("type") or "—",
            reason(one, lang),
        ]
        for one in rows
    ]
    return [*table(titles, cells, width), "", say("cli.dead.next", lang)]


def one_dead_lines(row: dict[str, Any], lang: Lang, width: int | None = None) -> list[str]:
    """The answer of `dead.show`."""
    shown: list[tuple[str, object]] = [
        ("id", row.get("id")),
        ("at", local(row.get("at"))),
        ("direction", say(f"cli.direction.{row.get('direction')}", lang)),
        ("member", row.get("member")),
        ("type", row.get("type")),
        ("attempts", row.get("attempts")),
        ("state", say(f"cli.state.{row.get('state', 'open')}", lang)),
        ("reason", reason(row, lang)),
    ]
    erased = row.get("erased_at")
    hint = say("cli.dead.retry_hint", lang, id=row.get("id"))
    return [
        *pairs([(say(f"cli.title.{name}", lang), value) for name, value in shown], width),
        "",
        say("cli.dead.erased", lang, at=local(erased)) if erased else hint,
    ]


@click.group("dead", cls=Group)
@common
def dead() -> None:
    pass


@dead.command("list")
@common
@pass_session
def list_(session: Session) -> None:
    with session.connect() as control:
        rows = control.call("dead.list")
    session.answer(rows, lambda reply: dead_lines(reply, session.lang, session.width))


@dead.command("show")
@click.argument("dead_id", metavar="ID")
@common
@pass_session
def show(session: Session, dead_id: str) -> None:
    with session.connect() as control:
        row = control.call("dead.show", id=dead_id)
    session.answer(row, lambda reply: one_dead_lines(reply, session.lang, session.width))


@dead.command("retry")
@click.argument("dead_id", metavar="ID")
@common
@pass_session
def retry(session: Session, dead_id: str) -> None:
    with session.connect() as control:
        reply = control.call("dead.retry", id=dead_id)
    session.answer(
        {"id": dead_id, **(reply or {})}, lambda _: [session.say("cli.dead.retried", id=dead_id)]
    )
