"""Reference data as dated tables, and the questions they answer: what was listed, what was a
place called, which ground of law stood, on a given day.

Rules:
- Every entry says since when it holds, no more precisely than its source does: `Since` is a
  stretch of days in which it began. A day inside the stretch is answered with "maybe".
- Every entry carries the confidence of its source (`Tag`, as in the exchange sheets).
- A place that no table knows is a warning, never an error: tables are older than the world
  (133101, 460400).
- Pure: the tables are given, read from files by `jdgate.refdata`.

    precursors = Precursors(items)
    precursors.category("79099-07-3", date(2025, 7, 20))    # 2
    precursors.listed_on(date(2025, 7, 19))                 # without the piperidones
    places.path("511623101201")                             # "四川省广安市邻水县鼎屏镇…"
    grounds.in_force(date(2026, 1, 1))
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Literal, get_args

from msgspec import Struct, structs

from jdgate.core import regions
from jdgate.core.identity import check_cas
from jdgate.errors import Refused

Tag = Literal["read", "local", "news", "web", "known", "unsure"]
"""How sure a statement is; titles: `catalogue.tag.*`."""
TAGS: tuple[Tag, ...] = get_args(Tag)

Certainty = Literal["yes", "maybe", "no"]
Category = Literal[1, 2, 3]
Effect = Literal["cancel", "no_application", "no_large_vehicle", "own_application", "no_school_bus"]


class Since(Struct, frozen=True):
    """When something began: on a day of this stretch. `earliest` None: on or before `latest`."""

    earliest: date | None
    latest: date
    tag: Tag = "read"

    @classmethod
    def on(cls, day: date, tag: Tag = "read") -> Since:
        """The day itself is known."""
        return cls(day, day, tag)

    @classmethod
    def year(cls, year: int, tag: Tag = "read") -> Since:
        """Only the year is known."""
        return cls(date(year, 1, 1), date(year, 12, 31), tag)

    @classmethod
    def by(cls, day: date, tag: Tag = "read") -> Since:
        """It held on `day`; since when is not known."""
        return cls(None, day, tag)

    def begun(self, day: date) -> Certainty:
        """Whether it had begun on `day`."""
        if day >= self.latest:
            return "yes"
        return "maybe" if self.earliest is None or day >= self.earliest else "no"

    def __str__(self) -> str:
        if self.earliest is None:
            return f"≤{self.latest}"
        if self.earliest == self.latest:
            return str(self.latest)
        if self == Since.year(self.latest.year, self.tag):
            return str(self.latest.year)
        return f"{self.earliest}…{self.latest}"


class Cas(Struct, frozen=True):
    """A CAS registry number; `what` says which of the item's substances it is."""

    number: str
    what: str = ""


class Item(Struct, frozen=True, kw_only=True):
    """One line of the precursor catalogue (易制毒化学品管理条例, annex).

    `id` names the item over time; `until` is the first day it no longer stood there like this.
    """

    id: str
    category: Category
    name: str
    en: str = ""
    aliases: tuple[str, ...] = ()
    cas: tuple[Cas, ...] = ()
    pharmaceutical: bool = False
    since: Since
    until: date | None = None
    name_tag: Tag = "known"
    category_tag: Tag = "known"
    cas_tag: Tag = "known"
    source: str = ""

    @property
    def salts(self) -> bool:
        """Whether its salts are listed with it: those of categories 1 and 2 are."""
        return self.category in (1, 2)

    def status(self, day: date) -> Certainty:
        """Whether it was listed on `day`."""
        return "no" if self.until is not None and day >= self.until else self.since.begun(day)


