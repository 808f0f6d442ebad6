"""The table of alert rules on the page is that of the domain, and true of the installed plugins."""

from __future__ import annotations

import re
from functools import cache

import msgspec
from console import REPOSITORY

from jdgate import texts
from jdgate.config import Config
from jdgate.core.replies import RepliesRule
from jdgate.core.rules import Rule
from jdgate.gateway import explained
from jdgate.plugins.host import PluginHost
from jdgate.wording import rule_text

PAGE = (REPOSITORY / "docs" / "alerts.md").read_text(encoding="utf-8")
DOMAIN = [
    *(f"C{n}" for n in range(1, 9)), "M1", "M2", "M3", "L1", "L2", "K1", "K2", "K3",
    *(f"P{n}" for n in range(1, 8)), "R1", "S1", "S2",
]  # fmt: skip
"""The rules of the domain reference; what plugins add to them stands on their own pages."""
NEEDED = {"clinic": {"dropout_days": 15}}
"""Settings without which a rule of the table would not exist."""


def table() -> dict[str, tuple[str, list[str]]]:
    """Rule id → the rule that raises it, and its configuration keys."""
    rows = re.findall(r"^\| ([A-Z]\d) \| .*? \| (.*?) \| (.*?) \| (.*?) \|$", PAGE, re.M)
    return {id: (raised.strip("`"), re.findall(r"`([^`]+)`", keys)) for id, _, raised, keys in rows}


@cache
def host() -> PluginHost:
    return PluginHost(settings=NEEDED)


@cache
def rules() -> dict[str, Rule]:
    found: list[Rule] = [*host().rules(), RepliesRule()]
    return {rule.name: rule for rule in found}


def explains(rule: Rule) -> dict[str, str]:
    return dict(getattr(rule, "explains", {}))


def test_the_table_has_every_alert_rule_of_the_domain_once() -> None:
    assert list(table()) == DOMAIN


def test_each_row_names_the_rule_that_raises_it() -> None:
    for id, (name, _) in table().items():
        plugin = name.partition(".")[0]
        if id == "S2":  # it is no reducer: the gateway's guard raises it
            assert name == "gateway"
        elif plugin == "exchange" or plugin in host().names:
            assert id in explains(rules()[name]), (id, name)


def test_each_config_key_is_one() -> None:
    tables = {field.name: field.type for field in msgspec.structs.fields(Config)}
    for id, (name, keys) in table().items():
        for key in keys:
            first, _, rest = key.partition(".")
            if first == "rules":
                plugin, _, entry = rest.partition(".")
                assert plugin == name.partition(".")[0], (id, key)
                settings = (REPOSITORY / "plugins" / plugin).glob("src/*/settings.py")
                assert any(re.search(rf"\b{entry}\b", one.read_text("utf-8")) for one in settings)
            else:
                assert rest in {one.name for one in msgspec.structs.fields(tables[first])}, key


def test_what_explains_a_rule_begins_with_its_id_and_title() -> None:
    known = texts.all_texts()
    every = [explained.OWN, *(explains(rule) for rule in rules().values())]
    for id, code in (pair for one in every for pair in one.items()):
        for lang in texts.LANGUAGES:
            text = rule_text(known[code][lang])
            assert text.id == id and text.title and text.says, (code, lang)
    assert rule_text("nothing of the kind") == ("", "", "nothing of the kind")


def test_a_rule_is_found_by_its_name_and_by_an_id_that_no_other_rule_uses() -> None:
    every = rules().values()
    both = ["clinic.rule_absence", "clinic.rule_dropout"]
    assert explained.texts_of(every, "clinic.absence") == both
    assert explained.texts_of(every, "M1") == both[:1]
    assert explained.texts_of(every, "X3") == ["alert.rule_broken"]
    assert explained.texts_of(every, "S1") == [], "two rules raise it, about different things"
    assert explained.texts_of(every, "gone.rule") == []
    assert explained.text_of(every, "exchange.replies", "S1") == "share.rule_replies"
    assert explained.text_of(every, "gateway", "S2") == "alert.rule_queries"


def test_every_rule_that_is_explained_has_outcomes_with_words_in_both_languages() -> None:
    every = rules().values()
    known = texts.all_texts()
    for rule in every:
        for id, outcomes in getattr(rule, "outcomes", {}).items():
            assert id in explains(rule), (rule.name, id)
            assert outcomes
            for code, words in outcomes.items():
                assert re.fullmatch(r"[a-z][a-z0-9_]{0,39}", code)
                assert {"zh", "en"} <= set(known[words]), words
