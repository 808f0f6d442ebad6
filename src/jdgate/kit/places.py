"""The department that a plugin's adapters are tried on, and what every adapter must hold to.

Every piece of work is done in a forked child with a new `Trial` on the same folder, so that a
plugin has nothing but its department's system to remember by, as after a restart.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

import jdgate.files
from jdgate.kit.bench import Bench, Broken
from jdgate.kit.killing import in_child
from jdgate.kit.trial import Case
from jdgate.plugins.adapters import Health
from jdgate.texts import LANGUAGES, all_texts, say

MOST_IN_BATCH = 500
SLOW_S = 5.0
"""Seconds `check` may take."""


class Job(msgspec.Struct):
    """What to try: `case` is the index of the trial's member, `checks` their names."""

    target: str
    kind: str
    case: int
    adapter: str
    checks: list[str]
    folder: str


class Place:
    """A department in a folder, and one of its adapters, made anew at every `open`."""

    def __init__(self, bench: Bench, case: Case, name: str, folder: Path) -> None:
        self.bench, self.case, self.name, self.folder = bench, case, name, folder
        folder.mkdir(parents=True, exist_ok=True)

    def at(self, part: str) -> Place:
        """Another department of the same kind."""
        return Place(self.bench, self.case, self.name, self.folder / part)

    def keep(self) -> None:
        """Remember the department as it is now, for `restore`."""
        shutil.copytree(self.folder, self._kept)

    def restore(self) -> None:
        """Make the department again as it was when it was kept, under the same path."""
        shutil.rmtree(self.folder)
        shutil.copytree(self._kept, self.folder)

    @property
    def _kept(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.kept")

    def open(self) -> tuple[Any, Any]:
        """The trial and the adapter. Only in a child."""
        assert self.bench.trial is not None
        trial = self.bench.trial(self.folder)
        host = Bench.host_of(self.bench.found, trial.settings)
        for _, adapter in host.adapters(self.case.member, self.case.roles):
            if adapter.name == self.name:
                return trial, adapter
        raise Broken("it is not there when the plugin is loaded again")

    @property
    def code(self) -> list[str]:
        """Whose lines count: the plugin's own, and those that write files for it."""
        module = self.bench.found.module
        file = Path(getattr(module, "__file__", "") or "")
        own = file if file.stem.startswith("_") or not _is_package(module) else file.parent
        return [str(own), str(Path(jdgate.files.__file__).parent)]

    def taken(self) -> Counter[str]:
        """What has reached the department, as a new process sees it."""
        answer = in_child(lambda: list(self.open()[0].taken()))
        assert answer is not None
        return Counter(answer[0])

    def do(self, work: Callable[[Any, Any], Any]) -> Any:
        """`work(trial, adapter)` in a new process."""
        answer = in_child(lambda: work(*self.open()))
        assert answer is not None
        return answer[0]


def _is_package(module: Any) -> bool:
    return bool(getattr(module, "__package__", ""))


def adapter_check(place: Place) -> None:
    """`check` answers at once, truly, in both languages, and changes nothing."""

    def looked(trial: Any, adapter: Any) -> None:
        before = _snapshot(place.folder)
        checked(adapter, ok=True)
        if _snapshot(place.folder) != before:
            raise Broken("check changed something in the department's system")

    place.do(looked)


def checked(adapter: Any, ok: bool) -> None:
    async def ask() -> Any:
        async with asyncio.timeout(SLOW_S):
            return await adapter.check()

    try:
        health = asyncio.run(ask())
    except TimeoutError:
        raise Broken(f"check takes longer than {SLOW_S:.0f} s") from None
    if not isinstance(health, Health):
        raise Broken(f"check gave a {type(health).__name__}, expected Health")
    if health.ok is not ok:
        wanted = "can be reached" if ok else "can't be reached"
        raise Broken(f"the system {wanted}, and check says otherwise")
    if not health.ok:
        if health.code not in all_texts():
            raise Broken(f"{health.code or 'no code'} has no text")
        for lang in LANGUAGES:
            if "{" in say(health.code, lang, **health.params):
                raise Broken(f"the text of {health.code} lacks a parameter")


def _snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
