"""A named person decides a draft: the gateway proposed, the member's own key signs.

Approval needs a name and every check of the draft confirmed. It puts two messages into the
outbox in one transaction: the decision (who, what was checked) and the message itself, completed
by the member's plugin from its own register and signed by the member. What neither the rule nor
the plugin can know (the number of the evidence, a reason found out by telephone) the approver
fills in; what is filled in already can't be changed here. Nothing here runs by time.

    approve(conn, desk, draft_id, by="王医生", checked=["transfer", "custody", "hospital"], now=now)
    reject(conn, desk, draft_id, by="王医生", reason="…", now=now)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Connection

from jdgate.core import approval
from jdgate.edge import outbox as writing
from jdgate.edge.desk import Desk
from jdgate.errors import Refused
from jdgate.store import draft_box
from jdgate.store.draft_box import DraftBoxRow

DECISION = "sys.draft.decision.v1"
SEALED_AS = "sys.draft.v1"


class ApprovedDraft(msgspec.Struct, frozen=True):
    """The `DraftView` that plugins complete."""

    id: str
    type: str
    prefill: dict[str, Any]
    decided_by: str
    decided_at: datetime


def content(conn: Connection, desk: Desk, row: DraftBoxRow) -> dict[str, Any]:
    """What is sealed in a draft: `prefill`, the `params` of why it was drafted, and the `reason`
    a person gave for rejecting it. Not of one whose content was erased (`prefill` is None)."""
    assert row.prefill is not None
    opened = desk.vault.open(conn, row.key_id, row.prefill, row.id.encode())
    found: dict[str, Any] = msgspec.json.decode(opened)
    return found


def version(row: DraftBoxRow) -> str:
    """What a draft says by now and who approved it: whoever approves names what they read."""
    told = sha256(row.prefill or b"")
    told.update("\n".join([row.state, *row.approvers]).encode())
    return told.hexdigest()[:16]


def waiting(conn: Connection, desk: Desk, draft_id: str) -> DraftBoxRow:
    """The draft, if it waits for a decision.

    Raises:
        Refused: `draft.unknown`, `draft.decided`.
    """
    row = draft_box.get(conn, desk.member, draft_id)
    if row is None:
        raise Refused("draft.unknown", draft=draft_id[:64])
    if row.state not in draft_box.UNDECIDED:
        raise Refused("draft.decided", draft=draft_id, step=row.state)
    return row


def proposed(
    conn: Connection,
    desk: Desk,
    row: DraftBoxRow,
    by: str,
    now: datetime,
    filled: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The record that approving `row` would send, completed by the member's plugin and with what
    the approver `filled` in.

    Raises:
        Refused: what the plugin refused, `draft.nobody_completes`, `draft.filled_already`.
    """
    inside = content(conn, desk, row)
    view = ApprovedDraft(row.id, row.type, inside["prefill"], by, now)
    record = desk.plugins.ask("jdgate_complete", draft=view, register=desk.register(conn, row.type))
    if record is None:
        raise Refused("draft.nobody_completes", type=row.type)
    # what the first of two approvers filled in; after a refusal everything is open again
    kept = inside.get("filled", {}) if row.approvers else {}
    found: dict[str, Any] = {**record, **kept}
    form = desk.catalogue.schema(row.type)["properties"]
    for field, value in (filled or {}).items():
        if field in found:
            raise Refused("draft.filled_already", field=field)
        found[field] = _typed(value, form.get(field, {}))
    return found


def lacking(desk: Desk, type: str, record: Mapping[str, Any]) -> list[str]:
    """The required fields that a record lacks: whoever approves must fill them in."""
    return [name for name in desk.catalogue.schema(type)["required"] if name not in record]


def _typed(value: Any, form: Mapping[str, Any]) -> Any:
    """A number that was typed at a terminal, as a number."""
    whole = form.get("type") == "integer" and isinstance(value, str)
    return int(value) if whole and value.isascii() and value.isdigit() else value


