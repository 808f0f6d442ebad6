"""A slip in a name that deadlines go by stops the start, before an alert is left lying for it."""

from __future__ import annotations

import msgspec
import pytest

from jdgate.config import Config, ConfigInvalid
from jdgate.gateway import deadlines
from jdgate.plugins.host import PluginHost

RULES = PluginHost().rules()
HERE = {"ps-01", "ps-02", "nco"}


def configured(**sections: object) -> Config:
    county = {"region": "511623000000", "name": "示例县"}
    return msgspec.convert({"county": county, **sections}, Config)


def test_deputies_and_rules_that_are_there_are_taken() -> None:
    alerts = {
        "deputies": {"ps-01": "ps-02"},
        "rules": {"P2": {"acknowledge": "2wd"}, "X2": {}, "S2": {}},
    }
    deadlines.check(
        configured(alerts=alerts, queries={"security": "nco"}), "jdgate.toml", HERE, RULES
    )


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({"alerts": {"deputies": {"ps-01": "ps-20"}}}, "ps-20"),
        ({"alerts": {"deputies": {"ps-10": "ps-02"}}}, "ps-10"),
        ({"queries": {"security": "audit"}}, "queries.security"),
        ({"alerts": {"rules": {"P22": {"resolve": "1d"}}}}, "alerts.rules.P22"),
    ],
)
def test_one_that_is_not_is_named(sections: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigInvalid, match=told):
        deadlines.check(configured(**sections), "jdgate.toml", HERE, RULES)
