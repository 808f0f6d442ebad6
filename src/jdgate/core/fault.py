"""Faults: what is wrong at one place of a record, told without telling what stands there.

A fault travels in signed receipts as code, path and parameters; the words are made where it is
read, in the reader's language, with the titles of that type's sheet.

    fault.text("zh", sheet)          # 缺少“姓名”，请补填
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from jdgate.core.schema_parts import field_at
from jdgate.core.sheet import Sheet
from jdgate.texts import Lang, say

Params = dict[str, str | int]


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong at one place of one record. Travels in receipts as it is."""

    code: str
    path: str = ""
    params: Params = {}

    def text(self, lang: Lang, sheet: Sheet | None = None, *, there: bool = False) -> str:
        """The sentence for a person, with the sheet's titles for fields and values. `there`: it
        stands at the very field, so a field of a list is not said to be of which row."""
        words: dict[str, object] = dict(self.params)
        field = str(self.params.get("field", self.path.lstrip("/") or "?"))
        words["title"] = sheet.field_title(field, lang) if sheet else field
        if sheet is not None and (inside := field_at(self.path)) in sheet.parts:
            field = inside
            words["title"] = sheet.field_title(field, lang) if there else self._way(lang, sheet)
        for name in ("got", "expected"):
            if self.code == "record.wrong_type":
                words[name] = _each(words.get(name), lambda k: say(f"record.kind.{k}", lang))
        if sheet is not None and "allowed" in words:
            words["allowed"] = _each(words["allowed"], lambda v: _value(sheet, field, v, lang))
        if "fields" in self.params:
            titles = [sheet.field_title(f, lang) if sheet else f for f in self._fields()]
            words["titles"] = ("、" if lang == "zh" else ", ").join(titles)
            words["why"] = self._why(lang, sheet)
        if "reason" in words:
            words["reason"] = say(f"catalogue.forbidden.{words['reason']}", lang)
        return say(self.code, lang, **words)

    def _way(self, lang: Lang, sheet: Sheet) -> str:
        """The way to a field inside a field, rows counted from 1: `Book and stock 2 · Unit`."""
        steps = self.path.split("/")[1:]
        told = ""
        for end, step in enumerate(steps, 1):
            if step.isdecimal():
                told += f" {int(step) + 1}"
            else:
                title = sheet.field_title(field_at("/".join(steps[:end])), lang)
                told += f" · {title}" if told else title
        return told

    def _fields(self) -> list[str]:
        return str(self.params.get("fields", "")).split("|")

    def _why(self, lang: Lang, sheet: Sheet | None) -> str:
        fields = tuple(self._fields())
        found = [f.why.get(lang) for f in sheet.forbid if f.fields == fields] if sheet else []
        return found[0] if found else ""


def _each(joined: object, show: Callable[[str], str]) -> str:
    return " / ".join(show(part) for part in str(joined).split("|"))


def _value(sheet: Sheet, field: str, value: str, lang: Lang) -> str:
    title = sheet.value_title(field, value, lang)
    return title if title == value else f"{title} ({value})"


def fault_texts(faults: Sequence[Fault], lang: Lang, sheet: Sheet | None = None) -> list[str]:
    """The sentences of several faults, in order."""
    return [fault.text(lang, sheet) for fault in faults]
