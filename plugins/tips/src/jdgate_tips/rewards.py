"""R1, R2: the dates of a reward, by its token. Who holds it is nobody's business here.

- R1: from the day a case was solved the claimant is told within 15 working days; the police are
  reminded some working days before and told when they have passed. Told, the claimant has 2
  months to collect; the police are reminded some days before they end.
- The earliest day told counts, of solving and of telling. Payment ends all of it. Nothing happens
  when a date passes: whether a reward lapses is for people to say.
- R2: a payment that fits no notice: none was given, it was of another amount, or the token was
  paid before (不重复奖).

    rule = RewardRule(working_days, Settings())
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from jdgate.core.calendar import WorkingDays, add_days, at_local, day_of
from jdgate.core.rules import Standing
from jdgate.plugins import Alert, Effect, Expect, Fact, Role, Settle, changes

from .settings import Settings

PROGRESS = "tip.progress.v1"
NOTICE = "tip.reward.notice.v1"
PAY = "tip.reward.pay.v1"
ALERT = "tip.alert.v1"
FIRST = "2000-01-01"
MOST_PAYMENTS = 5
"""Notices and payments kept for each token: two of either are a matter for people already."""


class Reward(Struct, frozen=True, array_like=True, gc=False):
    """One token: the earliest days of solving and of telling, the amounts of which notice was
    given, and the amount of each payment by its message."""

    token: str = ""
    region: str = ""
    solved: str = ""
    told: str = ""
    noticed: tuple[float, ...] = ()
    paid: dict[str, float] = {}
    closed: bool = False


class RewardRule:
    """Expects the claimant to be told, and the reward to be collected."""

    name = "tips.reward"
    version = 1
    types = frozenset({PROGRESS, NOTICE, PAY})
    state = Reward
    explains: ClassVar = {"R1": "tips.rule_dates", "R2": "tips.rule_payments"}
    outcomes: ClassVar = {
        "R1": {"told": "tips.outcome_told", "nobody_came": "tips.outcome_nobody_came"},
        "R2": {"corrected": "tips.outcome_corrected", "in_order": "tips.outcome_in_order"},
    }

    def __init__(self, working_days: WorkingDays, settings: Settings | None = None) -> None:
        self._working = working_days
        self._settings = settings or Settings()

    def key(self, fact: Fact) -> str | None:
        """The token."""
        return str(fact.data["receipt_token"])

    def step(self, state: Reward, fact: Fact, now: datetime) -> tuple[Reward, Sequence[Effect]]:
        """Note what was told; a step taken settles what waited for it."""
        new = _noted(state, fact, now)
        if new == state:
            return state, ()
        gone: list[Effect] = []
        if _waits_for_notice(state) and not _waits_for_notice(new):
            gone += [Settle(f"soon:{new.token}"), Settle(f"late:{new.token}")]
        if _waits_for_collection(state) and not _waits_for_collection(new):
            gone.append(Settle(f"collect:{new.token}"))
        return new, [*gone, *changes(self._standing(state), self._standing(new))]

    def due(self, state: Reward, name: str, now: datetime) -> tuple[Reward, Sequence[Effect]]:
        """A date is near or has passed."""
        if name in ("soon", "late") and _waits_for_notice(state):
            last = self._notice_by(state)
            if name == "soon" and now >= _passed(last):
                return state, ()
            return state, [_alert(state, name, f"notice_{name}", last)]
        if name == "collect" and _waits_for_collection(state):
            last = self._collect_by(state)
            if now < _passed(last):
                return state, [_alert(state, name, "collect_soon", last)]
        return state, ()

    def _standing(self, state: Reward) -> list[Standing]:
        found: list[Standing] = []
        if _waits_for_notice(state):
            last = self._notice_by(state)
            ahead = self._settings.notice_remind_days
            soon = self._working.add_working_days(date.fromisoformat(last), -ahead)
            found.append(Expect("soon", _begins(soon.isoformat())))
            found.append(Expect("late", _passed(last), awaits=NOTICE, of="POL"))
        if _waits_for_collection(state):
            last = self._collect_by(state)
            soon_on = add_days(last, -self._settings.collect_remind_days)
            found.append(Expect("collect", _begins(soon_on)))
        amounts = set(state.paid.values())
        if len(state.paid) > 1:
            found.append(_alert(state, "twice", "paid_twice"))
        if amounts and not state.noticed:
            found.append(_alert(state, "unnoticed", "paid_unnoticed"))
        elif amounts - set(state.noticed):
            found.append(_alert(state, "amount", "paid_other"))
        return found

    def _notice_by(self, state: Reward) -> str:
        solved = date.fromisoformat(state.solved)
        return self._working.add_working_days(solved, self._settings.notice_days).isoformat()

    def _collect_by(self, state: Reward) -> str:
        return months_after(state.told, self._settings.collect_months)


def months_after(day: str, months: int) -> str:
    """The day on which a period of months ends: the same day of its last month, or that month's
    last day when it has none (民法典 202).

    Raises:
        ValueError: `day` is not a day.
    """
    first = date.fromisoformat(day)
    at = first.year * 12 + first.month - 1 + months
    year, month = at // 12, at % 12 + 1
    return date(year, month, min(first.day, calendar.monthrange(year, month)[1])).isoformat()


def _noted(state: Reward, fact: Fact, now: datetime) -> Reward:
    data = fact.data
    new = replace(state, token=data["receipt_token"], region=max(state.region, fact.region or ""))
    if fact.type == PAY:
        payment = f"{fact.message_id}/{fact.index}"
        paid = {**state.paid, payment: max(state.paid.get(payment, 0.0), float(data["amount"]))}
        kept = sorted(paid)[:MOST_PAYMENTS]
        return replace(new, paid={one: paid[one] for one in kept})
    if fact.type == NOTICE:
        noticed = tuple(sorted({*state.noticed, float(data["amount"])})[:MOST_PAYMENTS])
        new = replace(new, noticed=noticed)
        return _days(new, now, solved=data["solved_on"], told=data["noticed_on"])
    match data["stage"]:
        case "solved":
            return _days(new, now, solved=data["date"])
        case "reward_ready":
            return _days(new, now, told=data["date"])
        case "paid":
            return replace(new, closed=True)
    return state


def _days(state: Reward, now: datetime, solved: str = "", told: str = "") -> Reward:
    return replace(
        state,
        solved=_earliest(state.solved, solved, now),
        told=_earliest(state.told, told, now),
    )


def _earliest(known: str, day: str, now: datetime) -> str:
    if not FIRST <= day <= add_days(day_of(now), 1):
        return known
    return min(known or day, day)


def _waits_for_notice(state: Reward) -> bool:
    return bool(state.solved) and not (state.told or state.paid or state.closed)


def _waits_for_collection(state: Reward) -> bool:
    return bool(state.told) and not (state.paid or state.closed)


def _begins(day: str) -> datetime:
    return at_local(day, time(0, 0))


def _passed(day: str) -> datetime:
    return _begins(add_days(day, 1))


def _alert(state: Reward, cause: str, code: str, due_on: str | None = None) -> Alert:
    dated = {"due_on": due_on} if due_on else {}
    return Alert(
        cause=f"{cause}:{state.token}",
        rule_id="R1" if due_on else "R2",
        type=ALERT,
        to=Role("POL", state.region or None),
        data={"receipt_token": state.token, **dated},
        title_code=f"tips.{code}",
        params=dated,
    )
