"""What the books hold about some ids and some pseudonyms, for the subject report. No bodies.

messages_of(conn, ids), deliveries_of(conn, ids)
standing(conn, subjects)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from msgspec import Struct
from sqlalchemy import Connection, select

from jdgate.store.bulk import Lookup
from jdgate.store.columns import slices
from jdgate.store.tables import alert, alias, care_team, delivery, message, relation


class HeldMessage(Struct, frozen=True):
    """A message: when it came, and when its body was erased."""

    id: str
    source: str
    type: str
    received_at: datetime
    erased_at: datetime | None


class HeldDelivery(Struct, frozen=True):
    """A delivery: when it was made, and when its body was erased."""

    id: str
    recipient: str
    type: str
    created_at: datetime
    erased_at: datetime | None


class Standing(Struct, frozen=True):
    """What the books know of a person beside messages: `kind` is relation, alias or team.

    `name` is the relation, the domain of the reference or the place in the team.
    """

    kind: str
    name: str
    member: str
    since: date | datetime | None
    until: date | datetime | None = None
    region: str = ""


_MESSAGES = Lookup(message, HeldMessage.__struct_fields__, key="id")
_DELIVERIES = Lookup(delivery, HeldDelivery.__struct_fields__, key="id")
_ALERTS = Lookup(alert, ["id", "type"], key="id")


def messages_of(conn: Connection, ids: Iterable[str]) -> dict[str, HeldMessage]:
    """Those of `ids` that are messages."""
    return {row[0]: HeldMessage(*row) for row in _MESSAGES.run(conn, (), ids)}


def deliveries_of(conn: Connection, ids: Iterable[str]) -> dict[str, HeldDelivery]:
    """Those of `ids` that are deliveries."""
    return {row[0]: HeldDelivery(*row) for row in _DELIVERIES.run(conn, (), ids)}


def alerts_of(conn: Connection, ids: Iterable[str]) -> dict[str, str]:
    """id → type of those of `ids` that are alerts."""
    return {id: type for id, type in _ALERTS.run(conn, (), ids)}


def standing(conn: Connection, subjects: Sequence[bytes]) -> list[Standing]:
    """Relations, references and places in care teams of one person's pseudonyms."""
    related, known, team = relation.c, alias.c, care_team.c
    found: list[Standing] = []
    for part in slices(subjects):
        for kind, of, columns in (
            (
                "relation",
                related,
                (
                    related.name,
                    related.member,
                    related.opened_on,
                    related.closed_on,
                    related.region,
                ),
            ),
            ("alias", known, (known.domain, known.member, known.set_at)),
            ("team", team, (team.place, team.member, team.assigned_at, team.ended_at)),
        ):
            rows = conn.execute(select(*columns).where(of.subject.in_(part)))
            found += [Standing(kind, *row) for row in rows]
    return sorted(found, key=lambda one: (one.kind, one.name, one.member))
