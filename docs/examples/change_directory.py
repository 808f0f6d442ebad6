"""Changes the signed directory on the machine that holds the authority's key.

    python change_directory.py COUNTY_DIR renew                  # new version, a year from now
    python change_directory.py COUNTY_DIR rekey MEMBER           # new keys beside the old ones

`rekey` makes the member's next keys in COUNTY_DIR/keys/MEMBER.key (the old file stays as
MEMBER.key.old) and adds their public half; keys that were valid stay so, for what is under way.
The new var/directory.jws goes to the gateway's machine, whose daemon is told (`kill -HUP`).
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from jdgate.config import Home
from jdgate.core import directory as directories
from jdgate.core import keys as formats
from jdgate.core.directory import Directory, Member
from jdgate.founding import KEY_LIFETIME, pinned_authority, republish
from jdgate.keystore import read_key_file, write_private


def rekeyed(home: Home, member: Member, now: datetime) -> Member:
    """The member with new signing, sealing and bus keys; its old bus key ends."""
    path = home.keys / f"{member.id}.key"
    old = read_key_file(path)
    number = 1 + max(int(key.kid.rpartition(".")[2]) for key in member.keys)
    new = formats.make(member.id, os.urandom, number=number)
    both = msgspec.structs.replace(
        new, signing=(*old.signing, *new.signing), opening=(*old.opening, *new.opening)
    )
    path.rename(path.with_name(path.name + ".old"))
    write_private(path, formats.dump(both))
    added = [
        msgspec.structs.replace(key, kid=f"{member.id}.bus.{number}") if key.use == "bus" else key
        for key in formats.public_records(new, now - timedelta(minutes=5), now + KEY_LIFETIME)
    ]
    kept = [
        msgspec.structs.replace(key, revoked_at=now) if key.use == "bus" else key
        for key in member.keys
    ]
    return msgspec.structs.replace(member, keys=(*kept, *added))


def changed(home: Home, directory: Directory, act: str, name: str, now: datetime) -> Directory:
    """The directory after one act."""
    if act == "renew":
        return directory
    members = {member.id: member for member in directory.members}
    if name not in members:
        raise SystemExit(f"there is no member {name}")
    if act != "rekey":
        raise SystemExit(__doc__)
    members[name] = rekeyed(home, members[name], now)
    return msgspec.structs.replace(directory, members=tuple(members.values()))


def main() -> None:
    """Change, sign, put in place."""
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    home, act, name = Home(Path(sys.argv[1])), sys.argv[2], "".join(sys.argv[3:4])
    now = datetime.now(UTC)
    signer = read_key_file(home.keys / "authority.key").signer
    old = directories.read(home.directory.read_bytes(), pinned_authority(home.authority_public))
    new = republish(home, changed(home, old, act, name, now), signer, now)
    print(f"directory version {new.version} signed, valid until {new.expires:%Y-%m-%d}")


if __name__ == "__main__":
    main()
