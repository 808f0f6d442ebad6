"""`jdgate member`: who takes part, in which roles and regions, with which keys.

Rows are {id, name, kind, roles[], regions[], status, hosted, keys[{kid, use, suite, not_before,
not_after, revoked_at}]}.
"""

from __future__ import annotations

from typing import Any

import click

from jdgate.cli.help import Group
from jdgate.cli.session import Session, common, pass_session
from jdgate.cli.show import listed, local, pairs, table
from jdgate.texts import Lang, say


def member_lines(rows: list[dict[str, Any]], lang: Lang, width: int | None = None) -> list[str]:
    """The answer of `member.list`."""
    names = ("member", "roles", "regions", "state", "hosted", "name")
    cells = [
        [
            one.get("id"),
            " ".join(one.get("roles") or []),
            listed(one.get("regions") or []),
            say(f"cli.state.{one.get('status', 'active')}", lang),
            say("cli.yes", lang) if one.get("hosted") else "",
            one.get("name") or "",
        ]
        for one in rows
    ]
    return table([say(f"cli.title.{name}", lang) for name in names], cells, width)


def one_member_lines(row: dict[str, Any], lang: Lang, width: int | None = None) -> list[str]:
    """The answer of `member.show`."""
    shown: list[tuple[str, object]] = [
        ("member", row.get("id")),
        ("name", row.get("name")),
        ("kind", say(f"cli.kind.{row.get('kind', 'department')}", lang)),
        ("roles", listed(row.get("roles") or [])),
        ("regions", listed(row.get("regions") or [])),
        ("state", say(f"cli.state.{row.get('status', 'active')}", lang)),
        ("hosted", say("cli.yes" if row.get("hosted") else "cli.no", lang)),
    ]
    lines = pairs([(say(f"cli.title.{name}", lang), value) for name, value in shown], width)
    if keys := row.get("keys"):
        names = ("key", "use", "suite", "from", "until", "revoked")
        cells = [
            [
                key.get("kid"),
                say(f"cli.use.{key.get('use')}", lang),
                key.get("suite"),
                local(key.get("not_before")),
                local(key.get("not_after")),
                local(key.get("revoked_at")),
            ]
            for key in keys
        ]
        lines += ["", *table([say(f"cli.title.{name}", lang) for name in names], cells, width)]
    return lines


@click.group("member", cls=Group)
@common
def member() -> None:
    pass


@member.command("list")
@common
@pass_session
def list_(session: Session) -> None:
    with session.connect() as control:
        rows = control.call("member.list")
    session.answer(rows, lambda reply: member_lines(reply, session.lang, session.width))


@member.command("show")
@click.argument("member_id", metavar="MEMBER")
@common
@pass_session
def show(session: Session, member_id: str) -> None:
    with session.connect() as control:
        row = control.call("member.show", id=member_id)
    session.answer(row, lambda reply: one_member_lines(reply, session.lang, session.width))
