"""What the community plugin gives to jdgate: rules, importers, texts, and its drafts' records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jdgate.files.importer import Importer
from jdgate.plugins import DraftView, Register, Rule, hookimpl
from jdgate.refdata import References

from . import settings as county
from .checkin import CheckinRule
from .completing import complete
from .completion import CompletionRule
from .grid import VisitRule
from .importers import IMPORTERS
from .leave import LeaveRule
from .place import PlaceRule
from .positives import PositiveRule
from .review import ReviewRule
from .schedule import ScheduleRule
from .testing import TestingRule


@hookimpl
def jdgate_rules(settings: Mapping[str, Any], references: References) -> list[Rule]:
    """C1 to C7 and visits; the test schedule where the county has set one."""
    chosen = county.read(settings)
    rules: list[Rule] = [
        CheckinRule(chosen),
        TestingRule(chosen),
        LeaveRule(chosen),
        PositiveRule(chosen),
        PlaceRule(chosen),
        CompletionRule(chosen),
        ReviewRule(chosen, references.working_days),
        VisitRule(),
    ]
    return [*rules, ScheduleRule(chosen)] if chosen.test_months else rules


@hookimpl
def jdgate_importers() -> list[Importer]:
    """The lists that township offices keep."""
    return list(IMPORTERS)


@hookimpl
def jdgate_texts() -> list[Path]:
    """Titles of alerts, reasons of drafts, names of checks."""
    return [Path(__file__).parent / "texts.toml"]


@hookimpl
def jdgate_complete(draft: DraftView, register: Register) -> dict[str, Any] | None:
    """The record of an approved draft."""
    return complete(draft)
