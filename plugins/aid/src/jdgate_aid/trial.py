"""An office to try the plugin on: referrals that are answered, forgotten and withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from jdgate.plugins import Fact

from .rules import REFERRAL, RESULT, WITHDRAWAL

REGION = "511623101000"


class Trial:
    """The township office `com-01`."""

    member = "com-01"
    roles = ("COM",)
    settings: ClassVar[Mapping[str, Any]] = {"answer_workdays": 10}

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def facts(rule: str) -> list[list[Fact]]:
        """Histories of one referral."""
        made = _fact(REFERRAL, "com-01", ref="R-1", need_type="job")
        taken = _result("in_progress", "2026-04-01")
        gone = _fact(WITHDRAWAL, "com-01", ref="R-1", need_type="job", date="2026-04-10")
        on, stopped = _result("granted", "2026-04-20"), _result("withdrawn", "2026-04-21")
        return [[made], [made, taken, gone], [made, taken, gone, on], [made, taken, gone, stopped]]


def _result(status: str, day: str) -> Fact:
    return _fact(RESULT, "hrs", ref="R-1", to="com-01", status=status, date=day)


def _fact(type: str, source: str, **data: Any) -> Fact:
    return Fact(type, source, None, data, f"{type}-{data.get('date', '')}", 0, REGION)
