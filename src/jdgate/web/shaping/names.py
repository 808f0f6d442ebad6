"""Codes in records with the name beside them: substances, members, places. Pure.

Names come from what everybody who is signed in may see: the signed directory and the packaged or
imported tables. A code that none of them knows stays as it is.

    names = Names(references, members, "zh")
    names.of("cas", "7647-01-0")                         # 盐酸（7647-01-0）
    names.in_params({"cas": "7647-01-0", "due_on": …})   # the same in what an alert says
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from jdgate.core.directory import Member
from jdgate.core.refdata import Item
from jdgate.refdata import References
from jdgate.texts import Lang
from jdgate.wording import with_code

SITE = "site"
"""Fields of this name hold a clinic's id, or that of its extension site: `cln-01-a`."""
_PARAMS = {
    "cas": "cas",
    "site": SITE,
    **dict.fromkeys(("clinic", "company", "member", "other", "unit"), "member-id"),
    "town": "division-code",
}
"""What params of sentences hold, by name. A member may stand wherever a place does."""


class Names(Struct, frozen=True):
    """The tables that know names."""

    references: References
    members: Mapping[str, Member]
    lang: Lang

    def of(self, format: str, code: str) -> str:
        """`code` with its name; alone where it has none. `format`: of the schema, or `SITE`."""
        name = self._name(format, code)
        return with_code(name, code, self.lang) if name not in ("", code) else code

    def in_params(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The params of a sentence, with names."""
        return {
            name: self.of(_PARAMS[name], value)
            if name in _PARAMS and isinstance(value, str)
            else value
            for name, value in params.items()
        }

    def _name(self, format: str, code: str) -> str:
        match format:
            case "cas":
                return self._substance(code)
            case "member-id":
                return self._member(code)
            case "division-code":
                return self._member(code) or self._place(code)
            case "site":
                return self._member(code) or self._member(code.rpartition("-")[0])
        return ""

    def _member(self, id: str) -> str:
        known = self.members.get(id)
        return known.name if known is not None else ""

    def _substance(self, number: str) -> str:
        found = [
            (item, cas.what)
            for item in self.references.precursors.find(number, salts=False)
            for cas in item.cas
            if cas.number == number
        ]
        return substance(*found[-1], self.lang) if found else ""

    def _place(self, code: str) -> str:
        """What a place is called: by the table of divisions, else by its township office."""
        known = self.references.divisions.name(code)
        if known is not None:
            return known
        offices = (one for one in self.members.values() if "COM" in one.roles)
        return next((one.name for one in offices if code in one.regions), "")


def substance(item: Item, what: str, lang: Lang) -> str:
    """A substance of the catalogue, and which of those under its name."""
    name = item.name if lang == "zh" or not item.en else item.en
    return f"{name}（{what}）" if what else name
