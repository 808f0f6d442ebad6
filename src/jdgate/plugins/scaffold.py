"""Writes a new plugin: a package that is installable, passes the conformance kit and its own
tests, and is meant to be changed line by line into what a department needs.

Rules
- The name is checked before anything is written; a folder that exists is never touched.
- The template is in `template/`, as files whose names and texts hold `@@word@@`.
- All or nothing: the folder gets its name when everything is in it.

    folder = write_plugin("housing", Path("."))         # ./housing, package jdgate_housing
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from jdgate import texts
from jdgate.core.catalogue import default_path
from jdgate.errors import Refused
from jdgate.plugins.hookspecs import ENTRY_POINTS

TEMPLATE = Path(__file__).parent / "template"
SUFFIX = ".tmpl"
_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_LONGEST = 16
"""Characters, as many as a domain of message types may have."""
_RESERVED = frozenset({"jdgate", "sys", "plugin", "plugins", "test", "tests"})


def write_plugin(name: str, where: Path) -> Path:
    """The folder `where/name` with a new plugin in it.

    Raises:
        Refused: `plugin.new_name`, `plugin.new_taken`, `plugin.new_exists`,
            `plugin.new_unwritable`.
    """
    words = words_for(name)
    folder = where / name
    if os.path.lexists(folder):
        raise Refused("plugin.new_exists", folder=name)
    try:
        where.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=where) as partial:
            root = Path(partial) / name
            for target, text in rendered(words):
                path = root / target
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            root.rename(folder)
    except OSError as error:
        if folder.is_dir() and error.errno is not None and any(folder.iterdir()):
            raise Refused("plugin.new_exists", folder=name) from error
        reason = error.strerror or type(error).__name__
        raise Refused("plugin.new_unwritable", folder=name, reason=reason) from error
    return folder


def words_for(name: str) -> dict[str, str]:
    """What stands for each `@@word@@` of the template.

    Raises:
        Refused: `plugin.new_name` when it can't be a name, `plugin.new_taken` when something
            else has it: an installed plugin, a domain of the catalogue, an area of the texts.
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise Refused("plugin.new_name", plugin=name[:40], most=_LONGEST)
    code = name.replace("-", "_")
    domain = code.replace("_", "")
    if {name, domain} & (_RESERVED | _taken()):
        raise Refused("plugin.new_taken", plugin=name)
    return {
        "name": name,
        "dist": f"jdgate-{name.replace('_', '-')}",
        "package": f"jdgate_{code}",
        "domain": domain,
        "code": code,
        "rule_id": f"{domain[:3].upper()}1",
    }


def rendered(words: dict[str, str]) -> Iterator[tuple[str, str]]:
    """(path, text) of each file of a new plugin."""
    for path in sorted(TEMPLATE.rglob(f"*{SUFFIX}")):
        name = path.relative_to(TEMPLATE).as_posix().removesuffix(SUFFIX)
        yield fill(name, words), fill(path.read_text(encoding="utf-8"), words)


def fill(text: str, words: dict[str, str]) -> str:
    """`text` with each `@@word@@` replaced. Raises: KeyError for a word nobody knows."""
    return re.sub(r"@@([a-z_]+)@@", lambda found: words[found[1]], text)


def _taken() -> set[str]:
    installed = {point.name for point in metadata.entry_points(group=ENTRY_POINTS)}
    domains = {path.name for path in default_path().iterdir() if path.is_dir()}
    own = Path(texts.__file__).parent.glob("*.toml")
    areas = {code.partition(".")[0] for path in own for code in texts.read_file(path)}
    return installed | domains | areas
