"""A county to try the plugin on: `jdgate plugin check` asks it for facts that lead to something.

The kit makes records of its own; that two registers are whole and differ, and who sent which, is
not among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from jdgate.plugins import Fact

from .registers import REGISTER, STATION, TOWN
from .settings import Settings

PLACE = "511623101000"
DAY = "2026-05-12"


class Trial:
    """The township office `com-01`."""

    member = "com-01"
    roles = ("COM",)
    settings: ClassVar[Mapping[str, Any]] = {
        name: list(value) if isinstance(value, tuple) else value
        for name in Settings.__struct_fields__
        for value in (getattr(Settings(), name),)
    }

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def record(type: str, number: int) -> dict[str, Any] | None:
        """A record of the kit's own unless its fields must agree."""
        if type != REGISTER:
            return None
        return _entry(STATION if number % 2 else TOWN, number, "serving", 1 + number % 3)

    @staticmethod
    def facts(rule: str) -> list[list[Fact]]:
        """One comparison with a difference of each kind, one whole on one side only."""
        if rule != "county.reconcile":
            return []
        town = [
            _fact("com-01", TOWN, 1, "serving"),
            _fact("com-01", TOWN, 2, "serving"),
            _fact("com-01", TOWN, 3, "moved_out"),
        ]
        station = [
            _fact("ps-01", STATION, 1, "suspended"),
            _fact("ps-01", STATION, 3, "serving"),
            _fact("ps-01", STATION, 4, "serving"),
        ]
        return [[*town, *station], [*town, *station[:2]]]


def _fact(source: str, side: str, number: int, status: str) -> Fact:
    data = _entry(side, number, status, 3)
    return Fact(REGISTER, source, None, data, f"{side}-{number}", 0, PLACE)


def _entry(side: str, number: int, status: str, total: int) -> dict[str, Any]:
    known = {"round": DAY, "town": PLACE, "side": side, "total": total}
    return {**known, "token": f"{number:022d}", "status": status}
