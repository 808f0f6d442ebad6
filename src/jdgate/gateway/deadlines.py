"""The county's deadlines for alerts: from its configuration and its working-day calendar.

times = deadlines.read(config.alerts, References(home.refdata).working_days())
"""

from __future__ import annotations

from jdgate.config import Alerts, StepTimes
from jdgate.core.alerts import Span, Step, Times, span
from jdgate.core.calendar import WorkingDays, clock_time


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


def _by_step(steps: StepTimes) -> dict[Step, Span]:
    given = {
        Step.DELIVERED: span(steps.deliver),
        Step.OPENED: span(steps.open),
        Step.ACKNOWLEDGED: span(steps.acknowledge),
        Step.RESOLVED: span(steps.resolve),
    }
    return {step: allowed for step, allowed in given.items() if allowed is not None}
