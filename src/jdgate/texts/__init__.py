"""Every sentence a person reads, in Chinese and English, kept in one catalogue.

The texts are TOML files beside this module, one per area; a code is `<area>.<name>` and has
both languages with the same placeholders (a test holds that). Plugins add files of their own
through the hook `jdgate_texts`.

    say("record.field_missing", "zh", title="姓名", path="/name")
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

Lang = Literal["zh", "en"]
LANGUAGES: tuple[Lang, ...] = ("zh", "en")

_extra: dict[str, Mapping[str, str]] = {}


def _flatten(table: Mapping[str, object], prefix: str = "") -> Iterable[tuple[str, dict[str, str]]]:
    for name, value in table.items():
        if not isinstance(value, dict):
            continue
        code = f"{prefix}{name}"
        if any(lang in value for lang in LANGUAGES):
            yield code, value
        else:
            yield from _flatten(value, f"{code}.")


def read_file(path: Path) -> dict[str, dict[str, str]]:
    """Code → {"zh": …, "en": …} of one text file."""
    return dict(_flatten(tomllib.loads(path.read_text(encoding="utf-8"))))


@cache
def _own() -> dict[str, dict[str, str]]:
    texts: dict[str, dict[str, str]] = {}
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        texts.update(read_file(path))
    return texts


def all_texts() -> dict[str, Mapping[str, str]]:
    """Every known code with its texts: jdgate's own and those plugins added."""
    return {**_own(), **_extra}


def add_file(path: Path) -> None:
    """Add a plugin's texts. Own texts can't be replaced."""
    for code, entry in read_file(path).items():
        if code not in _own():
            _extra[code] = entry


def choose_language(args: Sequence[str], environment: Mapping[str, str]) -> Lang:
    """`--lang`, else JDGATE_LANG, else the locale (zh* is Chinese), else English."""
    for index, arg in enumerate(args):
        given = arg.partition("=")[2] if arg.startswith("--lang=") else ""
        if arg == "--lang" and index + 1 < len(args):
            given = args[index + 1]
        if given in LANGUAGES:
            return given
    if (named := environment.get("JDGATE_LANG", "")) in LANGUAGES:
        return named
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environment.get(name):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def say(code: str, lang: Lang, /, **params: object) -> str:
    """The text of `code` in `lang` with its placeholders filled.

    An unknown code or a missing parameter never raises: a message for a person must not fail
    because its words do. The code and parameters are shown instead.
    """
    entry = _own().get(code) or _extra.get(code)
    if entry is None:
        return f"{code} {params}" if params else code
    template = entry.get(lang) or entry.get("en") or code
    try:
        return template.format_map(params)
    except (KeyError, IndexError, ValueError):
        return f"{template} {params}"
