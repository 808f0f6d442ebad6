"""Every alert rule has a test that fires it at its threshold, one just short of it, and one that
no order or repetition of the facts makes a difference to.

A test says so with a mark, and this looks for the marks in the source of all tests:

    @pytest.mark.rule("P1", "fires", "short")
    @pytest.mark.rule("P1 P2 P3", "any order")

A plugin's rules are looked for in the plugin's own tests, and the exchange's own, and what happens
to every alert alike, in `tests`. That the marked tests hold the thresholds was tried by moving each
threshold by one.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from jdgate.core.replies import RepliesRule
from jdgate.plugins.host import PluginHost

REPOSITORY = Path(__file__).parents[2]
SHOWN = frozenset({"fires", "short", "any order"})
OF_PLUGIN = {
    "community": ("C1", "C2", "C3", "C4", "C5", "C6", "C7"),
    "release": ("C8",),
    "clinic": ("M1", "M2", "M3"),
    "licence": ("L1", "L2"),
    "courier": ("K1", "K2", "K3"),
    "precursor": ("P1", "P2", "P3", "P4", "P5", "P6", "P7"),
    "tips": ("R1",),
    "exchange": ("S1", "S2"),
}
"""The alert rules of the domain reference §4, by the plugin that has them. S2 is no reducer: the
gateway's guard counts; it is held to the same."""
NEEDED = {"clinic": {"dropout_days": 15}}
"""Settings without which a rule does not exist."""


def marks(path: Path) -> Iterator[tuple[str, str]]:
    """Rule id and what is shown, for each mark in a file of tests."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for decorator in node.decorator_list:
            if (
                isinstance(decorator, ast.Call)
                and ast.unparse(decorator.func) == "pytest.mark.rule"
            ):
                assert node.name.startswith("test_"), f"{path.name}: {node.name} is no test"
                ids, *shows = [ast.literal_eval(one) for one in decorator.args]
                for one in shows:
                    assert one in SHOWN, f"{path.name}: {node.name} shows “{one}”"
                    yield from ((id, one) for id in ids.split())


@cache
def shown() -> dict[str, dict[str, set[str]]]:
    """Plugin, or "exchange" for the tests outside plugins → rule id → what its tests show."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for path in [*REPOSITORY.glob("plugins/*/tests/*.py"), *REPOSITORY.glob("tests/**/test_*.py")]:
        parts = path.relative_to(REPOSITORY).parts
        for id, one in marks(path):
            found[parts[1] if parts[0] == "plugins" else "exchange"][id].add(one)
    return found


@cache
def registered() -> dict[str, set[str]]:
    """Plugin → the ids of the alerts and drafts of its rules."""
    found: dict[str, set[str]] = defaultdict(set)
    for rule in [*PluginHost(settings=NEEDED).rules(), RepliesRule()]:
        found[rule.name.partition(".")[0]].update(getattr(rule, "explains", ()))
    return found


def lacking(plugin: str, ids: set[str]) -> dict[str, set[str]]:
    """What the tests of a plugin, with those of what happens to every alert, do not show."""
    own, common = shown().get(plugin, {}), shown()["exchange"]
    told = {id: own[id] | common.get(id, set()) if id in own else set() for id in ids}
    return {id: SHOWN - one for id, one in told.items() if SHOWN - one}


@pytest.mark.parametrize("plugin", OF_PLUGIN)
def test_each_alert_rule_of_the_domain_is_held_to_its_threshold(plugin: str) -> None:
    assert lacking(plugin, set(OF_PLUGIN[plugin])) == {}


def test_each_rule_that_an_installed_plugin_registers_is_too() -> None:
    found = {plugin: lacking(plugin, ids) for plugin, ids in registered().items()}
    assert {plugin: ids for plugin, ids in found.items() if ids} == {}


def test_no_mark_names_a_rule_that_does_not_exist() -> None:
    known = {plugin: ids | set(OF_PLUGIN.get(plugin, ())) for plugin, ids in registered().items()}
    known["exchange"] = {id for ids in known.values() for id in ids}
    for plugin, ids in shown().items():
        assert set(ids) <= known[plugin], plugin
