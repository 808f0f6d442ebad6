"""Tells people at the terminal what happens, as it happens, in plain words.

What happens often is told together: two hundred accepted batches within half a second are one
line with their sum. No personal value passes here; notices have none.
"""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any, TextIO
from zoneinfo import ZoneInfo

from jdgate.core.catalogue import Catalogue
from jdgate.core.directory import Trust
from jdgate.gateway.notices import Notice
from jdgate.texts import Lang, say

LOCAL = ZoneInfo("Asia/Shanghai")
_SUMMED = ("records", "accepted", "refused")


class Teller:
    """Collects notices and prints them as lines of the chosen language."""

    def __init__(self, lang: Lang, out: TextIO | None = None) -> None:
        self.lang = lang
        self._out = out or sys.stdout
        self._titles: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._pending: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.heard: list[Notice] = []
        self.keep = False

    def learn(self, catalogue: Catalogue, trust: Trust) -> None:
        """Names of types and members, so that lines read well."""
        self._titles = {
            type: sheet.title.get(self.lang) for type, sheet in catalogue.sheets.items()
        }
        self._names = {member.id: member.name for member in trust.directory.members}

    def tell(self, notice: Notice) -> None:
        """Note what happened; it is printed at the next `flush`."""
        if self.keep:
            self.heard.append(notice)
        fixed = {name: value for name, value in notice.params.items() if name not in _SUMMED}
        key = (notice.code, *(f"{name}={value}" for name, value in sorted(fixed.items())))
        known = self._pending.setdefault(key, {**fixed, "_code": notice.code, "times": 0})
        known["times"] += 1
        for name in _SUMMED:
            if name in notice.params:
                known[name] = known.get(name, 0) + notice.params[name]

    def flush(self) -> None:
        """Print what was noted since the last time."""
        pending, self._pending = self._pending, {}
        for params in pending.values():
            self.line(self._text(params.pop("_code"), params))

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
        shown["title"] = self._titles.get(params.get("type", ""), params.get("type", ""))
        for role in ("from", "to", "by"):
            if role in params:
                shown[role] = self._name(params[role])
        if "reason_code" in params:
            shown["reason"] = say(params["reason_code"], self.lang, **params["reason_params"])
        # `from` is a keyword in Python, so it can't be given by name
        return say(
            code, self.lang, **{("sender" if k == "from" else k): v for k, v in shown.items()}
        )

    def _name(self, member: str) -> str:
        name = self._names.get(member)
        return f"{name}（{member}）" if name and self.lang == "zh" else member
