"""What a station's desk notes of its accepted inspections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jdgate_precursor import plugin
from jdgate_precursor.enterprises import INSPECTION, SALE

COMPANY = "91350100M000100Y43"


class Notes:
    """A register in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], dict[str, Any]] = {}

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        return self.kept.get((kind, key))

    def put(self, kind: str, key: str, value: dict[str, Any]) -> None:
        self.kept[kind, key] = value

    def delete(self, kind: str, key: str) -> None:
        del self.kept[kind, key]

    def find(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        return iter([(key, value) for (of, key), value in self.kept.items() if of == kind])


def inspected(day: str, *stocks: tuple[str, str]) -> dict[str, Any]:
    rows = [{"cas": cas, "unit": unit, "book_qty": 1, "stock_qty": 1} for cas, unit in stocks]
    return {"uscc": COMPANY, "date": day, "items": [], "stocks": rows}


def test_the_newest_inspection_of_a_company_is_noted() -> None:
    notes = Notes()
    newest = inspected("2026-11-20", ("67-64-1", "kg"), ("108-88-3", "L"))
    plugin.jdgate_accepted(INSPECTION, [inspected("2026-10-20", ("67-64-1", "kg"))], notes)
    for _ in range(2):  # noting twice does no harm
        plugin.jdgate_accepted(
            INSPECTION, [newest, inspected("2026-09-20", ("110-89-4", "L"))], notes
        )
    assert dict(notes.find("company")) == {
        COMPANY: {"last": "2026-11-20", "stocks": [["67-64-1", "kg"], ["108-88-3", "L"]]}
    }
    plugin.jdgate_accepted(SALE, [{"seller": COMPANY}], notes)
    assert len(notes.kept) == 1
