"""Which text says what a rule is about: those that plugins bring, and the exchange's own.

text_of(rules, "community.checkin", "C1")        # community.rule_checkin
texts_of(rules, "clinic.absence")                # [clinic.rule_absence, clinic.rule_dropout]
texts_of(rules, "M1")                            # [clinic.rule_absence]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from jdgate.core.rules import Rule

OWN: Mapping[str, str] = {
    "X1": "alert.rule_no_desk",
    "X2": "alert.rule_gap",
    "X3": "alert.rule_broken",
    "X4": "alert.rule_undelivered",
    "X5": "alert.rule_silent",
    "S2": "alert.rule_queries",
}
"""Of alerts that the exchange itself raises, without a rule of a plugin."""


def text_of(rules: Iterable[Rule], rule: str, rule_id: str) -> str | None:
    """The text of an alert's or draft's rule, where there is one."""
    found = next((one for one in rules if one.name == rule), None)
    return _texts(found).get(rule_id) if found is not None else OWN.get(rule_id)


def texts_of(rules: Iterable[Rule], named: str) -> list[str]:
    """The texts of a rule, by its name; or that of alerts with an id, unless two rules raise
    different ones under it."""
    by_id = {OWN[named]} if named in OWN else set[str]()
    for rule in rules:
        texts = _texts(rule)
        if rule.name == named:
            return list(dict.fromkeys(texts.values()))
        by_id |= {texts[named]} if named in texts else set()
    return list(by_id) if len(by_id) == 1 else []


def _texts(rule: Rule) -> Mapping[str, str]:
    told: Mapping[str, str] = getattr(rule, "explains", {})
    return told
