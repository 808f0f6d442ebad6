"""Which outcomes an alert may have, each with its words."""

from __future__ import annotations

from jdgate.core.outcomes import GENERAL, QUERIES, TROUBLE, outcomes_of


class Says:
    outcomes = {"M1": {"came_back": "alert.outcome_handled"}}  # noqa: RUF012 - a rule's own


def test_a_rule_names_the_outcomes_of_its_alerts_and_else_there_are_general_ones() -> None:
    assert list(outcomes_of(Says(), "M1")) == ["came_back"]
    assert outcomes_of(Says(), "M2") == outcomes_of(object(), "M1") == GENERAL
    assert GENERAL == {
        "handled": "alert.outcome_handled",
        "transferred": "alert.outcome_transferred",
        "false_alarm": "alert.outcome_false_alarm",
    }


def test_trouble_is_mended_or_accepted_and_queries_were_justified_or_not() -> None:
    assert TROUBLE == {
        "mended": "alert.outcome_mended",
        "accepted": "alert.outcome_accepted",
        "false_alarm": "alert.outcome_false_alarm",
    }
    assert QUERIES == {
        "justified": "alert.outcome_justified",
        "misuse": "alert.outcome_misuse",
    }
