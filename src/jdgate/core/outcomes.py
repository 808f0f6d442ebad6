"""What may have come of an alert: the codes a person picks from when resolving it.

A rule may have `outcomes`, a mapping from the ids of its alerts to {code: text code}; an alert
whose rule says nothing has the general ones. "settled" is none: only a rule says that.

    outcomes_of(rule, "M1")        # {"came_back": "clinic.outcome_came_back", …}
"""

from __future__ import annotations

from collections.abc import Mapping

GENERAL: Mapping[str, str] = {
    "handled": "alert.outcome_handled",
    "transferred": "alert.outcome_transferred",
    "false_alarm": "alert.outcome_false_alarm",
}
"""Seen to; passed to whoever is competent; there was nothing in it."""

TROUBLE: Mapping[str, str] = {
    "mended": "alert.outcome_mended",
    "accepted": "alert.outcome_accepted",
    "false_alarm": "alert.outcome_false_alarm",
}
"""Of alerts about the exchange itself (X1 to X5)."""

QUERIES: Mapping[str, str] = {
    "justified": "alert.outcome_justified",
    "misuse": "alert.outcome_misuse",
}
"""Of S2, queries in bulk. Only the first lifts the suspension."""


def outcomes_of(rule: object, rule_id: str) -> Mapping[str, str]:
    """The outcomes that fit alerts of this rule and id: code → code of its text."""
    return getattr(rule, "outcomes", {}).get(rule_id) or GENERAL
