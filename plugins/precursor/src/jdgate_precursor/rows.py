"""From a row of a file to the record that is sent: substances, quantities, years, moments.

prepare("precursor.sale.filed.v1", {"cas": "丙酮", "qty": "1,200.5", …}, precursors)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jdgate.core.calendar import LOCAL
from jdgate.core.identity import check_cas
from jdgate.core.refdata import Precursors
from jdgate.plugins import Refused

from .enterprises import ANNUAL, LOSS, SALE

QUANTITIES = {SALE: ("qty",), LOSS: ("qty",), ANNUAL: ("in", "out", "stock")}
_QUANTITY = re.compile(r"([0-9]{1,12}|[0-9]{1,3}(,[0-9]{3}){1,3})(\.[0-9]{1,6})?", re.ASCII)
_YEAR = re.compile(r"(20[0-9]{2})年?", re.ASCII)


def prepare(type: str, record: Mapping[str, Any], precursors: Precursors) -> dict[str, Any] | None:
    """The record of a row; None for types that need nothing done.

    Raises:
        Refused: `precursor.quantity_unreadable`, `precursor.year_unreadable`,
            `precursor.moment_unreadable`, `precursor.substance_unknown`, each naming the field.
    """
    if type not in QUANTITIES:
        return None
    made = dict(record)
    for field in QUANTITIES[type]:
        if isinstance(made.get(field), str):
            made[field] = _quantity(field, made[field])
    if isinstance(made.get("year"), str):
        if not (match := _YEAR.fullmatch(made["year"])):
            raise Refused("precursor.year_unreadable", field="year")
        made["year"] = int(match[1])
    if isinstance(made.get("cas"), str):
        made["cas"] = _cas(made["cas"], precursors)
    if type == LOSS and isinstance(made.get("found_at"), str):
        made["found_at"] = _moment("found_at", made["found_at"])
    return made


def _quantity(field: str, got: str) -> float:
    if not _QUANTITY.fullmatch(got):
        raise Refused("precursor.quantity_unreadable", field=field)
    return float(got.replace(",", ""))


def _cas(got: str, precursors: Precursors) -> str:
    if check_cas(got) is None:
        return got
    found = {cas.number for item in precursors.find(got) for cas in item.cas}
    if len(found) != 1:
        raise Refused("precursor.substance_unknown", field="cas")
    return found.pop()


def _moment(field: str, got: str) -> str:
    try:
        moment = datetime.fromisoformat(got.replace("/", "-"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=LOCAL)
        found = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused("precursor.moment_unreadable", field=field) from None
    return f"{found:%Y-%m-%dT%H:%M:%S}Z"
