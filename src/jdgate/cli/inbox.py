"""`jdgate inbox`: what came for a member, and one message with its records.

`inbox` lists the latest; `--follow` goes on and shows what comes, until Ctrl-C. Rows are
{id, type, origin, received_at, records, state}; `inbox.show` adds {data, purpose,
basis, inreplyto, approved_by[]}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from jdgate.cli.correct import REQUEST
from jdgate.cli.digest import DIGEST, digest_lines
from jdgate.cli.help import Group
from jdgate.cli.offline import sheets
from jdgate.cli.record import basis_text, record_lines, type_title
from jdgate.cli.session import Session, as_member, common, option, pass_session
from jdgate.cli.show import listed, local, pairs, table
from jdgate.texts import Lang, say

if TYPE_CHECKING:
    from jdgate.core.sheet import Sheet

_WHAT_TO_DO = {
    "disputed": "cli.mark.disputed_do",
    "corrected": "cli.mark.corrected_do",
    "withdrawn": "cli.mark.withdrawn_do",
    "upheld": "cli.mark.upheld_do",
}
_NAMES = ("received", "from", "type", "records", "state", "id")


def _cells(row: dict[str, Any], sheet: Sheet | None, lang: Lang) -> list[object]:
    return [
        local(row.get("received_at")),
        row.get("origin") or row.get("source") or "—",
        sheet.title.get(lang) if sheet is not None else row.get("type"),
        row["records"] if row.get("records") is not None else "—",
        _state(row, lang),
        row.get("id"),
    ]


def _state(row: dict[str, Any], lang: Lang) -> str:
    """How a message stands: what a correction says of it comes before all else."""
    marked = {one["mark"] for one in row.get("marks") or ()}
    for mark in ("withdrawn", "corrected", "disputed"):
        if mark in marked:
            return say(f"cli.mark.{mark}", lang)
    return say(f"cli.state.{row.get('state', 'received')}", lang)


def mark_lines(message: dict[str, Any], sheet: Sheet | None, lang: Lang) -> list[str]:
    """What corrections say of a message's records and what to do, for the top of the page."""
    lines = []
    for one in message.get("marks") or ():
        field = one.get("item")
        title = sheet.field_title(field, lang) if sheet is not None and field else field or "—"
        head = say(f"cli.mark.{one['mark']}", lang)
        lines.append(say("cli.mark.line", lang, number=one["record"] + 1, mark=head, field=title))
        lines.append("    " + say(_WHAT_TO_DO[one["mark"]], lang, by=one["by"]))
        if one.get("replaced_by"):
            lines.append("    " + say("cli.mark.replaced", lang, id=one["replaced_by"]))
    return [*lines, ""] if lines else []


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
        ("basis", _cited(basis, lang)),
        ("approved_by", ", ".join(message.get("approved_by") or ())),
        ("answers", message.get("inreplyto")),
        ("error", say(str(message["error"]), lang) if message.get("error") else ""),
        ("id", message.get("id")),
    ]
    lines = mark_lines(message, sheet, lang)
    lines += pairs([(say(f"cli.title.{label}", lang), value) for label, value in facts], width)
    records = message.get("data")
    if records is None:
        return [*lines, "", say("cli.inbox.forgotten", lang)]
    if name == DIGEST:
        told = digest_lines(records, str(message.get("source")), sheet, lang, width)
        return [*lines, "", *told]
    for number, record in enumerate(records, start=1):
        heading = say("cli.inbox.record", lang, number=number, total=len(records))
        lines += ["", heading, *(f"  {line}" for line in record_lines(record, sheet, lang, width))]
        if name == REQUEST:
            lines += ["", _answered_with(record, str(message.get("origin")), lang)]
    return lines


def _answered_with(request: Mapping[str, Any], origin: str, lang: Lang) -> str:
    """The command that answers a request to check a record; commands count records from 1."""
    words = {"message": request["message_id"], "number": request["request_no"]}
    place, item = request["record"] + 1, request["item"]
    return say("cli.correct.how", lang, record=place, item=item, to=origin, **words)


def _cited(basis: object, lang: Lang) -> object:
    """The legal bases in words."""
    if not isinstance(basis, list):
        return basis
    return listed(basis_text(str(one), lang) for one in basis) if basis else ""


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
