"""The traffic bureau's own notes, and the draft of a restoration made whole with them.

The draft says only which decision it is about; who that is, the bureau knows from the results it
sent itself. Where it sent none, whoever approves fills the person in.

    note("licence.action.result.v1", records, register)
    record = complete(draft, register)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jdgate.core.calendar import day_of
from jdgate.plugins import DraftView, Refused, Register

from .cases import ACTION, RESTORE

CASE = "case"
_PERSON = ("name", "id_type", "id_no")


def note(type: str, records: Sequence[Mapping[str, Any]], register: Register) -> None:
    """Note whose decision it was; doing it twice changes nothing."""
    if type != ACTION:
        return
    for record in records:
        known = register.get(CASE, record["doc_no"])
        if known is None or known["date"] <= record["date"]:
            noted = {name: record[name] for name in (*_PERSON, "date")}
            register.put(CASE, record["doc_no"], noted)


def complete(draft: DraftView, register: Register) -> dict[str, Any] | None:
    """The decision of an approved draft; None for drafts of other types.

    Raises:
        Refused: `licence.draft_empty` when the draft names no decision document.
    """
    if draft.type != RESTORE:
        return None
    doc = draft.prefill.get("ref")
    if not isinstance(doc, str):
        raise Refused("licence.draft_empty")
    known = register.get(CASE, doc) or {}
    return {
        **{name: known[name] for name in _PERSON if name in known},
        "ref": doc,
        "decision": "restore",
        "decided_by": draft.decided_by,
        "decided_on": day_of(draft.decided_at),
    }
