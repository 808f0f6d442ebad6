"""`jdgate queries`: whose queries were suspended for being too many (S2), who was stopped
from opening content, and letting them go on.

On the gateway's machine. Rows are {member, since, operator}; `resume` gives {member, operator}.
`operator` is who at the member may open no content (`looks_a_day`); null where the member's
queries are meant.
"""

from __future__ import annotations

from typing import Any

import click

from jdgate.cli.help import Group
from jdgate.cli.session import Session, common, option, pass_session
from jdgate.cli.show import local, table
from jdgate.cli.usage import FILLED
from jdgate.texts import Lang, say


def suspended_lines(rows: list[dict[str, Any]], lang: Lang, width: int | None = None) -> list[str]:
    """The answer of `queries.list`."""
    if not rows:
        return [say("cli.queries.none", lang)]
    titles = [say(f"cli.title.{name}", lang) for name in ("since", "member", "login")]
    cells = [[local(row["since"]), row["member"], row.get("operator") or "—"] for row in rows]
    return table(titles, cells, width)


def resumed_line(told: dict[str, Any], lang: Lang) -> str:
    """The answer of `queries.resume`."""
    if told["operator"]:
        return say("cli.queries.looks_resumed", lang, member=told["member"], login=told["operator"])
    return say("cli.queries.resumed", lang, member=told["member"])


@click.group("queries", cls=Group)
@common
def queries() -> None:
    pass


@queries.command("list")
@common
@pass_session
def list_(session: Session) -> None:
    with session.connect() as control:
        rows = control.call("queries.list")
    session.answer(rows, lambda reply: suspended_lines(reply, session.lang, session.width))


@queries.command("resume")
@click.argument("member", metavar="MEMBER")
@option("--by", type=FILLED, metavar="NAME", required=True, help="cli.option.queries_by")
@option("--operator", type=FILLED, metavar="LOGIN", help="cli.option.queries_operator")
@common
@pass_session
def resume(session: Session, member: str, by: str, operator: str | None) -> None:
    with session.connect() as control:
        reply = control.call("queries.resume", member=member, by=by, operator=operator)
    session.answer(reply, lambda told: [resumed_line(told, session.lang)])
