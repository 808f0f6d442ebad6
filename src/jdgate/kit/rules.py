"""What a rule must hold to, tried on facts made from the schemas of the types it reads."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

from jdgate.core.effects import Alert, Draft, Expect, Role
from jdgate.core.projection import project
from jdgate.core.rules import Emitted, Fact, Rule, decode_states, encode_state, run, run_due
from jdgate.core.schema import check_record
from jdgate.kit.bench import Bench, Broken, NotApplicable
from jdgate.kit.records import NOW, Maker
from jdgate.plugins.conformance import Replay, assert_order_free, assert_steps_are_pure
from jdgate.texts import LANGUAGES, all_texts, say

ROUNDS = 24
FACTS = 14
MANY = 3_000
MOST_STATE = 256 * 1024
"""Bytes one state may have after `MANY` facts of one key: states are read and written whole."""
REGION = "511623000000"


def facts(rule: Rule, bench: Bench, seed: int, count: int, *, extreme: bool = False) -> list[Fact]:
    """Facts of the rule's types, from few senders about few people.

    Made once for all rules that read the same types: making them costs more than most checks.
    That no rule changes what it reads is a check of its own (`rule.pure`).
    """
    types = tuple(sorted(rule.types))
    known = bench.made.get((types, seed, count, extreme))
    if known is None:
        known = bench.made[types, seed, count, extreme] = _make(types, bench, seed, count, extreme)
    return list(known)


def _make(types: tuple[str, ...], bench: Bench, seed: int, count: int, extreme: bool) -> list[Fact]:
    maker = Maker(bench.catalogue, seed, people=2)
    chance = random.Random(seed)  # noqa: S311
    made: list[Fact] = []
    for index in range(count):
        type = chance.choice(types)
        sheet = bench.catalogue.sheet(type)
        who = chance.randrange(2)
        role = sheet.senders[0] if sheet.senders[0] != "*" else "NCO"
        source = f"{role.lower()}-0{1 if chance.random() < 0.8 else 2}"
        subject = bytes([who]) * 16 if sheet.personal else None
        record = _record(maker, bench, type, who, extreme)
        made.append(Fact(type, source, subject, record, f"m{seed}-{index}", 0, REGION))
    return made


def _record(maker: Maker, bench: Bench, type: str, who: int, extreme: bool) -> dict[str, Any]:
    own = getattr(bench.trial, "record", None)
    if own is not None and not extreme and (made := own(type, who)) is not None:
        return dict(made)
    return maker.record(type, person=who, extreme=extreme)


def histories(rule: Rule, bench: Bench) -> Iterator[list[Fact]]:
    """Lists of facts: what the plugin's trial says happens, then what the kit makes."""
    own = getattr(bench.trial, "facts", None)
    if own is not None:
        yield from (list(one) for one in own(rule.name))
    for seed in range(ROUNDS):
        yield facts(rule, bench, seed, FACTS if seed % 4 else 4 * FACTS)


def pure(rule: Rule, bench: Bench) -> None:
    """`step` changes no state and no fact it was given; states survive the books."""
    for history in histories(rule, bench):
        before = msgspec.json.encode(history)
        assert_steps_are_pure(rule, history, NOW)
        if msgspec.json.encode(history) != before:
            raise Broken("step changed the record it was given")


def order(rule: Rule, bench: Bench) -> None:
    """Any order, any batches: equal states, the same things standing."""
    for history in histories(rule, bench):
        assert_order_free(rule, history, NOW, orders=6)


def repeat(rule: Rule, bench: Bench) -> None:
    """The same facts once more change nothing and say nothing new."""
    for history in histories(rule, bench):
        replay = Replay(rule)
        replay.batch(history, NOW)
        states, stand = replay.end()
        replay.batch(history, NOW)
        again = replay.end()
        if again != (states, stand):
            key = next((k for k in states if again[0].get(k) != states[k]), "—")
            raise Broken(f"the same facts again: other state or effects (key {key})")


def effects(rule: Rule, bench: Bench) -> None:
    """Every effect is well-formed, has an agreement, a text and the parameters of that text."""
    seen = 0
    for history in histories(rule, bench):
        replay = Replay(rule)
        for emitted in replay.batch(history, NOW).effects:
            seen += _effect(rule, emitted, bench)
        states = decode_states(rule, replay.blobs)
        for (key, name), effect in list(replay.standing.items()):
            if isinstance(effect, Expect) and key in states:
                outcome = run_due(rule, key, states[key], name, effect.due)
                if outcome.failures:
                    raise Broken(f"due broke: {outcome.failures[0].error}")
                for emitted in outcome.effects:
                    seen += _effect(rule, emitted, bench)
    if not seen:
        raise NotApplicable("no_effect")