class Precursors:
    """The precursor catalogue.

    Whoever asks for a category gets the listed one also on a day that only may lie after the
    listing: the answer leads to a person looking at a purchase, and `status` says how sure it is.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        """Raises: Refused `refdata.bad_cas`, `refdata.cas_twice`, `refdata.name_twice`."""
        self.items = tuple(items)
        self._by_cas: dict[str, list[Item]] = {}
        self._by_name: dict[str, list[Item]] = {}
        for item in self.items:
            for cas in item.cas:
                if check_cas(cas.number) is not None:
                    raise Refused("refdata.bad_cas", item=item.id, cas=cas.number)
                _file(self._by_cas, cas.number, item, "refdata.cas_twice")
            for name in dict.fromkeys(map(_key, (item.name, item.en, *item.aliases))):
                if name:
                    _file(self._by_name, name, item, "refdata.name_twice")

    def listed_on(self, day: date, *, maybe: bool = True) -> list[Item]:
        """The items listed on `day`; without `maybe` only those that surely were."""
        wanted = ("yes", "maybe") if maybe else ("yes",)
        return [item for item in self.items if item.status(day) in wanted]

    def find(self, what: str, *, salts: bool = True) -> list[Item]:
        """The items that a CAS number or a name stands for, over all time, newest last.

        A salt of a category 1 or 2 substance is found by its Chinese or English name
        (盐酸麻黄素, ephedrine hydrochloride); its own CAS number is in no table.
        """
        key = _key(what)
        found = self._by_cas.get(key) or self._by_name.get(key)
        if found is None and salts:
            bases = [base for one in _without_salt(key) for base in self._by_name.get(one, [])]
            found = [item for item in bases if item.salts]
        return sorted(found or [], key=lambda item: item.since.latest)

    def on(self, what: str, day: date) -> Item | None:
        """The item `what` stood for on `day`, if it was or may have been listed."""
        found = [item for item in self.find(what) if item.status(day) != "no"]
        return found[-1] if found else None

    def category(self, what: str, day: date) -> Category | None:
        """Category 1, 2 or 3 of a CAS number or name on `day`; None: not listed."""
        item = self.on(what, day)
        return item.category if item else None

    def status(self, what: str, day: date) -> Certainty:
        """Whether a CAS number or name was listed on `day`."""
        item = self.on(what, day)
        return item.status(day) if item else "no"


class Division(Struct, frozen=True):
    """A place: its code without empty levels (2, 4, 6, 9 or 12 digits), and its name then."""

    code: str
    name: str
    since: date | None = None
    until: date | None = None
    """The last day; of a year-only source the last of the year."""
    tag: Tag = "web"

    def holds(self, day: date) -> bool:
        """Whether the place had this name and code on `day`."""
        return (self.since is None or self.since <= day) and (
            self.until is None or day <= self.until
        )


class Divisions:
    """Places by division code (GB/T 2260 and the county's own levels below)."""

    def __init__(self, rows: Iterable[Division]) -> None:
        self._rows: dict[str, list[Division]] = {}
        self._deepest: dict[str, dict[int, list[Division]]] = {}
        for row in rows:
            self._rows.setdefault(row.code, []).append(row)
        for code, found in self._rows.items():
            found.sort(key=lambda row: row.since or date.min)
            if len(code) > 6:
                levels = self._deepest.setdefault(code[:6], {})
                levels.setdefault(len(code), []).extend(found)

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Division]:
        for code in sorted(self._rows):
            yield from self._rows[code]

    def at(self, code: str, day: date | None = None) -> Division | None:
        """The place of `code` on `day`; without a day the newest that had the code."""
        rows = self._rows.get(regions.prefix(code), [])
        if day is not None:
            rows = [row for row in rows if row.holds(day)]
        return rows[-1] if rows else None

    def known(self, code: str, day: date | None = None) -> bool:
        """Whether a table has `code` (on `day`)."""
        return self.at(code, day) is not None

    def name(self, code: str, day: date | None = None) -> str | None:
        """The place's own name: 邻水县."""
        place = self.at(code, day)
        return place.name if place else None

    def parent(self, code: str, day: date | None = None) -> str | None:
        """The nearest known place that `code` lies in, written as long as `code` is.

        None for a province, and where no table knows any of the levels above.
        """
        own = regions.prefix(code)
        for length in (9, 6, 4, 2):
            if length < len(own) and self.known(own[:length], day):
                return own[:length].ljust(len(code), "0")
        return None

    def path(self, code: str, day: date | None = None) -> str:
        """The names from the province down, as far as they are known: 四川省广安市邻水县."""
        own = regions.prefix(code)
        names = (self.name(own[:n], day) for n in (2, 4, 6, 9, 12) if n <= len(own))
        return "".join(dict.fromkeys(one for one in names if one and one not in _NO_PLACE))

    def warning(self, code: str, day: date | None = None) -> str | None:
        """`refdata.division_unknown` or, known on other days, `refdata.division_not_then`.

        Judged as deep as the tables go: with no table of its towns, a county's towns pass.
        """
        own = regions.prefix(code)
        levels = self._deepest.get(own[:6], {})
        depth = max(
            (n for n, rows in levels.items() if day is None or any(row.holds(day) for row in rows)),
            default=6,
        )
        judged = own[:depth]
        if self.known(judged, day):
            return None
        return "refdata.division_not_then" if self.known(judged) else "refdata.division_unknown"


