"""`jdgate correct`: ask the provider of a record to check it, and answer such a request.

Records are counted from 1, as `jdgate inbox show` shows them. Both wait for the gateway's word and
answer {id, accepted}: the message, and whether it was taken in (null: no word has come yet, it
waits in the outbox). The gateway tells every past recipient of a record found wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import click

from jdgate.cli.help import Group
from jdgate.cli.offline import sheets
from jdgate.cli.session import Session, as_member, common, option, pass_session
from jdgate.errors import UsageError

if TYPE_CHECKING:
    from jdgate.core.sheet import Sheet

REQUEST, RESULT = "correct.request.v1", "correct.result.v1"
PATIENCE_S = 15.0
"""How long a command waits for the gateway's word."""


def _send(
    session: Session, control: Any, member: str, type: str, record: dict[str, Any], by: str = ""
) -> None:
    """Put one record into the outbox, or say why it can't be."""
    given = {name: value for name, value in record.items() if value is not None}
    answer = control.call(
        "submit", member=member, type=type, records=[given], approved_by=[by] if by else []
    )
    sheet = sheets(session).get(type)
    for refused in answer["refused"]:
        _fail(session, refused, sheet)
    ident, taken = answer["messages"][0]["id"], False
    for said in control.stream("wait", ids=[ident], timeout_s=PATIENCE_S):
        ident = said.get("renewed_as") or ident
        if said.get("verdict"):
            for refused in said["refused"] or ([said] if said["verdict"] == "refused" else ()):
                _fail(session, refused, sheet)
            taken = True
    told = {"id": ident, "accepted": taken or None}
    code = "cli.correct.taken" if taken else "cli.correct.waits"
    session.answer(told, lambda _: [session.say(code, id=ident)])


def _there(seen: Mapping[str, Any], sheet: Sheet | None, record: int, item: str) -> None:
    """That the message has such a record and its type such a field.

    Raises:
        UsageError: `cli.correct.item`, `cli.correct.record`.
    """
    if sheet is not None and item not in sheet.fields:
        raise UsageError("cli.correct.item", item=item[:40], fields=", ".join(sheet.fields))
    if seen["data"] is not None and record > len(seen["data"]):
        raise UsageError("cli.correct.record", record=record, records=len(seen["data"]))


def _fail(session: Session, refused: Mapping[str, Any], sheet: Sheet | None) -> NoReturn:
    """Say why it was refused, here or by the gateway."""
    from jdgate.core.fault import Fault

    code, params = str(refused["code"]), refused.get("params") or {}
    fault = Fault(code, str(refused.get("path") or ""), params)
    session.fail(code, params, 1, fault.text(session.lang, sheet))


@click.group("correct", cls=Group)
@common
def correct() -> None:
    pass


@correct.command("request")
@click.argument("message_id", metavar="ID")
@option("--record", type=click.IntRange(1, 500), default=1, metavar="N", help="cli.option.place")
@option("--item", required=True, metavar="FIELD", help="cli.option.item")
@option("--error", required=True, metavar="TEXT", help="cli.option.wrong")
@option("--number", required=True, metavar="NO", help="cli.option.request_no")
@as_member
@common
@pass_session
def request(
    session: Session,
    message_id: str,
    record: int,
    item: str,
    error: str,
    number: str,
    as_member: str | None,
) -> None:
    with session.connect() as control:
        member = session.member(control, as_member)
        seen = control.call("inbox.show", member=member, id=message_id)
        _there(seen, sheets(session).get(seen["type"]), record, item)
        asked = {
            "to": seen["origin"],
            "request_no": number,
            "message_id": message_id,
            "record": record - 1,
            "item": item,
            "error": error,
        }
        _send(session, control, member, REQUEST, asked)


@correct.command("answer")
@click.argument("message_id", metavar="ID")
@option("--record", type=click.IntRange(1, 500), default=1, metavar="N", help="cli.option.place")
@option("--item", required=True, metavar="FIELD", help="cli.option.item")
@option("--decision", required=True, type=click.Choice(["corrected", "withdrawn", "upheld"]),
        help="cli.option.finding")  # fmt: skip
@option("--number", required=True, metavar="NO", help="cli.option.request_no")
@option("--to", metavar="MEMBER", help="cli.option.finding_to")
@option("--reason", metavar="TEXT", help="cli.option.finding_reason")
@option("--replaced-by", metavar="ID", help="cli.option.replaced_by")
@option("--by", required=True, metavar="NAME", help="cli.option.finding_by")
@as_member
@common
@pass_session
def answer(
    session: Session,
    message_id: str,
    record: int,
    item: str,
    decision: str,
    number: str,
    to: str | None,
    reason: str | None,
    replaced_by: str | None,
    by: str,
    as_member: str | None,
) -> None:
    from jdgate.clock import machine_time
    from jdgate.core.calendar import day_of

    with session.connect() as control:
        member = session.member(control, as_member)
        found = {
            "to": to or member,
            "request_no": number,
            "message_id": message_id,
            "record": record - 1,
            "item": item,
            "decision": decision,
            "reason": reason,
            "replaced_by": replaced_by,
            "decided_on": day_of(machine_time()),
        }
        _send(session, control, member, RESULT, found, by)
