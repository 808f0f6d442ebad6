"""Showing one record to the person it was sent to, with the sheet's words for its fields. Pure.

record_lines(record, sheet, "zh", width=80)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jdgate.cli.show import pairs
from jdgate.texts import Lang, say
from jdgate.wording import MOMENT as MOMENT
from jdgate.wording import basis_text as basis_text
from jdgate.wording import reason_text as reason_text
from jdgate.wording import type_title as type_title
from jdgate.wording import value_text as value_text

if TYPE_CHECKING:
    from jdgate.core.sheet import Sheet


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
