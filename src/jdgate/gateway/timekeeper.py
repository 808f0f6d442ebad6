"""What is due: expectations nobody settled, alerts nobody answered, gaps nobody filled. Run
every second in a transaction of its own; its truth is in the books, so a restart or a clock that
jumped only delays it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from jdgate.core import rules
from jdgate.core.rules import Failure, Outcome, Rule
from jdgate.errors import Misuse, Refused
from jdgate.gateway import checkpointer, digests, totals
from jdgate.gateway.compose import Outbound, Plan, compose, store
from jdgate.gateway.effects import GAP, SILENT, Effects
from jdgate.gateway.ground import Ground
from jdgate.gateway.notices import Notice
from jdgate.gateway.pipeline import load_states, save_states
from jdgate.store import deliveries, expectations, ledger, meta, sequences
from jdgate.store.expectations import ExpectationRow

AT_ONCE = 500
GAP_ASK = timedelta(seconds=5)
"""How long a missing number may be on its way before it is asked for."""
GAP_ALERT = timedelta(minutes=15)
"""How long a gap may stay before the authority is told (design choice)."""


class Due:
    """What one pass led to. `more` when there was more than one pass could take."""

    def __init__(self, outbound: list[Outbound], notices: list[Notice], more: bool) -> None:
        self.outbound = outbound
        self.notices = notices
        self.more = more


def run_due(conn: Connection, ground: Ground, now: datetime) -> Due:
    """One pass over what is due."""
    meta.raise_clock(conn, now)
    effects = Effects(conn, ground, now)
    by_name = {rule.name: rule for rule in ground.rules}
    rows = expectations.due(conn, list(by_name), now, AT_ONCE)
    expectations.mark_fired(conn, rows, now)
    broken = [row for row in rows if not _fire(conn, ground, by_name[row.rule], row, effects, now)]
    at_fault = {(row.rule, row.key, row.name) for row in broken}
    stated = effects.missed(row for row in rows if (row.rule, row.key, row.name) not in at_fault)
    # a rule that broke is told of its time again: the deadline must not be lost with the fault
    again = now + AGAIN_AFTER_FAULT
    expectations.expect(
        conn, [msgspec.structs.replace(row, due_at=again, set_at=now) for row in broken]
    )
    more = effects.alerts.look() or len(rows) == AT_ONCE
    effects.plans += digests.make_due(conn, ground, now, effects)
    effects.plans += totals.make_due(conn, ground, now, effects)
    outbound = _ask_for_gaps(conn, ground, effects, now)
    due = _finish(conn, ground, effects, outbound, now, more=more)
    if stated and (head := checkpointer.sign_head(conn, ground, now)) is not None:
        # everyone holds the head over a statement from the moment it was made
        due.outbound += checkpointer.announce(ground, head, now)
    return due


AGAIN_AFTER_FAULT = timedelta(minutes=10)
SILENCE = timedelta(hours=24)
"""How long a recipient may leave a delivery without a receipt (design choice)."""


def look_for_silence(conn: Connection, ground: Ground, now: datetime) -> Due:
    """Tell the authority whose edge has not receipted for a day, and when it does again."""
    silent = deliveries.silent(conn, now - SILENCE)

    def tell(effects: Effects) -> None:
        for member in ground.trust.active():
            cause = f"{SILENT}:{member.id}"
            if member.id in silent:
                params = {"member": member.id}
                effects.tell_authority(SILENT, cause, "alert.silent_recipient", params)
            else:
                effects.settle_own(cause)

    return originate(conn, ground, now, tell)


def originate(
    conn: Connection, ground: Ground, now: datetime, tell: Callable[[Effects], None]
) -> Due:
    """What the exchange itself has to say outside any message: `tell` fills the effects."""
    effects = Effects(conn, ground, now)
    tell(effects)
    return _finish(conn, ground, effects, [], now, more=False)


def _finish(
    conn: Connection,
    ground: Ground,
    effects: Effects,
    outbound: list[Outbound],
    now: datetime,
    *,
    more: bool,
) -> Due:
    effects.flush()
    composed = compose(conn, ground, effects.plans, now)
    written = effects.leaves + composed.leaves
    if written:
        first = ledger.append(conn, written)
        store(conn, composed, first + len(effects.leaves))
    return Due([*composed.outbound, *outbound], effects.notices, more)


def _fire(
    conn: Connection,
    ground: Ground,
    rule: Rule,
    row: ExpectationRow,
    effects: Effects,
    now: datetime,
) -> bool:
    """Tell a rule that its time has come; whether it could be told."""
    try:
        state = load_states(conn, ground, rule, [row.key]).get(row.key)
    except (Refused, Misuse) as error:  # a state that can't be read must not stop the rest
        outcome = Outcome({}, (), (Failure(rule.name, row.key, (), rules.place_of(error)),))
    else:
        outcome = rules.run_due(rule, row.key, state or rule.state(), row.name, now)
    save_states(conn, ground, rule, outcome.states, now)
    effects.apply(outcome.effects)
    for failure in outcome.failures:
        effects.rule_failed(failure)
    return not outcome.failures


def _ask_for_gaps(
    conn: Connection, ground: Ground, effects: Effects, now: datetime
) -> list[Outbound]:
    """Ask senders for numbers that did not come; tell the authority when they stay away."""
    plans = [
        Plan(
            id=ground.new_id(),
            recipient=source,
            type="sys.resend.v1",
            records=[{"first": first, "last": last} for first, last in ranges],
        )
        for (_, source), ranges in sequences.ask(conn, now, GAP_ASK).items()
        if source in ground.trust.members
    ]
    for source in {gap.source for gap in sequences.gaps_older(conn, now - GAP_ALERT)}:
        cause, params = f"{GAP}:{source}", {"member": source}
        effects.tell_authority(GAP, cause, "alert.sequence_gap", params)
    return compose(conn, ground, plans, now).outbound
