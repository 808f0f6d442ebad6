"""What the gateway stands on while it works: trust, agreements, keys and rules, all unchanging.

A new directory or catalogue makes a new `Ground`; nothing in one ever changes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Any

import uuid_utils

from jdgate.core.alerts import Times
from jdgate.core.catalogue import Catalogue
from jdgate.core.digests import Schedule
from jdgate.core.directory import Trust
from jdgate.core.fault import Fault
from jdgate.core.keys import MemberKeys
from jdgate.core.leaves import SALT_BYTES
from jdgate.core.queries import QueryLimits
from jdgate.core.regions import RegionIndex
from jdgate.core.rules import Rule
from jdgate.errors import Refused
from jdgate.store.vault import Vault

Refuses = Callable[[str, str, dict[str, Any]], Fault | None]

NO_DEADLINES = Times()
NO_QUERIES = QueryLimits()
NO_DIGESTS = Schedule()


def new_id() -> str:
    """A fresh UUIDv7 (RFC 9562 §5.7): unguessable, and sorted by time."""
    return str(uuid_utils.uuid7())


class Ground:
    """One version of everything a decision depends on besides the books."""

    def __init__(
        self,
        *,
        trust: Trust,
        catalogue: Catalogue,
        keys: MemberKeys,
        vault: Vault,
        rules: tuple[Rule, ...] = (),
        times: Times = NO_DEADLINES,
        queries: QueryLimits = NO_QUERIES,
        channels: tuple[str, ...] = (),
        digests: Schedule = NO_DIGESTS,
        new_id: Callable[[], str] = new_id,
        salt: Callable[[], bytes] = lambda: os.urandom(SALT_BYTES),
    ) -> None:
        self.trust = trust
        self.catalogue = catalogue
        self.keys = keys
        self.vault = vault
        self.rules = rules
        self.times = times
        self.queries = queries
        self.channels = channels
        self.digests = digests
        self.new_id = new_id
        self.salt = salt

    def with_trust(self, trust: Trust) -> Ground:
        """The same ground under another directory."""
        return Ground(
            trust=trust,
            catalogue=self.catalogue,
            keys=self.keys,
            vault=self.vault,
            rules=self.rules,
            times=self.times,
            queries=self.queries,
            channels=self.channels,
            digests=self.digests,
            new_id=self.new_id,
            salt=self.salt,
        )

    @cached_property
    def regions(self) -> RegionIndex:
        """The desks of active members by region."""
        return RegionIndex(self.trust.active())

    @cached_property
    def refusing(self) -> dict[str, tuple[Refuses, ...]]:
        """By type: what has something against single records in this county (`Rule.refuses`)."""
        found: dict[str, tuple[Refuses, ...]] = {}
        for rule in self.rules:
            if (refuses := getattr(rule, "refuses", None)) is not None:
                found |= {type: (*found.get(type, ()), refuses) for type in rule.types}
        return found

    @property
    def me(self) -> str:
        """The gateway's own member id."""
        return self.keys.member

    def counts(self, kid: str, now: datetime) -> bool:
        """Whether what our own key `kid` signs now is accepted."""
        try:
            self.trust.signing_key(kid, self.me, now, now)
        except Refused:
            return False
        return True

    @property
    def version(self) -> int:
        """Of the directory in force."""
        return self.trust.directory.version

    @property
    def authority(self) -> str:
        """The member that hears of what finds no desk."""
        return self.trust.authority.id
