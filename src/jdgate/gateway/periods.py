"""Days, weeks and months that are over, each claimed once, and the states to look back on.

A period is claimed in the transaction that writes what is told of it, so it is told once, however
many gateways there are and however often they start; those missed while down follow.

    for period in ended(conn, ground, "digest:week", "week", now): …
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from jdgate.core import calendar, rules
from jdgate.core.digests import Period, Span, last_before, missed
from jdgate.core.rules import Rule
from jdgate.gateway.ground import Ground
from jdgate.store import meta, rulestate

_ANY_VERSION = 0x10000


def ended(conn: Connection, ground: Ground, key: str, span: Span, now: datetime) -> list[Period]:
    """The periods that ended since `key` was last claimed, oldest first; claimed with this."""
    today = calendar.local_day(now)
    if now < calendar.at_local(today.isoformat(), ground.digests.at):
        today -= timedelta(1)
    latest, done = last_before(span, today).last, meta.get(conn, key)
    if done is None:  # a new county has nothing to look back on
        meta.put(conn, key, latest)
    elif done < latest and meta.swap(conn, key, done, latest):
        return missed(span, done, today)
    return []


def states_of(conn: Connection, ground: Ground, rule: Rule) -> Iterator[Any]:
    """Every state that the books keep of a rule."""
    for key, blob, _ in rulestate.older_than(conn, rule.name, _ANY_VERSION):
        yield rules.decode_state(rule, ground.vault.open_state(conn, rule.name, key, blob))
