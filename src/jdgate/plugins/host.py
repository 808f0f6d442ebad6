"""The plugin host: loads plugins, calls their hooks one plugin at a time, keeps count.

- Loading is strict: a plugin that can't be imported, names a hook that does not exist, takes a
  parameter that hook does not have, or shares a name stops the start, and the error says which
  plugin and why. A plugin that was refused is not left registered.
- Every host has a manager of its own; nothing is registered by importing this module.
- At start `demand` and what is built on it (`rules`, `adapters`, …) let nothing pass. While
  running, `call` and `ask` isolate: one plugin's fault is noted, the others answer.
- `Refused` from a hook is an answer, not a fault; it reaches whoever asked.

    host = PluginHost(Path("plugins"), settings={"clinic": {"absence_days": 7}})
    rules = host.rules()
    record = host.ask("jdgate_prepare", type=t, record=row, register=register) or row
    for status in host.status(): print(status.name, status.condition.state)
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import pluggy
from msgspec import Struct

from jdgate import texts
from jdgate.core import signing
from jdgate.core.rules import Rule
from jdgate.errors import JdgateError, Refused, TransportFailed
from jdgate.plugins import hookspecs
from jdgate.plugins.adapters import Sink
from jdgate.plugins.hookspecs import PROJECT
from jdgate.plugins.inspection import HOOKS, check_rule, hooks_of, refuse_twice
from jdgate.plugins.isolation import Condition, Watch
from jdgate.plugins.loading import Found, in_folder, installed
from jdgate.refdata import References

_PARAMETERS = {
    name: frozenset(inspect.signature(getattr(hookspecs, name)).parameters) for name in HOOKS
}


class Answer(Struct, frozen=True):
    """What one plugin gave for a hook. `error` (class and place) is set when it failed."""

    plugin: str
    value: Any = None
    error: str | None = None


class Status(Struct, frozen=True):
    """One line of `jdgate plugin list`."""

    name: str
    version: str | None
    origin: str
    hooks: tuple[str, ...]
    condition: Condition


class PluginFailed(TransportFailed):
    """A plugin broke where its answer is needed; the work is kept and tried again."""


class PluginHost:
    """Plugins from entry points, from `folder`, and from `plugins` (objects, for tests).

    `settings` are the config's `[rules.<plugin>]` tables. `references` are the county's tables;
    those that jdgate brings along, when none are given. `home` is the county's folder. `clock`
    gives seconds that never go back; it times pauses only.

    Raises:
        Refused: `plugin.…`, naming the plugin and the reason.
    """

    def __init__(
        self,
        folder: Path | None = None,
        disabled: Collection[str] = (),
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        references: References | None = None,
        home: Path | None = None,
        plugins: Mapping[str, object] | None = None,
        use_installed: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._found: dict[str, Found] = {}
        self._hooks: dict[str, tuple[str, ...]] = {}
        self._callers: dict[tuple[str, str], Callable[..., Any]] = {}
        self._settings = settings or {}
        self._references = references or References()
        self._home = home or Path()
        self.watch = Watch(clock)
        for found in installed(disabled) if use_installed else ():
            self._add(found)
        for found in in_folder(folder, disabled) if folder else ():
            self._add(found)
        for name, plugin in (plugins or {}).items():
            self._add(Found(name, plugin, "given"))
        for name in self._settings:
            if name not in self._found and name not in disabled:
                raise Refused(
                    "plugin.settings_without_plugin", plugin=name, loaded=self._names_told()
                )
        for name, hooks in self._hooks.items():
            for hook in hooks:
                others = [one.module for one in self._found.values() if one.name != name]
                self._callers[hook, name] = self._manager.subset_hook_caller(hook, others)
        self._add_texts()

    @property
    def names(self) -> list[str]:
        """The plugins that are loaded, in the order their hooks are called."""
        return list(self._found)

    def settings(self, plugin: str) -> Mapping[str, Any]:
        """The county's settings for a plugin."""
        return self._settings.get(plugin, {})

    def status(self) -> list[Status]:
        """Every plugin, where it comes from and how it is."""
        return [
            Status(
                one.name,
                one.version,
                one.origin,
                self._hooks[one.name],
                self.watch.condition(one.name),
            )
            for one in self._found.values()
        ]

    # -- calling, at start: nothing passes ---------------------------------------------------

    def demand(self, hook: str, **given: Any) -> list[tuple[str, Any]]:
        """Each plugin's answer, with its name; None answers are left out.

        Raises:
            Refused: what a plugin refused (a setting, say), or `plugin.hook_failed`.
        """
        answers = []
        for name in self._implementing(hook):
            try:
                value = self._invoke(hook, name, given)
            except JdgateError:
                raise
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                raise Refused(
                    "plugin.hook_failed", plugin=name, hook=hook, reason=reason
                ) from error
            if value is not None:
                answers.append((name, value))
        return answers

    def rules(self) -> list[Rule]:
        """All rules.

        Raises:
            Refused: `plugin.rule_malformed`, `plugin.rule_duplicate`, `plugin.hook_answer`,
                and what a plugin refuses of its settings.
        """
        rules = self._collect("jdgate_rules")
        for plugin, rule in rules:
            check_rule(plugin, rule)
        refuse_twice(rules, "plugin.rule_duplicate", lambda rule: rule.name)
        return [rule for _, rule in rules]

    def importers(self) -> list[Any]:
        """All importers. Raises: Refused `plugin.importer_duplicate`, `plugin.hook_answer`."""
        found = self._collect("jdgate_importers")
        refuse_twice(found, "plugin.importer_duplicate", lambda one: one.type)
        return [one for _, one in found]

    def schemas(self) -> list[Path]:
        """The folders of all plugins' schemas."""
        return [Path(one) for _, one in self._collect("jdgate_schemas")]

    def suites(self) -> list[Any]:
        """All signature suites. Raises: Refused `plugin.hook_answer`."""
        return [one for _, one in self._collect("jdgate_suites")]

    def add_suites(self) -> None:
        """Make all signature suites known, which whoever reads a key must have done before.

        Raises:
            Refused: `plugin.hook_answer`. Misuse: `signing.suite_taken`.
        """
        for suite in self.suites():
            signing.add_suite(suite)

    def channels(self) -> list[tuple[str, Any]]:
        """All notification channels, each with its plugin's name."""
        return self._collect("jdgate_channels")

    def adapters(self, member: str, roles: tuple[str, ...]) -> list[tuple[str, Any]]:
        """The adapters for one member, each with its plugin's name.

        Raises:
            Refused: `plugin.adapter_duplicate`, `plugin.sink_duplicate`, `plugin.hook_answer`, a
                refused setting.
        """
        found = self._collect("jdgate_adapters", member=member, roles=roles)
        refuse_twice(found, "plugin.adapter_duplicate", lambda one: one.name)
        taken = [(plugin, type) for plugin, one in found for type in sorted(_taken_by(one))]
        refuse_twice(taken, "plugin.sink_duplicate", lambda type: type)
        return found

    # -- calling, while running: faults stay with their plugin --------------------------------

    def call(self, hook: str, **given: Any) -> list[Answer]:
        """Each plugin's answer; a plugin that broke or is paused answers with its error.

        Raises:
            Refused: when a plugin refuses.
        """
        answers = []
        for name in self._implementing(hook):
            if not self.watch.ready(name, hook):
                answers.append(Answer(name, error="paused"))
                continue
            try:
                value = self._invoke(hook, name, given)
            except Refused:
                raise
            except Exception as error:
                self.watch.failed(name, hook, error)
                failing = self.watch.condition(name).places
                answers.append(Answer(name, error=failing.get(hook, "")))
                continue
            self.watch.worked(name, hook)
            answers.append(Answer(name, value))
        return answers

    def ask(self, hook: str, **given: Any) -> Any:
        """The first answer that is not None; None when no plugin has one.

        Raises:
            Refused: when a plugin refuses.
            PluginFailed: `plugin.call_failed` when one broke or is paused and no other answered.
        """
        broken: Answer | None = None
        for answer in self.call(hook, **given):
            if answer.value is not None:
                return answer.value
            if answer.error is not None:
                broken = broken or answer
        if broken is not None:
            raise PluginFailed(
                "plugin.call_failed", plugin=broken.plugin, hook=hook, reason=broken.error
            )
        return None

    # -- inside -------------------------------------------------------------------------------

    def _implementing(self, hook: str) -> list[str]:
        return [name for name, hooks in self._hooks.items() if hook in hooks]

    def _invoke(self, hook: str, plugin: str, given: dict[str, Any]) -> Any:
        if "settings" in _PARAMETERS[hook]:
            given = {**given, "settings": self.settings(plugin)}
        if "references" in _PARAMETERS[hook]:
            given = {**given, "references": self._references}
        if "home" in _PARAMETERS[hook]:
            given = {**given, "home": self._home}
        results = self._callers[hook, plugin](**given)
        return results[0] if results else None

    def _collect(self, hook: str, **given: Any) -> list[tuple[str, Any]]:
        items: list[tuple[str, Any]] = []
        for name, value in self.demand(hook, **given):
            if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
                got = type(value).__name__
                raise Refused("plugin.hook_answer", plugin=name, hook=hook, got=got)
            items.extend((name, item) for item in value)
        return items

    def _add_texts(self) -> None:
        for name, path in self._collect("jdgate_texts"):
            try:
                texts.add_file(Path(path))
            except (OSError, ValueError) as error:
                reason = f"{type(error).__name__}: {error}"
                raise Refused("plugin.texts_unreadable", plugin=name, reason=reason) from error

    def _names_told(self) -> str:
        return ", ".join(self._found) or "—"

    def _add(self, found: Found) -> None:
        known = self._found.get(found.name)
        if known is not None:
            if known.file is not None and known.file == found.file:
                return
            raise Refused(
                "plugin.duplicate_name",
                plugin=found.name,
                first=known.origin,
                second=found.origin,
            )
        hooks = hooks_of(found)
        try:
            self._manager.register(found.module, found.name)
            self._manager.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            if self._manager.has_plugin(found.name):
                self._manager.unregister(name=found.name)
            reason = " ".join(str(error).split())
            raise Refused("plugin.refused", plugin=found.name, reason=reason) from error
        self._found[found.name] = found
        self._hooks[found.name] = hooks


def _taken_by(adapter: object) -> frozenset[str]:
    """The types an adapter takes; one message goes to one sink, so that it has one receipt."""
    return adapter.types if isinstance(adapter, Sink) else frozenset()
