"""Prints the users of the exchange as a nats-server configuration, for a cluster of your own.

    python nats_users.py COUNTY_DIR > jdgate-users.conf

Every member that may connect now is a user with an nkey and just the permissions it needs. Include
the file in the servers' configuration and reload them whenever the directory changes.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from jdgate.bus.access import BusUser, nkey_public, permissions
from jdgate.config import Home
from jdgate.core import directory as directories
from jdgate.core.directory import Trust
from jdgate.founding import pinned_authority


def users(home: Home, now: datetime) -> list[dict[str, object]]:
    """The users, as nats-server writes them."""
    pinned = pinned_authority(home.authority_public)
    trust = Trust(directories.read(home.directory.read_bytes(), pinned))
    gateway = trust.gateway.id
    found = []
    for member, key in sorted(trust.bus_keys(now).items()):
        user = BusUser(member, nkey_public(key), "gateway" if member == gateway else "member")
        found.append({"nkey": user.nkey, "permissions": permissions(user)})
    return found


if __name__ == "__main__":
    made = users(Home(Path(sys.argv[1])), datetime.now(UTC))
    print("authorization:", json.dumps({"timeout": 5, "users": made}, indent=1))
