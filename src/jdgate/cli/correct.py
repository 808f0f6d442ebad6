"""`jdgate correct`: ask the provider of a record to check it, and answer such a request.

Records are counted from 1, as `jdgate inbox show` shows them. Both answer {id}: the message that
now waits in the outbox. The gateway tells every past recipient of a record found wrong.
"""

from __future__ import annotations

from typing import Any

import click

from jdgate.cli.help import Group
from jdgate.cli.session import Session, as_member, common, option, pass_session

REQUEST, RESULT = "correct.request.v1", "correct.result.v1"


def _send(
    session: Session, control: Any, member: str, type: str, record: dict[str, Any], by: str = ""
) -> None:
    """Put one record into the outbox, or say why it can't be."""
    given = {name: value for name, value in record.items() if value is not None}
    answer = control.call(
        "submit", member=member, type=type, records=[given], approved_by=[by] if by else []
    )
    for refused in answer["refused"]:
        session.fail(refused["code"], refused.get("params", {}), 1)
    told = {"id": answer["messages"][0]["id"]}
    session.answer(told, lambda _: [session.say("cli.correct.sent", id=told["id"])])


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
