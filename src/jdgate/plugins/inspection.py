"""Looking at a plugin before it is let in: its hooks, their parameters, its rules.

pluggy looks too, but tells a misspelt hook only when asked (`check_pending`), does not notice
a hook that was never marked, and fills no parameter that has a default.

    hooks = hooks_of(found)
    check_rule("clinic", rule)
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from jdgate.errors import Refused
from jdgate.plugins import hookspecs
from jdgate.plugins.hookspecs import PROJECT
from jdgate.plugins.loading import Found

HOOKS = frozenset(name for name in vars(hookspecs) if name.startswith("jdgate_"))
_IMPL = f"{PROJECT}_impl"


def hooks_of(found: Found) -> tuple[str, ...]:
    """The hooks a plugin implements.

    Raises:
        Refused: `plugin.hook_unmarked` (named like a hook, not marked as one),
            `plugin.hook_unknown`, `plugin.hook_wrapper`, `plugin.hook_signature`,
            `plugin.no_hooks`.
    """
    plugin = found.name
    marked: list[str] = []
    for attribute, value in inspect.getmembers(found.module, callable):
        options = getattr(value, _IMPL, None)
        if options is None:
            if attribute.startswith("jdgate_") and inspect.isroutine(value):
                raise Refused("plugin.hook_unmarked", plugin=plugin, hook=attribute)
            continue
        hook = options.get("specname") or attribute
        if hook not in HOOKS:
            near = difflib.get_close_matches(hook, sorted(HOOKS), n=1, cutoff=0.0)
            raise Refused("plugin.hook_unknown", plugin=plugin, hook=hook, near=near[0])
        if options.get("wrapper") or options.get("hookwrapper"):
            raise Refused("plugin.hook_wrapper", plugin=plugin, hook=hook)
        _check_signature(plugin, hook, value)
        marked.append(hook)
    if not marked:
        raise Refused("plugin.no_hooks", plugin=plugin)
    return tuple(marked)


def _check_signature(plugin: str, hook: str, implementation: Callable[..., object]) -> None:
    wanted = inspect.signature(getattr(hookspecs, hook)).parameters
    taken = inspect.signature(implementation).parameters.values()
    plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)
    wrong = [
        str(one)
        for one in taken
        # a parameter with a default would keep it: pluggy does not fill those
        if one.name not in wanted or one.kind not in plain or one.default is not one.empty
    ]
    if wrong or inspect.iscoroutinefunction(implementation):
        raise Refused(
            "plugin.hook_signature",
            plugin=plugin,
            hook=hook,
            got=f"{'async ' if not wrong else ''}({', '.join(str(one) for one in taken)})",
            expected=f"({', '.join(wanted)})",
        )


def check_rule(plugin: str, rule: Any) -> None:
    """See that what `jdgate_rules` gave is a rule.

    Raises:
        Refused: `plugin.rule_malformed`, naming the first field that is not as it must be.
    """
    tests: dict[str, Callable[[], bool]] = {
        "name": lambda: isinstance(rule.name, str) and rule.name.startswith(f"{plugin}."),
        "version": lambda: isinstance(rule.version, int) and 1 <= rule.version <= 0xFFFF,
        "types": lambda: isinstance(rule.types, frozenset) and bool(rule.types),
        "state": lambda: issubclass(rule.state, Struct) and rule.state() is not None,
        "key": lambda: callable(rule.key),
        "step": lambda: callable(rule.step),
        "due": lambda: callable(rule.due),
    }
    for field, holds in tests.items():
        try:
            good = holds()
        except Exception:
            good = False
        if not good:
            name = str(getattr(rule, "name", type(rule).__name__))
            raise Refused("plugin.rule_malformed", plugin=plugin, rule=name, field=field)


def refuse_twice(items: list[tuple[str, Any]], code: str, name_of: Callable[[Any], str]) -> None:
    """See that no two plugins give things of the same name.

    Raises:
        Refused: `code`, naming both plugins.
    """
    owners: dict[str, str] = {}
    for plugin, item in items:
        name = name_of(item)
        if name in owners:
            raise Refused(code, plugin=plugin, name=name, first=owners[name])
        owners[name] = plugin
