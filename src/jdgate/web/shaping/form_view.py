"""A form as a page shows it: each field with its words, its value and what is wrong with it. Pure.

words = Words(catalogue.sheet(type), "zh", members, regions, signer)
fields, others = words.form(places, values, faults)        # others: faults of no one field
words.lines(places, record)                                # the same, to be read
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from jdgate.core.agreement_words import side_by_side
from jdgate.core.directory import Member
from jdgate.core.sheet import ANY, Sheet
from jdgate.texts import Lang, all_texts, say
from jdgate.web.shaping.form_fields import Place, numbers, values_of
from jdgate.web.shaping.names import SITE, Names
from jdgate.wording import value_text

INSPECTION = "precursor.inspect.result.v1"
"""The type that has a page of its own too (`web.inspection`)."""
CHECKED = ("items.code", "findings_ema", "findings_mpa", "findings_samr")
"""Its fields that name items of the inspection."""
_AS_TYPED = ("text", "long", "code", "member", "place", "whole", "number")
"""Kinds of fields that are read as they are typed."""
Faults = Mapping[str, Sequence[str]]
"""What is wrong, in words, by place."""


class Shown(Struct, kw_only=True):
    """A field on a page. `needed`: the browser may insist on it; `rows` and `parts`: what is
    inside; `more`: whether another row may be added."""

    path: str
    kind: str
    title: str
    required: bool
    needed: bool = False
    value: str = ""
    options: list[tuple[str, str]] = []
    ticked: list[str] = []
    hint: str = ""
    faults: list[str] = []
    parts: list[Shown] = []
    rows: list[list[Shown]] = []
    most: int = 0
    more: bool = False

    @property
    def id(self) -> str:
        """The id of its input."""
        return f"f-{self.path}"

    @property
    def described(self) -> str:
        """The ids of what describes it."""
        said = (
            f"hint-{self.path}" if self.hint else "",
            f"fault-{self.path}" if self.faults else "",
        )
        return " ".join(one for one in said if one)


class Words(Struct, kw_only=True):
    """What a form's words are taken from. `members`: those that are active; `signer`: whose name
    will stand where one who approved is named; `names`: what codes are called."""

    sheet: Sheet
    lang: Lang
    members: Sequence[Member] = ()
    signer: str = ""
    names: Names | None = None
    texts: Mapping[str, Any] = field(default_factory=all_texts)

    # --- words

    def title(self, place: Place) -> str:
        """What a field is called."""
        return self.sheet.field_title(place.path, self.lang)

    def option(self, place: Place, value: str) -> str:
        """What a listed value is called."""
        return self.sheet.value_title(place.path, value, self.lang)

    def hint(self, place: Place) -> str:
        """What helps to fill a field in."""
        if place.kind == "sealed":
            role = say(f"catalogue.role.{self.sheet.sealed[place.name]}", self.lang)
            return say("web.form_sealed", self.lang, role=role)
        if place.kind == "signer":
            return say("web.form_signer", self.lang)
        code = f"web.form_hint.{place.format}"
        return say(code, self.lang) if place.format and code in self.texts else ""

    # --- to fill in

    def form(
        self, places: Iterable[Place], values: Mapping[str, str], faults: Faults, extra: str = ""
    ) -> tuple[list[Shown], list[str]]:
        """The fields, and what is wrong with no field. `extra`: the list that gets a row more."""
        fields = [
            self._shown(one, one.name, values, faults, extra, needed=one.required) for one in places
        ]
        known = {one.path for one in walk(fields)}
        others = [text for path, texts in faults.items() if path not in known for text in texts]
        return fields, others

    def _shown(
        self, place: Place, path: str, values: Mapping[str, str], faults: Faults, extra: str,
        *, needed: bool,
    ) -> Shown:  # fmt: skip
        shown = Shown(
            path=path, kind=place.kind, title=self.title(place), required=place.required,
            needed=needed and place.required, value=values.get(path, ""), hint=self.hint(place),
            faults=list(faults.get(path, ())), most=place.most,
        )  # fmt: skip

        def inside(parts: Iterable[Place], at: str, *, needed: bool) -> list[Shown]:
            return [
                self._shown(
                    part, f"{at}.{part.name}" if part.name else at, values, faults, extra,
                    needed=needed,
                )
                for part in parts
            ]  # fmt: skip

        if place.kind == "group":
            shown.parts = inside(place.parts, path, needed=shown.needed)
        elif place.kind == "rows":
            count = max(1, len(numbers(values, path)) + (extra == path))
            count = min(count, place.most)
            shown.rows = [
                inside(place.parts, f"{path}.{row}", needed=shown.needed and row == 0)
                for row in range(count)
            ]
            shown.more = count < place.most
        elif place.kind in ("choice", "several"):
            shown.options = [(value, self.option(place, str(value))) for value in place.options]
            shown.ticked = [values[f"{path}.{row}"] for row in numbers(values, path)]
        elif place.kind == "member":
            shown.options = [(one.id, one.name) for one in self._members(place)]
        elif place.kind == "place":
            shown.options = sorted(self._regions().items())
        elif place.kind == "signer":
            shown.value = self.signer
        return shown

    def _members(self, place: Place) -> list[Member]:
        """Whom a field may name: where a route goes to it, the members of that route's role."""
        roles = {route.role for route in self.sheet.routes if route.member_field == place.name}
        known = [one for one in self.members if one.kind != "gateway"]
        if not roles or ANY in roles:
            return known
        return [one for one in known if not roles.isdisjoint(one.roles)]

    def _regions(self) -> dict[str, str]:
        found: dict[str, list[str]] = {}
        for one in self.members:
            for region in one.regions:
                if len(region) == 12 and one.kind != "gateway":
                    found.setdefault(region, []).append(one.name)
        return {region: "、".join(names[:2]) for region, names in found.items()}

    # --- to be read

    def lines(
        self, places: Sequence[Place], record: Mapping[str, Any], between: str = "；"
    ) -> list[tuple[str, str, list[str]]]:
        """Each field of a record: its title, what stands there, and which roles are shown it.
        `between`: what parts the rows of a list."""
        texts = values_of(places, record)
        by_name = {place.name: place for place in places}
        told = []
        for name, value in record.items():
            place = by_name.get(name)
            words = (
                between.join(self._row(place, texts, row) for row in numbers(texts, name)) or "—"
                if place is not None and place.kind == "rows"
                else self._said(name, place, value, texts.get(name, ""))
            )
            roles = dict.fromkeys(r.role for r in self.sheet.routes if name in r.fields)
            title = self.sheet.field_title(name, self.lang)
            told.append((title, words, [self._role(role) for role in roles]))
        return told

    def _row(self, place: Place, texts: Mapping[str, str], row: int) -> str:
        if place.plain:
            return self._item(place, texts[f"{place.name}.{row}"])
        said = ((part, texts.get(f"{place.name}.{row}.{part.name}", "")) for part in place.parts)
        colon, comma = ("：", "，") if self.lang == "zh" else (": ", ", ")
        return comma.join(
            f"{self.title(part)}{colon}{self._cell(part, text)}" for part, text in said if text
        )

    def _cell(self, part: Place, text: str) -> str:
        if part.kind == "truth":
            return say("cli.yes" if text == "true" else "cli.no", self.lang)
        return self.option(part, text) if part.kind == "choice" else self._item(part, text)

    def _item(self, place: Place, text: str) -> str:
        """A code with its name; an item of the monthly inspection, which travels as a code, by
        its name alone."""
        code = f"web.inspect_item.{text}"
        if self.sheet.type == INSPECTION and place.path in CHECKED and code in self.texts:
            return say(code, self.lang)
        named = SITE if place.name == SITE else place.format
        return self.names.of(named, text) if self.names is not None else text

    def _said(self, name: str, place: Place | None, value: Any, text: str) -> str:
        """A value that is no list of rows. `text`: as a form would show it."""
        if place is not None and place.kind == "several" and isinstance(value, list):
            return side_by_side((self.option(place, str(one)) for one in value), self.lang)
        if place is not None and text and place.kind in _AS_TYPED:
            return self._item(place, text)
        return value_text(name, value, self.sheet, self.lang)

    def _role(self, role: str) -> str:
        return say("catalogue.role.any" if role == ANY else f"catalogue.role.{role}", self.lang)


def walk(fields: Iterable[Shown]) -> Iterator[Shown]:
    """Fields with all that are inside them."""
    for one in fields:
        yield one
        yield from walk(one.parts)
        for row in one.rows:
            yield from walk(row)
