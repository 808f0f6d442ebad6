"""The county's deadlines for alerts and limits for queries: from its configuration and its
working-day calendar.

times = deadlines.read(config.alerts, references.working_days)
limits = deadlines.query_limits(config.queries, references.working_days)
deadlines.check(config, CONFIG_NAME, trust.members, rules)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from jdgate.config import Alerts, Config, ConfigInvalid, Digests, Queries, Replies, StepTimes
from jdgate.core.alerts import Span, Step, Times, span
from jdgate.core.calendar import WorkingDays, clock_time
from jdgate.core.digests import Schedule
from jdgate.core.digests import Span as Counted
from jdgate.core.queries import QueryLimits
from jdgate.core.replies import Limits, RepliesRule
from jdgate.core.rules import Rule
from jdgate.core.sheet import Sheet
from jdgate.gateway.explained import OWN


def check(config: Config, file: str, members: Collection[str], rules: Iterable[Rule]) -> None:
    """That every member and rule that deadlines name is one: a slip here would be noticed only
    when an alert is left lying.

    Raises:
        ConfigInvalid: `config.names_nobody`, `config.rule_unknown`.
    """
    named = {"queries.security": config.queries.security}
    for desk, deputy in config.alerts.deputies.items():
        named |= {f"alerts.deputies ({desk})": desk, f"alerts.deputies.{desk}": deputy}
    for entry, member in named.items():
        if member and member not in members:
            raise ConfigInvalid(file, "config.names_nobody", entry=entry, member=member[:40])
    known = frozenset(OWN).union(*(getattr(rule, "explains", {}) for rule in rules))
    for rule_id in config.alerts.rules:
        if rule_id not in known:
            raise ConfigInvalid(
                file, "config.rule_unknown", rule=rule_id[:40], known=", ".join(sorted(known))
            )


def read(config: Alerts, days: WorkingDays) -> Times:
    """What `[alerts]` says."""
    start, end = clock_time(config.quiet_from), clock_time(config.quiet_to)
    return Times(
        urgent=_by_step(config.urgent),
        normal=_by_step(config.normal),
        rules={rule: _by_step(steps) for rule, steps in config.rules.items()},
        deputies=config.deputies,
        quiet=(start, end) if start is not None and end is not None else None,
        days=days,
    )


def query_limits(config: Queries, days: WorkingDays) -> QueryLimits:
    """What `[queries]` says."""
    start, end = clock_time(config.hours_from), clock_time(config.hours_to)
    return QueryLimits(
        types=frozenset(config.types),
        persons=config.persons_a_day,
        hours=(start, end) if start is not None and end is not None else None,
        working_days_only=config.working_days_only,
        security=config.security,
        days=days,
    )


def look_limits(config: Queries, days: WorkingDays) -> QueryLimits:
    """What `[queries]` says of opening content at this machine's console."""
    start, end = clock_time(config.hours_from), clock_time(config.hours_to)
    hours = (start, end) if start is not None and end is not None else None
    return QueryLimits(
        persons=config.looks_a_day,
        hours=hours if config.looks_in_hours else None,
        working_days_only=config.working_days_only and config.looks_in_hours,
        days=days,
    )


def schedule(config: Digests) -> Schedule:
    """What `[digests]` says."""
    wanted: dict[Counted, bool] = {
        "day": config.daily,
        "week": config.weekly,
        "month": config.monthly,
    }
    at = clock_time(config.at)
    assert at is not None  # the configuration was checked
    return Schedule(tuple(span for span, on in wanted.items() if on), at)


def replies(config: Replies, days: WorkingDays, sheets: Iterable[Sheet]) -> RepliesRule:
    """The rule of the exchange itself (S1), with the times of `[replies]`."""
    limits = Limits(**msgspec.structs.asdict(config))
    return RepliesRule(limits, days, {s.type for s in sheets if s.share == "unconditional"})


def _by_step(steps: StepTimes) -> dict[Step, Span]:
    given = {
        Step.DELIVERED: span(steps.deliver),
        Step.OPENED: span(steps.open),
        Step.ACKNOWLEDGED: span(steps.acknowledge),
        Step.RESOLVED: span(steps.resolve),
    }
    return {step: allowed for step, allowed in given.items() if allowed is not None}
