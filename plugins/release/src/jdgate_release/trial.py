"""A treatment centre to try the plugin on: `jdgate plugin check` asks it for facts that lead to
something. That notice, receipt and papers speak of one release is not among the kit's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

from jdgate.core.identity import synthetic_id_no
from jdgate.plugins import Fact

from .releases import HANDOVER, PRENOTICE, RECEIVED

WHO = bytes(range(16))
PERSON = {"name": "某甲", "id_type": "ric", "id_no": synthetic_id_no(date(1990, 1, 1), 1)}
TOWN = "511623101000"
DAY = "2026-05-10"


class Trial:
    """The treatment centre `dtx-01`."""

    member = "dtx-01"
    roles = ("DTX",)
    settings: ClassVar[Mapping[str, Any]] = {
        "notice": "3d",
        "ack_hours": 24,
        "papers": "3wd",
        "keep_days": 90,
        "places": {"31": "7wd"},
    }

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def facts(rule: str) -> list[list[Fact]]:
        """Histories of one release: told in time and late; acknowledged; some papers missing."""
        told = notice("community_recovery")
        seen = received("notice", "2026-05-08")
        papers = _fact(
            HANDOVER, "dtx-01", town=TOWN, docs=["decision", "plan"], handed_on="2026-05-12"
        )
        some = received("papers", "2026-05-12", docs=["decision"])
        return [
            [told],
            [notice("none")],
            [told, seen, papers],
            [told, seen, papers, some],
        ]


def notice(measure: str, day: str = DAY) -> Fact:
    return _fact(PRENOTICE, "dtx-01", town=TOWN, release_on=day, next_measure=measure)


def received(what: str, day: str, **data: Any) -> Fact:
    return _fact(RECEIVED, "com-01", release_on=DAY, what=what, received_on=day, **data)


def _fact(type: str, source: str, **data: Any) -> Fact:
    return Fact(type, source, WHO, {**PERSON, **data}, "m1", 0, "511623000000")
