"""What the aid plugin gives to jdgate: rules, importers, texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jdgate.files.importer import Importer
from jdgate.plugins import Rule, hookimpl
from jdgate.refdata import References

from . import settings as county
from .importers import IMPORTERS
from .rules import ReferralRule


@hookimpl
def jdgate_rules(settings: Mapping[str, Any], references: References) -> list[Rule]:
    """Answers that are due, and consents that were withdrawn."""
    return [ReferralRule(county.read(settings), references.working_days)]


@hookimpl
def jdgate_importers() -> list[Importer]:
    """Lists of referrals, withdrawals and outcomes."""
    return list(IMPORTERS)


@hookimpl
def jdgate_texts() -> list[Path]:
    """Titles of alerts, and what is wrong with a setting."""
    return [Path(__file__).parent / "texts.toml"]
