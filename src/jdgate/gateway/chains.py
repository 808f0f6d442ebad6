"""The chain of proof of one message: all that books and ledger know of its way, in order.

Rules:
- a chain belongs to a message that a member sent, or to what the gateway originated: an alert or
  a draft with the letters that were sent for it. Any id of it finds it;
- only metadata: no body is shown. Bodies of corrections are opened to see which record they name;
- `member` asks for its own part (`core.oversight`); None is the authority, and sees all.

    found = chain(conn, ground, some_id, member="cln-01")        # Refused: message.unknown
    found["entries"][0]["holds"]                                 # proven under the checkpoint?
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from jdgate.core import checkpoints, corrections, leaves
from jdgate.core.alerts import AlertLife
from jdgate.core.encoding import b64u
from jdgate.core.ledger import leaf_hash, verify_inclusion
from jdgate.core.message import decode, show_time
from jdgate.core.oversight import as_told, concerns, plain_reach, sender_holds
from jdgate.core.signing import payload_unverified
from jdgate.errors import Refused
from jdgate.gateway import proofs
from jdgate.gateway.ground import Ground
from jdgate.store import alerts, deliveries, drafts, ledger, messages, receipts, search
from jdgate.store.deliveries import DeliveryRow
from jdgate.store.drafts import DraftRow
from jdgate.store.ledger import StoredLeaf, TileReader
from jdgate.store.messages import MessageRow

MOST_LETTERS = 200
"""Deliveries of one message that a chain follows."""
MOST_CORRECTIONS = 50


class _Chain:
    """What one id led to: a message, an alert, a draft, or a letter that is none of these."""

    def __init__(self, conn: Connection, id_: str) -> None:
        self.conn = conn
        self.message = messages.get(conn, id_)
        self.alert: AlertLife | None = None
        self.draft: DraftRow | None = None
        self.letters: list[DeliveryRow] = []
        letter = None if self.message else deliveries.get(conn, id_)
        if letter is not None and letter.message_id is not None:
            self.message = messages.get(conn, letter.message_id)
        if self.message is not None:
            self.letters = deliveries.for_message(conn, self.message.id)[:MOST_LETTERS]
            drafted = search.draft_of(conn, self.message.id)
            self.draft = drafts.get(conn, drafted) if drafted else None
            return
        if letter is None or letter.alert_id is not None:
            self.alert = alerts.get(conn, letter.alert_id if letter and letter.alert_id else id_)
        if self.alert is None:
            self.draft = drafts.get(conn, letter.draft_id if letter and letter.draft_id else id_)
        if not (letter or self.alert or self.draft):
            self.message = proofs.refused_as(conn, id_)
            return
        named = self.alert.id if self.alert else self.draft.id if self.draft else None
        ids = [one.id for one in search.named(conn, named)] if named else []
        found = [deliveries.get(conn, each) for each in ids[:MOST_LETTERS]]
        self.letters = [one for one in found if one is not None] or ([letter] if letter else [])

    @property
    def id(self) -> str:
        """The id that the chain goes by; empty when nothing was found."""
        first = self.message or self.alert or self.draft or next(iter(self.letters), None)
        return first.id if first is not None else ""

    @property
    def kind(self) -> str:
        """What it is the chain of: message, alert, draft or letter."""
        found = (("message", self.message), ("alert", self.alert), ("draft", self.draft))
        return next((name for name, one in found if one is not None), "letter")

    @property
    def type(self) -> str:
        """The type of message it is about; of a draft: of what it would send."""
        first = self.message or self.alert or self.draft or next(iter(self.letters), None)
        return first.type if first is not None else ""

    def open_to(self, member: str) -> bool:
        """Whether it concerns a member at all."""
        if any(letter.recipient == member for letter in self.letters):
            return True
        if self.message is not None:
            return self.message.source == member
        if self.alert is not None:
            return member in (self.alert.recipient, self.alert.raised_to, *self.alert.desks)
        return self.draft is not None and self.draft.owner == member

    def about(self) -> list[str]:
        """The ids that the ledger speaks of it by."""
        rows: list[Any] = [self.message, self.alert, self.draft, *self.letters]
        return list(dict.fromkeys(row.id for row in rows if row is not None))


def chain(
    conn: Connection, ground: Ground, id_: str, member: str | None, own: str | None = None
) -> dict[str, Any]:
    """Everything a reader may see of the chain that an id belongs to. `own`: the member whose
    evidence file it may be.

    Raises:
        Refused: `message.unknown`, nothing of this id concerns the reader.
    """
    found = _Chain(conn, id_)
    if not found.id or (member is not None and not found.open_to(member)):
        raise Refused("message.unknown", id=id_[:64])
    row, sheet = found.message, ground.catalogue.sheets.get(found.type)
    sent = row is not None and row.source == member
    reach = member is None or (sent and plain_reach(sheet))
    letters = [one for one in found.letters if reach or one.recipient == member]
    stored = _entries(conn, [found.id, *found.about()])
    visible = [
        (one, leaf)
        for one, leaf in ((each, leaves.decode(each.body)) for each in stored)
        if member is None or concerns(leaf, member) or (reach and _reached(leaf))
    ]
    holds = standing(conn, [one for one, _ in visible])
    days = sheet.retention_days if sheet is not None else None
    mine = reach or sent or row is None or not letters
    told: dict[str, Any] = {
        # a recipient knows a message by the delivery that it got
        "id": found.id if mine else letters[0].id,
        "kind": found.kind,
        "type": found.type,
        "source": row.source if row is not None else ground.me,
        "whole": reach,
        "sent": sent,
        "letters": [_letter(one) for one in letters],
        "entries": [
            {
                "index": one.index,
                "kind": one.kind,
                "holds": holds[one.index],
                "leaf": as_told(leaf, member, reach),
            }
            for one, leaf in visible
        ],
        "purpose": sheet.purpose if sheet is not None else None,
        "retention_days": days,
        "corrections": _corrections(conn, ground, row, member) if row is not None else [],
        "evidence": _evidence(found, own, ground),
        "alert": _alert(found.alert, member) if found.alert is not None else None,
        "draft": _draft(found.draft, member) if found.draft is not None else None,
        "message": None,
    }
    if row is not None and (member is None or sent):
        told["message"] = _message(conn, row, days)
    return told


def evidence_id(told: dict[str, Any]) -> str | None:
    """The id that the evidence of a whole chain is made by; None: nothing was sent yet."""
    if told["message"] is not None:
        return str(told["message"]["id"])
    return str(told["letters"][-1]["id"]) if told["letters"] else None


def _reached(leaf: leaves.Leaf) -> bool:
    return isinstance(leaf, leaves.DisclosedLeaf | leaves.DeliveredLeaf)


def _entries(conn: Connection, about: Iterable[str]) -> list[StoredLeaf]:
    found = {one.index: one for id_ in about for one in ledger.find(conn, id_)}
    return [found[index] for index in sorted(found)]


def standing(conn: Connection, entries: Iterable[StoredLeaf]) -> dict[int, bool | None]:
    """Which entries are proven under the latest signed checkpoint; None: it is older than they."""
    latest = ledger.latest_checkpoint(conn)
    head = checkpoints.unverified(latest) if latest else None
    reader = TileReader(conn)
    found: dict[int, bool | None] = {}
    for one in entries:
        if head is None or one.index >= head.size:
            found[one.index] = None
            continue
        path = ledger.prove(conn, one.index, head.size, reader).path
        hashed = leaf_hash(one.body)
        found[one.index] = verify_inclusion(hashed, one.index, head.size, path, head.root)
    return found


def _message(conn: Connection, row: MessageRow, days: int | None) -> dict[str, Any]:
    kept = row.received_at + timedelta(days=days) if days is not None else None
    return {
        "id": row.id,
        "source": row.source,
        "sent_at": show_time(row.sent_at),
        "received_at": show_time(row.received_at),
        "verdict": row.verdict,
        "records": row.records,
        "accepted": row.accepted,
        "sequence": row.sequence,
        "region": row.region,
        "digest": b64u(row.digest),
        "claimed_id": row.claimed_id,
        "kept_until": _shown(kept),
        "erased_at": _shown(row.erased_at),
        **_answer(conn, row),
    }


def _answer(conn: Connection, row: MessageRow) -> dict[str, Any]:
    """What the sender was answered: the reason, and what is wrong with single records."""
    told: dict[str, Any] = {"code": row.code, "params": {}, "faults": []}
    jws = receipts.get_many(conn, [row.receipt_id]).get(row.receipt_id) if row.receipt_id else None
    if jws is None:
        return told
    for record in decode(payload_unverified(jws)).data:
        if record["message_id"] in (row.id, row.claimed_id):
            told |= {"params": record.get("params", {}), "faults": record.get("refused", [])}
    return told


def _letter(row: DeliveryRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "type": row.type,
        "recipient": row.recipient,
        "role": row.role,
        "state": row.state,
        "code": row.code,
        "attempts": row.attempts,
        "made_at": show_time(row.created_at),
        "delivered_at": _shown(row.delivered_at),
        "fields": row.fields or [],
        "basis": row.basis or [],
        "erased_at": _shown(row.erased_at),
    }


def _alert(life: AlertLife, member: str | None) -> dict[str, Any]:
    # what became of it is told to the desk it lies on, and no more to those it lay on before
    told = member in (None, life.recipient)
    return {
        "id": life.id,
        "rule": life.rule_id,
        "state": life.state if told else "passed_on",
        "desk": life.recipient,
        "raised_at": show_time(life.raised_at),
        "by": life.by if told else None,
        "outcome": life.outcome if told else None,
    }


def _draft(row: DraftRow, member: str | None) -> dict[str, Any] | None:
    if member not in (None, row.owner):
        return None
    return {
        "id": row.id,
        "rule": row.rule,
        "state": row.state,
        "owner": row.owner,
        "created_at": show_time(row.created_at),
        "by": row.by,
        "message": row.message_id,
    }


def _evidence(found: _Chain, own: str | None, ground: Ground) -> str | None:
    """The id whose evidence file a member may take, or None."""
    if own is None:
        return None
    row, sheet = found.message, ground.catalogue.sheets.get(found.type)
    if row is not None:
        return row.id if own == row.source and sender_holds(row.verdict, sheet) else None
    return next((one.id for one in reversed(found.letters) if one.recipient == own), None)


def _corrections(
    conn: Connection, ground: Ground, row: MessageRow, member: str | None
) -> list[dict[str, Any]]:
    """Requests and findings about records of a message that its reader sent or got."""
    if row.type in corrections.TYPES:
        return []
    found = []
    for id_ in search.corrections_of(conn, row.id, MOST_CORRECTIONS):
        other = messages.get(conn, id_)
        if other is None or other.key_id is None or other.body is None:
            continue
        got = {letter.recipient for letter in deliveries.for_message(conn, id_)}
        if member is not None and member != other.source and member not in got:
            continue
        jws = ground.vault.open(conn, other.key_id, other.body, other.id.encode())
        places = [
            record["record"]
            for record in decode(payload_unverified(jws)).data
            if _names(conn, record["message_id"], row.id)
        ]
        if places:
            at = show_time(other.received_at)
            found.append(
                {"id": id_, "type": other.type, "by": other.source, "at": at, "records": places}
            )
    return found


def _names(conn: Connection, named: str, message_id: str) -> bool:
    """Whether a correction's record means a message: by its own id, or by a delivery of it."""
    if named == message_id:
        return True
    letter = deliveries.get(conn, named)
    return letter is not None and letter.message_id == message_id


def _shown(moment: datetime | None) -> str | None:
    return show_time(moment) if moment is not None else None
