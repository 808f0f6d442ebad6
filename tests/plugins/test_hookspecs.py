"""Each hook is documented: when it is called, an example, its errors."""

from __future__ import annotations

import inspect

import pytest

from jdgate.plugins import hookspecs
from jdgate.plugins.inspection import HOOKS


@pytest.mark.parametrize("hook", sorted(HOOKS))
def test_each_hook_says_when_it_is_called_and_shows_an_example(hook: str) -> None:
    doc = inspect.getdoc(getattr(hookspecs, hook)) or ""
    for part in ("When:", "Example:", "Errors:"):
        assert part in doc, f"{hook} lacks “{part}”"


@pytest.mark.parametrize("hook", sorted(HOOKS))
def test_each_hook_types_its_parameters_and_answer(hook: str) -> None:
    signature = inspect.signature(getattr(hookspecs, hook))
    assert signature.return_annotation is not inspect.Signature.empty
    assert all(p.annotation is not p.empty for p in signature.parameters.values())


def test_the_hooks_are_those_of_the_design() -> None:
    assert {
        "jdgate_accepted",
        "jdgate_adapters",
        "jdgate_channels",
        "jdgate_complete",
        "jdgate_importers",
        "jdgate_prepare",
        "jdgate_rules",
        "jdgate_schemas",
        "jdgate_suites",
        "jdgate_texts",
    } == HOOKS
