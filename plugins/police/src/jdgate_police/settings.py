"""The county's settings for the police registry: the table `[rules.police]` of the config.

    [rules.police]
    database_env = "REGISTRY_URL"      # or database_file = "/etc/jdgate/registry.url"
    mapping = "/etc/jdgate/registry.toml"
    create_inbox = false

The database's URL holds a password. It stands in the environment or in a file that others can't
read, never in the config, and no error or log line shows it. Without any setting the plugin
rests.

    chosen = settings.read(table)          # None: nothing is set
    chosen.url(), chosen.plan(catalogue)
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from jdgate.plugins import Refused

PLUGIN = "police"
_KNOWN = (
    "database_env",
    "database_file",
    "mapping",
    "member",
    "receive",
    "create_inbox",
    "inbox_table",
)
_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,47}(\.[A-Za-z_][A-Za-z0-9_]{0,47})?")


class Settings(Struct, frozen=True):
    """`member`: whose registry it is; None means every hosted member with the role POL.

    `receive`: the types written into the inbox; None means all that the police are sent.
    """

    database_env: str | None
    database_file: str | None
    mapping: str | None = None
    member: str | None = None
    receive: tuple[str, ...] | None = None
    create_inbox: bool = False
    inbox_table: str = "jdgate_inbox"

    def url(self, home: Path) -> URL:
        """The database's URL, read now. Relative paths begin in `home`, the county's folder.

        Raises:
            Refused: `police.env_missing`, `police.url_file`, `police.url_open`,
                `police.url_bad`.
        """
        if self.database_env is not None:
            raw = os.environ.get(self.database_env, "").strip()
            if not raw:
                raise Refused("police.env_missing", name=self.database_env)
        else:
            raw = _secret(home / (self.database_file or ""))
        try:
            url = make_url(raw)
            url.get_dialect()
        except (ArgumentError, ImportError, ValueError):
            raise Refused("police.url_bad") from None
        if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
            url = url.set(database=str(home / url.database))
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        return url


def read(table: Mapping[str, Any]) -> Settings | None:
    """The settings of a table; None when there are none.

    Raises:
        Refused: `plugin.setting_unknown`, `police.setting_…`, `police.database_which`.
    """
    if not table:
        return None
    for name in table:
        if name not in _KNOWN:
            raise Refused(
                "plugin.setting_unknown", plugin=PLUGIN, setting=name, expected=", ".join(_KNOWN)
            )
    inbox = _text(table, "inbox_table") or "jdgate_inbox"
    if not _TABLE.fullmatch(inbox):
        raise Refused("police.setting_table")
    chosen = Settings(
        database_env=_text(table, "database_env"),
        database_file=_text(table, "database_file"),
        mapping=_text(table, "mapping"),
        member=_text(table, "member"),
        receive=_types(table),
        create_inbox=_flag(table, "create_inbox"),
        inbox_table=inbox,
    )
    if (chosen.database_env is None) == (chosen.database_file is None):
        raise Refused("police.database_which")
    return chosen


def _text(table: Mapping[str, Any], name: str) -> str | None:
    if name not in table:
        return None
    got = table[name]
    if not isinstance(got, str) or not got.strip() or "\0" in got:
        raise Refused("police.setting_text", setting=name)
    return got.strip()


def _flag(table: Mapping[str, Any], name: str) -> bool:
    got = table.get(name, False)
    if not isinstance(got, bool):
        raise Refused("police.setting_flag", setting=name)
    return got


def _types(table: Mapping[str, Any]) -> tuple[str, ...] | None:
    if "receive" not in table:
        return None
    got = table["receive"]
    if not isinstance(got, list) or not all(isinstance(one, str) for one in got):
        raise Refused("police.setting_types", setting="receive")
    return tuple(got)


def _secret(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o007:
                raise Refused("police.url_open", file=path.name[:80])
            raw = file.read(8192).strip()
    except (OSError, ValueError):
        raise Refused("police.url_file", file=path.name[:80]) from None
    if not raw:
        raise Refused("police.url_file", file=path.name[:80])
    return raw
