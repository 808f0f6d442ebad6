"""What a plugin brings so that its adapters can be tried: a department made of a folder.

The kit can make records, deliveries and crashes, but only the plugin knows how its department
puts something in and where to look for what came. That is the class `Trial` in the plugin's
module `trial.py` (in a single-file plugin: the class in that file):

    class Trial:
        member, roles = "com-01", ("COM",)      # whose adapters are tried
        gives = ("housing.check.v1",)           # types that its source sends

        def __init__(self, folder): ...         # the same folder again: the same department
        settings = {...}                        # its table [rules.<plugin>]
        def put(self, type, records): ...       # as its people would, to have these sent
        def taken(self): ...                    # delivery ids, one for each effect that is there

It may also have
- `away()`: make the department's system unreachable;
- `record(type, number)`: a record, where the kit's own would make no sense; None: the kit's own;
- `facts(rule_name)`: lists of facts that bring about what a rule is for;
- `cases`: the same for other members: a tuple of (member, roles, gives).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, Protocol

from jdgate.errors import Refused


class Trial(Protocol):
    """A department to try a plugin on; see the module."""

    member: str
    roles: tuple[str, ...]

    def __init__(self, folder: Path) -> None: ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """The plugin's table of the configuration."""

    def put(self, type: str, records: Sequence[Mapping[str, Any]]) -> None:
        """Have these records sent."""

    def taken(self) -> list[str]:
        """The ids of deliveries whose effect is there; an id twice when the effect is."""


class Case(NamedTuple):
    """One member whose adapters are tried."""

    member: str
    roles: tuple[str, ...]
    gives: tuple[str, ...]


def trial_of(module: Any) -> type[Trial] | None:
    """The class `Trial` of a plugin; None when it brings none.

    Raises:
        Refused: `kit.trial_broken` when there is one and it can't be imported.
    """
    own: type[Trial] | None = getattr(module, "Trial", None)
    if own is not None or not isinstance(module, ModuleType):
        return own
    package = module.__name__ if hasattr(module, "__path__") else module.__name__.rpartition(".")[0]
    if not package:
        return None
    name = f"{package}.trial"
    try:
        found = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            return None
        raise Refused("kit.trial_broken", module=name, reason=type(error).__name__) from error
    except Exception as error:
        raise Refused("kit.trial_broken", module=name, reason=type(error).__name__) from error
    brought: type[Trial] | None = getattr(found, "Trial", None)
    return brought


def cases_of(trial: type[Trial]) -> list[Case]:
    """The members whose adapters are tried, the trial's own first."""
    own = Case(trial.member, trial.roles, tuple(getattr(trial, "gives", ())))
    return [own, *(Case(*one) for one in getattr(trial, "cases", ()))]
