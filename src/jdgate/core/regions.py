"""Division codes, and the member that answers for a place.

A code has 12 digits: province 2, city 2, county 2 (GB/T 2260), town 3, village 3; short forms of
2, 4, 6 or 9 digits are taken too. Trailing zeros of a level mean "all of the level above":
511623000000 is the county, 511623101000 a town in it, 511623101201 one village.

Who answers for a place is found as IP routes are: the longest region that covers it wins, so
the village's station comes before the township's and the county's. All members that hold that
region answer.

    index = RegionIndex(directory.members)
    index.find("PS", "511623101201")       # ["ps-03"], else the township's, else the county's
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Protocol

_CODE = re.compile(r"[0-9]{2}([0-9]{2}|[0-9]{4}|[0-9]{7}|[0-9]{10})?")
_LEVELS = (12, 9, 6, 4, 2)


class Place(Protocol):
    """What the index needs of a member (`directory.Member` fits)."""

    @property
    def id(self) -> str: ...
    @property
    def roles(self) -> Sequence[str]: ...
    @property
    def regions(self) -> Sequence[str]: ...
    @property
    def status(self) -> str: ...


def is_code(code: str) -> bool:
    """Whether `code` has the form of a division code: 2, 4, 6, 9 or 12 digits, not all zero."""
    return _CODE.fullmatch(code) is not None and code[:2] != "00"


def check_division(code: str) -> str | None:
    """`record.bad_division` unless `code` is a full 12-digit division code."""
    return None if len(code) == 12 and is_code(code) else "record.bad_division"


def prefix(code: str) -> str:
    """The significant part of a code: its own digits without the levels left at zero.

    `prefix("511623101000") == "511623101"`, `prefix("511600000000") == "5116"`.
    """
    for longer, shorter, zeros in ((12, 9, "000"), (9, 6, "000"), (6, 4, "00"), (4, 2, "00")):
        if len(code) == longer and code.endswith(zeros):
            code = code[:shorter]
    return code


def covers(region: str, code: str) -> bool:
    """Whether `code` lies in `region` (a place lies in itself)."""
    return prefix(code).startswith(prefix(region))


class RegionIndex:
    """Members by role and region. Built once per directory; only active members are in it."""

    def __init__(self, members: Iterable[Place]) -> None:
        self._members: dict[str, Place] = {}
        self._by_role: dict[str, dict[str, list[str]]] = {}
        for member in members:
            if member.status != "active":
                continue
            self._members[member.id] = member
            for role in dict.fromkeys(member.roles):
                places = self._by_role.setdefault(role, {})
                for region in dict.fromkeys(prefix(region) for region in member.regions):
                    places.setdefault(region, []).append(member.id)
        for places in self._by_role.values():
            for ids in places.values():
                ids.sort()

    def find(self, role: str, code: str) -> list[str]:
        """Ids of the members of `role` whose region is the longest that covers `code`."""
        places = self._by_role.get(role)
        if places is None:
            return []
        wanted = prefix(code)
        for level in _LEVELS:
            if level <= len(wanted):
                ids = places.get(wanted[:level])
                if ids is not None:
                    return list(ids)
        return []

    def under(self, region: str, role: str | None = None) -> list[str]:
        """Ids of the members (of `role`, if given) that answer for a place inside `region`."""
        wanted = prefix(region)
        return sorted(
            {
                member
                for name, places in self._by_role.items()
                if role is None or name == role
                for place, ids in places.items()
                if place.startswith(wanted)
                for member in ids
            }
        )

    def with_role(self, role: str) -> list[str]:
        """Ids of all active members of `role`; `*` means any role."""
        if role == "*":
            return sorted(self._members)
        return sorted(id for id, member in self._members.items() if role in member.roles)

    def has_role(self, member: str, role: str) -> bool:
        """Whether `member` is active and has `role`; `*` means any role."""
        known = self._members.get(member)
        return known is not None and (role == "*" or role in known.roles)

    def region_of(self, member: str) -> str | None:
        """The first region of an active member, as the directory writes it."""
        known = self._members.get(member)
        return known.regions[0] if known is not None and known.regions else None
