"""Corrections follow the data: who ever got a record that turned out wrong, and what each is told.

Rules:
- `correct.request.v1` asks the provider (the member a record came from) to check it, and
  `correct.result.v1` is the provider's finding. Only who sent or got a record may speak of it.
- Everybody names a record as it knows it: the provider by its own message and the place in it, a
  recipient by the delivery it got and the place in that. The gateway turns one into the other
  (`as_known_to`); in an evidence file these two fields are proven from the ledger.
- A finding that the record was wrong goes to every past recipient of that very record. Who never
  saw the wrong field holds nothing wrong and is not told of a correction; a withdrawal takes back
  the whole record, so it is told, without naming the field.
- All of it is read from the ledger's leaves, which stay when bodies are erased.

    held = copies(accepted, disclosed, record=3)
    for copy in held: hidden(finding, copy)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from jdgate.core.leaves import AcceptedLeaf, DisclosedLeaf

REQUEST, RESULT = "correct.request.v1", "correct.result.v1"
TYPES = frozenset((REQUEST, RESULT))
NAMES = ("message_id", "record")
"""The fields that name a record, which differ from reader to reader."""

DISPUTED, CORRECTED, WITHDRAWN, UPHELD = "disputed", "corrected", "withdrawn", "upheld"
WRONG = frozenset((CORRECTED, WITHDRAWN))
"""Findings that past recipients must hear of."""

_NOTHING: frozenset[str] = frozenset()
_FIELD = frozenset(("item",))


class Copy(Struct, frozen=True):
    """Record number `record` of delivery `delivery` is what `recipient` got of some record."""

    delivery: str
    recipient: str
    record: int
    fields: tuple[str, ...]


def held_records(accepted: AcceptedLeaf, disclosed: DisclosedLeaf) -> tuple[int, ...]:
    """The records of the original that a delivery holds, in its order."""
    if disclosed.indexes:
        return disclosed.indexes
    refused = set(accepted.refused)
    return tuple(index for index in range(accepted.records) if index not in refused)


def copies(accepted: AcceptedLeaf, disclosed: Iterable[DisclosedLeaf], record: int) -> list[Copy]:
    """Who got record number `record` of an accepted message, each as it knows it."""
    found = []
    for leaf in disclosed:
        if leaf.message != accepted.id or leaf.type != accepted.type:
            continue
        held = held_records(accepted, leaf)
        if record in held:
            found.append(Copy(leaf.id, leaf.recipient, held.index(record), leaf.fields))
    return found


def hidden(finding: Mapping[str, Any], copy: Copy) -> frozenset[str] | None:
    """The fields of a finding that a past recipient may not see; None: it is not told at all."""
    if finding.get("decision") not in WRONG:
        return None
    if finding.get("item") in copy.fields:
        return _NOTHING
    return _FIELD if finding.get("decision") == WITHDRAWN else None


def as_known_to(record: Mapping[str, Any], message_id: str, place: int) -> dict[str, Any]:
    """The same request or finding, naming the record as its reader knows it."""
    return {**record, "message_id": message_id, "record": place}