def approve(
    conn: Connection,
    desk: Desk,
    draft_id: str,
    *,
    by: str,
    checked: Collection[str],
    now: datetime,
    filled: Mapping[str, Any] | None = None,
    read: str | None = None,
) -> list[str]:
    """Send what the draft proposes; the ids of the decision and of the message, now in the outbox.

    Where the agreement wants two persons, the first approval is only noted, and gives no ids.
    `read`: the version that was read, where that may be another.

    Raises:
        Refused: `draft.unknown`, `draft.decided`, `draft.person_needed`, `approval.…`,
            `draft.checks_missing`, `draft.filled_already`, `draft.not_sendable` with the first
            fault of the record, `web.form_changed`, and what the plugin refused.
    """
    row = waiting(conn, desk, draft_id)
    person = _named(draft_id, by)
    if read not in (None, version(row)):
        raise Refused("web.form_changed")
    missing = [check for check in row.checks if check not in checked]
    if missing:
        raise Refused("draft.checks_missing", draft=draft_id, missing=", ".join(missing))
    names = approval.named([*row.approvers, person])
    record = proposed(conn, desk, row, person, now, filled)
    if len(names) < desk.sheet(row.type).approvers:
        return _noted(conn, desk, row, names, record, filled, now)
    decision = {
        "draft_id": draft_id,
        "decision": "approved",
        "by": person,
        "checked": list(row.checks),
    }
    decided = writing.submit(conn, desk, DECISION, [decision], now, approved_by=names)
    sent = writing.submit(
        conn, desk, row.type, [record], now, inreplyto=draft_id, approved_by=names
    )
    for submission in (decided, sent):
        _sendable(submission.refused)
    message_id = sent.messages[0].id
    draft_box.decide(conn, desk.member, draft_id, "approved", by=person, reason=None, at=now)
    draft_box.sent(conn, desk.member, draft_id, message_id)
    return [decided.messages[0].id, message_id]


def reject(
    conn: Connection, desk: Desk, draft_id: str, *, by: str, reason: str, now: datetime
) -> list[str]:
    """Decide that the draft is not sent; the id of the decision message.

    Raises:
        Refused: `draft.unknown`, `draft.decided`, `draft.person_needed`, `draft.reason_needed`.
    """
    row = waiting(conn, desk, draft_id)
    person = _named(draft_id, by)
    if not reason.strip():
        raise Refused("draft.reason_needed", draft=draft_id)
    decision = {
        "draft_id": draft_id,
        "decision": "rejected",
        "by": person,
        "reason": reason.strip(),
    }
    submission = writing.submit(conn, desk, DECISION, [decision], now)
    _sendable(submission.refused)
    draft_box.decide(conn, desk.member, draft_id, "rejected", by=person, reason=None, at=now)
    # what a person writes may name the patient: it is kept where the rest of the draft is sealed
    _reseal(conn, desk, row, {"reason": reason.strip()}, now)
    return [submission.messages[0].id]


def _noted(
    conn: Connection,
    desk: Desk,
    row: DraftBoxRow,
    names: Sequence[str],
    record: dict[str, Any],
    filled: Mapping[str, Any] | None,
    now: datetime,
) -> list[str]:
    """Keep an approval that needs another person's, with what was filled in."""
    _sendable(writing.check(conn, desk, row.type, [record], now)[1])
    draft_box.approve_in_part(conn, desk.member, row.id, list(names))
    if filled:
        _reseal(conn, desk, row, {"filled": {name: record[name] for name in filled}}, now)
    return []


def _reseal(
    conn: Connection, desk: Desk, row: DraftBoxRow, more: Mapping[str, Any], now: datetime
) -> None:
    """Keep `more` where the rest of the draft is sealed."""
    told = msgspec.json.encode({**content(conn, desk, row), **more})
    sealed = desk.vault.seal(conn, SEALED_AS, now.date(), told, row.id.encode())
    draft_box.reseal(conn, desk.member, row.id, sealed.key_id, sealed.blob)


def _sendable(refused: Sequence[writing.RefusedRow]) -> None:
    if refused:
        raise Refused("draft.not_sendable", code=refused[0].code, path=refused[0].path)


def _named(draft_id: str, by: str) -> str:
    person = by.strip()
    if not person:
        raise Refused("draft.person_needed", draft=draft_id)
    return person
