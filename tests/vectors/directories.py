"""Directories an installation that holds version 5 is offered."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace
from tests.vectors.ground import (
    AUTHORITY,
    DAY,
    NOW,
    directory_of,
    keys_of,
)
from tests.vectors.vector import CLINIC, Vector

from jdgate.core.directory import authority_key, encode, publish
from jdgate.core.keys import public_records
from jdgate.core.signing import (
    TYP_DIRECTORY,
    TYP_MESSAGE,
    SigningKey,
    sign,
)


def directories() -> Iterator[Vector]:
    def vector(name: str, expect: str, why: str, data: bytes, held: int | None = 5) -> Vector:
        return Vector(f"directory/{name}.jws", "directory", expect, why, data, {"held": held})

    def raw(text: str) -> bytes:
        return sign(text.encode(), AUTHORITY, TYP_DIRECTORY)

    next_one = directory_of(version=6)
    text = encode(next_one).decode()
    other = keys_of("authority", 2).signer
    pol = keys_of("pol")
    yield vector("good", "ok", "the next version", publish(next_one, AUTHORITY))
    yield vector(
        "first", "ok", "the first one an installation sees", publish(next_one, AUTHORITY), None
    )
    yield vector("same", "ok", "the very same again", publish(directory_of(), AUTHORITY))
    yield vector(
        "rollback",
        "directory.rollback",
        "an older version",
        publish(directory_of(version=4), AUTHORITY),
    )
    yield vector(
        "forked",
        "directory.forked",
        "this version, other content",
        publish(directory_of(county="511600000000"), AUTHORITY),
    )
    yield vector(
        "frozen",
        "directory.expired",
        "run out at this very moment",
        publish(directory_of(version=6, expires=NOW), AUTHORITY),
    )
    yield vector(
        "stranger",
        "directory.authority_unknown",
        "signed by nobody we know",
        publish(next_one, other),
    )
    named = replace(next_one, authority=(*next_one.authority, authority_key(other)))
    yield vector(
        "names-itself",
        "directory.authority_unknown",
        "its signer is named only in itself",
        publish(named, other),
    )
    yield vector(
        "stolen-kid",
        "signing.bad_signature",
        "the authority's key id, another's signature",
        publish(next_one, SigningKey(AUTHORITY.kid, "EdDSA", other.private)),
    )
    yield vector(
        "member-signs",
        "directory.authority_unknown",
        "signed by a member",
        publish(next_one, CLINIC),
    )
    yield vector(
        "wrong-typ",
        "signing.typ_mismatch",
        "signed as a message",
        sign(text.encode(), AUTHORITY, TYP_MESSAGE),
    )
    yield vector("malformed", "directory.malformed", "not a directory", raw("{}"))
    yield vector(
        "bad-utf8",
        "directory.malformed",
        "no UTF-8",
        sign(encode(next_one).replace("单".encode(), b"\xff\xfe\xfd"), AUTHORITY, TYP_DIRECTORY),
    )
    yield vector(
        "duplicate", "directory.malformed", "the version twice", raw(text[:-1] + ',"version":7}')
    )
    yield vector(
        "unknown", "directory.malformed", "a member nobody agreed on", raw(text[:-1] + ',"zone":1}')
    )
    yield vector("space", "directory.malformed", "not in its canonical form", raw(text + " "))
    yield vector(
        "no-zone",
        "directory.malformed",
        "a moment without its zone",
        raw(
            text.replace(
                f'"expires":"{next_one.expires.isoformat().replace("+00:00", "Z")}"',
                '"expires":"2027-01-01T00:00:00"',
            )
        ),
    )
    yield vector(
        "version-zero",
        "directory.malformed",
        "version 0",
        raw(text.replace('"version":6', '"version":0')),
        None,
    )
    twice = replace(next_one, members=(*next_one.members, next_one.members[0]))
    yield vector(
        "member-twice", "directory.malformed", "one member id for two", publish(twice, AUTHORITY)
    )
    records = public_records(pol, NOW - DAY, NOW + DAY)
    taken = directory_of({"cln-02": {"keys": records}}, version=6)
    yield vector(
        "kid-twice", "directory.malformed", "one key id at two members", publish(taken, AUTHORITY)
    )
    odd = directory_of(
        {"cln-02": {"keys": (replace(records[0], kid="cln-02.sig.1", public="a"),)}}, version=6
    )
    yield vector(
        "key-no-base64",
        "directory.malformed",
        "a key that is no base64url",
        publish(odd, AUTHORITY),
    )
    strange = replace(
        next_one, members=(replace(next_one.members[0], id="No One"), *next_one.members[1:])
    )
    yield vector(
        "member-name",
        "directory.malformed",
        "a member id of another form",
        publish(strange, AUTHORITY),
    )
