"""Rules: pure reducers that turn facts into alerts, drafts and expectations.

A rule groups facts under a key (one patient, one clinic), keeps a small state per key, and
says what follows. It reads event time out of the facts, never the order they arrived in:

- The same facts, shuffled or repeated, leave an equal state. Merge with max and union.
- `step` returns a new state or the very same object; it never changes the one it was given.
- A state is self-contained: `due` gets the state and a name, nothing else.
- Effects follow `jdgate.core.effects`: an id each, one kind per id, one desk per alert.

The easy way to be order-free is to compute what *stands* from the state alone, and let
`changes` say what to raise and what to settle:

    def step(self, state, fact, now):
        new = merge(state, fact)
        return new, changes(self.standing(state), self.standing(new))

One batch goes through a rule like this:

    wanted = keys(rule, facts)                                    # load these from the books
    states = decode_states(rule, blobs)
    outcome = run(rule, states, facts, now)
    save(encode_states(rule, outcome.states))
    for emitted in outcome.effects: ...                           # folded: one per id
    for failure in outcome.failures: ...                          # kept for a retry
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from jdgate.core.effects import (
    Alert,
    Draft,
    Effect,
    Expect,
    Role,
    Settle,
    Standing,
    changes,
    check,
    effect_id,
)
from jdgate.errors import JdgateError, Misuse, Refused

__all__ = [
    "Alert",
    "Draft",
    "Effect",
    "Emitted",
    "Expect",
    "Fact",
    "Failure",
    "Outcome",
    "Role",
    "Rule",
    "Settle",
    "Standing",
    "changes",
    "check",
    "decode_state",
    "decode_states",
    "effect_id",
    "encode_state",
    "encode_states",
    "fold",
    "keys",
    "place_of",
    "run",
    "run_due",
]


class Fact(Struct, frozen=True, gc=False):
    """One accepted record, as a rule sees it.

    `subject` is the 16-byte keyed pseudonym of the person concerned, `index` the record's
    place in its message, `region` the division code of the message.
    """

    type: str
    source: str
    subject: bytes | None
    data: dict[str, Any]
    message_id: str
    index: int
    region: str | None = None


class Rule(Protocol):
    """What a plugin returns from `jdgate_rules`.

    A rule whose `version` was raised may have `upgrade(version: int, raw: object) -> State`,
    which gets the decoded state of the older version. It may have `explains`, a mapping from
    the rule ids of its alerts and drafts to the texts that give their legal basis, and
    `outcomes`, a mapping from the rule ids of its alerts to what may have come of one
    ({code: text code}, see `jdgate.core.outcomes`), and `tally(state, period)`, which gives the
    weekly and monthly digests numbers by unit (`jdgate.core.digests.Tally`), and
    `points(state)`, which gives charts figures of single things (`jdgate.core.digests.Point`), and
    `totals(state, period)`, which gives a month's figures to a type that the gateway sends
    (`jdgate.core.digests.Total`), and `refuses(type, source, record)`, which says why a record
    that fits its schema can't be right in this county (a `Fault`; None when it can), by the
    county's settings alone. Such a record is refused and reaches no rule.
    """

    @property
    def name(self) -> str:
        """Unique in the county: `<plugin>.<rule>`."""

    @property
    def version(self) -> int:
        """Of the state's shape, 1–65535. Raise it when old states no longer decode."""

    @property
    def types(self) -> frozenset[str]:
        """The message types it reads."""

    @property
    def state(self) -> type[Struct]:
        """Constructible without arguments; survives msgspec encoding."""

    def key(self, fact: Fact) -> str | None:
        """What this fact belongs to; None when it is of no concern."""

    def step(self, state: Any, fact: Fact, now: datetime) -> tuple[Any, Sequence[Effect]]:
        """The state with the fact merged in, and what follows from that."""

    def due(self, state: Any, name: str, now: datetime) -> tuple[Any, Sequence[Effect]]:
        """The expectation `name` has come due unsettled."""


class Emitted(Struct, frozen=True):
    """An effect with where it came from. `fact` is None when a due time brought it about."""

    rule: str
    key: str
    effect: Effect
    fact: Fact | None


class Failure(Struct, frozen=True):
    """A rule broke on these facts of one key: the key's state and effects are as before.

    `error` is the exception's class and place, never its message (it may quote a record).
    """

    rule: str
    key: str | None
    facts: tuple[Fact, ...]
    error: str


class Outcome(Struct, frozen=True):
    """What a run changed. `states` holds only the keys whose state was replaced."""

    states: dict[str, Any]
    effects: tuple[Emitted, ...] = ()
    failures: tuple[Failure, ...] = ()


def keys(rule: Rule, facts: Iterable[Fact]) -> list[str]:
    """The keys whose states `run` will want, in order of first appearance, each once.

    A fact that breaks `rule.key` is left out here and reported by `run`.
    """
    found: dict[str, None] = {}
    types = rule.types
    for fact in facts:
        if fact.type in types:
            try:
                key = rule.key(fact)
            except Exception:  # noqa: S112 - `run` meets the same fact and reports it
                continue
            if key is not None:
                found[key] = None
    return list(found)


