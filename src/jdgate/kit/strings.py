"""Texts that fit a schema's `pattern`, `minLength` and `maxLength`.

A pattern is read piece by piece (a set, a class, a group, a count); what is not understood gives
a text that the schema's own check refuses, and the caller tries again or says so.

    Strings(random.Random(1)).text({"pattern": "^[A-Z]{2}-[0-9]{4}$", "maxLength": 7}, False)
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

WORDS = ("甲乙丙丁戊", "梅兰竹菊", "A-17", "Zhēn·Wú", "第三网格", "7号")
STRANGE = (
    "=1+1", "+86", "-1", "@x", "'", '"', "<b>&amp;", "{0.x}", "%s", "a\\b", "𠮷野家", "e\u0301",
    "٣", "'; --",
)  # fmt: skip
"""Texts that look like formulas, markup, templates or commands, and letters outside the plane."""
_LETTERS, _DIGITS = "ABCDEFGHJKLMNPQRSTUVWXY", "0123456789"
_CLASSES = {"d": _DIGITS, "w": _LETTERS + _DIGITS, "s": " "}
_COUNT = re.compile(r"\{(\d+)(,?)(\d*)\}")


class Strings:
    """Makes texts with the given chance."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def text(self, form: Mapping[str, Any], extreme: bool) -> str:
        """A text for a schema of strings; `extreme`: the longest, or a strange one."""
        least, most = int(form.get("minLength", 0)), int(form.get("maxLength", 40))
        if "pattern" in form:
            made = ""
            for length in (most if extreme else max(6, least), most):
                made = self._by_pattern(str(form["pattern"]), length)[:most]
                if len(made) >= least:
                    break
            return made
        if extreme:
            word = self._chance.choice(STRANGE)
            longest = (word * (most // len(word) + 1))[:most]
            return self._chance.choice([word[:most], longest]).ljust(least, "x")
        word = self._chance.choice(WORDS)[: max(1, most)]
        return word.ljust(least, "x")

    def _by_pattern(self, pattern: str, most: int) -> str:
        made, _ = self._alternatives(pattern, 0, most)
        return made

    def _alternatives(self, pattern: str, at: int, most: int) -> tuple[str, int]:
        """One of the alternatives from `at` on, and where they end."""
        options: list[str] = []
        made = ""
        while at < len(pattern) and pattern[at] != ")":
            if pattern[at] == "|":
                options.append(made)
                made, at = "", at + 1
                continue
            start = at
            piece, end = self._piece(pattern, start, most)
            low, high, at = self._count(pattern, end, most)
            if (low, high) == (1, 1):
                made += piece
                continue
            times = high if most > 6 else self._chance.randint(low, max(low, min(high, low + 3)))
            if pattern[start] == "[":  # at once: a sealed text has tens of thousands of letters
                wanted = max(low, min(times, most - len(made)))
                made += "".join(self._chance.choices(_set(pattern[start + 1 : end - 1]), k=wanted))
                continue
            for number in range(times):
                if number >= low and len(made) >= most:
                    break
                made += self._piece(pattern, start, most)[0]
        options.append(made)
        return self._chance.choice(options), at

    def _count(self, pattern: str, at: int, most: int) -> tuple[int, int, int]:
        if at < len(pattern) and pattern[at] in "?*+":
            low, high = {"?": (0, 1), "*": (0, most), "+": (1, most)}[pattern[at]]
            at += 1
        elif found := _COUNT.match(pattern, at):
            low = int(found[1])
            high = low if not found[2] else int(found[3] or max(low, most))
            at = found.end()
        else:
            return 1, 1, at
        if at < len(pattern) and pattern[at] in "?+":
            at += 1
        return low, high, at

    def _piece(self, pattern: str, at: int, most: int) -> tuple[str, int]:
        sign = pattern[at]
        if sign in "^$":
            return "", at + 1
        if sign == "(":
            at += 1
            if pattern.startswith("?:", at):
                at += 2
            made, at = self._alternatives(pattern, at, most)
            return made, at + 1
        if sign == "[":
            end = at + 2
            while pattern[end] != "]" or pattern[end - 1] == "\\":
                end += 1
            return self._chance.choice(_set(pattern[at + 1 : end])), end + 1
        if sign == "\\":
            letters, at = _class(pattern, at)
            return self._chance.choice(letters), at
        return (self._chance.choice(_LETTERS) if sign == "." else sign), at + 1


@cache
def _class(pattern: str, at: int) -> tuple[str, int]:
    name = pattern[at + 1]
    if name in "pP":
        end = pattern.index("}", at) if pattern[at + 2] == "{" else at + 2
        kind = pattern[at + 2 : end + 1].strip("{}")
        letters = _DIGITS if kind.startswith("N") else "甲乙丙" + _LETTERS
        return ("甲" if kind in ("Han", "Script=Han") else letters), end + 1
    return _CLASSES.get(name, name), at + 2


@cache
def _set(inside: str) -> str:
    if inside.startswith("^"):
        kept = {*_LETTERS, *_DIGITS} - set(_set(inside[1:]))
        return "".join(sorted(kept)) or "甲"
    found, at = "", 0
    while at < len(inside):
        if inside[at] == "\\":
            letters, at = _class(inside, at)
            found += letters
        elif at + 2 < len(inside) and inside[at + 1] == "-":
            first, last = ord(inside[at]), ord(inside[at + 2])
            found += "".join(map(chr, range(first, min(last, first + 40) + 1)))
            at += 3
        else:
            found += inside[at]
            at += 1
    return found
