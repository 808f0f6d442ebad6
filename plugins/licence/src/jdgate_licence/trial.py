"""A traffic bureau to try the plugin on: `jdgate plugin check` asks it for facts that lead to
something. That a notice, an objection and a decision speak of one document is not among the kit's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from jdgate.plugins import Fact

from .cases import ACTION, BASIS, FINDING, OBJECTION, RESTORE
from .eligibility import ANSWER, QUERY

PERSON = bytes(range(16))
DOC = "邻公强戒〔2026〕1号"
MESSAGE = "01998a00-0000-7000-8000-000000000001"


class Trial:
    """The traffic bureau `tra-01`."""

    member = "tra-01"
    roles = ("TRA",)
    settings: ClassVar[Mapping[str, Any]] = {
        "notice_days": 30,
        "check_days": 10,
        "answer_days": 5,
        "keep_days": 1096,
    }

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def facts(rule: str) -> list[list[Fact]]:
        """Histories of one decision: told, objected to, upheld; cancelled too early; found
        wrong and restored. And a question with its answer."""
        if rule == "licence.eligibility":
            asked = _fact(QUERY, "tra-01", application_no="受-1", **{"class": "large"})
            answered = {"to": "tra-01", "eligible": True, "rule_code": "none"}
            return [[asked], [asked, _fact(ANSWER, "pol-01", application_no="受-1", **answered)]]
        told = basis("79-6-isolation", "2026-03-02")
        notified = _action("notified", "2026-03-05")
        objected = _fact(
            OBJECTION, "tra-01", ref=DOC, ground="wrong_person", lodged_on="2026-03-10"
        )
        upheld = _decided("uphold", "2026-03-20")
        wrong = _fact(
            FINDING,
            "pol-01",
            message_id=MESSAGE,
            record=0,
            decision="withdrawn",
            decided_on="2026-04-20",
        )
        restored = _decided("restore", "2026-04-22")
        early = _action("cancelled", "2026-03-12")
        return [
            [told, notified],
            [told, notified, objected, upheld],
            [told, notified, objected, early],
            [told, notified, early, wrong],
            [told, notified, early, wrong, restored],
            [basis("79-6-isolation", "2021-03-02")],
        ]


def basis(code: str, day: str) -> Fact:
    return _fact(BASIS, "pol-01", doc_no=DOC, ground_code=code, effective_on=day)


def _action(action: str, day: str) -> Fact:
    return _fact(ACTION, "tra-01", doc_no=DOC, action=action, date=day)


def _decided(decision: str, day: str) -> Fact:
    return _fact(RESTORE, "tra-01", ref=DOC, decision=decision, decided_on=day)


def _fact(type: str, source: str, **data: Any) -> Fact:
    return Fact(type, source, PERSON, data, MESSAGE, 0, "511623000000")
