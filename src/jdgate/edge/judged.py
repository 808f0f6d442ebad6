"""What the gateway judged of our messages: its receipts close the outbox.

Rules:
- a receipt counts for the very bytes it names;
- what was refused for its number or its key alone is signed anew and sent again;
- what was refused otherwise and came from a draft goes back to whoever decides it.

    answered, anew = close(conn, desk, opened_receipt, now)
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from jdgate.core import signing
from jdgate.core.admission import MAX_JUMP, Opened
from jdgate.core.encoding import b64u
from jdgate.edge import outbox as writing
from jdgate.edge.desk import Desk
from jdgate.edge.noting import note
from jdgate.store import draft_box, outbox, receipts, sequences
from jdgate.store.outbox import Answer, OutboxRow

UNOPENED_TRIES = 5
"""Sendings after which a gateway's "can't open it" is believed."""
NUMBER_USED, NUMBER_FAR = "admission.sequence_used", "admission.sequence_jump"
KEY_GONE = ("key.expired", "key.revoked")


class Answered(msgspec.Struct, frozen=True):
    """A message of ours that the gateway has judged."""

    id: str
    verdict: str
    record: dict[str, Any]
    rows: list[int] | None = None
    renewed_as: str | None = None


def known(conn: Connection, ids: Sequence[str]) -> dict[str, Answered]:
    """The answers that were given to these messages before."""
    return {
        one.id: Answered(one.id, one.state, one.verdict or {}, one.rows, one.renewed_as)
        for one in outbox.closed(conn, ids)
    }


def close(
    conn: Connection, desk: Desk, opened: Opened, now: datetime
) -> tuple[list[Answered], bool]:
    """Close what a receipt answers; the answers, and whether something is to be sent anew."""
    answered: list[Answered] = []
    anew = False
    said: dict[str, dict[str, Any]] = {}
    for record in opened.message.data:
        said.setdefault(record["message_id"], record)
    closed: list[OutboxRow] = []
    answers: list[Answer] = []
    for row in outbox.waiting_rows(conn, desk.member, said):
        record = said[row.id]
        if not _is_about(row, record):
            continue
        number = _number_anew(conn, desk, row, record)
        if number is not None:
            renewed = writing.sign_anew(conn, desk, row, number, now)
            outbox.close(conn, row.id, "refused", None, record, now, renewed)
            draft_box.renewed(conn, desk.member, row.id, renewed)
            answered.append(Answered(row.id, "refused", record, row.rows, renewed))
            anew = True
            continue
        closed.append(row)
        if record["verdict"] == "refused":
            draft_box.refused(conn, desk.member, row.id, _why(record))
        answers.append(Answer(id=row.id, state=record["verdict"], verdict=record, rows=row.rows))
    if not answers:
        return answered, anew
    outbox.close_many(conn, answers, opened.message.id, now)
    receipts.add(conn, opened.message.id, desk.member, opened.jws, now)
    note(conn, desk, closed, said, now)
    answered += [Answered(one.id, one.state, one.verdict, one.rows) for one in answers]
    return answered, anew


def _number_anew(
    conn: Connection, desk: Desk, row: OutboxRow, record: dict[str, Any]
) -> int | None:
    """The number under which the same records may be accepted when they are signed once more.

    So they may when our counter had begun again, or ran far ahead, of what the gateway counted,
    and when the key they were signed with ran out or was revoked while they were on their way and
    there is a newer one. A number that was signed with such a key was not counted: it is kept.
    """
    code, following = record.get("code"), int(record.get("params", {}).get("next", 1))
    if code == NUMBER_USED:
        sequences.skip_to(conn, desk.gateway, following, member=desk.member)
    elif code == NUMBER_FAR:
        sequences.fall_back_to(conn, desk.gateway, following, MAX_JUMP, member=desk.member)
    elif code in KEY_GONE:
        signed_with = signing.peek(writing.kept(conn, desk, row)).kid
        return row.sequence if signed_with != desk.signer.kid else None
    else:
        return None
    return sequences.next_sequences(conn, desk.gateway, 1, member=desk.member)


def _why(record: dict[str, Any]) -> dict[str, Any]:
    """Why a message of one record was refused, as a text code and its parameters."""
    faults = record.get("refused") or [record]
    return {name: faults[0].get(name) for name in ("code", "path", "params")}


def _is_about(row: OutboxRow, record: dict[str, Any]) -> bool:
    """Whether a receipt speaks of the bytes in our outbox.

    A refusal without a digest is of something the gateway could not open. It may have been a
    copy that was spoilt on its way, so it counts only once several sendings had no better answer.
    """
    digest = record.get("digest")
    if digest is None:
        return record["verdict"] == "refused" and row.attempts >= UNOPENED_TRIES
    return bool(digest == b64u(row.digest))
