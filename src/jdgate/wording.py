"""What messages and alerts say, in a reader's words: values, legal bases, reasons, times. Pure.

The command line and the web console show the same words. What came from outside is cleaned first:
no control character and no mark that turns the direction of writing reaches a reader.

    value_text("attended", True, sheet, "zh")
    basis_text("戒毒条例 12 [read]", "en")
    rule_text("C1 报到：送达后第 10 日提醒").title              # 报到
    local("2026-11-21T08:00:00.000Z")                    # 2026-11-21 16:00:00
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from jdgate.core.calendar import LOCAL
from jdgate.texts import Lang, say

if TYPE_CHECKING:
    from jdgate.core.sheet import Sheet

_TAG = re.compile(r"(.+) \[(read|local|news|web|known|unsure)\]", re.DOTALL)
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_RULE = re.compile(r"([A-Z][A-Z0-9]*\d) ([^：:，。,;；]{1,60})[：:] *(.+)", re.DOTALL)
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(value: object) -> str:
    """`value` as text that can't command a terminal. Line breaks and tabs become spaces."""
    text = str(value)
    if text.isprintable():
        return text
    shown = []
    for char in text:
        if char in "\n\t\r":
            shown.append(" ")
        elif char not in _DIRECTION and unicodedata.category(char) not in ("Cc", "Cs", "Co"):
            shown.append(char)
    return "".join(shown)


def local(moment: object) -> str:
    """A moment (RFC 3339 text or datetime) in China Standard Time; "—" for none."""
    if not moment:
        return "—"
    if not isinstance(moment, datetime):
        try:
            moment = datetime.fromisoformat(str(moment))
        except ValueError:
            return clean(moment)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return f"{moment.astimezone(LOCAL):%Y-%m-%d %H:%M:%S}"


def listed(items: Iterable[object]) -> str:
    """Items side by side; "—" for none."""
    return ", ".join(clean(item) for item in items) or "—"


def value_text(field: str, value: Any, sheet: Sheet | None, lang: Lang) -> str:
    """A value as people write it: yes and no, titles of listed values, lists side by side, what is
    inside with its titles. `field`: its name, or its path inside another (`schema_parts`)."""
    if value is None:
        return "—"
    if isinstance(value, str) and MOMENT.fullmatch(value):
        return local(value)
    if isinstance(value, bool):
        return say("cli.yes" if value else "cli.no", lang)
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        return listed(value_text(field, one, sheet, lang) for one in value)
    if isinstance(value, dict | list):
        return _inside(field, value, sheet, lang)
    return sheet.value_title(field, str(value), lang) if sheet is not None else str(value)


def _inside(field: str, value: dict[str, Any] | list[Any], sheet: Sheet | None, lang: Lang) -> str:
    """An object, or the rows of a list, each field with its title; what no sheet knows as it is."""
    rows = value if isinstance(value, list) else [value]
    if sheet is None or not all(_known(field, row, sheet) for row in rows):
        return json.dumps(value, ensure_ascii=False)
    between, apart = ("，", "；") if lang == "zh" else (", ", "; ")
    told = []
    for row in rows:
        parts = ((f"{field}.{name}", one) for name, one in row.items())
        told.append(
            between.join(
                f"{sheet.field_title(path, lang)} {value_text(path, one, sheet, lang)}"
                for path, one in parts
            )
        )
    return apart.join(told)


def _known(field: str, row: Any, sheet: Sheet) -> bool:
    return isinstance(row, dict) and all(f"{field}.{name}" in sheet.parts for name in row)


def with_code(name: str, code: str, lang: Lang) -> str:
    """A name, and beside it the code that it stands for."""
    return f"{name}（{code}）" if lang == "zh" else f"{name} ({code})"


def basis_text(cited: str, lang: Lang) -> str:
    """A legal basis as messages carry it (`戒毒条例 12 [read]`), with how sure it is in words."""
    found = _TAG.fullmatch(cited)
    return f"{found[1]} [{say(f'catalogue.tag.{found[2]}', lang)}]" if found else cited


class RuleText(NamedTuple):
    """A text that explains a rule, in its parts. Without a title: `says` is all of it."""

    id: str
    title: str
    says: str


def rule_text(explained: str) -> RuleText:
    """`C1 报到：送达后第 10 日提醒…` as `C1`, `报到` and what follows."""
    found = _RULE.fullmatch(explained)
    if found is None:
        return RuleText("", "", explained)
    id, title, says = found.groups()
    return RuleText(id, title, says[0].upper() + says[1:])


def params_text(params: Mapping[str, Any], lang: Lang) -> dict[str, Any]:
    """What a step of a proof says, in a person's words: moments in local time, bases with how
    sure they are."""
    shown: dict[str, Any] = {}
    for name, value in params.items():
        if name == "basis":
            value = "; ".join(basis_text(one, lang) for one in str(value).split("; "))
        shown[name] = local(value) if MOMENT.fullmatch(str(value)) else value
    return shown


def type_title(name: str, sheet: Sheet | None, lang: Lang) -> str:
    """A type in words and by its name."""
    return f"{sheet.title.get(lang)} ({name})" if sheet is not None else name


def reason_text(code: str | None, params: Mapping[str, Any] | None, lang: Lang) -> str:
    """The sentence of a code and its parameters; empty for none."""
    return say(code, lang, **(params or {})) if code else ""