def _effect(rule: Rule, emitted: Emitted, bench: Bench) -> int:
    match emitted.effect:
        case Alert() as alert:
            _alert(rule, alert, bench)
        case Draft() as draft:
            if draft.type not in bench.catalogue.sheets:
                raise Broken(f"a draft of {draft.type}, which no catalogue has")
            _said(draft.reason_code, draft.params)
            for name in draft.checks:
                _said(f"check.{name}", {})
        case _:
            return 0
    return 1


def _alert(rule: Rule, alert: Alert, bench: Bench) -> None:
    sheet = bench.catalogue.sheets.get(alert.type)
    if sheet is None:
        raise Broken(f"an alert of type {alert.type}, which no catalogue has")
    if not sheet.may_send(("GW",)):
        raise Broken(f"{alert.type} may not be sent by the gateway: its sheet lacks the sender GW")
    role = alert.to.role if isinstance(alert.to, Role) else alert.to.partition("-")[0].upper()
    fields = sheet.fields_for(role)
    if not fields:
        raise Broken(f"the sheet of {alert.type} has no route to {role}")
    record = {
        "alert_id": "a",
        "rule": alert.rule_id,
        "title_code": alert.title_code,
        "params": alert.params,
        "raised_at": "2026-05-20T02:00:00.000Z",
        **alert.data,
    }
    faults = check_record(bench.catalogue.validator(alert.type), sheet, project(record, fields))
    if faults:
        raise Broken(f"an alert's record does not fit {alert.type}: {faults[0].code} at "
                     f"{faults[0].path}")  # fmt: skip
    _said(alert.title_code, alert.params)
    explained = getattr(rule, "explains", {}).get(alert.rule_id)
    if explained is not None:
        _said(explained, {})
    for outcome in getattr(rule, "outcomes", {}).get(alert.rule_id, {}).values():
        _said(outcome, {})


def _said(code: str, params: dict[str, Any]) -> None:
    if code not in all_texts():
        raise Broken(f"{code} has no text")
    for lang in LANGUAGES:
        text = say(code, lang, **params)
        if "{" in text:
            raise Broken(f"the {lang} text of {code} has a placeholder that is not given")


def clock(rule: Rule, bench: Bench) -> None:
    """A clock that jumps a year ahead and back breaks nothing, in `step` and in `due`."""
    moments = [NOW, NOW + timedelta(days=366), NOW - timedelta(days=366), NOW]
    for history in histories(rule, bench):
        replay = Replay(rule)
        for at, fact in enumerate(history):
            replay.batch([fact], moments[at % len(moments)])
        _all_due(rule, replay, moments)
        replay.batch(history, NOW)
        replay.end()


def _all_due(rule: Rule, replay: Replay, moments: list[datetime]) -> None:
    """Every expectation comes due, early, late and twice; the second time says nothing else."""
    states = decode_states(rule, replay.blobs)
    for (key, name), effect in list(replay.standing.items()):
        if not isinstance(effect, Expect) or key not in states:
            continue
        for now in (effect.due, *moments):
            before = encode_state(rule, states[key])
            first = run_due(rule, key, states[key], name, now)
            second = run_due(rule, key, states[key], name, now)
            if first.failures or second.failures:
                raise Broken(f"due broke: {(first.failures or second.failures)[0].error}")
            if encode_state(rule, states[key]) != before:
                raise Broken("due changed the state it was given")
            if first != second:
                raise Broken("due says something else the second time, for the same state")


def extreme(rule: Rule, bench: Bench) -> None:
    """Records at the edge of what their schema allows: longest, earliest, strangest."""
    for seed in range(ROUNDS):
        made = facts(rule, bench, 1000 + seed, FACTS, extreme=True)
        outcome = run(rule, {}, made, NOW)
        if outcome.failures:
            raise Broken(f"it broke on a good record: {outcome.failures[0].error}")
    if (made := facts(rule, bench, 7, 1)) and rule.types:
        stranger = made[0].__class__("no.such.v1", "x", None, {}, "m", 0, None)
        if run(rule, {}, [stranger], NOW).failures:
            raise Broken("it broke on a type it does not read")


def many(rule: Rule, bench: Bench) -> None:
    """A state stays small after thousands of facts about one key."""
    made = [facts(rule, bench, 50 + part, MANY // 10) for part in range(10)]
    replay = Replay(rule)
    for part in made:
        replay.batch(part, NOW)
    largest = max((len(blob) for blob in replay.blobs.values()), default=0)
    if largest > MOST_STATE:
        raise Broken(f"a state has {largest} bytes after {MANY} facts, {MOST_STATE} at most")


RULES = {
    "rule.pure": pure,
    "rule.order": order,
    "rule.repeat": repeat,
    "rule.effects": effects,
    "rule.clock": clock,
    "rule.extreme": extreme,
    "rule.many": many,
}