_NO_PLACE = frozenset(
    {
        "市辖区",
        "市",
        "县",
        "省直辖行政单位",
        "省直辖县级行政区划",
        "省直辖县级行政单位",
        "自治区直辖县级行政区划",
        "自治区直辖县级行政单位",
    }
)
"""Names of levels that only group what lies under them."""


class Ground(Struct, frozen=True, kw_only=True):
    """A ground for a decision about a driving licence.

    `deadline_days` runs from the ground's beginning (令162 67(2): apply within 30 days).
    """

    code: str
    zh: str
    en: str
    law: str
    article: str
    effect: Effect
    tag: Tag
    since: Since
    until: date | None = None
    deadline_days: int | None = None


class Grounds:
    """The grounds of the driving licence rules, by code."""

    def __init__(self, grounds: Iterable[Ground]) -> None:
        self.grounds = tuple(grounds)

    def in_force(self, day: date, effect: Effect | None = None) -> list[Ground]:
        """The grounds that surely stood on `day` (all, or those of one effect)."""
        return [
            one
            for one in self.grounds
            if one.since.begun(day) == "yes"
            and (one.until is None or day < one.until)
            and effect in (None, one.effect)
        ]

    def get(self, code: str, day: date) -> Ground | None:
        """The ground `code` as it stood on `day`; None: no ground then."""
        found = [one for one in self.in_force(day) if one.code == code]
        return found[-1] if found else None


def replaced(old: Iterable[Item], new: Sequence[Item]) -> list[Item]:
    """A catalogue in which the items of `new` stand for those with the same id, each from the
    day it is listed; an item that would begin no earlier was told wrongly and goes."""
    begin = {item.id: item.since.latest for item in new}
    kept: list[Item] = []
    for item in old:
        day = begin.get(item.id)
        if day is None or (item.until is not None and item.until <= day):
            kept.append(item)
        elif item.since.latest < day:
            kept.append(structs.replace(item, until=day))
    return [*kept, *new]


def _file(index: dict[str, list[Item]], key: str, item: Item, fault: str) -> None:
    """Put an item under a key that no other item may have."""
    others = index.setdefault(key, [])
    if others and others[0].id != item.id:
        raise Refused(fault, item=item.id, other=others[0].id)
    others.append(item)


def _key(text: str) -> str:
    """What a name is compared by: width, case, spaces, kinds of hyphen and Greek alpha fold."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    for dash in "‐‑‒–—−":
        folded = folded.replace(dash, "-")
    return "".join(folded.split()).replace("alpha", "α").replace("gamma", "γ")


_SALTS_ZH = ("盐酸", "硫酸", "氢溴酸", "磷酸", "草酸", "酒石酸", "马来酸", "柠檬酸", "醋酸", "硝酸")
_SALTS_EN = (
    "dihydrochloride", "hydrochloride", "hydrobromide", "sulfate", "sulphate", "phosphate",
    "oxalate", "tartrate", "maleate", "citrate", "acetate", "nitrate", "hcl",
)  # fmt: skip
_METALS_ZH = ("钠", "钾", "钙", "铵")
_METALS_EN = ("sodium", "potassium", "calcium", "ammonium")


def _without_salt(key: str) -> Iterator[str]:
    """The names that remain when `key` is read as that of a salt."""
    for acid in _SALTS_ZH:
        if key.startswith(acid):
            yield key.removeprefix(acid)
        if key.endswith(f"{acid}盐"):
            yield key.removesuffix(f"{acid}盐")
    for metal in _METALS_ZH:
        if key.endswith(f"酸{metal}"):
            yield key.removesuffix(metal)
        if key.endswith(f"{metal}盐"):
            yield key.removesuffix(f"{metal}盐")
    for acid in _SALTS_EN:
        if key.endswith(acid):
            yield key.removesuffix(acid)
    for metal in _METALS_EN:
        if key.endswith(f"{metal}salt"):
            yield key.removesuffix(f"{metal}salt")
