"""`jdgate inbox`: what came for a member, and one message with its records.

`inbox` lists the latest; `--follow` goes on and shows what comes, until Ctrl-C. Rows are
{id, type, origin, received_at, records, state}; `inbox.show` adds {data, purpose,
basis, inreplyto}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from jdgate.cli.help import Group
from jdgate.cli.offline import sheets
from jdgate.cli.record import record_lines, type_title
from jdgate.cli.session import Session, as_member, common, option, pass_session
from jdgate.cli.show import listed, local, pairs, table
from jdgate.texts import Lang, say

if TYPE_CHECKING:
    from jdgate.core.sheet import Sheet

_NAMES = ("received", "from", "type", "records", "state", "id")


def _cells(row: dict[str, Any], sheet: Sheet | None, lang: Lang) -> list[object]:
    return [
        local(row.get("received_at")),
        row.get("origin") or row.get("source") or "—",
        sheet.title.get(lang) if sheet is not None else row.get("type"),
        row["records"] if row.get("records") is not None else "—",
        say(f"cli.state.{row.get('state', 'received')}", lang),
        row.get("id"),
    ]


def inbox_lines(
    rows: list[dict[str, Any]],
    known: Mapping[str, Sheet],
    lang: Lang,
    member: str,
    width: int | None = None,
) -> list[str]:
    """The answer of `inbox.list`."""
    if not rows:
        return [say("cli.inbox.empty", lang, member=member)]
    titles = [say(f"cli.title.{name}", lang) for name in _NAMES]
    cells = [_cells(row, known.get(str(row.get("type"))), lang) for row in rows]
    return [*table(titles, cells, width), "", say("cli.inbox.next", lang, member=member)]


def arrived_line(row: dict[str, Any], known: Mapping[str, Sheet], lang: Lang) -> str:
    """One event of `inbox.follow`."""
    when, origin, title, records, _, ident = _cells(row, known.get(str(row.get("type"))), lang)
    return say(
        "cli.inbox.arrived", lang, at=when, origin=origin, title=title, records=records, id=ident
    )


def message_lines(
    message: dict[str, Any],
    known: Mapping[str, Sheet],
    lang: Lang,
    width: int | None = None,
) -> list[str]:
    """The answer of `inbox.show`: where it came from, why, and every record."""
    name = str(message.get("type"))
    sheet = known.get(name)
    basis = message.get("basis")
    facts: list[tuple[str, object]] = [
        ("type", type_title(name, sheet, lang)),
        ("from", message.get("origin") or message.get("source")),
        ("received", local(message.get("received_at"))),
        ("state", say(f"cli.state.{message.get('state', 'received')}", lang)),
        ("purpose", message.get("purpose")),
        ("basis", listed(basis) if isinstance(basis, list) and basis else basis),
        ("answers", message.get("inreplyto")),
        ("error", say(str(message["error"]), lang) if message.get("error") else ""),
        ("id", message.get("id")),
    ]
    lines = pairs([(say(f"cli.title.{label}", lang), value) for label, value in facts], width)
    records = message.get("data")
    if records is None:
        return [*lines, "", say("cli.inbox.forgotten", lang)]
    for number, record in enumerate(records, start=1):
        heading = say("cli.inbox.record", lang, number=number, total=len(records))
        lines += ["", heading, *(f"  {line}" for line in record_lines(record, sheet, lang, width))]
    return lines


@click.group("inbox", cls=Group, invoke_without_command=True)
@as_member
@option("--follow", is_flag=True, help="cli.option.follow")
@option("--limit", type=click.IntRange(1, 10_000), default=50, help="cli.option.limit")
@common
@pass_session
@click.pass_context
def inbox(
    ctx: click.Context, session: Session, as_member: str | None, follow: bool, limit: int
) -> None:
    ctx.meta["jdgate.as"] = as_member
    if ctx.invoked_subcommand is not None:
        return
    known = {} if session.as_json else sheets(session)
    with session.connect() as control:
        member = session.member(control, as_member)
        rows = control.call("inbox.list", member=member, limit=limit)
        if follow and session.as_json:
            for row in rows:
                session.emit(row, one_line=True)
        else:
            session.answer(
                rows, lambda reply: inbox_lines(reply, known, session.lang, member, session.width)
            )
        if not follow:
            return
        session.note(session.say("cli.inbox.following", member=member))
        for row in control.stream("inbox.follow", member=member):
            if session.as_json:
                session.emit(row, one_line=True)
            else:
                session.tell([arrived_line(row, known, session.lang)])


@inbox.command("show")
@click.argument("message_id", metavar="ID")
@as_member
@common
@pass_session
@click.pass_context
def show(ctx: click.Context, session: Session, message_id: str, as_member: str | None) -> None:
    with session.connect() as control:
        member = session.member(control, as_member or ctx.meta.get("jdgate.as"))
        message = control.call("inbox.show", member=member, id=message_id)
    known = {} if session.as_json else sheets(session)
    session.answer(message, lambda reply: message_lines(reply, known, session.lang, session.width))
