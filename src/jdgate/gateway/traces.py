"""What a committed group leaves behind: leaves in the ledger, who is spoken of in what was
disclosed, and what people who watch are told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from jdgate.core import leaves
from jdgate.core.admission import Verdict
from jdgate.core.message import show_time
from jdgate.gateway import answers
from jdgate.gateway.answers import Entry
from jdgate.gateway.compose import Composed, Plan
from jdgate.gateway.effects import Effects
from jdgate.gateway.ground import Ground
from jdgate.gateway.notices import Notice
from jdgate.store import ledger, subjects
from jdgate.store.subjects import Appearance


def write_ledger(
    conn: Connection,
    ground: Ground,
    entries: Sequence[Entry],
    plans_of: dict[str, list[Plan]],
    composed: Composed,
    effects: Effects,
    now: datetime,
) -> int:
    """Append this group's leaves: verdicts, then what effects wrote, then deliveries.

    Each entry learns its place; the place of the first delivery's leaf is returned.
    """
    written: list[tuple[bytes, bytes | None]] = []
    placed: list[Entry] = []
    for entry in entries:
        leaf = _verdict_leaf(ground, entry, plans_of, now)
        if leaf is not None:
            placed.append(entry)
            written.append(leaf)
    written += effects.leaves
    before_deliveries = len(written)
    written += composed.leaves
    first = ledger.append(conn, written)
    for at, entry in enumerate(placed):
        entry.leaf = first + at
    return first + before_deliveries


def _verdict_leaf(
    ground: Ground, entry: Entry, plans_of: dict[str, list[Plan]], now: datetime
) -> tuple[bytes, bytes] | None:
    salt = ground.salt()
    verdict = entry.verdict
    opened, arrival = verdict.opened, verdict.arrival
    if verdict.outcome == "refused":
        assert verdict.reason is not None
        refused = leaves.RefusedLeaf(
            id=entry.row_id,
            at=show_time(now),
            source=arrival.member,
            type=opened.message.type if opened else "",
            message=opened.message.id if opened and opened.message.id != entry.row_id else "",
            code=verdict.reason.code,
            directory=ground.version,
            commitment=leaves.commitment(salt, opened.jws if opened else arrival.body),
        )
        return leaves.encode(refused), salt
    assert opened is not None
    if not ground.catalogue.sheets[opened.message.type].tracked:
        return None  # a receipt or a request to send again: its effect is what is written down
    message = opened.message
    accepted = leaves.AcceptedLeaf(
        id=message.id,
        at=show_time(now),
        source=message.source,
        recipient=message.recipient,
        type=message.type,
        time=show_time(message.time),
        records=len(message.data),
        directory=ground.version,
        commitment=leaves.commitment(salt, opened.jws),
        refused=tuple(sorted(verdict.faults)),
        deliveries=tuple(plan.id for plan in plans_of.get(message.id, ())),
    )
    return leaves.encode(accepted), salt


def note_people(
    conn: Connection, verdicts: Iterable[Verdict], plans_of: dict[str, list[Plan]]
) -> None:
    """Note who is spoken of in which record, and to whom it went: what a subject report is made
    from."""
    rows: list[Appearance] = []
    for verdict in verdicts:
        assert verdict.opened is not None
        message = verdict.opened.message
        domain = message.type.partition(".")[0]
        let_in = set(verdict.accepted)
        unshown = {at: subject for at, subject in verdict.subjects.items() if at in let_in}
        for plan in plans_of.get(message.id, ()):
            for index in plan.source_indexes:
                subject = verdict.subjects.get(index)
                if subject is not None:
                    unshown.pop(index, None)
                    rows.append(
                        Appearance(
                            subject=subject,
                            domain=domain,
                            message_id=message.id,
                            record_index=index,
                            recipient=plan.recipient,
                        )
                    )
        if unshown:
            subjects.add_unshown(conn, message.id, domain, unshown)
    subjects.add_appearances(conn, rows)


def told(ground: Ground, entries: Iterable[Entry], plans_of: dict[str, list[Plan]]) -> list[Notice]:
    """What happened, for people who watch."""
    notices = []
    for entry in entries:
        notice = answers.notice(ground, entry)
        if notice is not None:
            notices.append(notice)
        for plan in plans_of.get(entry.row_id, ()):
            notices.append(
                Notice(
                    "story.disclosed",
                    {
                        "type": plan.type,
                        "to": plan.recipient,
                        "records": len(plan.records),
                        "fields": ", ".join(plan.fields),
                    },
                )
            )
    return notices
