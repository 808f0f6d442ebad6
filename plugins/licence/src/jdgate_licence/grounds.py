"""The grounds on which the office must cancel a licence, asked for a day at run time.

They are the county's reference table `grounds` (公安部令162 79(六)), with the county's own imports
over it: a ground that an order ends or changes counts so from its day on. Maintenance treatment
is none by any article.

    grounds = Cancelling(references.grounds)
    grounds.stood("79-6-isolation", "2026-11-21")            # True
    grounds.code("被决定强制隔离戒毒", "2026-11-21")           # "79-6-isolation"
"""

from __future__ import annotations

import unicodedata
from datetime import date
from functools import lru_cache

from jdgate.core.refdata import Effect, Ground, Grounds
from jdgate.plugins import Refused

EFFECT: Effect = "cancel"
_SHORT = {
    "毒驾": "79-6-driving",
    "吸毒后驾驶": "79-6-driving",
    "社区戒毒": "79-6-community-treatment",
    "社区康复": "79-6-community-rehabilitation",
    "强制隔离戒毒": "79-6-isolation",
    "强戒": "79-6-isolation",
    "依赖性精神药品成瘾": "79-6-dependence",
}
"""How offices write the grounds in their tables."""


class Cancelling:
    """The grounds for cancelling, as rules and forms ask for them."""

    def __init__(self, grounds: Grounds) -> None:
        self._grounds = grounds
        self._on = lru_cache(maxsize=4096)(self._look_up)

    def stood(self, code: str, day: str) -> bool:
        """Whether `code` surely was a ground on `day` (a day of the calendar)."""
        return code in self._on(day)

    def code(self, text: str, day: str) -> str:
        """The ground that a cell of a table means on `day`: a code, the words, or a short form.

        Raises:
            Refused: `licence.ground_unknown`, `licence.ground_not_then`.
        """
        wanted = _key(text)
        meant = _SHORT.get(wanted) or next(
            (one.code for one in self._grounds.grounds if wanted in _names(one)), None
        )
        if meant is None or all(one.effect != EFFECT for one in self._of(meant)):
            raise Refused("licence.ground_unknown", field="ground_code")
        if not self.stood(meant, day):
            raise Refused("licence.ground_not_then", field="ground_code", code=meant, day=day)
        return meant

    def _of(self, code: str) -> list[Ground]:
        return [one for one in self._grounds.grounds if one.code == code]

    def _look_up(self, day: str) -> frozenset[str]:
        return frozenset(
            one.code for one in self._grounds.in_force(date.fromisoformat(day), EFFECT)
        )


def _names(ground: Ground) -> set[str]:
    names = {_key(ground.code)}
    return names | {_key(ground.zh), _key(ground.en)} if ground.effect == EFFECT else names


def _key(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split()).strip("。.;；")
