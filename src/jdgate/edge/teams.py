"""A township office's care teams: whom it assigned for each person whose order it runs.

- A person is named by the number of a message about them in the office's own inbox, or by the short
  reference that `reference` makes of it; never by name or identity number, which a shell remembers.
- The office's own note of its teams follows what the gateway accepted.

    person = teams.person(conn, desk, ref)
    records = teams.records(person, teams.team(conn, desk, person), "officer", "ps-02", …)
    teams.note(conn, desk, person, records)            # once accepted
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection

from jdgate.core.care import ASSIGN, DOMAIN
from jdgate.core.places import PLACES
from jdgate.edge import inbox as reading
from jdgate.edge.desk import Desk
from jdgate.errors import Refused
from jdgate.store import inbox
from jdgate.store.register import Register

_KIND = "team"
_PERSON = ("name", "id_type", "id_no")
_REF_BYTES = 5


def reference(conn: Connection, desk: Desk, id_no: str) -> str:
    """The office's own short word for a person: keyed, so it answers no guess at a number."""
    key = desk.vault.named_key(conn, "reference", desk.member)
    return (
        base64.b32encode(hmac.digest(key, id_no.encode(), "sha256")[:_REF_BYTES]).decode().lower()
    )


def person(conn: Connection, desk: Desk, ref: str) -> dict[str, str]:
    """Name, kind and number of the document of the person meant: by the reference of one with a
    team, or by a message of the inbox (`ID`, or `ID:2` for its second record).

    Raises:
        Refused: `team.unknown_person`, `team.which_record`.
    """
    for id_no, kept in _notes(conn, desk).find(_KIND):
        if reference(conn, desk, id_no) == ref:
            return {**kept["person"], "id_no": id_no}
    id, _, number = ref.partition(":")
    row = inbox.get(conn, desk.member, id)
    if row is None:
        raise Refused("team.unknown_person", ref=ref[:64])
    try:
        data = reading.read_body(conn, desk, row)["data"]
    except Refused:
        data = []
    if not number and len(data) > 1:
        raise Refused("team.which_record", ref=ref[:64], records=len(data))
    at = int(number) - 1 if number.isascii() and number.isdigit() else 0
    record = data[at] if 0 <= at < len(data) else {}
    if not all(isinstance(record.get(field), str) for field in _PERSON):
        raise Refused("team.unknown_person", ref=ref[:64])
    return {field: record[field] for field in _PERSON}


def team(conn: Connection, desk: Desk, id_no: str) -> dict[str, dict[str, Any]]:
    """Place → {member, worker, on}, as far as this office assigned them."""
    kept = _notes(conn, desk).get(_KIND, id_no)
    return kept["places"] if kept else {}


def teams(conn: Connection, desk: Desk) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
    """Reference of each person with a team, and the team."""
    for id_no, kept in _notes(conn, desk).find(_KIND):
        if kept["places"]:
            yield reference(conn, desk, id_no), kept["places"]


def records(
    person: Mapping[str, str],
    current: Mapping[str, Mapping[str, Any]],
    place: str,
    to: str | None,
    worker: str,
    on: str,
) -> list[dict[str, Any]]:
    """What to send: the end of the present assignment, and the new one if `to` names somebody.

    Raises:
        Refused: `team.no_place`, `team.so_already`, `team.nobody`.
    """
    if place not in PLACES:
        raise Refused("team.no_place", place=place[:40], expected=", ".join(PLACES))
    now = current.get(place)
    if to is None and now is None:
        raise Refused("team.nobody", place=place)
    found: list[dict[str, Any]] = []
    if now is not None and now["member"] != to:
        found.append(_record(person, place, "end", str(now["member"]), "", on))
    if to is not None:
        if now is not None and (now["member"], now["worker"]) == (to, worker):
            raise Refused("team.so_already", place=place, member=to)
        found.append(_record(person, place, "assign", to, worker, on))
    return found


def note(
    conn: Connection, desk: Desk, person: Mapping[str, str], sent: list[dict[str, Any]]
) -> None:
    """Keep what was accepted."""
    register, places = _notes(conn, desk), dict(team(conn, desk, person["id_no"]))
    for record in sent:
        if record["action"] == "assign":
            kept = {"member": record["member"], "worker": record.get("worker", "")}
            places[record["place"]] = {**kept, "on": record["on"]}
        else:
            places.pop(record["place"], None)
    named = {field: person[field] for field in ("name", "id_type")}
    register.put(_KIND, person["id_no"], {"person": named, "places": places})


def _record(
    person: Mapping[str, str], place: str, action: str, member: str, worker: str, on: str
) -> dict[str, Any]:
    record = {**person, "place": place, "action": action, "member": member, "on": on}
    return {**record, "worker": worker} if worker else record


def _notes(conn: Connection, desk: Desk) -> Register:
    return desk.register(conn, f"{DOMAIN}.{ASSIGN}")
