"""`jdgate sent`: what a member sent, and what the gateway said of it.

`list` shows the latest; `--before ID` goes on behind one. Rows are {id, type, created_at,
closed_at, records, state, accepted, refused, code, renewed_as}; `show` adds {rows, leaf, params,
faults[], receipt_id}; `show --receipt` prints the gateway's signed receipt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from jdgate.cli.help import Group
from jdgate.cli.offline import sheets
from jdgate.cli.record import type_title
from jdgate.cli.session import Session, as_member, common, option, pass_session
from jdgate.cli.show import local, pairs, table
from jdgate.texts import Lang, say

if TYPE_CHECKING:
    from jdgate.core.sheet import Sheet

_NAMES = ("at", "type", "records", "accepted", "refused", "state", "id")


def state_text(row: Mapping[str, Any], lang: Lang) -> str:
    """How a message stands."""
    return say("sent.renewed" if row.get("renewed_as") else f"sent.state.{row['state']}", lang)


def sent_lines(
    rows: list[dict[str, Any]],
    known: Mapping[str, Sheet],
    lang: Lang,
    member: str,
    width: int | None = None,
) -> list[str]:
    """The answer of `sent.list`."""
    if not rows:
        return [say("sent.none", lang, member=member)]
    cells = [
        [
            local(row["created_at"]),
            known[row["type"]].title.get(lang) if row["type"] in known else row["type"],
            row["records"],
            "—" if row["accepted"] is None else row["accepted"],
            "—" if row["refused"] is None else row["refused"],
            state_text(row, lang),
            row["id"],
        ]
        for row in rows
    ]
    titles = [say(f"cli.title.{name}", lang) for name in _NAMES]
    return [*table(titles, cells, width), "", say("sent.next", lang, member=member)]


def one_sent_lines(
    row: dict[str, Any], known: Mapping[str, Sheet], lang: Lang, width: int | None = None
) -> list[str]:
    """The answer of `sent.show`."""
    from jdgate.core.fault import Fault

    sheet = known.get(row["type"])
    reason = say(row["code"], lang, **row["params"]) if row.get("code") else ""
    shown: list[tuple[str, object]] = [
        ("type", type_title(row["type"], sheet, lang)),
        ("at", local(row["created_at"])),
        ("records", row["records"]),
        ("state", state_text(row, lang)),
        ("accepted", row["accepted"]),
        ("refused", row["refused"]),
        ("reason", reason),
        ("id", row["id"]),
    ]
    lines = pairs([(say(f"cli.title.{name}", lang), value) for name, value in shown], width)
    if row.get("renewed_as"):
        lines.append(say("sent.renewed_as", lang, id=row["renewed_as"]))
    for one in row["faults"]:
        place = one["row"] if one["row"] is not None else one["index"] + 1
        code = "sent.row" if one["row"] is not None else "sent.record"
        text = Fault(one["code"], one.get("path", ""), one.get("params", {})).text(lang, sheet)
        lines.append(say(code, lang, number=place, text=text))
    return lines


@click.group("sent", cls=Group)
@common
def sent() -> None:
    pass


@sent.command("list")
@as_member
@option("--limit", type=click.IntRange(1, 10_000), default=50, help="cli.option.limit")
@option("--before", metavar="ID", help="cli.option.sent_before")
@option("--notices", is_flag=True, help="cli.option.sent_notices")
@common
@pass_session
def list_(
    session: Session, as_member: str | None, limit: int, before: str | None, notices: bool
) -> None:
    with session.connect() as control:
        member = session.member(control, as_member)
        rows = control.call("sent.list", member=member, limit=limit, before=before, notices=notices)
    known = {} if session.as_json else sheets(session)
    session.answer(
        rows, lambda reply: sent_lines(reply, known, session.lang, member, session.width)
    )


@sent.command("show")
@click.argument("message_id", metavar="ID")
@as_member
@option("--receipt", is_flag=True, help="cli.option.sent_receipt")
@common
@pass_session
def show(session: Session, message_id: str, as_member: str | None, receipt: bool) -> None:
    with session.connect() as control:
        member = session.member(control, as_member)
        if receipt:
            found = control.call("sent.receipt", member=member, id=message_id)
            session.answer(found, lambda reply: [reply["receipt"]])
            return
        row = control.call("sent.show", member=member, id=message_id)
    known = {} if session.as_json else sheets(session)
    session.answer(row, lambda reply: one_sent_lines(reply, known, session.lang, session.width))
