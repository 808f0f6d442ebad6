"""A request proves its keys, its fingerprint binds all of it, and admission takes only new keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from jdgate.core import enrolment, signing
from jdgate.core import keys as formats
from jdgate.core.directory import Directory, Member, authority_key
from jdgate.core.enrolment import Request, admitted, fingerprint, make_request, read_request
from jdgate.core.keys import MemberKeys
from jdgate.errors import Refused

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
UNTIL = NOW + timedelta(days=700)
COUNTY = "511623000000"


def made(member: str = "cln-20", number: int = 1, seed: str = "") -> MemberKeys:
    count = iter(range(100))
    return formats.make(
        member,
        lambda size: (sha256(f"{member}{number}{seed}{next(count)}".encode()).digest() * 3)[:size],
        number=number,
    )


def asked(keys: MemberKeys | None = None, **changes: Any) -> bytes:
    given: dict[str, Any] = {
        "name": "镇卫生院门诊",
        "roles": ("CLN",),
        "regions": ("511623100000",),
        "county": COUNTY,
        **changes,
    }
    return make_request(keys or made(), **given)


def forged(of: MemberKeys, signer: MemberKeys, **changes: Any) -> bytes:
    """A request changed after its proofs were made, signed again by somebody."""
    request = msgspec.structs.replace(read_request(asked(of)), **changes)
    payload = msgspec.json.encode(request, order="sorted")
    return signing.sign(payload, signer.signer, signing.TYP_REQUEST)


def code(call: Any, *args: Any) -> str:
    with pytest.raises(Refused) as refused:
        call(*args)
    return refused.value.code


def directory_of(*members: Member) -> Directory:
    authority = authority_key(made("authority").signer)
    return Directory(1, NOW, UNTIL, COUNTY, "0" * 64, (authority,), members)


def test_a_request_says_who_and_proves_its_keys() -> None:
    request = read_request(asked())
    assert (request.member, request.roles, request.county) == ("cln-20", ("CLN",), COUNTY)
    assert sorted(key.kid for key in request.keys) == [
        "cln-20.bus.1", "cln-20.enc.1", "cln-20.sig.1",
    ]  # fmt: skip
    groups = fingerprint(request).split(" ")
    assert len(groups) == 8
    assert all(len(group) == 5 and group.isdigit() for group in groups)


def test_the_fingerprint_is_another_for_any_change() -> None:
    prints = {
        fingerprint(read_request(jws))
        for jws in (
            asked(),
            asked(made(seed="x")),
            asked(name="镇卫生院门诊二"),
            asked(roles=("CLN", "COM")),
            asked(regions=("511623101000",)),
            asked(made("cln-21")),
        )
    }
    assert len(prints) == 6


def test_a_fingerprint_is_compared_by_its_digits() -> None:
    request = read_request(asked())
    told = fingerprint(request)
    for said in (told, told.replace(" ", ""), told.replace(" ", "-"), f"  {told}\u3000"):
        enrolment.check_fingerprint(request, said)
    for said in ("", told[:-1], told[:-1] + str((int(told[-1]) + 1) % 10), told + "0"):
        assert code(enrolment.check_fingerprint, request, said) == "enrol.fingerprint"


def test_any_flipped_byte_of_a_request_is_noticed() -> None:
    data = bytearray(asked())
    for at in range(len(data)):
        data[at] ^= 1 << (at % 8)
        with pytest.raises(Refused):
            read_request(bytes(data))
        data[at] ^= 1 << (at % 8)


def test_nobody_asks_with_keys_that_are_not_theirs() -> None:
    own, other = made(), made(seed="thief")
    theirs = read_request(asked(own)).keys
    # somebody else's keys under a signature of one's own
    assert code(read_request, forged(own, other)).startswith(("signing.", "enrol."))
    # one's own signing key, somebody else's bus key
    mixed = tuple(
        one if one.use == "bus" else mine
        for one, mine in zip(theirs, read_request(asked(other)).keys, strict=True)
    )
    assert code(read_request, forged(other, other, keys=mixed)) == "enrol.not_proven"
    elsewhere = formats.make("cln-99", lambda size: b"7" * size)
    assert code(read_request, forged(own, elsewhere)) == "enrol.not_proven"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"roles": ("GW",)}, "enrol.role"),
        ({"roles": ("XYZ",)}, "enrol.role"),
        ({"regions": ("519999000000",)}, "enrol.region"),
        ({"roles": ()}, "enrol.malformed"),
        ({"regions": ("511623",)}, "enrol.malformed"),
        ({"name": " "}, "enrol.malformed"),
        ({"name": "a\u202eb"}, "enrol.malformed"),
    ],
)
def test_a_request_that_no_department_makes_is_refused(
    changes: dict[str, Any], expected: str
) -> None:
    with pytest.raises(Refused) as refused:
        asked(**changes)
    assert refused.value.code == expected


@pytest.mark.parametrize("hostile", [b"", b"a.b.c", b"..", b"{}", b"x" * 70_000])
def test_rubbish_is_refused(hostile: bytes) -> None:
    with pytest.raises(Refused):
        read_request(hostile)
    assert code(enrolment.load_welcome, hostile) == "enrol.malformed"


def test_an_admitted_department_is_in_the_directory_with_just_its_keys() -> None:
    request = read_request(asked())
    directory = admitted(directory_of(), request, NOW, UNTIL)
    (member,) = directory.members
    assert (member.id, member.kind, member.roles) == ("cln-20", "department", ("CLN",))
    assert {key.public for key in member.keys} == {key.public for key in request.keys}
    assert {key.not_after for key in member.keys} == {UNTIL}


def test_new_keys_join_the_old_ones_and_only_the_bus_key_ends() -> None:
    before = admitted(directory_of(), read_request(asked()), NOW, UNTIL)
    after = admitted(before, read_request(asked(made(number=2))), NOW, UNTIL)
    (member,) = after.members
    assert len(member.keys) == 6
    assert [key.kid for key in member.keys if key.revoked_at] == ["cln-20.bus.1"]


def test_admission_changes_nothing_else() -> None:
    request = read_request(asked())
    there = admitted(directory_of(), request, NOW, UNTIL)
    second = made(number=2)

    def refusal(directory: Directory, request: Request) -> str:
        return code(admitted, directory, request, NOW, UNTIL)

    assert refusal(there, request) == "enrol.key_known"
    assert refusal(there, read_request(asked(second, roles=("POL",)))) == "enrol.differs"
    elsewhere = read_request(asked(county="511600000000", regions=("511600000000",)))
    assert refusal(directory_of(), elsewhere) == "enrol.county"
    (member,) = there.members
    away = msgspec.structs.replace(member, status="suspended")
    fresh = read_request(asked(second))
    assert refusal(enrolment.with_member(there, away), fresh) == "enrol.not_active"
    gateway = msgspec.structs.replace(member, kind="gateway")
    assert refusal(enrolment.with_member(there, gateway), fresh) == "enrol.differs"


def test_a_welcome_comes_back_from_its_file() -> None:
    welcome = enrolment.Welcome(
        authority=authority_key(made("authority").signer),
        ca="",
        county_name="示例县",
        directory="a.b.c",
        format=enrolment.WELCOME_FORMAT,
        member="cln-20",
        nats="tls://bus:4222",
    )
    assert enrolment.load_welcome(enrolment.dump_welcome(welcome)) == welcome
    other = msgspec.structs.replace(welcome, format="jd-welcome.v9")
    assert code(enrolment.load_welcome, enrolment.dump_welcome(other)) == "enrol.malformed"


def test_the_authority_grants_what_it_sees_fit_and_the_keys_stay() -> None:
    request = read_request(asked())
    given = enrolment.granted(
        request, name="城关镇卫生院", roles=["CLN", "HLT"], regions=[COUNTY, "511623101000"]
    )
    assert (given.name, given.roles) == ("城关镇卫生院", ("CLN", "HLT"))
    assert given.regions == (COUNTY, "511623101000") and given.keys == request.keys
    good: dict[str, Any] = {"name": "门诊", "roles": ["CLN"], "regions": [COUNTY]}
    for wrong, code in (
        ({"name": ""}, "enrol.grant"),
        ({"name": "门诊\u202e"}, "enrol.grant"),
        ({"roles": []}, "enrol.grant"),
        ({"roles": ["CLN", "CLN"]}, "enrol.grant"),
        ({"regions": ["5116"]}, "enrol.grant"),
        ({"roles": ["GW"]}, "enrol.role"),
        ({"regions": ["110000000000"]}, "enrol.region"),
    ):
        with pytest.raises(Refused) as refused:
            enrolment.granted(request, **{**good, **wrong})
        assert refused.value.code == code, wrong


def test_which_groups_were_misheard_is_told() -> None:
    request = read_request(asked())
    heard = fingerprint(request).split()
    assert enrolment.misheard(request, heard) == []
    assert enrolment.misheard(request, [*heard[:3], "x", *heard[4:]]) == [4]
    assert enrolment.misheard(request, heard[:6]) == [7, 8]
    assert enrolment.misheard(request, []) == list(range(1, 9))
