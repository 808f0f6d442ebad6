"""What the police plugin gives to jdgate: the registry as a source and an inbox, and texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jdgate.core import catalogue as catalogues
from jdgate.core.catalogue import Catalogue
from jdgate.plugins import Refused, Sink, Source, hookimpl

from . import mapping
from . import settings as county
from .answers import Answers
from .database import Registry
from .inbox import Inbox
from .mapping import POLICE, QUERY, Plan
from .settings import Settings
from .source import Changes

_NOT_BY_DEFAULT = re.compile(r"(sys|tip)\..*|.*\.alert\.v[0-9]+")
"""Machinery; tip-offs, which only those meant should open; alerts, which are answered in jdgate."""


@hookimpl
def jdgate_texts() -> list[Path]:
    """What is wrong with a setting, the mapping or the database."""
    return [Path(__file__).parent / "texts.toml"]


@hookimpl
def jdgate_adapters(
    member: str, roles: tuple[str, ...], settings: Mapping[str, Any], home: Path
) -> list[Source | Sink]:
    """The registry, for the police and for a member that the mapping names."""
    chosen = county.read(settings)
    if chosen is None:
        return []
    catalogue = own_catalogue()
    plan = mapping.read(home / chosen.mapping, catalogue) if chosen.mapping else Plan()
    types = _receives(chosen, plan, catalogue)
    police = POLICE in roles if chosen.member is None else member == chosen.member
    sections = [one for one in plan.sections if (one.member == member if one.member else police)]
    for section in sections:
        if not catalogue.sheet(section.type).may_send(roles):
            senders = ", ".join(catalogue.sheet(section.type).senders)
            raise Refused(
                "police.mapping_sender",
                where=f"send.{section.name}",
                type=section.type,
                senders=senders,
            )
    if not police and not sections:
        return []
    registry = Registry(chosen.url(home))
    inbox = Inbox(registry, chosen.inbox_table, create=chosen.create_inbox, types=types)
    found: list[Source | Sink] = []
    if sections:
        found.append(Changes(registry, sections, catalogue, inbox))
    if police and types:
        found.append(inbox)
    if police and plan.bars:
        found.append(Answers(registry, plan.bars, inbox))
    return found


@cache
def own_catalogue() -> Catalogue:
    """The message types that jdgate brings, read once."""
    return catalogues.load([catalogues.default_path()])


def _receives(chosen: Settings, plan: Plan, catalogue: Catalogue) -> frozenset[str]:
    """The types for the inbox.

    Raises:
        Refused: `police.receive_type`.
    """
    sent = {name for name, sheet in catalogue.sheets.items() if sheet.fields_for(POLICE)}
    if chosen.receive is not None:
        for one in chosen.receive:
            if one not in sent or one.startswith("sys."):
                raise Refused("police.receive_type", type=one[:60])
        types = frozenset(chosen.receive)
    else:
        types = frozenset(one for one in sent if not _NOT_BY_DEFAULT.fullmatch(one))
    return types | {QUERY} if plan.bars else types
