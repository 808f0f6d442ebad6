"""A plugin's settings are read as its Struct says, and a wrong one is told in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import pytest
from msgspec import Meta, Struct

from jdgate.plugins import Refused, read_settings
from jdgate.texts import LANGUAGES

Days = Annotated[int, Meta(ge=1, le=60)]
Clock = Annotated[str, Meta(pattern=r"^[0-2][0-9]:[0-5][0-9]\Z", examples=["10:00"])]
Hours = Annotated[int, Meta(ge=1), Meta(extra={"refused": "plugin.setting_clock"})]


class Settings(Struct, frozen=True, rename={"sender": "from"}):
    """One of each kind."""

    sender: str
    days: Days = 10
    least: Annotated[int, Meta(ge=1)] | None = None
    share: Annotated[float, Meta(ge=0, le=1)] = 0.5
    ask: bool = True
    at: Clock = "10:00"
    offices: frozenset[str] = frozenset()
    each: Mapping[Clock, Days] = {}
    hours: Hours = 1


def read(**table: Any) -> Settings:
    return read_settings("aid", {"from": "com-01", **table}, Settings)


def test_what_a_table_does_not_say_is_the_default() -> None:
    assert read() == Settings("com-01")
    assert read(days=60, least=3, share=1, each={"09:00": 2}, offices=["a", "a"]) == Settings(
        "com-01", 60, 3, 1.0, each={"09:00": 2}, offices=frozenset("a")
    )


def test_a_setting_without_default_has_to_be_there() -> None:
    with pytest.raises(Refused) as caught:
        read_settings("aid", {}, Settings)
    assert (caught.value.code, caught.value.params["setting"]) == ("plugin.setting_missing", "from")


@pytest.mark.parametrize(
    ("table", "code", "told"),
    [
        ({"day": 1}, "plugin.setting_unknown", "from, days, least, share, ask, at, offices"),
        ({"days": 61}, "plugin.setting_range", "“days” = 61, expected a whole number from 1 to 60"),
        ({"days": True}, "plugin.setting_range", "“days” = true"),
        ({"days": "5"}, "plugin.setting_range", '“days” = "5"'),
        ({"days": 10**30}, "plugin.setting_range", "“days” = 1000"),
        ({"days": 4.0}, "plugin.setting_range", "“days” = 4.0"),
        ({"least": 0}, "plugin.setting_number", "a whole number of 1 or more"),
        ({"share": 2}, "plugin.setting_between", "a number from 0"),
        ({"share": float("nan")}, "plugin.setting_between", "a number from 0"),
        ({"ask": 1}, "plugin.setting_flag", "“ask” = 1, expected true or false"),
        ({"at": "10:00\n"}, "plugin.setting_form", "something such as 10:00"),
        ({"each": {"09:00": 61}}, "plugin.setting_range", "“each.09:00” = 61"),
        ({"each": {"soon": 1}}, "plugin.setting_form", '“each” = "soon"'),
        ({"each": 3}, "plugin.setting_wrong", "“each” = 3"),
        ({"offices": [1]}, "plugin.setting_wrong", "“offices” = [1]"),
        ({"hours": 0}, "plugin.setting_clock", "“hours” = 0"),
        ({"hours": object()}, "plugin.setting_clock", "“hours” = "),
    ],
)
def test_a_wrong_setting_is_told_with_what_was_expected(
    table: dict[str, Any], code: str, told: str
) -> None:
    with pytest.raises(Refused) as caught:
        read(**table)
    assert caught.value.code == code
    assert told in caught.value.text("en")
    for lang in LANGUAGES:
        assert "{" not in caught.value.text(lang)
