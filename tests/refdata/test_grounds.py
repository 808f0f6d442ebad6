"""The grounds of the driving licence rules, and when they stand."""

from __future__ import annotations

from datetime import date
from typing import get_args

import pytest

from jdgate.core.refdata import Effect, Ground
from jdgate.refdata import References

GROUNDS = References().grounds
TODAY = date(2026, 11, 21)


def codes(effect: Effect) -> set[str]:
    return {ground.code for ground in GROUNDS.in_force(TODAY, effect)}


def test_the_articles_are_those_that_speak_of_drugs() -> None:
    found = {ground.article for ground in GROUNDS.in_force(TODAY)}
    assert found == {"79(六)", "15(二)", "18(四)", "67(2)", "87–89"}
    assert all("162" in ground.law and ground.tag == "read" for ground in GROUNDS.grounds)


def test_a_licence_is_cancelled_on_five_grounds() -> None:
    assert codes("cancel") == {
        "79-6-driving",
        "79-6-community-treatment",
        "79-6-community-rehabilitation",
        "79-6-isolation",
        "79-6-dependence",
    }
    assert all(ground.article == "79(六)" for ground in GROUNDS.in_force(TODAY, "cancel"))


def test_who_may_not_apply() -> None:
    assert codes("no_application") == {"15-2-use", "15-2-isolation", "15-2-dependence"}
    assert codes("no_large_vehicle") == {"18-4-driving", "18-4-record"}


def test_the_holders_own_application_has_thirty_days() -> None:
    ground = GROUNDS.get("67-2-own-application", TODAY)
    assert ground is not None
    assert ground.deadline_days == 30


@pytest.mark.parametrize("ground", GROUNDS.grounds, ids=lambda ground: ground.code)
def test_maintenance_treatment_is_no_ground(ground: Ground) -> None:
    told = f"{ground.zh} {ground.en} {ground.code}".casefold()
    for word in ("维持治疗", "美沙酮", "methadone", "maintenance", "mmt"):
        assert word not in told


def test_codes_are_unique_and_every_effect_is_used() -> None:
    assert len({ground.code for ground in GROUNDS.grounds}) == len(GROUNDS.grounds)
    assert {ground.effect for ground in GROUNDS.grounds} == set(get_args(Effect))


def test_before_the_order_there_is_no_ground() -> None:
    assert GROUNDS.in_force(date(2022, 3, 31)) == []
    assert GROUNDS.get("79-6-driving", date(2022, 3, 31)) is None
    assert GROUNDS.get("79-6-driving", date(2022, 4, 1)) is not None
    assert GROUNDS.get("79-6-methadone", TODAY) is None
