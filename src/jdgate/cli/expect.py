"""`jdgate expect`: what is due from whom, what is late, and the proof that it had not come.

Rows of `expect list` are {kind (message|alert|timer), rule, what, member, due_at, late, alert,
statement}: a message that a rule waits for, or the step that a desk owes about an alert; with
`--all` also the times at which rules look again by themselves, which nobody has to do anything
about. With `--missed`: what had not come by its deadline, with the id of the ledger's statement
about it.
`expect show` gives one statement: {id, type, member, rule, about, since, due_at, at, size, entry,
arrived_at, message}. No row names a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from jdgate.cli.help import Group
from jdgate.cli.offline import sheets
from jdgate.cli.record import type_title
from jdgate.cli.session import Session, common, option, pass_session
from jdgate.cli.show import local, pairs, table
from jdgate.texts import Lang, say

if TYPE_CHECKING:
    from jdgate.core.sheet import Sheet


def expect_lines(
    rows: list[dict[str, Any]],
    lang: Lang,
    width: int | None = None,
    known: Mapping[str, Sheet] | None = None,
) -> list[str]:
    """The answer of `expect.list`."""
    if not rows:
        return [say("cli.expect.none", lang)]
    cells = []
    for row in rows:
        what = row.get("what") or "—"
        if row.get("kind") == "alert":
            what = say("cli.expect.alert", lang, step=say(f"cli.due.{what}", lang))
        elif row.get("kind") == "timer":
            what = say("cli.expect.timer", lang, name=what)
        else:
            what = type_title(what, (known or {}).get(what), lang)
        late = say("cli.expect.late", lang) if row.get("late") else ""
        cells.append(
            [local(row.get("due_at")), late, row.get("member") or "—", row.get("rule"), what]
        )
    names = ["due", "late", "from", "rule", "what"]
    if any(row.get("statement") for row in rows):
        names.append("statement")
        for cell, row in zip(cells, rows, strict=True):
            cell.append(row.get("statement") or "—")
    return table([say(f"cli.title.{name}", lang) for name in names], cells, width)


def statement_lines(statement: dict[str, Any], lang: Lang, width: int | None = None) -> list[str]:
    """The answer of `expect.show`."""
    came = statement.get("arrived_at")
    arrived = local(came) if came else say("cli.expect.not_arrived", lang)
    shown: list[tuple[str, object]] = [
        ("statement", statement["id"]),
        ("what", statement["type"]),
        ("from", statement["member"] or "—"),
        ("rule", statement["rule"]),
        ("about_hash", statement["about"]),
        ("expected_since", local(statement["since"])),
        ("due", local(statement["due_at"])),
        ("written", local(statement["at"])),
        ("ledger", f"{statement['size']:,}"),
        ("arrived", arrived),
        ("message", statement.get("message")),
    ]
    told = [(say(f"cli.title.{name}", lang), value) for name, value in shown if value]
    return [*pairs(told, width), "", say("cli.expect.export", lang, id=statement["id"])]


@click.group("expect", cls=Group)
@common
def expect() -> None:
    pass


@expect.command("list")
@option("--late", is_flag=True, help="cli.option.late")
@option("--missed", is_flag=True, help="cli.option.missed")
@option("--member", metavar="MEMBER", help="cli.option.expected_of")
@option("--all", "timers", is_flag=True, help="cli.option.timers")
@common
@pass_session
def list_(session: Session, late: bool, missed: bool, member: str | None, timers: bool) -> None:
    with session.connect() as control:
        rows = control.call("expect.list", missed=missed, member=member)
    wanted = [
        row for row in rows if (row["late"] or not late) and (timers or row["kind"] != "timer")
    ]
    known = {} if session.as_json else sheets(session)
    if missed and not wanted:
        session.answer(wanted, lambda _: [session.say("cli.expect.none_missed")])
        return
    session.answer(wanted, lambda reply: expect_lines(reply, session.lang, session.width, known))


@expect.command("show")
@click.argument("statement_id", metavar="ID")
@common
@pass_session
def show(session: Session, statement_id: str) -> None:
    with session.connect() as control:
        row = control.call("expect.show", id=statement_id)
    session.answer(row, lambda reply: statement_lines(reply, session.lang, session.width))
