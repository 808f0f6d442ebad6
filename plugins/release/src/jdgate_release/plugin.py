"""What the release plugin gives to jdgate: its rule, importers and texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jdgate.files.importer import Importer
from jdgate.plugins import Rule, hookimpl
from jdgate.refdata import References

from . import settings as county
from .importers import IMPORTERS
from .rules import ReleaseRule


@hookimpl
def jdgate_rules(settings: Mapping[str, Any], references: References) -> list[Rule]:
    """Releases: near, unanswered, papers."""
    return [ReleaseRule(references.working_days, county.read(settings))]


@hookimpl
def jdgate_importers() -> list[Importer]:
    """Notices and receipts."""
    return list(IMPORTERS)


@hookimpl
def jdgate_texts() -> list[Path]:
    """Titles of alerts, reasons of refusals, and what the rule rests on."""
    return [Path(__file__).parent / "texts.toml"]
