"""What the clinic plugin gives to jdgate: rules, importers, texts, and its edge's register."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jdgate.files.importer import Importer
from jdgate.plugins import DraftView, Register, Rule, hookimpl
from jdgate.refdata import References

from . import register as notes
from . import settings as county
from .daily import DailyReportRule
from .reports import IMPORTERS
from .rules import AbsenceRule
from .transfers import TransferRule


@hookimpl
def jdgate_rules(settings: Mapping[str, Any], references: References) -> list[Rule]:
    """Absence and dropout, transfers; the daily report unless it is switched off."""
    chosen = county.read(settings)
    rules: list[Rule] = [
        AbsenceRule(chosen),
        TransferRule(references.working_days, chosen.transfer_days),
    ]
    if (report_by := chosen.report_time()) is not None:
        late = (chosen.offline_sites, chosen.offline_days)
        rules.append(DailyReportRule(report_by, *late))
    return rules


@hookimpl
def jdgate_importers() -> list[Importer]:
    """Attendance, enrolments, relapses, terminations, transfers and their answers."""
    return list(IMPORTERS)


@hookimpl
def jdgate_texts() -> list[Path]:
    """Titles of alerts, reasons of drafts, names of checks."""
    return [Path(__file__).parent / "texts.toml"]


@hookimpl
def jdgate_prepare(
    type: str, record: Mapping[str, Any], register: Register
) -> dict[str, Any] | None:
    """Swap ID numbers of attendance rows for the clinic's own numbers; name the patient of a
    report that has the clinic's number only."""
    return notes.prepare(type, record, register)


@hookimpl
def jdgate_accepted(type: str, records: Sequence[Mapping[str, Any]], register: Register) -> None:
    """Note accepted enrolments, and treatments that ended."""
    notes.note(type, records, register)


@hookimpl
def jdgate_complete(draft: DraftView, register: Register) -> dict[str, Any] | None:
    """Make the dropout notice of an approved draft."""
    return notes.complete(draft, register)
