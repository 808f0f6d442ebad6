"""Tells people at the terminal what happens, as it happens, in plain words.

What happens often is told together: two hundred accepted batches within half a second are one
line with their sum, and what goes to many members alike is one line too. No personal value passes
here; notices have none.

    teller.tell(notice)              # noted
    teller.flush()                   # printed, twice a second
    with teller.together(): …        # printed as one when it ends
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TextIO
from zoneinfo import ZoneInfo

from jdgate.core.catalogue import Catalogue
from jdgate.core.directory import Trust
from jdgate.gateway.notices import Notice
from jdgate.texts import Lang, say

LOCAL = ZoneInfo("Asia/Shanghai")
_SUMMED = ("records", "accepted", "refused", "times")
_NAMED_AT_MOST = 3
"""Members named one by one when the same goes to each of them."""


class Teller:
    """Collects notices and prints them as lines of the chosen language."""

    def __init__(self, lang: Lang, out: TextIO | None = None) -> None:
        self.lang = lang
        self._out = out or sys.stdout
        self._catalogue: Catalogue | None = None
        self._names: dict[str, str] = {}
        self._pending: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._held = False
        self.heard: list[Notice] = []
        self.keep = False

    def learn(self, catalogue: Catalogue, trust: Trust) -> None:
        """Names of types and members, so that lines read well."""
        self._catalogue = catalogue
        self._names = {member.id: member.name for member in trust.directory.members}

    def tell(self, notice: Notice) -> None:
        """Note what happened; it is printed at the next `flush`."""
        if self.keep:
            self.heard.append(notice)
        fixed = {name: value for name, value in notice.params.items() if name not in _SUMMED}
        key = (notice.code, *(f"{name}={value}" for name, value in sorted(fixed.items())))
        known = self._pending.setdefault(key, {**fixed, "_code": notice.code})
        _add(known, {**notice.params, "times": 1})

    def flush(self) -> None:
        """Print what was noted since the last time."""
        if self._held:
            return
        pending, self._pending = self._pending, {}
        for params in _merged(list(pending.values())):
            self.line(self._text(params.pop("_code"), params))

    @contextmanager
    def together(self, but: str = "") -> Iterator[None]:
        """Tell what happens meanwhile at the end, as one; all `but` notices of one code."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
            self._pending = {key: one for key, one in self._pending.items() if key[0] != but}
            self.flush()

    def say(self, code: str, **params: object) -> None:
        """Print a text now, after what is noted."""
        self.flush()
        self.line(say(code, self.lang, **params))

    def line(self, text: str) -> None:
        """One line with the local time before it."""
        now = datetime.now(LOCAL)
        print(f"{now:%H:%M:%S}  {text}", file=self._out, flush=True)

    def _text(self, code: str, params: dict[str, Any]) -> str:
        shown = dict(params)
        type = params.get("type", "")
        sheet = self._catalogue.sheets.get(type) if self._catalogue else None
        shown["title"] = sheet.title.get(self.lang) if sheet else type
        if sheet and params.get("fields"):
            titles = [sheet.field_title(one, self.lang) for one in params["fields"].split(", ")]
            shown["fields"] = ("、" if self.lang == "zh" else ", ").join(titles)
        for role in ("to", "from", "by"):
            if role in params:
                shown[role] = self.name(params[role])
        if "reason_code" in params:
            shown["reason"] = say(params["reason_code"], self.lang, **params["reason_params"])
        # `from` is a keyword in Python, so it can't be given by name
        return say(
            code, self.lang, **{("sender" if k == "from" else k): v for k, v in shown.items()}
        )

    def name(self, member: str | list[str]) -> str:
        """A member (or many) as the reader knows them."""
        if isinstance(member, list):
            return say(
                "story.many", self.lang, members=len(member), first=member[0], last=member[-1]
            )
        name = self._names.get(member)
        return f"{name}（{member}）" if name and self.lang == "zh" else member


def _add(known: dict[str, Any], more: dict[str, Any]) -> None:
    for name in _SUMMED:
        if name in more:
            known[name] = known.get(name, 0) + more[name]


def _merged(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines that differ in their recipient or sender alone as one, where there are many."""
    return _merged_by("from", _merged_by("to", lines))


def _merged_by(who: str, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    alike: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for line in lines:
        rest = (f"{name}={line[name]}" for name in sorted(line) if name not in (who, *_SUMMED))
        key = (*rest, who in line)
        alike.setdefault(key, []).append(line)
    told: list[dict[str, Any]] = []
    for group in alike.values():
        if len(group) <= _NAMED_AT_MOST or who not in group[0]:
            told += group
            continue
        one: dict[str, Any] = {**group[0], who: sorted(line[who] for line in group)}
        for other in group[1:]:
            _add(one, other)
        told.append(one)
    return told
