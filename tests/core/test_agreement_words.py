"""Agreements in people's words, the same for command line, documents and console."""

from __future__ import annotations

from jdgate.core.agreement_words import DOMAINS, domain_order, form, found_by, limit_lines
from jdgate.core.catalogue import default_path, load
from jdgate.texts import say

CATALOGUE = load([default_path()])


def test_how_a_desk_is_found_says_for_which_records() -> None:
    told = [
        (found_by(one, "en"), one)
        for name in CATALOGUE.sheets
        for one in CATALOGUE.describe(name, "en")["recipients"]
    ]
    only = [(text, one["only"]) for text, one in told if one["only"] is not None]
    named = [(text, one) for text, one in only if one["values"]]
    for text, one in named:
        values = ", ".join(value["title"] for value in one["values"])
        assert text.endswith(say("catalogue.only_values", "en", title=one["title"], values=values))
    for text, one in only:
        if not one["values"]:
            assert text.endswith(say("catalogue.only_with", "en", title=one["title"]))
    assert named and len(named) < len(only) < len(told)


def test_a_field_says_what_it_may_hold_and_who_alone_opens_it() -> None:
    fields = [one for name in CATALOGUE.sheets for one in CATALOGUE.describe(name, "zh")["fields"]]
    sealed = next(one for one in fields if one["sealed_to"])
    assert form(sealed, "zh") == say("catalogue.sealed_to", "zh", role=sealed["sealed_to"])
    ruled = next(one for one in fields if one["needed_by"] and not one["values"])
    assert say("catalogue.rule_only", "zh", rule=ruled["needed_by"]) in form(ruled, "zh")
    text = next(one for one in fields if one["kind"] == "string" and one["most"]
                and not (one["format"] or one["sealed_to"] or one["needed_by"]))  # fmt: skip
    assert form(text, "zh") == f"文字 ≤{text['most']}"


def test_what_may_not_stand_together_says_why() -> None:
    about = next(
        found
        for name in CATALOGUE.sheets
        if (found := CATALOGUE.describe(name, "en"))["forbidden_together"]
    )
    rule, titles = about["forbidden_together"][0], {f["name"]: f["title"] for f in about["fields"]}
    fields = ", ".join(titles.get(name, name) for name in rule["fields"])
    expected = say("catalogue.never_both", "en", fields=fields, why=rule["why"])
    assert expected in list(limit_lines(about, "en"))


def test_domains_come_in_one_order_and_unknown_ones_last() -> None:
    known = {sheet.domain for sheet in CATALOGUE.sheets.values()}
    assert known <= set(DOMAINS)
    types = ["zoo.keeper.v1", "sys.alert.v1", "mmt.enrol.filed.v1", "abc.def.v1"]
    assert sorted(types, key=domain_order) == [types[2], types[1], types[3], types[0]]
