"""What stands in the menu for whom. A page that is not in it for somebody refuses them itself: the
menu only keeps dead ends out of sight.

Groups are `work` (in sight at once) and `oversight` (folded). `county`: only for operators of the
authority, on the machine that has the gateway.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from jdgate.people import rights
from jdgate.people.rights import Right

Group = Literal["work", "oversight"]


class Entry(NamedTuple):
    """A page: its path, the code of its name, the right it asks for."""

    path: str
    name: str
    right: Right
    group: Group = "work"
    county: bool = False


ENTRIES = (
    Entry("/", "web.desk", "see"),
    Entry("/drafts", "web.drafts", "see"),
    Entry("/inbox", "web.inbox", "see"),
)


def entries(role: str, *, county: bool) -> dict[Group, list[Entry]]:
    """The menu of a role, by group. `county`: whether the operator oversees the whole county."""
    seen = [one for one in ENTRIES if rights.may(role, one.right) and (county or not one.county)]
    groups: tuple[Group, ...] = ("work", "oversight")
    return {group: [one for one in seen if one.group == group] for group in groups}
