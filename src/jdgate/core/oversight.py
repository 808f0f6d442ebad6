"""What a member may see of the proofs in the gateway's books, where it is not the authority. Pure.

Rules:
- a member sees the entries that speak of what it did or was given, and nothing of others;
- whom a sender's records reached is told to it only where that follows from record and directory
  alone (`plain_reach`). Else it could learn from its own records who is known to whom;
- an evidence file holds records and names every recipient: it is for a member that was given all
  of that already (`sender_holds`; of what the gateway originated, its recipient).

    visible = [leaf for leaf in found if concerns(leaf, "cln-01")]
    entry = as_told(leaf, "cln-01", plain_reach(sheet))
"""

from __future__ import annotations

from typing import Any

import msgspec

from jdgate.core.leaves import (
    AcceptedLeaf,
    AdminLeaf,
    AlertLeaf,
    DecidedLeaf,
    DeliveredLeaf,
    DirectoryLeaf,
    DisclosedLeaf,
    DraftedLeaf,
    Leaf,
    LookedLeaf,
    MissedLeaf,
    RefusedLeaf,
)
from jdgate.core.sheet import Sheet

PLAIN = frozenset(("region", "named", "sender", "all"))
"""Ways to find a desk that ask nothing of what other members know."""


def plain_reach(sheet: Sheet | None) -> bool:
    """Whether the recipients of a type follow from its records and the directory alone."""
    return sheet is not None and all(route.find in PLAIN for route in sheet.routes)


def concerns(leaf: Leaf, member: str) -> bool:
    """Whether an entry speaks of what a member did or was given; directories are everybody's."""
    match leaf:
        case AcceptedLeaf() | RefusedLeaf() | DecidedLeaf() | LookedLeaf() | MissedLeaf():
            return leaf.source == member
        case DisclosedLeaf() | DeliveredLeaf() | DraftedLeaf() | AlertLeaf():
            return leaf.recipient == member
        case AdminLeaf():
            return member in (leaf.source, leaf.target)
        case _:
            return isinstance(leaf, DirectoryLeaf)


def sender_holds(verdict: str, sheet: Sheet | None) -> bool:
    """Whether the sender of a message was given all that its evidence holds."""
    return verdict == "refused" or plain_reach(sheet)


def as_told(leaf: Leaf, member: str | None, reach: bool) -> dict[str, Any]:
    """An entry's fields for a reader; `member` None: for the authority, which sees all.

    `reach`: whether it is the reader's own message and its recipients may be told to it.
    """
    told: dict[str, Any] = msgspec.to_builtins(leaf)
    if member is not None and not reach:
        told.pop("deliveries", None)
        if isinstance(leaf, DisclosedLeaf | DeliveredLeaf):
            del told["message"]  # the recipient knows it by the delivery
    return told
