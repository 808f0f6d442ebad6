"""What commands find without a daemon: plugins, the catalogue, the names of types.

host = load_plugins(session, plugins_dir)
catalogue = load_catalogue(host)
full_type("mmt.attendance", catalogue.sheets)       # "mmt.attendance.v1"
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jdgate.cli.session import F, Session, option
from jdgate.errors import JdgateError, UsageError

if TYPE_CHECKING:
    from jdgate.core.catalogue import Catalogue
    from jdgate.core.sheet import Sheet
    from jdgate.plugins.host import PluginHost


def plugins_dir(function: F) -> F:
    """The option `--plugins-dir DIR`."""
    return option(
        "--plugins-dir",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="DIR",
        help="cli.option.plugins_dir",
    )(function)


def load_plugins(session: Session, folder: Path | None) -> PluginHost:
    """The plugins of the installation, or those of this environment when there is none.

    Raises:
        Refused: `plugin.…`. UsageError: `config.…` of a configuration that is wrong.
    """
    from jdgate.config import CONFIG_NAME, read_config
    from jdgate.plugins.host import PluginHost
    from jdgate.refdata import FOLDER, References

    if session.config_file is None and not Path(CONFIG_NAME).is_file():
        return PluginHost(folder)
    home = session.home()
    config = read_config(home)
    if folder is None and config.plugins.dir:
        folder = home.root / config.plugins.dir
    references = References(home.var / FOLDER)
    return PluginHost(folder, config.plugins.disabled, config.rules, references=references)


def load_catalogue(host: PluginHost) -> Catalogue:
    """The catalogue in place: jdgate's own types and those of the plugins.

    Raises:
        Refused: `catalogue.…`, with every problem found.
    """
    from jdgate.catalogues import load_all

    return load_all(host)


def full_type(name: str, known: Iterable[str]) -> str:
    """The type meant by `name`; without a version, the newest one.

    Raises:
        UsageError: `cli.type_unknown`, naming types that look alike or all of them.
    """
    types = sorted(known)
    if name in types:
        return name
    pattern = re.compile(re.escape(name) + r"\.v(\d+)")
    versions = [(int(m[1]), one) for one in types if (m := pattern.fullmatch(one))]
    if versions:
        return max(versions)[1]
    words = [word for word in re.split(r"[._]", name) if len(word) > 2 and word != "sys"]
    near = [one for one in types if any(word in one for word in words)]
    raise UsageError("cli.type_unknown", type=name[:60], types=", ".join(near or types) or "—")


def sheets(session: Session) -> dict[str, Sheet]:
    """The sheets by type, for the titles of types, fields and values; plugins' texts are known
    after it. Without a working catalogue the names themselves are shown, so this gives {}.
    """
    from jdgate.core import catalogue

    with suppress(JdgateError):
        return load_catalogue(load_plugins(session, None)).sheets
    with suppress(JdgateError):  # a plugin that is broken here hides the titles of its own alone
        return catalogue.load([catalogue.default_path()]).sheets
    return {}
