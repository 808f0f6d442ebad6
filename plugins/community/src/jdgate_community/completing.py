"""Drafts that a named person approved, made into the records that are sent.

A draft holds the person, the order and the events; it goes to the one office that is to decide.
What only people know is left to whoever approves: the number of the evidence, how often somebody
was called and with what reason.

    record = complete(draft)            # None: not ours
"""

from __future__ import annotations

import re
from typing import Any

from jdgate.core.calendar import day_of
from jdgate.plugins import DraftView

from .book import EXIT, OVERDUE, VIOLATION

_PERSON = ("name", "id_type", "id_no")
_FIELDS = {
    OVERDUE: (*_PERSON, "doc_no", "due_on"),
    VIOLATION: (*_PERSON, "doc_no", "kind"),
    EXIT: _PERSON,
}
_EVENT = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)(/(?P<until>\d{4}-\d\d-\d\d))? (?P<what>[a-z]+)", re.ASCII
)


def complete(draft: DraftView) -> dict[str, Any] | None:
    """The record of a draft as far as it is known; None for drafts of other types."""
    fields = _FIELDS.get(draft.type)
    if fields is None:
        return None
    given = draft.prefill
    record: dict[str, Any] = {name: given[name] for name in fields if given.get(name) is not None}
    if draft.type == EXIT:
        record["date"] = day_of(draft.decided_at)
    if draft.type == VIOLATION:
        record["events"] = [
            {name: value for name, value in found.groupdict().items() if value}
            for name, event in given.items()
            if name.startswith("event_") and (found := _EVENT.fullmatch(str(event)))
        ]
        record["confirmer"] = draft.decided_by
    return record
