"""The settings to try the plugin with: `jdgate plugin check` makes everything else itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from .settings import Settings


class Trial:
    """The county's police."""

    member = "pol"
    roles = ("POL",)
    settings: ClassVar[Mapping[str, Any]] = {
        name: getattr(Settings(), name) for name in Settings.__struct_fields__
    }

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def record(type: str, number: int) -> dict[str, Any] | None:
        """Messages about rewards are about few tokens; the rest is as the kit makes it."""
        token = f"N4ZB6G1JYSE0PX72KQM{number % 2}"
        pay = {"receipt_token": token, "amount": 1000 + number % 3, "approver": "局长甲"}
        match type:
            case "tip.progress.v1":
                stage = ("solved", "reward_ready")[number % 2]
                known = {"receipt_token": token, "stage": stage, "date": "2026-05-11"}
                return {"to": "com-01", **known}
            case "tip.reward.notice.v1":
                return {**pay, "solved_on": "2026-05-11", "noticed_on": "2026-05-18"}
            case "tip.reward.pay.v1":
                return pay
        return None
