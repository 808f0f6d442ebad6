"""From a row of a file to the record that is sent: substances and moments.

prepare("precursor.sale.filed.v1", {"cas": "丙酮", …}, precursors)
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jdgate.core.calendar import LOCAL
from jdgate.core.identity import check_cas
from jdgate.core.refdata import Precursors
from jdgate.plugins import Refused

from .enterprises import ANNUAL, LOSS, SALE

PREPARED = (SALE, ANNUAL, LOSS)


def prepare(type: str, record: Mapping[str, Any], precursors: Precursors) -> dict[str, Any] | None:
    """The record of a row; None for types that need nothing done.

    Raises:
        Refused: `precursor.moment_unreadable`, `precursor.substance_unknown`, each naming the
            field.
    """
    if type not in PREPARED:
        return None
    made = dict(record)
    if isinstance(made.get("cas"), str):
        made["cas"] = _cas(made["cas"], precursors)
    if type == LOSS and isinstance(made.get("found_at"), str):
        made["found_at"] = _moment("found_at", made["found_at"])
    return made


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
