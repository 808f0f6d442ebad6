"""The companies that a station inspects, noted at its own desk from its accepted inspections.

The console's inspection form offers them. A note is by company code, under the kind `company`:
`last`, the day of its newest inspection, and `stocks`, the [CAS number, unit] that one looked at.

    note("precursor.inspect.result.v1", records, register)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jdgate.plugins import Register

from .enterprises import INSPECTION

KIND = "company"


def note(type: str, records: Sequence[Mapping[str, Any]], register: Register) -> None:
    """Note what newer inspections say; an older one changes nothing."""
    if type != INSPECTION:
        return
    for record in records:
        known = register.get(KIND, record["uscc"])
        if known is None or known["last"] <= record["date"]:
            looked_at = [[one["cas"], one["unit"]] for one in record["stocks"]]
            register.put(KIND, record["uscc"], {"last": record["date"], "stocks": looked_at})
