"""A department's own machine, and its admission: files on both sides.

    request_keys(home, "cln-02", name=…, …)             # at the department: keys/, and the request
    admit(home, request, nats=…, now=now)               # at the authority: next directory, welcome
    accept(home, welcome)                               # at the department: ready for jdgate run

No private key travels: the department's are made where they are used, and what goes to and fro are
public keys and the signed directory. People compare fingerprints; commands ask for them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificates

from jdgate.bus.access import is_loopback
from jdgate.config import Home, Run
from jdgate.core import directory as directories
from jdgate.core import enrolment
from jdgate.core import keys as formats
from jdgate.core.directory import Directory, Member
from jdgate.core.encoding import b64u, unb64u
from jdgate.core.enrolment import Request, Welcome
from jdgate.core.sealing import SealingKey, seal
from jdgate.errors import Refused, UsageError
from jdgate.founding import AUTHORITY, KEY_LIFETIME, pinned_authority, republish, write_file
from jdgate.keystore import SUFFIX, read_key_file, replace_private, write_private

CA_FILE = "nats-ca.pem"


class Admission(NamedTuple):
    """What an admission led to."""

    directory: Directory
    welcome: Welcome


class Rekeyed(NamedTuple):
    """What new keys for a member led to. `number`: theirs; `file`: where they and the old ones
    are."""

    directory: Directory
    number: int
    file: Path


def request_keys(
    home: Home,
    member: str,
    *,
    name: str,
    roles: Sequence[str],
    regions: Sequence[str],
    county: str,
    number: int | None = None,
) -> bytes:
    """Make keys for a member to be and the request to admit them.

    With a `number` above those it has, keys are added to its key file; what is under way can
    still be opened with the old ones.

    Raises:
        Refused: `keys.exists`, `enrol.…`.
    """
    path = home.keys / f"{member}{SUFFIX}"
    if number is None:
        if path.exists():
            raise Refused("keys.exists", file=path.name)
        keys = formats.make(member, os.urandom)
    else:
        old = read_key_file(path) if path.exists() else None
        keys = formats.make(member, os.urandom, number=number)
        if old is not None:
            if number <= old.number:
                raise Refused("enrol.number", got=number, least=old.number + 1)
            keys = keys.beside(old)
    request = enrolment.make_request(keys, name=name, roles=roles, regions=regions, county=county)
    if path.exists():
        replace_private(path, formats.dump(keys), old_file(path, keys.number))
    else:
        write_private(path, formats.dump(keys))
    return request


def old_file(path: Path, number: int) -> Path:
    """Where a key file stays when keys of this number come into its place."""
    return path.with_name(f"{path.name}.before-{number}")


def read_directory(home: Home) -> Directory:
    """The signed directory of the authority's installation.

    Raises:
        Refused: `directory.…`, `keys.…`, `signing.…`.
    """
    try:
        jws = home.directory.read_bytes()
    except FileNotFoundError:
        raise Refused("directory.missing", file=str(home.directory)) from None
    return directories.read(jws, pinned_authority(home.authority_public))


def admit(
    home: Home, request: Request, *, county_name: str, nats: str, ca: str, now: datetime
) -> Admission:
    """Publish the next directory with the request's keys, signed by the authority's key here.

    Raises:
        Refused: `enrol.…`, `keys.missing` when the authority's key is not on this machine.
        UsageError: `bus.url`, `bus.tls_required`, the department could not connect there.
    """
    signer = read_key_file(authority_file(home)).signer
    for key in request.keys:
        if key.use == "enc":
            # a key that nothing can be sealed to would be found out by the first delivery
            seal(b"", SealingKey(key.kid, key.suite, unb64u(key.public)), b"")
    before = read_directory(home)
    after = enrolment.admitted(before, request, now, now + KEY_LIFETIME)
    ca = certificates(ca)
    _check_address(nats, private=bool(ca))
    published = republish(home, after, signer, now)
    welcome = Welcome(
        authority=pinned_authority(home.authority_public)[0],
        ca=ca,
        county_name=county_name,
        directory=home.directory.read_bytes().decode(),
        format=enrolment.WELCOME_FORMAT,
        member=request.member,
        nats=nats,
    )
    return Admission(published, welcome)


def authority_file(home: Home) -> Path:
    """Where the key lies that signs directories, on the machine that has it."""
    return home.keys / f"{AUTHORITY}{SUFFIX}"


def certificates(pem: str) -> str:
    """The certificates of a PEM text, and nothing else that may stand in it; empty for none.

    Raises:
        Refused: `enrol.ca`, there is no certificate in it.
    """
    if not pem.strip():
        return ""
    try:
        found = load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise Refused("enrol.ca") from None
    return "".join(one.public_bytes(Encoding.PEM).decode() for one in found)


def without_password(nats: str) -> str:
    """The address of the bus as others may see it."""
    return re.sub(r"//[^/@,]*@", "//", nats)


def _check_address(nats: str, *, private: bool) -> None:
    for server in nats.split(","):
        parts = urlsplit(server)
        if parts.scheme not in ("nats", "tls") or not parts.hostname:
            raise UsageError("bus.url")
        if parts.scheme == "nats" and not private and not is_loopback(parts.hostname):
            raise UsageError("bus.tls_required", host=parts.hostname)


def change(
    home: Home, member: str, act: Callable[[Member, datetime], Member], now: datetime
) -> Directory:
    """Publish the next directory with one member changed.

    Raises:
        Refused: `member.unknown`, `enrol.not_department`, `keys.missing`.
    """
    signer = read_key_file(authority_file(home)).signer
    before = read_directory(home)
    found = _member(before, member)
    if found.kind != "department":
        raise Refused("enrol.not_department", member=member)
    return republish(home, enrolment.with_member(before, act(found, now)), signer, now)


def rekey(home: Home, run: Run, member: str, now: datetime) -> Rekeyed:
    """Make a member's next keys and publish a directory with them, where the authority's key lies
    and the member is played, with the keys in its key file.

    In this order, so that an interruption leaves no directory that names keys which are nowhere,
    and no key is lost: the file with the old keys and the new ones takes the place of the old
    file, which stays beside it; then comes the directory. Done again after an interruption, it
    goes on with the keys that were made. They are of the suites that the member had.

    Raises:
        Refused: `member.unknown`, `enrol.no_authority_here`, `enrol.keys_elsewhere`,
            `enrol.both_here`, `enrol.not_active`, `keys.…`, `directory.…`, `signing.…`.
    """
    before = read_directory(home)
    found = _member(before, member)
    path = home.keys / f"{member}{SUFFIX}"
    if not authority_file(home).exists():
        raise _elsewhere(found, "enrol.no_authority_here")
    if not path.exists() or not _plays(run, found):
        raise _elsewhere(found, "enrol.keys_elsewhere")
    signer, own = read_key_file(authority_file(home)).signer, read_key_file(path)
    if enrolment.is_ahead(found, own):
        keys = own
    elif enrolment.names(found, own):
        keys = formats.make(
            member, os.urandom, alg=own.signer.alg, kem=own.opening[-1].suite, number=own.number + 1
        ).beside(own)
    else:
        raise _elsewhere(found, "enrol.keys_elsewhere")
    after = enrolment.rekeyed(before, found, keys, now, now + KEY_LIFETIME)
    if keys is not own:
        replace_private(path, formats.dump(keys), old_file(path, keys.number))
    return Rekeyed(republish(home, after, signer, now), keys.number, path)


def _plays(run: Run, member: Member) -> bool:
    """Whether a machine plays a member whose keys it has: elsewhere they are a copy."""
    if member.kind == "gateway":
        return "gateway" in run.roles
    return "edge" in run.roles and (not run.members or member.id in run.members)


def _elsewhere(member: Member, code: str) -> Refused:
    """New keys can't be made here. Whose request nobody may admit needs both keys in one place."""
    if member.kind != "department":
        return Refused("enrol.both_here", member=member.id)
    return Refused(code, member=member.id, command=enrolment.request_command(member))


