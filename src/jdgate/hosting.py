"""Whom a machine hosts: the members named in its configuration, or all whose keys lie in `keys/`.

A member that may not connect is left out and named, so that the others go on.

    wanted(trust, home, config.run)          # ids, each with a key file
    at_work(trust, home, ids, now)           # with their keys; and why others are left out
    renewed(trust, home, keys, now)          # who got new keys since
    absent(trust, home, at_work)             # whom nobody hosts here
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from msgspec import Struct

from jdgate.bus.access import BusUser, nkey_public
from jdgate.config import Home, Run
from jdgate.core.directory import Trust
from jdgate.core.keys import MemberKeys, bus_public
from jdgate.errors import Refused, TransportFailed, UsageError
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
        if bus_public(own) != may_connect[member]:
            left_out[member] = "daemon.other_bus_key"
        if embedded and member in left_out:
            continue
        keys[member] = own
    return AtWork(keys, left_out)


def absent(trust: Trust, home: Home, members: Collection[str]) -> list[str]:
    """Active members, the gateway aside, that have no key here and are not among `members`."""
    here = {*members, *hosted_members(home.keys), trust.gateway.id}
    return [one.id for one in trust.active() if one.id not in here]


def renewed(
    trust: Trust, home: Home, held: Iterable[MemberKeys], now: datetime
) -> dict[str, MemberKeys]:
    """The keys in the files of those of whom the directory names another bus key than they
    `held` when this machine started. What is no use is left alone: the file is missing, or it
    has not the key that the directory names either."""
    may_connect, found = trust.bus_keys(now), dict[str, MemberKeys]()
    for keys in held:
        wanted = may_connect.get(keys.member)
        if wanted is None or wanted == bus_public(keys):
            continue
        with suppress(Refused):
            own = read_key_file(home.keys / f"{keys.member}{SUFFIX}")
            if bus_public(own) == wanted:
                found[keys.member] = own
    return found


@contextmanager
def telling_who(member: str, nats_url: str) -> Iterator[None]:
    """A bus that can't be reached, or that refuses a key, while this machine starts.

    Raises:
        TransportFailed: `daemon.bus_away`, `daemon.bus_denied`.
    """
    try:
        yield
    except TransportFailed as reason:
        said = {"bus.unavailable": "daemon.bus_away", "bus.denied": "daemon.bus_denied"}
        if reason.code not in said:
            raise
        # a URL may hold a password
        url = re.sub(r"//[^/@,]*@", "//", nats_url)
        raise TransportFailed(said[reason.code], member=member, url=url) from reason


def bus_users(trust: Trust, now: datetime) -> list[BusUser]:
    """Everyone who may connect to the embedded bus now."""
    gateway = trust.gateway.id
    return [
        BusUser(member, nkey_public(public), "gateway" if member == gateway else "member")
        for member, public in trust.bus_keys(now).items()
    ]
