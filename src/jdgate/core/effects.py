"""What a rule may say: alerts, drafts, expectations, and their settlement.

- An effect has an id (a cause or a name), unique within its rule and used for one kind only.
- One alert goes to one desk. Two desks are two alerts with two causes.
- Parameters and data that a text shows hold no more than the receiving desk may see.

`changes` compares what stood with what stands; `check` refuses a malformed effect:

    effects = changes(before=[], after=[Alert(cause="late:cln-01", ...)])
    for effect in effects: check("clinic.daily_report", effect)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeAlias

from msgspec import Struct

from jdgate.errors import Misuse


class Role(Struct, frozen=True):
    """A desk found by role and region; without a region, wherever the role is in the county."""

    role: str
    region: str | None = None


class Alert(Struct, frozen=True):
    """Tell one desk that something needs doing. Repeats of a cause are folded into one.

    `to` is a member id or a `Role`; `rule_id` the short name people use ("M1"); `type` and
    `data` make the record that is sent; `title_code` with `params` is what a person reads.
    An urgent alert ignores quiet hours.
    """

    cause: str
    rule_id: str
    type: str
    to: str | Role
    data: dict[str, Any]
    title_code: str
    params: dict[str, Any] = {}
    urgent: bool = False


class Draft(Struct, frozen=True):
    """Propose a message that a named person at `to` must approve. It never leaves by itself.

    `to` is a member id or a `Role`: of several such desks the first by id owns the draft.
    `prefill` is what the owner's edge needs to complete the record; `checks` are the
    questions the approver must have answered; the text of one is `check.<name>`.
    """

    cause: str
    to: str | Role
    type: str
    prefill: dict[str, Any]
    reason_code: str
    params: dict[str, Any] = {}
    checks: tuple[str, ...] = ()


class Expect(Struct, frozen=True):
    """Call `due` for this key when `due` has come. Arming the same name again moves it.

    When it waits for a message, `awaits` is its type and `of` who should send it (a member, or a
    role, which is looked for in `region`): then a deadline that passes is written down in the
    ledger as a signed statement that the message had not come, and a message of that type which
    settles or moves it, as arrived.
    """

    name: str
    due: datetime
    awaits: str = ""
    of: str = ""
    region: str = ""


class Settle(Struct, frozen=True):
    """What stood under this cause or name stands no longer. Unknown ones are ignored."""

    cause: str


Standing: TypeAlias = Alert | Draft | Expect
Effect: TypeAlias = Standing | Settle


def effect_id(effect: Effect) -> str:
    """The cause or name that identifies an effect within its rule."""
    return effect.name if isinstance(effect, Expect) else effect.cause


def changes(before: Sequence[Standing], after: Sequence[Standing]) -> list[Effect]:
    """The effects that lead from what stood to what stands now.

    Something that stands unchanged gives nothing; something that stands with other content
    is given again (and folded into what is there).
    """
    if not before and not after:
        return []
    stood = {effect_id(one): one for one in before}
    stands = {effect_id(one): one for one in after}
    effects: list[Effect] = [Settle(cause) for cause in stood if cause not in stands]
    effects.extend(one for cause, one in stands.items() if stood.get(cause) != one)
    return effects


_TYPE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+\.v[1-9][0-9]*")
_CODE = re.compile(r"[a-z][a-z0-9_]*(\.[A-Za-z0-9_]+)+")
_MEMBER = re.compile(r"[a-z][a-z0-9-]{1,31}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ID_LIMIT = 160


def check(rule: str, effect: object) -> None:
    """See that an effect is well-formed.

    Raises:
        Misuse: `rule.effect_malformed`, naming the rule, the kind of effect and the field.
    """
    fault = _fault(effect)
    if fault:
        kind = type(effect).__name__
        raise Misuse("rule.effect_malformed", rule=rule, kind=kind, field=fault)


def _fault(effect: object) -> str | None:
    match effect:
        case Settle(cause=cause):
            return None if _is_id(cause) else "cause"
        case Expect():
            return _expect_fault(effect)
        case Alert():
            return _alert_fault(effect)
        case Draft():
            return _draft_fault(effect)
    return "kind"


def _expect_fault(expect: Expect) -> str | None:
    due, awaits, of = expect.due, expect.awaits, expect.of
    tests: tuple[tuple[str, object], ...] = (
        ("name", _is_id(expect.name)),
        ("due", isinstance(due, datetime) and due.tzinfo),
        ("awaits", isinstance(awaits, str) and (not awaits or _TYPE.fullmatch(awaits))),
        ("of", isinstance(of, str) and len(of) <= _ID_LIMIT),
        ("region", isinstance(expect.region, str) and len(expect.region) <= _ID_LIMIT),
    )
    return next((name for name, good in tests if not good), None)


def _alert_fault(alert: Alert) -> str | None:
    tests: tuple[tuple[str, object], ...] = (
        ("cause", _is_id(alert.cause)),
        ("rule_id", isinstance(alert.rule_id, str) and alert.rule_id),
        ("type", isinstance(alert.type, str) and _TYPE.fullmatch(alert.type)),
        ("to", _is_desk(alert.to)),
        ("data", isinstance(alert.data, dict)),
        ("title_code", isinstance(alert.title_code, str) and _CODE.fullmatch(alert.title_code)),
        ("params", _plain(alert.params)),
        ("urgent", isinstance(alert.urgent, bool)),
    )
    return next((name for name, good in tests if not good), None)


def _draft_fault(draft: Draft) -> str | None:
    checks = draft.checks
    tests: tuple[tuple[str, object], ...] = (
        ("cause", _is_id(draft.cause)),
        ("to", _is_desk(draft.to)),
        ("type", isinstance(draft.type, str) and _TYPE.fullmatch(draft.type)),
        ("prefill", _plain(draft.prefill, most=32)),
        ("reason_code", isinstance(draft.reason_code, str) and _CODE.fullmatch(draft.reason_code)),
        ("params", _plain(draft.params)),
        ("checks", isinstance(checks, tuple) and all(isinstance(c, str) and c for c in checks)),
    )
    return next((name for name, good in tests if not good), None)


def _is_desk(to: object) -> bool:
    if isinstance(to, Role):
        return bool(to.role)
    return isinstance(to, str) and _MEMBER.fullmatch(to) is not None


def _is_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _ID_LIMIT and value.isprintable()


def _plain(params: object, most: int = 16) -> bool:
    """As `sys.draft.v1` and the alerts carry them: flat, short, few."""
    return (
        isinstance(params, dict)
        and len(params) <= most
        and all(
            isinstance(name, str)
            and _NAME.fullmatch(name)
            and (value is None or isinstance(value, str | int | float | bool))
            and not (isinstance(value, str) and len(value) > 256)
            for name, value in params.items()
        )
    )
