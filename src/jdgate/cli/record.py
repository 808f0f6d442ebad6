"""Showing one record to the person it was sent to, with the sheet's words for its fields. Pure.

record_lines(record, sheet, "zh", width=80)
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jdgate.cli.show import listed, local, pairs
from jdgate.texts import Lang, say

if TYPE_CHECKING:
    from jdgate.core.sheet import Sheet

_TAG = re.compile(r"(.+) \[(read|local|news|web|known|unsure)\]", re.DOTALL)
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def value_text(field: str, value: Any, sheet: Sheet | None, lang: Lang) -> str:
    """A value as people write it: yes and no, titles of listed values, lists side by side."""
    if value is None:
        return "—"
    if isinstance(value, str) and MOMENT.fullmatch(value):
        return local(value)
    if isinstance(value, bool):
        return say("cli.yes" if value else "cli.no", lang)
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        return listed(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return sheet.value_title(field, str(value), lang) if sheet is not None else str(value)


def record_lines(
    record: Mapping[str, Any],
    sheet: Sheet | None,
    lang: Lang,
    width: int | None = None,
    known: Mapping[str, Sheet] | None = None,
) -> list[str]:
    """A line for each field; one that the sheet lacks has its title from another of `known`. A text
    code with its parameters is shown as the sentence it is."""
    rows: list[tuple[str, object]] = []
    params = record.get("params")
    words = params if isinstance(params, dict) else {}
    coded = next((name for name in ("title_code", "reason_code") if name in record), None)
    if coded:
        rows.append((say("cli.title.what", lang), say(str(record[coded]), lang, **words)))
    for field, value in record.items():
        if coded and field in (coded, "params"):
            continue
        sheets = (sheet, *(known or {}).values())
        knows = next((one for one in sheets if one is not None and field in one.fields), None)
        title = knows.field_title(field, lang) if knows is not None else field
        rows.append((title, value_text(field, value, sheet, lang)))
    return pairs(rows, width)


def basis_text(cited: str, lang: Lang) -> str:
    """A legal basis as messages carry it (`戒毒条例 12 [read]`), with how sure it is in words."""
    found = _TAG.fullmatch(cited)
    return f"{found[1]} [{say(f'catalogue.tag.{found[2]}', lang)}]" if found else cited


def type_title(name: str, sheet: Sheet | None, lang: Lang) -> str:
    """A type in words and by its name."""
    return f"{sheet.title.get(lang)} ({name})" if sheet is not None else name


def reason_text(code: str | None, params: Mapping[str, Any] | None, lang: Lang) -> str:
    """The sentence of a code and its parameters; empty for none."""
    return say(code, lang, **(params or {})) if code else ""
