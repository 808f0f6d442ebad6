"""Care teams in the books. What an assignment means is decided in `core.care`; this keeps them.

care.note(conn, subject, "officer", Assignment("ps-02", assigned_at=at))
holders = care.holders(conn, "officer", [subject])        # subject → member
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import structs
from sqlalchemy import Connection, Table

from jdgate.core.care import Assignment, holder
from jdgate.store.bulk import Lookup, Upsert
from jdgate.store.columns import later
from jdgate.store.tables import care_team


def _merge(table: Table, given: Any) -> Mapping[str, Any]:
    names = ("assigned_at", "ended_at")
    return {name: later(table.c[name], given[name]) for name in names}


_NOTE = Upsert(care_team, on=["subject", "place", "member"], merge=_merge)
_FIND = Lookup(
    care_team,
    ["subject", "member", "assigned_at", "ended_at"],
    fixed=["place"],
    key="subject",
)


def note(conn: Connection, subject: bytes, place: str, given: Assignment) -> None:
    """Keep the latest of what is known."""
    _NOTE.run(conn, [{"subject": subject, "place": place, **structs.asdict(given)}])


def holders(conn: Connection, place: str, people: Iterable[bytes]) -> dict[bytes, str]:
    """Who has a place in the teams of these people, where somebody has."""
    known: dict[bytes, list[Assignment]] = defaultdict(list)
    for subject, *given in _FIND.run(conn, (place,), people):
        known[subject].append(Assignment(*given))
    found = {subject: holder(given) for subject, given in known.items()}
    return {subject: member for subject, member in found.items() if member is not None}
