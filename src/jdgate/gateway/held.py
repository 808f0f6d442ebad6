"""Messages that our own code or a plugin broke on: set aside whole, for a person to look at.

Rules:
- a message set aside gets no receipt, so its sender keeps it too, and tries again at long
  intervals; when it goes through then, its letter is closed;
- the id on the envelope is anybody's to write. Only what is proven to be its sender's, under that
  id, goes into the letter of that id or closes it; all else gets a letter of its own.

    due = keep(conn, ground, arrival, place_of(error), now)
    went_through(conn, ground, arrival, now)
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from jdgate.core.admission import Arrival, proven_id
from jdgate.gateway import timekeeper
from jdgate.gateway.effects import BROKEN, Effects
from jdgate.gateway.ground import Ground
from jdgate.store import dead
from jdgate.store.bodies import HELD
from jdgate.store.dead import DeadRow


def keep(
    conn: Connection, ground: Ground, arrival: Arrival, place: str, now: datetime
) -> timekeeper.Due:
    """Write the letter and tell the authority. `place`: where it broke."""
    letter_id = _proven_id(ground, arrival)
    if letter_id is None or not _is_theirs(dead.get(conn, letter_id), arrival):
        letter_id = ground.new_id()
    sealed = ground.vault.seal(conn, HELD, now.date(), arrival.body, letter_id.encode())
    letter = DeadRow(
        id=letter_id,
        direction="in",
        member=arrival.member,
        code="admission.held",
        params={"error": place, "kid": arrival.kid[:80], "message": arrival.id[:64]},
        at=now,
        attempts=1,
        key_id=sealed.key_id,
        body=sealed.blob,
    )
    dead.add(conn, [letter])
    params = {"rule": "gateway", "error": place[:200]}

    def tell(effects: Effects) -> None:
        effects.tell_authority(BROKEN, f"held:{place}"[:160], "alert.rule_failed", params)

    return timekeeper.originate(conn, ground, now, tell)


def went_through(conn: Connection, ground: Ground, arrival: Arrival, now: datetime) -> None:
    """Close the letter of a message that was set aside before."""
    message_id = _proven_id(ground, arrival)
    letter = dead.get(conn, message_id) if message_id is not None else None
    if letter is not None and _is_theirs(letter, arrival):
        dead.decide(conn, letter.id, "retried", by=ground.me, at=now)


def _proven_id(ground: Ground, arrival: Arrival) -> str | None:
    try:
        return proven_id(arrival, ground.trust, ground.keys)
    except Exception:  # what broke may be the opening itself
        return None


def _is_theirs(letter: DeadRow | None, arrival: Arrival) -> bool:
    return letter is None or (letter.direction == "in" and letter.member == arrival.member)
