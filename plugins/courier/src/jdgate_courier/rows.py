"""From a row of a company's file to the record that is sent: moments, rates.

prepare("courier.stat.v1", {"outlet": "A1", "n": 1200, …})   # with the three rates
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jdgate.core.calendar import LOCAL
from jdgate.plugins import Refused

from .rates import KINDS, STAT, rates_of
from .suspects import REPORT


def prepare(type: str, record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The record of a row; None for what is not a company's.

    Raises:
        Refused: `courier.count_exceeds`, `courier.moment_unreadable`, each naming the field.
    """
    if type == STAT:
        return _stat(record)
    if type == REPORT:
        return _report(record)
    return None


def _stat(record: Mapping[str, Any]) -> dict[str, Any] | None:
    names = ("n", *(f"{kind}_n" for kind in KINDS))
    if any(type(record.get(name)) is not int for name in names):
        return None  # the gateway's own check says what is wrong with it
    made = dict(record)
    for name in names[1:]:
        if made[name] > made["n"]:
            raise Refused("courier.count_exceeds", field=name, got=made[name], most=made["n"])
    for kind, rate in zip(KINDS, rates_of(made), strict=True):
        made[f"{kind}_rate"] = rate / 100
    return made


def _report(record: Mapping[str, Any]) -> dict[str, Any] | None:
    got = record.get("found_at")
    if not isinstance(got, str):
        return None
    try:
        moment = datetime.fromisoformat(got.replace("/", "-"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=LOCAL)
        found = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused("courier.moment_unreadable", field="found_at") from None
    return {**record, "found_at": f"{found:%Y-%m-%dT%H:%M:%S}Z"}
