"""What the licence plugin gives to jdgate: rules, importers, texts, rows and drafts made whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jdgate.files.importer import Importer
from jdgate.plugins import DraftView, Register, Rule, hookimpl
from jdgate.refdata import References

from . import restoring, rows
from . import settings as county
from .actions import ActionRule
from .eligibility import EligibilityRule
from .grounds import Cancelling
from .importers import IMPORTERS


@hookimpl
def jdgate_rules(settings: Mapping[str, Any], references: References) -> list[Rule]:
    """Cases of cancelling, and questions that wait for an answer."""
    chosen = county.read(settings)
    return [
        ActionRule(Cancelling(references.grounds), references.working_days, chosen),
        EligibilityRule(chosen),
    ]


@hookimpl
def jdgate_importers() -> list[Importer]:
    """Grounds, results, objections, decisions, questions, answers."""
    return list(IMPORTERS)


@hookimpl
def jdgate_texts() -> list[Path]:
    """Titles of alerts, reasons of refusals and drafts, and what each rule rests on."""
    return [Path(__file__).parent / "texts.toml"]


@hookimpl
def jdgate_prepare(
    type: str, record: Mapping[str, Any], register: Register, references: References
) -> dict[str, Any] | None:
    """Read the ground and the way of matching of a row."""
    return rows.prepare(type, record, Cancelling(references.grounds))


@hookimpl
def jdgate_accepted(type: str, records: Sequence[Mapping[str, Any]], register: Register) -> None:
    """Note whose decisions the bureau has acted on."""
    restoring.note(type, records, register)


@hookimpl
def jdgate_complete(draft: DraftView, register: Register) -> dict[str, Any] | None:
    """Make the decision of an approved draft."""
    return restoring.complete(draft, register)
