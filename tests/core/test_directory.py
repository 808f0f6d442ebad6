"""Who is trusted, since when and until when, to the millisecond at every edge.

Hostile directories are files: `tests/vectors/directory`, judged by `test_admission_vectors.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.vectors.ground import (
    AUTHORITY,
    COUNTY,
    DAY,
    KEYS,
    NOW,
    PINNED,
    TRUST,
    WINDOW,
    directory_of,
    keys_of,
    member_of,
)

from jdgate.core.directory import (
    Directory,
    KeyRecord,
    Trust,
    accept,
    authority_key,
    encode,
    publish,
    read,
)
from jdgate.core.keys import public_records
from jdgate.core.signing import TYP_DIRECTORY, SigningKey, sign
from jdgate.errors import Refused

MS = timedelta(milliseconds=1)
SIG = "cln-01.sig.1"
NEXT = keys_of("authority", 2).signer


def code(call: Any, *args: Any) -> str:
    with pytest.raises(Refused) as refused:
        call(*args)
    str(refused.value)
    return refused.value.code


def trust_with(member: str, **changes: Any) -> Trust:
    return Trust(directory_of({member: changes}))


def records(member: str, number: int = 1, **changes: Any) -> tuple[KeyRecord, ...]:
    made = public_records(keys_of(member, number), *WINDOW)
    return tuple(replace(record, **changes) for record in made)


def revoked(at: datetime) -> Trust:
    return trust_with("cln-01", keys=records("cln-01", revoked_at=at))


# --- the document


def test_a_published_directory_is_read_as_it_was() -> None:
    assert read(publish(directory_of(), AUTHORITY), PINNED) == directory_of()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_directory_with_any_byte_changed_is_not_believed_even_when_signed_again(
    data: st.DataObject,
) -> None:
    """Signed again by the authority: what is accepted is canonical and says something else."""
    payload = bytearray(encode(directory_of()))
    at = data.draw(st.integers(0, len(payload) - 1))
    payload[at] ^= data.draw(st.integers(1, 255))
    try:
        found = read(sign(bytes(payload), AUTHORITY, TYP_DIRECTORY), PINNED)
    except Refused as reason:
        assert reason.code == "directory.malformed"
    else:
        assert encode(found) == payload and found != directory_of()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=100))
def test_a_signed_document_of_any_bytes_never_raises_anything_else(raw: bytes) -> None:
    assert code(read, sign(raw, AUTHORITY, TYP_DIRECTORY), PINNED) == "directory.malformed"


# --- its succession


def test_the_next_version_is_taken_and_a_version_may_be_skipped() -> None:
    for version in (6, 7, 99):
        jws = publish(directory_of(version=version), AUTHORITY)
        assert accept(jws, PINNED, directory_of(), NOW).version == version


def test_expiry_is_judged_to_the_millisecond() -> None:
    jws = publish(directory_of(version=6), AUTHORITY)
    expires = directory_of().expires
    assert accept(jws, PINNED, directory_of(), expires - MS)
    assert code(accept, jws, PINNED, directory_of(), expires) == "directory.expired"


def test_an_installation_with_no_copy_takes_any_version_but_no_other_signer() -> None:
    assert accept(publish(directory_of(version=1), AUTHORITY), PINNED, None, NOW).version == 1
    jws = publish(directory_of(), NEXT)
    assert code(accept, jws, PINNED, None, NOW) == "directory.authority_unknown"


def rotated(version: int, *keys: SigningKey) -> Directory:
    return directory_of(version=version, authority=tuple(authority_key(key) for key in keys))


def test_the_authority_key_is_rotated_in_two_steps() -> None:
    both = accept(publish(rotated(6, AUTHORITY, NEXT), AUTHORITY), PINNED, directory_of(), NOW)
    alone = accept(publish(rotated(7, NEXT), NEXT), PINNED, both, NOW)
    assert accept(publish(rotated(8, NEXT), NEXT), PINNED, alone, NOW).version == 8


def test_a_key_that_was_rotated_out_signs_nothing_any_more_though_it_is_pinned() -> None:
    alone = rotated(7, NEXT)
    jws = publish(rotated(8, AUTHORITY), AUTHORITY)
    assert code(accept, jws, PINNED, alone, NOW) == "directory.authority_unknown"


def test_a_new_key_cannot_introduce_itself() -> None:
    jws = publish(rotated(6, AUTHORITY, NEXT), NEXT)
    assert code(accept, jws, PINNED, directory_of(), NOW) == "directory.authority_unknown"


# --- signing keys


@pytest.mark.parametrize(
    ("signed_at", "received_at", "expected"),
    [
        (WINDOW[0], WINDOW[0], None),
        (WINDOW[0] - MS, NOW, "key.not_yet_valid"),
        (WINDOW[0] - MS, WINDOW[0] - MS, "key.not_yet_valid"),
        (NOW, NOW, None),
        (WINDOW[1] - MS, WINDOW[1] - MS, None),
        (WINDOW[1] - MS, WINDOW[1], "key.expired"),
        (WINDOW[1], WINDOW[1], "key.expired"),
        (NOW, WINDOW[1] + DAY, "key.expired"),
    ],
)
def test_a_key_holds_from_the_first_moment_of_its_window_to_before_the_last(
    signed_at: datetime, received_at: datetime, expected: str | None
) -> None:
    if expected is None:
        key = TRUST.signing_key(SIG, "cln-01", signed_at, received_at)
        assert key == KEYS["cln-01"].signer.public()
    else:
        assert code(TRUST.signing_key, SIG, "cln-01", signed_at, received_at) == expected


@given(st.integers(-40, 40), st.integers(-40, 40), st.none() | st.integers(-40, 40))
def test_a_key_is_judged_at_both_moments_and_its_revocation_at_the_second(
    signed_day: int, received_day: int, revoked_day: int | None
) -> None:
    end = None if revoked_day is None else NOW + revoked_day * DAY
    trust = trust_with("cln-01", keys=records("cln-01", revoked_at=end))
    signed_at, received_at = NOW + signed_day * DAY, NOW + received_day * DAY
    inside = all(WINDOW[0] <= moment < WINDOW[1] for moment in (signed_at, received_at))
    good = inside and (end is None or received_at < end)
    try:
        trust.signing_key(SIG, "cln-01", signed_at, received_at)
    except Refused:
        assert not good
    else:
        assert good


def test_a_revoked_key_is_good_for_nothing_from_that_moment() -> None:
    trust = revoked(NOW)
    assert trust.signing_key(SIG, "cln-01", NOW - DAY, NOW - MS)
    assert code(trust.signing_key, SIG, "cln-01", NOW - DAY, NOW) == "key.revoked"
    assert code(trust.sealing_key, "cln-01", NOW) == "key.none_to_seal"
    assert "cln-01" not in trust.bus_keys(NOW) and "cln-01" in trust.bus_keys(NOW - MS)


@pytest.mark.parametrize(
    ("kid", "member", "expected"),
    [
        (SIG, "nobody", "member.unknown"),
        (SIG, "pol", "key.not_theirs"),
        ("cln-01.sig.9", "cln-01", "key.unknown"),
        ("", "cln-01", "key.unknown"),
        ("cln-01.enc.1", "cln-01", "key.wrong_use"),
        ("cln-01.bus.1", "cln-01", "key.wrong_use"),
    ],
)
def test_only_a_members_own_signing_key_signs_for_it(kid: str, member: str, expected: str) -> None:
    assert code(TRUST.signing_key, kid, member, NOW, NOW) == expected


@pytest.mark.parametrize("status", ["suspended", "left"])
def test_who_is_not_active_signs_nothing_and_does_not_connect(status: str) -> None:
    trust = trust_with("cln-01", status=status)
    assert code(trust.claimed_key, SIG, "cln-01") == "member.suspended"
    assert "cln-01" not in trust.bus_keys(NOW)
    assert "cln-01" not in [member.id for member in trust.active()]


# --- sealing and bus keys


def test_the_newest_key_in_its_window_is_sealed_to() -> None:
    older, newer = records("cln-01"), records("cln-01", 2, not_before=NOW)
    trust = trust_with("cln-01", keys=(*newer, *(k for k in older if k.use != "bus")))
    assert trust.sealing_key("cln-01", NOW - MS).kid == "cln-01.enc.1"
    assert trust.sealing_key("cln-01", NOW).kid == "cln-01.enc.2"


def test_nobody_seals_to_a_key_outside_its_window() -> None:
    for moment in (WINDOW[0] - MS, WINDOW[1]):
        assert code(TRUST.sealing_key, "cln-01", moment) == "key.none_to_seal"
    assert code(TRUST.sealing_key, "nobody", NOW) == "member.unknown"


@pytest.mark.parametrize("turned", [False, True])
def test_the_newest_bus_key_connects_whatever_the_order_in_the_directory(turned: bool) -> None:
    one = next(k for k in records("cln-01") if k.use == "bus")
    other = replace(
        next(k for k in public_records(keys_of("cln-01", 2), NOW, WINDOW[1]) if k.use == "bus"),
        kid="cln-01.bus.2",
    )
    listed = (other, one) if turned else (one, other)
    trust = trust_with("cln-01", keys=listed)
    assert trust.bus_keys(NOW)["cln-01"] == trust._raw["cln-01.bus.2"]
    assert trust.bus_keys(NOW - MS)["cln-01"] == trust._raw["cln-01.bus.1"]


# --- offices


def test_the_gateway_and_the_authority_are_found_by_kind() -> None:
    assert (TRUST.gateway.id, TRUST.authority.id) == ("gateway", "nco")


def test_a_county_without_them_is_told() -> None:
    no_gateway = replace(directory_of(), members=(member_of("nco"),))
    assert code(lambda: Trust(no_gateway).gateway) == "directory.no_gateway"
    no_authority = replace(directory_of(), members=(member_of("gateway"),))
    assert code(lambda: Trust(no_authority).authority) == "directory.no_authority"


def test_the_gateway_of_another_county_is_not_ours() -> None:
    elsewhere = trust_with("gateway", regions=("511681000000",))
    assert elsewhere.directory.county == COUNTY
    assert code(lambda: elsewhere.gateway) == "directory.no_gateway"
