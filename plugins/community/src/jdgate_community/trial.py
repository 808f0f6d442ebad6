"""A township to try the plugin on: `jdgate plugin check` asks it for facts that lead to something.

That somebody checks in, refuses three tests and stays away is not among what the kit makes up.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

from jdgate.core.calendar import add_days
from jdgate.core.identity import synthetic_id_no
from jdgate.plugins import Fact

from . import book, grid

TOWN, NEW_TOWN = "511623101000", "511623102000"
PERSON = bytes(range(16))
DOC = "D-1"
FIRST = "2026-02-01"
LONG_AGO = "2023-03-01"
_BORN = date(1990, 1, 1)
_DAYS = ("served_on", "date", "left_on", "handed_on")


class Trial:
    """The township office `com-01`."""

    member = "com-01"
    roles = ("COM",)
    settings: ClassVar[Mapping[str, Any]] = {"test_months": [1, 2, 3]}

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def facts(rule: str) -> list[list[Fact]]:
        """Histories of one person."""
        ordered = _fact(book.ORDER, "pol", served_on=FIRST, town=TOWN, doc_no=DOC)
        came = _fact(book.CHECKIN, "com-01", date=add_days(FIRST, 4), doc_no=DOC)
        begun = [ordered, came]
        refused = [_test(day, "refused") for day in (20, 30, 40)]
        away = [_away(day, day + 5) for day in (10, 30)]
        handed = _fact(
            book.HANDOVER, "com-01", doc_no=DOC, to_town=NEW_TOWN, handed_on=add_days(FIRST, 50)
        )
        ended = _fact(book.STATUS, "pol", doc_no=DOC, status="terminated", date=add_days(FIRST, 60))
        gone = _fact(book.EXIT, "pol", date=add_days(FIRST, 70))
        positives = [_test(20, "positive_held"), _test(108, "positive_confirmed")]
        task = {"task_no": "V-1", "place": TOWN[:9] + "201", "due_on": "2026-03-01"}
        asked = Fact(grid.TASK, "com-01", None, task, "t", 0, TOWN)
        old = _fact(book.ORDER, "pol", served_on=LONG_AGO, town=TOWN, doc_no="D-0")
        long_in = _fact(book.CHECKIN, "com-01", date=LONG_AGO, doc_no="D-0")
        return [
            [ordered],
            [*begun, *refused],
            [*begun, *refused, ended],
            [*begun, *away, _away(60, None)],
            [*begun, *positives],
            [*begun, handed],
            [*begun, *refused, *away, handed, gone],
            [old, long_in],
            [asked],
        ]


def _fact(type: str, source: str, **data: Any) -> Fact:
    known = {
        "name": "甄某",
        "id_type": "ric",
        "id_no": synthetic_id_no(_BORN, 7),
        **data,
    }
    day = next(str(value) for name, value in data.items() if name in _DAYS)
    return Fact(type, source, PERSON, known, f"{type}-{day}", 0, TOWN)


def _test(day: int, state: str) -> Fact:
    return _fact(book.TEST, "com-01", date=add_days(FIRST, day), state=state)


def _away(left: int, back: int | None) -> Fact:
    data: dict[str, Any] = {"doc_no": DOC, "left_on": add_days(FIRST, left), "approved": False}
    if back is not None:
        data["back_on"] = add_days(FIRST, back)
    return _fact(book.ABSENCE, "com-01", **data)