def _member(directory: Directory, member: str) -> Member:
    found = next((one for one in directory.members if one.id == member), None)
    if found is None:
        raise Refused("member.unknown", member=member[:40])
    return found


def renew(home: Home, now: datetime) -> Directory:
    """Publish the directory as it is for another year.

    Raises:
        Refused: `keys.missing`, `directory.…`.
    """
    signer = read_key_file(authority_file(home)).signer
    return republish(home, read_directory(home), signer, now)


def accept(home: Home, welcome: Welcome) -> Directory:
    """Put in place what an admitted department needs; `jdgate run` starts from it.

    Raises:
        Refused: `enrol.not_admitted` when the directory does not hold the keys made here,
            `enrol.other_authority`, `directory.…`, `keys.…`.
        UsageError: `config.exists`.
    """
    own = read_key_file(home.keys / f"{welcome.member}{SUFFIX}")
    directory = directories.read(welcome.directory.encode(), (welcome.authority,))
    member = next((one for one in directory.members if one.id == welcome.member), None)
    mine = {b64u(own.signer.public().public), b64u(formats.bus_public(own))}
    if member is None or not mine <= {key.public for key in member.keys}:
        raise Refused("enrol.not_admitted", member=welcome.member)
    if home.authority_public.exists():
        if pinned_authority(home.authority_public) != (welcome.authority,):
            raise Refused("enrol.other_authority", file=str(home.authority_public))
    elif home.config.exists():
        raise UsageError("config.exists", dir=str(home.root))
    home.var.mkdir(parents=True, exist_ok=True, mode=0o700)
    if welcome.ca:
        write_file(home.root / CA_FILE, welcome.ca.encode())
    write_file(home.authority_public, msgspec.json.encode(welcome.authority) + b"\n")
    write_file(home.directory, welcome.directory.encode())
    if not home.config.exists():
        write_file(home.config, edge_config(welcome, directory.county).encode())
    return directory


def edge_config(welcome: Welcome, county: str) -> str:
    """The configuration of a machine that hosts departments and nothing else."""

    def quoted(text: str) -> str:
        return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

    ca = (
        f'ca = "{CA_FILE}"            # who signed the certificate of the bus\n'
        if welcome.ca
        else ""
    )
    return f"""\
# jdgate: configuration of a department's own machine.
[county]
region = "{county}"
name = {quoted(welcome.county_name)}

[run]
roles = ["edge"]              # no gateway here
members = ["{welcome.member}"]
keep_days = 90                # how long bodies are kept for its own people

[nats]
url = {quoted(welcome.nats)}
{ca}"""


def read_text(path: Path) -> str:
    """A text file that the command line names.

    Raises:
        UsageError: `cli.no_file`.
    """
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError("enrol.no_file", file=str(path)) from None
