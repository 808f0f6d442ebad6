"""What the precursor plugin gives to jdgate: rules, importers, texts, rows made whole, and the
companies that a station inspects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jdgate.files.importer import Importer
from jdgate.plugins import Register, Rule, hookimpl
from jdgate.refdata import References

from . import companies, rows
from . import settings as county
from .annual import AnnualRule
from .importers import IMPORTERS
from .inspections import InspectionRule
from .listing import Listings
from .losses import LossRule
from .permits import RevocationRule
from .purchases import PurchaseRule
from .sales import SaleRule
from .stocks import StockRule


@hookimpl
def jdgate_rules(settings: Mapping[str, Any], references: References) -> list[Rule]:
    """Inspections, stock, sales, purchases, annual reports, losses, revocations."""
    chosen = county.read(settings)
    listings = Listings(references.precursors)
    return [
        InspectionRule(chosen),
        StockRule(listings, chosen),
        SaleRule(listings, chosen),
        PurchaseRule(),
        AnnualRule(),
        LossRule(),
        RevocationRule(chosen),
    ]


@hookimpl
def jdgate_importers() -> list[Importer]:
    """Sales, annual reports, losses, permit changes."""
    return list(IMPORTERS)


@hookimpl
def jdgate_texts() -> list[Path]:
    """Titles of alerts, reasons of refusals, and what each rule rests on."""
    return [Path(__file__).parent / "texts.toml"]


@hookimpl
def jdgate_prepare(
    type: str, record: Mapping[str, Any], references: References
) -> dict[str, Any] | None:
    """Read the quantities, substances and moments of a row."""
    return rows.prepare(type, record, references.precursors)


@hookimpl
def jdgate_accepted(type: str, records: Sequence[Mapping[str, Any]], register: Register) -> None:
    """Note the companies that were inspected."""
    companies.note(type, records, register)
