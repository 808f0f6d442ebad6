"""`jdgate expect list`: what is due from whom, and what is late; from the gateway's books.

Rows are {kind (message|alert), rule, what, member, due_at, late, alert}: a message that a rule
waits for, or the step that a desk owes about an alert. No row names a person.
"""

from __future__ import annotations

from typing import Any

import click

from jdgate.cli.help import Group
from jdgate.cli.session import Session, common, option, pass_session
from jdgate.cli.show import local, table
from jdgate.texts import Lang, say


def expect_lines(rows: list[dict[str, Any]], lang: Lang, width: int | None = None) -> list[str]:
    """The answer of `expect.list`."""
    if not rows:
        return [say("cli.expect.none", lang)]
    cells = []
    for row in rows:
        what = row.get("what") or "—"
        if row.get("kind") == "alert":
            what = say("cli.expect.alert", lang, step=say(f"cli.due.{what}", lang))
        late = say("cli.expect.late", lang) if row.get("late") else ""
        cells.append(
            [local(row.get("due_at")), late, row.get("member") or "—", row.get("rule"), what]
        )
    titles = [say(f"cli.title.{name}", lang) for name in ("due", "late", "from", "rule", "what")]
    return table(titles, cells, width)


@click.group("expect", cls=Group)
@common
def expect() -> None:
    pass


@expect.command("list")
@option("--late", is_flag=True, help="cli.option.late")
@common
@pass_session
def list_(session: Session, late: bool) -> None:
    with session.connect() as control:
        rows = control.call("expect.list")
    wanted = [row for row in rows if row["late"] or not late]
    session.answer(wanted, lambda reply: expect_lines(reply, session.lang, session.width))
