"""What the county plugin gives to jdgate: rules, importers, texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jdgate.files import Importer
from jdgate.plugins import Rule, hookimpl

from . import settings as county
from .importers import IMPORTERS
from .registers import RegisterRule
from .schools import SchoolRule
from .staffing import StaffingRule
from .supervision import SupervisionRule
from .venues import VenueRule

TEXTS = Path(__file__).parent / "texts.toml"


@hookimpl
def jdgate_rules(settings: Mapping[str, Any]) -> list[Rule]:
    """Registers, venues, schools, staffing, supervision."""
    chosen = county.read(settings)
    return [
        RegisterRule(chosen),
        VenueRule(chosen),
        SchoolRule(chosen),
        StaffingRule(chosen),
        SupervisionRule(chosen),
    ]


@hookimpl
def jdgate_importers() -> list[Importer]:
    """Registers of tokens, patrols, school, staffing and outreach reports, supervision."""
    return list(IMPORTERS)


@hookimpl
def jdgate_texts() -> list[Path]:
    """Titles of alerts, answers of `jdgate-tokens`, and what each rule rests on."""
    return [TEXTS]
