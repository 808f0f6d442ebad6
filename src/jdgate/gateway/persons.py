"""One person in the books: from an identity document to the pseudonyms, one for each domain.

Only this way round: from a pseudonym nobody comes back to a number. The number that is asked with
is not kept here, and no error repeats it.

    id_no = persons.checked("ric", typed)                 # in the form that records have
    tokens = persons.pseudonyms(conn, vault, id_no)       # {"mmt": b"…", "comm": b"…"}
"""

from __future__ import annotations

import re

from sqlalchemy import Connection

from jdgate.core.identity import Pseudonyms, check_id_no, normalise
from jdgate.errors import Refused
from jdgate.files.person import ID_TYPES as WRITTEN
from jdgate.store.vault import Vault

ID_TYPES = tuple(dict.fromkeys(WRITTEN.values()))
"""Kinds of identity document, as records name them."""

_OTHER = re.compile(r"[0-9A-Z]{1,32}")


def checked(id_type: str, typed: str) -> str:
    """An identity number as a person typed it, in the form that records have.

    Raises:
        Refused: `person.id_type`; `record.bad_id_…`, it can be nobody's.
    """
    if id_type not in ID_TYPES:
        raise Refused("person.id_type", known=", ".join(ID_TYPES))
    id_no = normalise(typed)
    fault = check_id_no(id_no) if id_type == "ric" else None
    if id_type != "ric" and not _OTHER.fullmatch(id_no):
        fault = "record.bad_id_characters"
    if fault is not None:
        raise Refused(fault, field="id_no", got=len(id_no), expected=18)
    return id_no


def pseudonyms(conn: Connection, vault: Vault, id_no: str) -> dict[str, bytes]:
    """Domain → the person's pseudonym there, for every domain that anybody was ever named in.

    Admission makes pseudonyms of the number alone, so the kind of document plays no part.
    """
    return {
        domain: Pseudonyms(vault.domain_key(conn, domain)).token(id_no)
        for domain in vault.domains(conn)
    }
