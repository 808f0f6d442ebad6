"""Founding a county on one machine: configuration, keys, and the first signed directory.

    plan = starter_members("511623000000", "邻水县")
    found(home, region="511623000000", name="邻水县", plan=plan, catalogue_digest=…, now=…)

The authority's signing key is made here too. On a real county it is then moved to where the
authority keeps it (keys/README.md has the ceremony); its public half, `keys/authority.pub`, is
what every edge pins.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from jdgate.config import CONFIG_NAME, Home
from jdgate.core import keys as key_formats
from jdgate.core.directory import AuthorityKey, Directory, Member, authority_key, publish
from jdgate.core.keys import MemberKeys
from jdgate.core.signing import SigningKey
from jdgate.errors import Refused, UsageError
from jdgate.keystore import SUFFIX, close_folder, make_key_file, read_key_file, sync_folder

AUTHORITY = "authority"
DIRECTORY_LIFETIME = timedelta(days=366)
KEY_LIFETIME = timedelta(days=2 * 366)
GATEWAY = "gateway"


class MemberPlan(msgspec.Struct, frozen=True):
    """A member to be. `regions` are 12-digit division codes."""

    id: str
    name: str
    roles: tuple[str, ...]
    regions: tuple[str, ...]
    kind: Literal["authority", "gateway", "department"] = "department"


def starter_members(region: str, name: str) -> list[MemberPlan]:
    """The smallest county that can exchange something: one member of each kind needed."""
    county = (region,)
    return [
        MemberPlan("nco", f"{name}禁毒办", ("NCO",), county, "authority"),
        MemberPlan(GATEWAY, f"{name}交换网关", ("GW",), county, "gateway"),
        MemberPlan("pol", f"{name}公安局禁毒大队", ("POL",), county),
        MemberPlan("ps-01", f"{name}派出所", ("PS",), county),
        MemberPlan("cln-01", f"{name}药物维持治疗门诊", ("CLN",), county),
        MemberPlan("com-01", f"{name}城关镇人民政府", ("COM",), county),
    ]


def write_file(path: Path, data: bytes) -> None:
    """Replace a file's content in one step, on disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".new")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def config_text(region: str, name: str, *, demo: bool, rules: str | None = None) -> str:
    """The configuration file of a new county, with what each entry means.

    `rules`: the settings of its plugins: those of the clinic's unless others, or none (""), are
    given.
    """
    shown = json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")  # as TOML has it, too
    return f"""\
# jdgate: configuration of one machine. Every entry may be left out but those of [county].

[county]
region = "{region}"        # 12-digit division code
name = {shown}
demo = {str(demo).lower()}

[run]
roles = ["gateway", "edge"]   # what this machine plays; a clinic's machine plays "edge" alone
members = []                  # whom it hosts; empty: all whose keys lie in keys/
keep_days = 90                # how long an edge keeps bodies for its own people

[nats]
url = ""                      # empty: an embedded nats-server on loopback
port = -1                     # of the embedded server; -1: any free port

[web]
enabled = true                # the console in the browser and the HTTP API
host = "127.0.0.1"            # anything but this machine needs cert and key
port = 0                      # 0: any free one, another at each start; jdgate run prints it

[books]
checkpoint_seconds = 60       # how often the head of the ledger is signed

{DEFAULT_RULES if rules is None else rules}"""


DEFAULT_RULES = """\
[rules.clinic]
absence_days = 7              # M1, stays with the clinic (design choice, not a legal number)
# dropout_days = 15           # M2: no default. Health and police must sign a number off together
report_by = "10:00"           # the day's attendance is expected by then on the next day
"""


def found(
    home: Home,
    *,
    region: str,
    name: str,
    plan: Sequence[MemberPlan],
    catalogue_digest: str,
    now: datetime,
    demo: bool = False,
    rules: str | None = None,
) -> Directory:
    """Make a county under `home`: keys first, then the directory, the configuration last, so
    that an interrupted founding is simply done again.

    Raises:
        UsageError: `config.exists`.
    """
    if home.config.exists():
        raise UsageError("config.exists", dir=str(home.root))
    home.var.mkdir(parents=True, exist_ok=True, mode=0o700)
    home.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    close_folder(home.keys)
    write_ignored(home)
    authority = _keys(home.keys, AUTHORITY)
    signer = authority.signer
    write_file(home.authority_public, msgspec.json.encode(authority_key(signer)) + b"\n")
    members = tuple(
        Member(
            id=member.id,
            name=member.name,
            kind=member.kind,
            roles=member.roles,
            regions=member.regions,
            keys=key_formats.public_records(
                _keys(home.keys, member.id), now - timedelta(minutes=5), now + KEY_LIFETIME
            ),
        )
        for member in plan
    )
    directory = Directory(
        version=1,
        issued=now,
        expires=now + DIRECTORY_LIFETIME,
        county=region,
        catalogue=catalogue_digest,
        authority=(authority_key(signer),),
        members=members,
    )
    write_file(home.directory, publish(directory, signer))
    write_file(home.config, config_text(region, name, demo=demo, rules=rules).encode())
    return directory


IGNORED = """\
# What belongs in no git repository: keys, databases, lists of refused rows, evidence.
keys/*
!keys/README.md
var/
*.jws
fix*.xlsx
退回*.xlsx
待改*.xlsx
"""


def write_ignored(home: Home) -> None:
    """Keep git from taking in what is made here; what somebody wrote there stays."""
    path = home.root / ".gitignore"
    if not path.exists():
        write_file(path, IGNORED.encode())


def _keys(folder: Path, member: str) -> MemberKeys:
    path = folder / f"{member}{SUFFIX}"
    return read_key_file(path) if path.exists() else make_key_file(folder, member)


def republish(home: Home, directory: Directory, signer: SigningKey, now: datetime) -> Directory:
    """Sign `directory` as the next version and put it in place.

    Raises:
        Refused: `keys.missing` when the authority's key is not on this machine.
    """
    newer = msgspec.structs.replace(
        directory,
        version=directory.version + 1,
        issued=now,
        expires=now + DIRECTORY_LIFETIME,
    )
    write_file(home.directory, publish(newer, signer))
    return newer


def pinned_authority(path: Path) -> tuple[AuthorityKey, ...]:
    """The authority key that this installation trusts.

    Raises:
        Refused: `keys.authority_missing`, `keys.authority_unreadable`.
    """
    try:
        return (msgspec.json.decode(path.read_bytes(), type=AuthorityKey),)
    except FileNotFoundError:
        raise Refused("keys.authority_missing", file=path.name) from None
    except (msgspec.DecodeError, UnicodeDecodeError, OSError):
        raise Refused("keys.authority_unreadable", file=path.name) from None


def is_empty(folder: Path) -> bool:
    """Whether a county may be made in `folder` without asking: nothing of anybody's is there."""
    return not any(entry.name != CONFIG_NAME for entry in folder.iterdir())
