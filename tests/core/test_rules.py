"""Running rules: keys, folding, isolation of a broken key, states in the books."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import Struct

from jdgate.core.rules import (
    Alert,
    Draft,
    Effect,
    Expect,
    Fact,
    Role,
    Settle,
    changes,
    check,
    decode_state,
    encode_state,
    keys,
    run,
    run_due,
)
from jdgate.errors import Misuse, Refused
from jdgate.plugins.conformance import assert_order_free, assert_steps_are_pure

NOW = datetime(2026, 11, 21, tzinfo=UTC)


class Tally(Struct, frozen=True):
    highest: int = 0


class Highest:
    """Alerts while the highest value seen is above 10 and not yet 100."""

    name = "kit.highest"
    version = 3
    types = frozenset({"kit.value.v1"})
    state = Tally

    def key(self, fact: Fact) -> str | None:
        return fact.data["of"] or None

    def step(self, state: Any, fact: Fact, now: datetime) -> tuple[Any, Sequence[Effect]]:
        value = fact.data["value"]
        if value == 13:
            raise ValueError("the record says 张三")
        new = Tally(max(state.highest, value))
        if new == state:
            return state, []
        return new, changes(self.standing(state), self.standing(new))

    def standing(self, state: Any) -> list[Any]:
        return [alert()] if 10 < state.highest < 100 else []

    def due(self, state: Any, name: str, now: datetime) -> tuple[Any, Sequence[Effect]]:
        if name == "break":
            raise KeyError(name)
        return Tally(0), [Settle("high")]


class LastWins(Highest):
    """Depends on the order: what no rule may do."""

    def step(self, state: Any, fact: Fact, now: datetime) -> tuple[Any, Sequence[Effect]]:
        return Tally(fact.data["value"]), []


class Changed(Struct):
    seen: list[int] = []


class InPlace(Highest):
    """Changes the state it was given: what no rule may do."""

    state = Changed  # type: ignore[assignment]

    def step(self, state: Any, fact: Fact, now: datetime) -> tuple[Any, Sequence[Effect]]:
        state.seen.append(fact.data["value"])
        return state, []


def alert(**other: Any) -> Alert:
    given: dict[str, Any] = {
        "cause": "high",
        "rule_id": "T1",
        "type": "kit.alert.v1",
        "to": "nco",
        "data": {},
        "title_code": "kit.high",
    }
    return Alert(**{**given, **other})


def draft(**other: Any) -> Draft:
    given: dict[str, Any] = {
        "cause": "d",
        "to": "nco",
        "type": "kit.note.v1",
        "prefill": {},
        "reason_code": "kit.why",
    }
    return Draft(**{**given, **other})


def value(number: int, of: str = "a", type: str = "kit.value.v1") -> Fact:
    return Fact(type, "src", None, {"of": of, "value": number}, "m", number)


def said(facts: list[Fact], states: dict[str, Any] | None = None) -> list[Effect]:
    return [one.effect for one in run(Highest(), states or {}, facts, NOW).effects]


def test_facts_are_grouped_by_key_and_other_types_passed_over() -> None:
    facts = [value(1), value(2, "b"), value(5), value(9, ""), value(9, "c", "kit.other.v1")]
    assert keys(Highest(), facts) == ["a", "b"]
    assert run(Highest(), {}, facts, NOW).states == {"a": Tally(5), "b": Tally(2)}


def test_only_states_that_changed_are_given_back() -> None:
    states = {"a": Tally(5), "b": Tally(5)}
    assert run(Highest(), states, [value(4), value(6, "b")], NOW).states == {"b": Tally(6)}


def test_an_effect_says_where_it_came_from() -> None:
    (emitted,) = run(Highest(), {}, [value(1), value(11)], NOW).effects
    assert (emitted.rule, emitted.key, emitted.fact) == ("kit.highest", "a", value(11))


def test_raised_and_settled_in_one_batch_leaves_only_the_settlement() -> None:
    assert said([value(11), value(100)]) == [Settle("high")]


def test_nothing_is_said_twice_about_what_already_stands() -> None:
    assert said([value(12)], {"a": Tally(11)}) == []


def test_settled_and_raised_again_in_one_batch_never_went_away() -> None:
    class Blink(Highest):
        def step(self, state: Any, fact: Fact, now: datetime) -> tuple[Any, Sequence[Effect]]:
            return state, [Settle("high"), alert()]

    outcome = run(Blink(), {}, [value(1)], NOW)
    assert [one.effect for one in outcome.effects] == [alert()]


def test_what_stands_with_other_content_is_given_again() -> None:
    assert changes([alert()], [alert(data={"n": 2})]) == [alert(data={"n": 2})]
    assert changes([alert(), draft()], [draft()]) == [Settle("high")]


def test_a_broken_key_is_set_aside_whole_and_the_others_go_on() -> None:
    facts = [value(11), value(13), value(50), value(12, "b")]
    outcome = run(Highest(), {}, facts, NOW)
    assert outcome.states == {"b": Tally(12)}
    assert [one.key for one in outcome.effects] == ["b"]
    (failure,) = outcome.failures
    assert (failure.key, failure.facts) == ("a", tuple(facts[:3]))
    assert failure.error.startswith("ValueError in ") and "张三" not in failure.error


def test_a_fact_whose_key_can_not_be_told_is_set_aside() -> None:
    lost = Fact("kit.value.v1", "src", None, {}, "m", 0)
    outcome = run(Highest(), {}, [lost, value(2)], NOW)
    assert outcome.states == {"a": Tally(2)}
    assert [(one.key, one.facts) for one in outcome.failures] == [(None, (lost,))]
    assert keys(Highest(), [lost, value(2)]) == ["a"]


def test_one_id_for_two_kinds_breaks_the_key() -> None:
    class Both(Highest):
        def step(self, state: Any, fact: Fact, now: datetime) -> tuple[Any, Sequence[Effect]]:
            return Tally(1), [alert(), draft(cause="high")]

    outcome = run(Both(), {}, [value(1)], NOW)
    assert (outcome.states, outcome.effects) == ({}, ())
    assert "rule.id_reused" in outcome.failures[0].error


def test_a_due_time_reaches_the_rule() -> None:
    outcome = run_due(Highest(), "a", Tally(11), "quiet", NOW)
    assert outcome.states == {"a": Tally(0)}
    assert [(one.effect, one.fact) for one in outcome.effects] == [(Settle("high"), None)]


def test_a_rule_that_breaks_when_due_changes_nothing() -> None:
    outcome = run_due(Highest(), "a", Tally(11), "break", NOW)
    assert (outcome.states, outcome.effects) == ({}, ())
    assert outcome.failures[0].error.startswith("KeyError")


@pytest.mark.parametrize(
    ("effect", "field"),
    [
        (alert(cause=""), "cause"),
        (alert(cause="x" * 161), "cause"),
        (alert(rule_id=""), "rule_id"),
        (alert(type="kit.alert"), "type"),
        (alert(to="NCO"), "to"),
        (alert(to=Role("")), "to"),
        (alert(data=[]), "data"),
        (alert(title_code="high"), "title_code"),
        (alert(params={"a": {}}), "params"),
        (alert(params={"A": 1}), "params"),
        (alert(params={"a": "x" * 257}), "params"),
        (alert(urgent=1), "urgent"),
        (draft(cause="a\nb"), "cause"),
        (draft(to=Role("")), "to"),
        (draft(type=""), "type"),
        (draft(prefill={"a": []}), "prefill"),
        (draft(reason_code=""), "reason_code"),
        (draft(checks=["a"]), "checks"),
        (Expect("", NOW), "name"),
        (Expect("x", NOW.replace(tzinfo=None)), "due"),
        (Settle(""), "cause"),
        ("alert", "kind"),
    ],
)
def test_a_malformed_effect_is_refused_by_its_field(effect: object, field: str) -> None:
    with pytest.raises(Misuse) as misuse:
        check("kit.highest", effect)
    assert misuse.value.code == "rule.effect_malformed"
    assert misuse.value.params["field"] == field


@pytest.mark.parametrize(
    "effect",
    [
        alert(),
        alert(to=Role("NCO")),
        draft(checks=("a",)),
        draft(to=Role("COM")),
        Expect("x", NOW),
        Settle("x"),
    ],
)
def test_well_formed_effects_pass(effect: Effect) -> None:
    check("kit.highest", effect)


def test_a_state_survives_the_books() -> None:
    blob = encode_state(Highest(), Tally(7))
    assert blob[:2] == b"\x00\x03"
    assert decode_state(Highest(), blob) == Tally(7)


def test_a_state_of_another_version_is_refused_unless_the_rule_upgrades_it() -> None:
    class Newer(Highest):
        version = 4

    class Upgrading(Newer):
        def upgrade(self, version: int, raw: Any) -> Tally:
            return Tally(raw["highest"] * 10 + version)

    old = encode_state(Highest(), Tally(7))
    with pytest.raises(Refused) as refused:
        decode_state(Newer(), old)
    assert refused.value.code == "rule.state_older"
    with pytest.raises(Refused) as refused:
        decode_state(Highest(), encode_state(Newer(), Tally(7)))
    assert refused.value.code == "rule.state_newer"
    assert decode_state(Upgrading(), old) == Tally(73)


@pytest.mark.parametrize("cut", range(2, 8))
def test_a_state_that_does_not_decode_is_a_bug_not_a_default(cut: int) -> None:
    with pytest.raises(Misuse) as misuse:
        decode_state(Highest(), encode_state(Highest(), Tally(7))[:cut])
    assert misuse.value.code == "rule.state_unreadable"


def test_the_kit_passes_a_rule_that_does_not_mind_the_order() -> None:
    assert_order_free(Highest(), [value(5), value(11), value(7), value(20, "b")], NOW)


def test_the_kit_catches_a_rule_that_minds_the_order() -> None:
    with pytest.raises(AssertionError, match="shuffled"):
        assert_order_free(LastWins(), [value(1), value(2)], NOW)


def test_the_kit_catches_a_state_changed_in_place() -> None:
    with pytest.raises(AssertionError, match="must return a new one"):
        assert_steps_are_pure(InPlace(), [value(1)], NOW)


def test_the_kit_tells_when_a_rule_breaks() -> None:
    with pytest.raises((AssertionError, ValueError)):
        assert_order_free(Highest(), [value(13)], NOW)


def test_the_kit_catches_alerts_that_depend_on_the_order() -> None:
    class FirstOnly(Highest):
        def step(self, state: Any, fact: Fact, now: datetime) -> tuple[Any, Sequence[Effect]]:
            new = Tally(max(state.highest, fact.data["value"]))
            first = state.highest == 0 and fact.data["value"] > 10
            return new, [alert()] if first else []

    with pytest.raises(AssertionError, match="stands as"):
        assert_order_free(FirstOnly(), [value(1), value(11)], NOW)
