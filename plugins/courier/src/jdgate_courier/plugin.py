"""What the courier plugin gives to jdgate: rules, importers, texts, and rows made whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jdgate.files.importer import Importer
from jdgate.plugins import Register, Rule, hookimpl

from . import rows
from . import settings as county
from .importers import IMPORTERS
from .outlets import CompanyRule, OutletRule
from .rates import RatesRule
from .spotchecks import SpotCheckRule
from .suspects import SuspectRule


@hookimpl
def jdgate_rules(settings: Mapping[str, Any]) -> list[Rule]:
    """Rates, completeness, silence, suspect items, spot checks."""
    chosen = county.read(settings)
    return [
        RatesRule(chosen),
        CompanyRule(chosen),
        OutletRule(chosen),
        SuspectRule(),
        SpotCheckRule(),
    ]


@hookimpl
def jdgate_importers() -> list[Importer]:
    """Statistics and reports of suspect items."""
    return list(IMPORTERS)


@hookimpl
def jdgate_texts() -> list[Path]:
    """Titles of alerts, reasons of refusals, and what each rule rests on."""
    return [Path(__file__).parent / "texts.toml"]


@hookimpl
def jdgate_prepare(
    type: str, record: Mapping[str, Any], register: Register
) -> dict[str, Any] | None:
    """Compute the rates of a row; read its numbers and moments."""
    return rows.prepare(type, record)