def run(rule: Rule, states: Mapping[str, Any], facts: Sequence[Fact], now: datetime) -> Outcome:
    """Put facts through a rule. Never raises for what the rule does wrong.

    A key the rule broke on is reported whole in `failures`; the other keys go on. Facts of
    types the rule does not read are passed over.
    """
    types, key_of, step = rule.types, rule.key, rule.step
    current: dict[str, Any] = {}
    emitted: dict[str, list[Emitted]] = {}
    broken: dict[str, str] = {}
    unkeyed: list[Failure] = []
    for fact in facts:
        if fact.type not in types:
            continue
        try:
            key = key_of(fact)
        except Exception as error:
            unkeyed.append(Failure(rule.name, None, (fact,), place_of(error)))
            continue
        if key is None or (broken and key in broken):
            continue
        try:
            state = current.get(key)
            if state is None:
                state = states.get(key)
                if state is None:
                    state = rule.state()
            current[key], effects = step(state, fact, now)
            if effects:
                said = emitted.setdefault(key, [])
                for effect in effects:
                    check(rule.name, effect)
                    said.append(Emitted(rule.name, key, effect, fact))
        except Exception as error:
            broken[key] = place_of(error)
    last: list[Emitted] = []
    for key, said in emitted.items():
        if key not in broken:
            try:
                last.extend(fold(said))
            except Misuse as error:
                broken[key] = place_of(error)
    known = states.get
    changed = {key: state for key, state in current.items() if state is not known(key)}
    for key in broken:
        changed.pop(key, None)
    failures = [*unkeyed, *_failures(rule, broken, facts)] if broken else unkeyed
    return Outcome(changed, tuple(last), tuple(failures))


def _failures(rule: Rule, broken: Mapping[str, str], facts: Sequence[Fact]) -> list[Failure]:
    """All facts of the broken keys, also those that went well before it broke."""
    involved: dict[str, list[Fact]] = {key: [] for key in broken}
    for fact in facts:
        if fact.type in rule.types:
            try:
                key = rule.key(fact)
            except Exception:  # noqa: S112 - reported already, as a fact without a key
                continue
            if key in involved:
                involved[key].append(fact)
    return [Failure(rule.name, key, tuple(involved[key]), broken[key]) for key in broken]


def run_due(rule: Rule, key: str, state: Any, name: str, now: datetime) -> Outcome:
    """Tell a rule that the expectation `name` of `key` came due. Never raises, like `run`."""
    try:
        new, effects = rule.due(state, name, now)
        for effect in effects:
            check(rule.name, effect)
        said = fold([Emitted(rule.name, key, effect, None) for effect in effects])
    except Exception as error:
        return Outcome({}, (), (Failure(rule.name, key, (), place_of(error)),))
    changed = {} if new is state else {key: new}
    return Outcome(changed, tuple(said))


def fold(emitted: Sequence[Emitted]) -> list[Emitted]:
    """The last word per id of one rule and key, in the order of those last words.

    An alert raised and settled within one batch tells nobody anything, and one settled and
    raised again never went away. A lone `Settle` stays: what it ends may be older.

    Raises:
        Misuse: `rule.id_reused` when two kinds of effect share an id.
    """
    if len(emitted) < 2:
        return list(emitted)
    last: dict[str, Emitted] = {}
    kinds: dict[str, type[Struct]] = {}
    for one in emitted:
        name = effect_id(one.effect)
        kind = type(one.effect)
        if kind is not Settle and kinds.setdefault(name, kind) is not kind:
            raise Misuse("rule.id_reused", rule=one.rule, id=name)
        last.pop(name, None)
        last[name] = one
    return list(last.values())


_encode = msgspec.msgpack.Encoder().encode


@lru_cache(maxsize=256)
def _decoder(state: type[Struct]) -> Callable[[memoryview], Any]:
    return msgspec.msgpack.Decoder(state).decode


def encode_states(rule: Rule, states: Mapping[str, Any]) -> dict[str, bytes]:
    """States for the books: two bytes of version, then MessagePack."""
    version = rule.version.to_bytes(2, "big")
    return {key: version + _encode(state) for key, state in states.items()}


def decode_states(rule: Rule, blobs: Mapping[str, bytes]) -> dict[str, Any]:
    """States from the books.

    Raises:
        Refused: `rule.state_newer` when a newer version of the rule wrote one,
            `rule.state_older` when an older one did and the rule has no `upgrade`.
        Misuse: `rule.state_unreadable` when one does not decode.
    """
    decode, version = _decoder(rule.state), rule.version.to_bytes(2, "big")
    try:
        return {
            key: decode(memoryview(blob)[2:]) if blob[:2] == version else _upgraded(rule, blob)
            for key, blob in blobs.items()
        }
    except msgspec.DecodeError as error:
        raise Misuse("rule.state_unreadable", rule=rule.name) from error


def encode_state(rule: Rule, state: Any) -> bytes:
    """One state for the books, as `encode_states` writes it."""
    return encode_states(rule, {"": state})[""]


def decode_state(rule: Rule, blob: bytes) -> Any:
    """One state from the books. Raises as `decode_states` does."""
    return decode_states(rule, {"": blob})[""]


def _upgraded(rule: Rule, blob: bytes) -> Any:
    version = int.from_bytes(blob[:2], "big")
    if version > rule.version:
        raise Refused("rule.state_newer", rule=rule.name, got=version, known=rule.version)
    upgrade = getattr(rule, "upgrade", None)
    if upgrade is None:
        raise Refused("rule.state_older", rule=rule.name, got=version, known=rule.version)
    return upgrade(version, msgspec.msgpack.decode(blob[2:]))


def place_of(error: BaseException) -> str:
    """Class and place of an exception (`KeyError in jdgate_clinic.rules:120`), no message."""
    if isinstance(error, JdgateError):
        name = f"{type(error).__name__} {error.code}"
        field = error.params.get("field")
        return f"{name} ({field})" if field else name
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    module = trace.tb_frame.f_globals.get("__name__", "?")
    return f"{type(error).__name__} in {module}:{trace.tb_lineno}"
