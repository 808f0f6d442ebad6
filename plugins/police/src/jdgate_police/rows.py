"""A row of theirs as a record of ours.

Their databases pad codes with blanks, keep dates as text and numbers as decimals; a record holds
what its schema says. What can't be turned into that is left to the check of the schema, which
says what is wrong without showing a value.

    record = rows.record(section, {"xm": "…", "cs": "1"})     # None: the row is not ours to send
    rows.record raises Refused("police.value_unmapped") for a value that the mapping lacks
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from jdgate.core import approval
from jdgate.core.calendar import LOCAL
from jdgate.plugins import Refused

from .mapping import Section

_DAY = re.compile(r"([0-9]{4})([-/.]?)([0-9]{1,2})\2([0-9]{1,2})(?:[ T].*)?")
_YES, _NO = {"1", "true", "t", "y", "yes", "是"}, {"0", "false", "f", "n", "no", "否"}
_IDENTITY = "id_no"


def approvers(section: Section, row: Mapping[str, Any]) -> tuple[str, ...]:
    """Who stands for the row, as its columns name them.

    Raises:
        Refused: `approval.…` for what is no name, or one person twice.
    """
    written = [str(row[column] or "").strip() for column in section.approved_by]
    return approval.named(name for name in written if name)


def record(section: Section, row: Mapping[str, Any]) -> dict[str, Any] | None:
    """The record; None when the mapping passes the row over.

    Raises:
        Refused: `police.value_unmapped`, naming the field.
    """
    made = dict(section.constants)
    for field, column in section.fields.items():
        value = _plain(row[column])
        known = section.values.get(field)
        if known is not None and value is not None:
            code = value if isinstance(value, str) else str(value)
            if code not in known:
                raise Refused("police.value_unmapped", field=field)
            if not known[code]:
                return None
            value = known[code]
        if value is None or value == "":
            continue
        made[field] = _formed(value, section.forms[field], field)
    return made


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _formed(value: Any, form: Mapping[str, Any], field: str) -> Any:
    kind = form.get("type")
    if form.get("format") == "date":
        return day(value)
    if kind == "boolean" and not isinstance(value, bool):
        word = str(value).lower()
        return True if word in _YES else False if word in _NO else value
    if kind in ("integer", "number") and isinstance(value, str):
        try:
            return int(value) if kind == "integer" else float(value)
        except ValueError:
            return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if kind in (None, "string") and not isinstance(value, str):
        return str(value)
    return value.upper() if field == _IDENTITY and isinstance(value, str) else value


def day(value: Any) -> Any:
    """A day as `2026-01-05`, from a date, a time or a usual text; other values as they are."""
    if isinstance(value, datetime):
        return (value.astimezone(LOCAL) if value.tzinfo else value).date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    found = _DAY.fullmatch(str(value))
    if found is None:
        return value if isinstance(value, str) else str(value)
    return f"{found[1]}-{int(found[3]):02d}-{int(found[4]):02d}"
