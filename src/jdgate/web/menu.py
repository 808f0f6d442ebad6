"""What stands in the menu for whom. A page that is not in it for somebody refuses them itself: the
menu only keeps dead ends out of sight.

Groups are `work` (in sight at once) and `oversight` (folded). `county`: only for operators of the
authority, on the machine that has the gateway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from jdgate.people import rights
from jdgate.people.rights import Right

Group = Literal["work", "oversight"]


class Entry(NamedTuple):
    """A page: its path, the code of its name, the right it asks for. `sends`: a type that the
    operator's member has to be a sender of."""

    path: str
    name: str
    right: Right
    group: Group = "work"
    county: bool = False
    sends: str = ""


ENTRIES = (
    Entry("/", "web.desk", "see"),
    Entry("/drafts", "web.drafts", "see"),
    Entry("/inbox", "web.inbox", "see"),
    Entry("/upload", "web.upload", "send"),
    Entry("/sent", "web.sent", "see"),
    Entry("/messages", "web.messages", "see", "oversight"),
    Entry("/dead", "web.dead", "see", "oversight"),
    Entry("/ledger", "web.ledger", "see", "oversight"),
    Entry("/catalogue", "web.catalogue", "see", "oversight"),
    Entry("/members", "web.members", "see", "oversight"),
    Entry("/inspection", "web.inspection", "send", sends="precursor.inspect.result.v1"),
    Entry("/forms", "web.forms", "send"),
    Entry("/subject", "web.subject", "audit", "oversight", county=True),
    Entry("/operators", "web.operators", "manage", "oversight"),
    Entry("/systems", "web.systems", "manage", "oversight"),
    Entry("/api/docs", "web.api.title", "manage", "oversight"),
    Entry("/expectations", "web.overview_expectations", "see"),
    Entry("/flows", "web.overview_flows", "see", "oversight"),
    Entry("/charts", "web.overview_charts", "see", "oversight"),
    Entry("/system", "web.overview_system", "see", "oversight"),
)


def entries(role: str, *, county: bool, sends: Callable[[str], bool]) -> dict[Group, list[Entry]]:
    """The menu of a role, by group. `county`: whether the operator oversees the whole county;
    `sends`: whether their member sends a type."""
    seen = [
        one
        for one in ENTRIES
        if rights.may(role, one.right)
        and (county or not one.county)
        and (not one.sends or sends(one.sends))
    ]
    groups: tuple[Group, ...] = ("work", "oversight")
    return {group: [one for one in seen if one.group == group] for group in groups}
