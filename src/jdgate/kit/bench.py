"""The bench a plugin is tried on: the plugin alone in a real host, with the real catalogue.

    bench = Bench.load("plugins/clinic")           # a path, or the name of an installed plugin
    bench.host.rules(), bench.catalogue, bench.trial

A check is a function of a subject (a rule, an importer, a hook …) and the bench. It returns when
the subject holds, raises `Broken` with what it saw when not, and `NotApplicable` with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from jdgate.core import catalogue as catalogues
from jdgate.core.catalogue import Catalogue
from jdgate.core.rules import Fact, place_of
from jdgate.errors import JdgateError, Refused
from jdgate.kit.trial import Trial, trial_of
from jdgate.plugins.host import PluginHost
from jdgate.plugins.loading import Found, at_path, installed


class Broken(Exception):
    """The subject does not hold. `detail` says what was seen, in English and without values."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotApplicable(Exception):
    """There is nothing to check. `reason` is the end of a code `kit.none.<reason>`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Finding(msgspec.Struct, frozen=True):
    """What one check found. `about` names the rule, importer, adapter … it looked at."""

    check: str
    outcome: str
    """`ok`, `failed` or `none` (not applicable)."""
    about: str = ""
    detail: str = ""
    """For `failed`: what was seen. For `none`: the reason's code."""


class Bench:
    """One plugin under test."""

    def __init__(self, found: Found, host: PluginHost, trial: type[Trial] | None) -> None:
        self.found = found
        self.host = host
        self.trial = trial
        self.made: dict[tuple[tuple[str, ...], int, int, bool], list[Fact]] = {}
        """Facts made for rules: by their types, a seed, how many, and whether extreme."""
        self.catalogue: Catalogue = catalogues.load([catalogues.default_path(), *host.schemas()])

    @classmethod
    def load(cls, target: str | Path, settings: Mapping[str, Any] | None = None) -> Bench:
        """The plugin at a path or, when there is none, the installed plugin of that name.

        Raises:
            Refused: `plugin.…`, `catalogue.…`, `kit.trial_broken`; `kit.no_plugin`,
                `kit.several`.
        """
        found = locate(target)
        host = cls.host_of(found, settings or {})
        return cls(found, host, trial_of(found.module))

    @staticmethod
    def host_of(found: Found, settings: Mapping[str, Any]) -> PluginHost:
        """A host with this plugin and no other."""
        return PluginHost(
            use_installed=False, plugins={found.name: found.module}, settings={found.name: settings}
        )

    @property
    def name(self) -> str:
        """The plugin's name."""
        return self.found.name

    def hooks(self) -> tuple[str, ...]:
        """The hooks the plugin implements."""
        return self.host.status()[0].hooks


def locate(target: str | Path) -> Found:
    """The plugin at a path, or the installed one of that name.

    Raises:
        Refused: `plugin.…`; `kit.no_plugin` when there is neither; `kit.several` when a project
            holds more than one.
    """
    path = Path(target)
    if path.exists():
        found = at_path(path.resolve())
        if len(found) > 1:
            raise Refused("kit.several", plugins=", ".join(one.name for one in found))
        return found[0]
    known = installed()
    for one in known:
        if one.name == str(target):
            return one
    names = ", ".join(one.name for one in known) or "—"
    raise Refused("kit.no_plugin", plugin=str(target)[:60], installed=names)


def attempt(check: str, about: str, work: Callable[[], None]) -> Finding:
    """The finding of one check, whatever it raises."""
    try:
        work()
    except NotApplicable as none:
        return Finding(check, "none", about, none.reason)
    except Broken as broken:
        return Finding(check, "failed", about, broken.detail)
    except AssertionError as error:
        return Finding(check, "failed", about, str(error)[:600])
    except JdgateError as error:
        return Finding(check, "failed", about, error.text("en")[:600])
    except Exception as error:
        return Finding(check, "failed", about, place_of(error))
    return Finding(check, "ok", about)
