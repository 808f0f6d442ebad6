"""What is done with the rows of a file once they are read, by `jdgate push` and by the console.

Rows go on in portions. What is judged of them later comes by record, and is put back to its row,
so that the list of refused rows holds every reason.

    for some in portions(reading.rows): …
    for index, faults in by_record(answer["refused"]).items(): …
    refused(number, record, [fault.text(lang, sheet) for fault in faults])
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from jdgate.core.fault import Fault
from jdgate.files.importer import Importer, Row, RowFault

PORTION = 1_000
"""Rows handed on at once."""
LISTED = 20_000
"""Refused rows in a list at most: more can't be corrected by hand."""
NO_REASON = "files.no_reason"


def portions(rows: Iterable[Row], size: int = PORTION) -> Iterator[list[Row]]:
    """Rows in lists of at most `size`."""
    each = iter(rows)
    while portion := list(islice(each, size)):
        yield portion


def own_values(importer: Importer, member: str) -> dict[str, object]:
    """What stands for absent columns of a member's file: the member itself for its place."""
    return {"site": member} if any(one.field == "site" for one in importer.columns) else {}


def by_record(faults: Iterable[Mapping[str, Any]]) -> dict[int, list[Fault]]:
    """Faults as the daemon and the gateway tell them, those of one record together."""
    found: dict[int, list[Fault]] = {}
    for one in faults:
        found.setdefault(int(one["index"]), []).append(fault_of(one))
    return found


def fault_of(told: Mapping[str, Any]) -> Fault:
    """One of them."""
    return Fault(
        str(told.get("code") or NO_REASON), str(told.get("path") or ""), told.get("params") or {}
    )


def refused(number: int, record: dict[str, Any] | None, reasons: Iterable[str]) -> Row:
    """A row that was good when it was read and was refused later."""
    faults = tuple(RowFault("files.as_said", "", {"text": text}) for text in reasons)
    return Row(number, record, faults)
