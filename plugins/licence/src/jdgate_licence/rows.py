"""From a row of an office's table to the record that is sent: grounds, and how people were matched.

- A person is matched by the number of an identity document, or by the document itself. A row
  that says anything else, a name above all, is refused and never sent.
- A ground may stand there in the office's words; it must have been one on the effective day.

    rows.prepare("licence.basis.notice.v1", {"matched_by": "证件原件", …}, grounds)
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Any

from jdgate.plugins import Refused

from .cases import BASIS
from .grounds import Cancelling

_MATCHED = {
    "id_document": "id_document",
    "证件": "id_document",
    "证件原件": "id_document",
    "身份证原件": "id_document",
    "身份证": "id_document",
    "id_number": "id_number",
    "证件号码": "id_number",
    "证件号": "id_number",
    "身份证号": "id_number",
    "身份证号码": "id_number",
    "公民身份号码": "id_number",
}
_BY_NAME = ("姓名", "同名", "名字", "name")


def prepare(type: str, record: Mapping[str, Any], grounds: Cancelling) -> dict[str, Any] | None:
    """The record of a row; None for types that need nothing done.

    Raises:
        Refused: `licence.by_name_only`, `licence.match_unknown`, `licence.ground_unknown`,
            `licence.ground_not_then`.
    """
    if type != BASIS:
        return None
    made = dict(record)
    if isinstance(made.get("matched_by"), str):
        made["matched_by"] = _matched(made["matched_by"])
    told, day = made.get("ground_code"), made.get("effective_on")
    if isinstance(told, str) and isinstance(day, str) and _is_day(day):
        made["ground_code"] = grounds.code(told, day)
    return made


def _matched(got: str) -> str:
    told = "".join(unicodedata.normalize("NFKC", got).casefold().split())
    if told in _MATCHED:
        return _MATCHED[told]
    by_name = any(word in told for word in _BY_NAME)
    raise Refused(
        "licence.by_name_only" if by_name else "licence.match_unknown", field="matched_by"
    )


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == 10
