"""From a row of a company's file to the record that is sent: numbers, moments, rates.

prepare("courier.stat.v1", {"outlet": "A1", "n": "1,200", …})   # with the three rates
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jdgate.core.calendar import LOCAL
from jdgate.plugins import Refused

from .rates import KINDS, STAT, rates_of
from .suspects import REPORT

_COUNT = re.compile(r"[0-9]{1,10}|[0-9]{1,3}(,[0-9]{3}){1,3}", re.ASCII)


def prepare(type: str, record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The record of a row; None for what is not a company's.

    Raises:
        Refused: `courier.count_unreadable`, `courier.count_exceeds`,
            `courier.moment_unreadable`, each naming the field.
    """
    if type == STAT:
        return _stat(record)
    if type == REPORT:
        return _report(record)
    return None


def _stat(record: Mapping[str, Any]) -> dict[str, Any] | None:
    names = ("n", *(f"{kind}_n" for kind in KINDS))
    if any(name not in record for name in names):
        return None
    made = dict(record)
    for name in names:
        made[name] = _count(name, record[name])
    for name in names[1:]:
        if made[name] > made["n"]:
            raise Refused("courier.count_exceeds", field=name, got=made[name], most=made["n"])
    for kind, rate in zip(KINDS, rates_of(made), strict=True):
        made[f"{kind}_rate"] = rate / 100
    return made


def _count(field: str, got: object) -> int:
    if isinstance(got, int) and not isinstance(got, bool) and got >= 0:
        return got
    if not isinstance(got, str) or not _COUNT.fullmatch(got):
        raise Refused("courier.count_unreadable", field=field)
    return int(got.replace(",", ""))


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
