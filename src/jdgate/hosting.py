"""Whom a machine hosts: the members named in its configuration, or all whose keys lie in `keys/`.

A member that may not connect is left out and named, so that the others go on.

    wanted(trust, home, config.run)          # ids, each with a key file
    at_work(trust, home, ids, now)           # with their keys; and why others are left out
    absent(trust, home, at_work)             # whom nobody hosts here
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from jdgate.config import Home, Run
from jdgate.core.directory import Trust
from jdgate.core.keys import MemberKeys
from jdgate.errors import UsageError
from jdgate.keystore import SUFFIX, hosted_members, read_key_file


class AtWork(Struct, frozen=True):
    """Members that may connect, with their keys; and by member why one may not."""

    keys: dict[str, MemberKeys]
    left_out: dict[str, str]


def wanted(trust: Trust, home: Home, run: Run) -> list[str]:
    """The members this machine is to play.

    Raises:
        UsageError: `config.member_unknown`.
    """
    known = [member for member in trust.members if member != trust.gateway.id]
    if unknown := [member for member in run.members if member not in known]:
        raise UsageError("config.member_unknown", member=unknown[0][:40], known=", ".join(known))
    here = hosted_members(home.keys)
    return list(run.members) or [member for member in known if member in here]


def at_work(
    trust: Trust, home: Home, members: Iterable[str], now: datetime, *, embedded: bool
) -> AtWork:
    """Who of `members` may connect: active, with a valid bus key that is the one in the directory.

    With servers of the county's own (`embedded` false) a key that the directory here does not
    know yet may be known to them: such a member is named and tried.

    Raises:
        Refused: `keys.…`.
    """
    may_connect = trust.bus_keys(now)
    keys: dict[str, MemberKeys] = {}
    left_out: dict[str, str] = {}
    for member in members:
        own = read_key_file(home.keys / f"{member}{SUFFIX}")
        if member not in may_connect:
            left_out[member] = "daemon.may_not_connect"
            continue
        if bus_key(own).public_key().public_bytes_raw() != may_connect[member]:
            left_out[member] = "daemon.other_bus_key"
        if embedded and member in left_out:
            continue
        keys[member] = own
    return AtWork(keys, left_out)


def absent(trust: Trust, home: Home, members: Collection[str]) -> list[str]:
    """Active members, the gateway aside, that have no key here and are not among `members`."""
    here = {*members, *hosted_members(home.keys), trust.gateway.id}
    return [one.id for one in trust.active() if one.id not in here]


def bus_key(keys: MemberKeys) -> Ed25519PrivateKey:
    """The key a member logs in to the bus with."""
    return Ed25519PrivateKey.from_private_bytes(keys.bus)
