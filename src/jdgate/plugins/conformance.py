"""What every rule must hold to, as assertions for a plugin's tests.

- The same facts, in any order, in any split into batches, once or repeatedly, leave equal
  states, and the same alerts, drafts and expectations standing.
- A state survives the books: encoded and decoded it is equal.
- `step` does not change the state it was given.
- The rule does not break, and its effects are well-formed.

A failure is an `AssertionError` with the reason in words. Orders come from a fixed seed, so a
failure comes again; with Hypothesis, draw the facts and let it shrink them:

    @given(st.lists(facts(), max_size=12))
    def test_any_order(facts):
        assert_order_free(AbsenceRule(), facts, NOW)

`Replay` lets facts come and time pass, to fire a rule at its threshold and not a moment before:

    replay.until(due - timedelta(seconds=1))        # []
    replay.until(due)                               # [Alert(…)]
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from jdgate.core.rules import (
    Alert,
    Draft,
    Effect,
    Expect,
    Fact,
    Outcome,
    Rule,
    Settle,
    decode_state,
    decode_states,
    effect_id,
    encode_state,
    encode_states,
    keys,
    run,
    run_due,
)
from jdgate.errors import Refused
from jdgate.texts import say

Stand = dict[tuple[str, str], tuple[str, str]]
"""(key, cause or name) → what stands there: its kind, and when it is due if it expects."""


class Replay:
    """Runs facts through a rule as the gateway would, with the books in a dictionary."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.blobs: dict[str, bytes] = {}
        self.standing: dict[tuple[str, str], Effect] = {}

    def batch(self, facts: Iterable[Fact], now: datetime) -> Outcome:
        """One batch: states out of the books, through the rule, back into the books."""
        given = list(facts)
        # as the gateway does: the states of the keys that this batch is about, and no others
        wanted = {key: self.blobs[key] for key in keys(self.rule, given) if key in self.blobs}
        states = decode_states(self.rule, wanted)
        outcome = run(self.rule, states, given, now)
        self._carry_out(outcome)
        return outcome

    def until(self, now: datetime) -> list[Alert | Draft]:
        """Let time pass up to `now`, as the gateway's clock does.

        Whatever comes due is called at its moment, the first first. Returns what the rule told and
        proposed meanwhile.
        """
        said: list[Alert | Draft] = []
        while waiting := [
            (one.due, slot)
            for slot, one in self.standing.items()
            if isinstance(one, Expect) and one.due <= now
        ]:
            due, slot = min(waiting)
            del self.standing[slot]
            key, name = slot
            state = decode_states(self.rule, {key: self.blobs[key]})[key]
            outcome = run_due(self.rule, key, state, name, due)
            self._carry_out(outcome)
            effects = [emitted.effect for emitted in outcome.effects]
            said += [one for one in effects if isinstance(one, Alert | Draft)]
        return said

    def _carry_out(self, outcome: Outcome) -> None:
        for failure in outcome.failures:
            raise AssertionError(say("rule.broke", "en", rule=failure.rule, error=failure.error))
        self.blobs.update(encode_states(self.rule, outcome.states))
        for emitted in outcome.effects:
            slot = (emitted.key, effect_id(emitted.effect))
            if isinstance(emitted.effect, Settle):
                self.standing.pop(slot, None)
            else:
                self.standing[slot] = emitted.effect

    def end(self) -> tuple[dict[str, Any], Stand]:
        """The states and what stands, in a form that can be compared."""
        states = decode_states(self.rule, self.blobs)
        stand = {
            slot: (
                type(effect).__name__,
                effect.due.isoformat() if isinstance(effect, Expect) else "",
            )
            for slot, effect in self.standing.items()
        }
        return states, stand


def assert_order_free(
    rule: Rule, facts: Sequence[Fact], now: datetime, *, orders: int = 12, seed: int = 0
) -> None:
    """Order, repetition and batching of `facts` make no difference to `rule`.

    Raises:
        AssertionError: with the key and what differs, or how the rule broke.
    """
    assert_steps_are_pure(rule, facts, now)
    first = Replay(rule)
    first.batch(facts, now)
    states, stand = first.end()
    for batches in _arrangements(list(facts), orders, random.Random(seed)):  # noqa: S311
        other = Replay(rule)
        for batch in batches:
            other.batch(batch, now)
        got_states, got_stand = other.end()
        for key in sorted({*states, *got_states}):
            if states.get(key) != got_states.get(key):
                _differs(rule, key, f"state {got_states.get(key)}, expected {states.get(key)}")
        for key, name in sorted({*stand, *got_stand}):
            got, expected = got_stand.get((key, name)), stand.get((key, name))
            if got != expected:
                _differs(rule, key, f"“{name}” stands as {got}, expected {expected}")


def assert_steps_are_pure(rule: Rule, facts: Sequence[Fact], now: datetime) -> None:
    """No step changes the state it was given, and states survive encoding.

    Raises:
        AssertionError: with what went wrong.
    """
    states: dict[str, Any] = {}
    for fact in facts:
        key = rule.key(fact) if fact.type in rule.types else None
        if key is None:
            continue
        state = states.get(key, rule.state())
        before = encode_state(rule, state)
        new, _ = rule.step(state, fact, now)
        if encode_state(rule, state) != before:
            raise AssertionError(say("rule.state_changed_in_place", "en", rule=rule.name))
        try:
            same = decode_state(rule, encode_state(rule, new)) == new
        except Refused as error:
            raise AssertionError(str(error)) from error
        if not same:
            _differs(rule, key, "a state is another after encoding and decoding")
        states[key] = new


def _differs(rule: Rule, key: str, what: str) -> None:
    raise AssertionError(say("rule.order_matters", "en", rule=rule.name, key=key, what=what))


def _arrangements(
    facts: list[Fact], orders: int, chance: random.Random
) -> Iterator[list[list[Fact]]]:
    """Ways in which the same facts may arrive, each as a list of batches."""
    yield [[fact] for fact in facts]
    yield [facts[::-1]]
    yield [[fact] for fact in reversed(facts)]
    yield [facts, facts]
    yield [[fact, fact] for fact in facts]
    for _ in range(orders):
        shuffled = facts + chance.choices(facts, k=len(facts) // 2) if facts else []
        chance.shuffle(shuffled)
        batches: list[list[Fact]] = []
        while shuffled:
            size = chance.randint(1, len(shuffled))
            batches.append(shuffled[:size])
            shuffled = shuffled[size:]
        yield batches
