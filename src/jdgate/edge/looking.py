"""Opening content in the console: noted before anything is shown, and stopped when it is about too
many people in a day or out of hours (S2).

Rules:
- who is counted are people: whoever a record names, or the sender's reference for them, counts
  once a day. Content about nobody counts for itself;
- counting, refusing and noting are one transaction: of several tabs at once, one is last;
- who is stopped opens nothing more until the gateway says otherwise (`sys.looks.resumed.v1`): the
  security desk, or somebody on the gateway's machine, lets them go on.

    await look(edge, "pol", about=id, operator="wang", reason="work", limits=limits, now=now)
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from jdgate.core import signing
from jdgate.core.calendar import day_of
from jdgate.core.identity import Pseudonyms
from jdgate.core.queries import OFF_HOURS, QueryLimits, stray
from jdgate.core.routing import subject_value
from jdgate.edge import answering, drafting
from jdgate.edge import inbox as reading
from jdgate.edge import outbox as writing
from jdgate.edge.desk import Desk
from jdgate.edge.host import EdgeHost
from jdgate.errors import Refused
from jdgate.store import alert_box, draft_box, inbox, looks, outbox

LOOKED = "sys.record.looked.v1"
ACTED = "sys.operator.acted.v1"


class _Stopped(Refused):
    """This look was one too many, or out of hours."""

    def __init__(self, why: str, persons: int, limits: QueryLimits) -> None:
        super().__init__(
            "looks.off_hours" if why == OFF_HOURS else "looks.too_many", most=limits.persons
        )
        self.record = {"why": "off_hours" if why == OFF_HOURS else "too_many", "persons": persons}


async def look(
    edge: EdgeHost,
    member: str,
    *,
    about: str,
    operator: str,
    reason: str,
    limits: QueryLimits,
    now: datetime,
) -> None:
    """Note that an operator of a hosted member opens what `about` names; on disk when it returns.

    Raises:
        Refused: `looks.too_many`, `looks.off_hours`, `looks.held`: nothing may be shown.
            `web.not_found`, nobody gave such an id. UsageError: `member.not_hosted`.
    """
    desk = edge.desk(member)

    def count(conn: Connection, _: Any) -> None:
        if looks.held(conn, member, operator):
            raise Refused("looks.held")
        day = day_of(now)
        seen = looks.seen(conn, member, operator, day)
        fresh = people_in(conn, desk, about) - seen
        if why := stray(limits, seen=len(seen), fresh=len(fresh), at=now):
            raise _Stopped(why, len(seen), limits)
        looks.note(conn, member, operator, day, fresh)

    def hold(conn: Connection, _: Any) -> None:
        if looks.held(conn, member, operator):
            raise Refused("looks.held")  # by another of their tabs, which has told it
        looks.hold(conn, member, operator, now)

    record = {"about": about, "operator": operator, "reason": reason}
    try:
        made = await edge.submit(member, LOOKED, [record], noted=count)
    except _Stopped as stopped:
        told = {"act": "looks.stopped", "operator": operator, **stopped.record}
        await edge.submit(member, ACTED, [told], noted=hold)
        raise
    if made.refused:
        raise Refused("web.not_found")


def people_in(conn: Connection, desk: Desk, about: str) -> set[bytes]:
    """Whom the content of this id is about, each as a keyed hash; the id itself for nobody."""
    keyed = Pseudonyms(desk.vault.named_key(conn, "looks", desk.member))
    type, records = _content(conn, desk, about)
    sheet = desk.catalogue.sheets.get(type)
    found = set()
    for record in records if sheet is not None else ():
        assert sheet is not None
        id_no = subject_value(sheet, record)
        named = record.get(sheet.alias.field) if sheet.alias is not None else None
        if id_no is not None:
            found.add(keyed.token(f"person\n{id_no}"))
        elif isinstance(named, str):
            found.add(keyed.token(f"{sheet.domain}\n{named}"))
    return found or {keyed.token(f"about\n{about}")}


def _content(conn: Connection, desk: Desk, about: str) -> tuple[str, list[dict[str, Any]]]:
    """Type and records of what lies on the desk under this id; nothing of what does not, or is
    erased."""
    try:
        if (row := inbox.get(conn, desk.member, about)) is not None:
            return row.type, reading.read_body(conn, desk, row)["data"]
        if (alert := alert_box.get(conn, desk.member, about)) is not None:
            inside = answering.content(conn, desk, alert)
            return (inside["type"], [inside["record"]]) if inside else ("", [])
        sent = outbox.get(conn, about)
        if sent is not None and sent.member == desk.member and sent.body is not None:
            payload = signing.payload_unverified(writing.kept(conn, desk, sent))
            return sent.type, msgspec.json.decode(payload)["data"]
        draft = draft_box.get(conn, desk.member, about)
        if draft is not None and draft.prefill is not None:
            return draft.type, [drafting.content(conn, desk, draft)["prefill"]]
    except Refused:
        pass
    return "", []
