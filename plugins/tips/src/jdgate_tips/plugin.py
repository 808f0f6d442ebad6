"""What the tips plugin gives to jdgate: a rule, importers, texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jdgate.files import Importer
from jdgate.plugins import Rule, hookimpl
from jdgate.refdata import References

from . import settings as county
from .importers import IMPORTERS
from .rewards import RewardRule


@hookimpl
def jdgate_rules(settings: Mapping[str, Any], references: References) -> list[Rule]:
    """The dates of rewards, by the county's working days."""
    return [RewardRule(references.working_days, county.read(settings))]


@hookimpl
def jdgate_importers() -> list[Importer]:
    """Tips, questions by token, how tips stand, rewards decided and to be paid."""
    return list(IMPORTERS)


@hookimpl
def jdgate_texts() -> list[Path]:
    """Titles of alerts, and what each rule rests on."""
    return [Path(__file__).parent / "texts.toml"]
