"""Whom alerts and drafts are about, noted where records are (`subject_index`), for the subject
report.

An alert or draft is about the person whom its record names, else about the one whose pseudonym is
the key its rule goes by. One that holds only a number of some file leads to nobody.

    concerned = Concerned(conn, ground)
    person = concerned.person(key, alert.type, alert.data)
    concerned.note(person, alert_id, "cln-01")
    concerned.follow(alert_id, plan.id, plan.recipient)       # the delivery that carries it
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection

from jdgate.core.identity import TOKEN_BYTES, ptoken
from jdgate.core.routing import subject_value
from jdgate.gateway.ground import Ground
from jdgate.store import subjects
from jdgate.store.subjects import Appearance

_PSEUDONYM = re.compile(rf"[0-9a-f]{{{2 * TOKEN_BYTES}}}")


class Person(NamedTuple):
    """A pseudonym in its domain."""

    subject: bytes
    domain: str


class Concerned:
    """Who is concerned, in one transaction."""

    def __init__(self, conn: Connection, ground: Ground) -> None:
        self._conn = conn
        self._ground = ground

    def person(self, key: str, type: str, data: Mapping[str, Any]) -> Person | None:
        """Whom an effect of a rule's `key` is about, if about anybody."""
        domain = type.partition(".")[0]
        sheet = self._ground.catalogue.sheets.get(type)
        id_no = subject_value(sheet, data) if sheet is not None else None
        if id_no is not None:
            keyed = self._ground.vault.domain_key(self._conn, domain)
            return Person(ptoken(keyed, id_no), domain)
        return Person(bytes.fromhex(key), domain) if _PSEUDONYM.fullmatch(key) else None

    def note(self, person: Person | None, id: str, recipient: str) -> None:
        """What has this id is about that person, and lies with `recipient`."""
        if person is not None:
            row = Appearance(
                subject=person.subject,
                domain=person.domain,
                message_id=id,
                record_index=0,
                recipient=recipient,
            )
            subjects.add_appearances(self._conn, [row])

    def follow(self, about: str, id: str, recipient: str) -> None:
        """`id` carries what is noted as `about` to `recipient`: it is about the same person."""
        found = subjects.named_in(self._conn, about)
        self.note(Person(found.subject, found.domain) if found else None, id, recipient)
