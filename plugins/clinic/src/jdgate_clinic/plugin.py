"""What the clinic plugin gives to jdgate: rules, importers, texts, and its edge's register."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jdgate.files.importer import Importer
from jdgate.plugins import DraftView, Register, Rule, hookimpl

from . import register as notes
from . import settings as county
from .daily import DailyReportRule
from .importers import IMPORTERS
from .rules import AbsenceRule


@hookimpl
def jdgate_rules(settings: Mapping[str, Any]) -> list[Rule]:
    """Absence and dropout; the daily report unless it is switched off."""
    chosen = county.read(settings)
    rules: list[Rule] = [AbsenceRule(chosen)]
    if chosen.report_by is not None:
        rules.append(DailyReportRule(chosen.report_by))
    return rules


@hookimpl
def jdgate_importers() -> list[Importer]:
    """Attendance sheets and lists of enrolments."""
    return list(IMPORTERS)


@hookimpl
def jdgate_texts() -> list[Path]:
    """Titles of alerts, reasons of drafts, names of checks."""
    return [Path(__file__).parent / "texts.toml"]


@hookimpl
def jdgate_prepare(
    type: str, record: Mapping[str, Any], register: Register
) -> dict[str, Any] | None:
    """Swap ID numbers of attendance rows for the clinic's own numbers."""
    return notes.prepare(type, record, register)


@hookimpl
def jdgate_accepted(type: str, records: Sequence[Mapping[str, Any]], register: Register) -> None:
    """Note accepted enrolments."""
    notes.note(type, records, register)


@hookimpl
def jdgate_complete(draft: DraftView, register: Register) -> dict[str, Any] | None:
    """Make the dropout notice of an approved draft."""
    return notes.complete(draft, register)
