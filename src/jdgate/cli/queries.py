"""`jdgate queries`: whose queries were suspended for being too many (S2), and letting them go on.

On the gateway's machine. Rows are {member, since}; `resume` gives {member}.
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
    titles = [say(f"cli.title.{name}", lang) for name in ("since", "member")]
    return table(titles, [[local(row["since"]), row["member"]] for row in rows], width)


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
@common
@pass_session
def resume(session: Session, member: str, by: str) -> None:
    with session.connect() as control:
        reply = control.call("queries.resume", member=member, by=by)
    session.answer(reply, lambda told: [session.say("cli.queries.resumed", member=told["member"])])
