"""Evidence that a message had not come: what it proves, and that no byte of it can be changed."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from tests.core.evidence_story import DAY, KEYS, NOW, PINNED, County, directory_of, failure, uuid

from jdgate.core import evidence, evidence_missed, leaves, signing
from jdgate.core.directory import publish
from jdgate.core.evidence_missed import FORMAT, Missed
from jdgate.core.evidence_report import Report
from jdgate.core.evidence_verify import verify
from jdgate.core.ledger import consistency_proof
from jdgate.core.message import show_time
from jdgate.core.signing import SigningKey, sign
from jdgate.errors import Refused


@pytest.fixture
def county() -> County:
    return County()


def statement(county: County, **changes: Any) -> int:
    leaf = leaves.MissedLeaf(
        id=uuid(70),
        at=show_time(NOW),
        type="mmt.attendance.v1",
        source="cln-01",
        rule="clinic.daily_report",
        about="5c" * 16,
        since=show_time(NOW - DAY),
        due=show_time(NOW),
        size=len(county.bodies),
        directory=1,
    )
    return county.write(replace(leaf, **changes))


def arrival(county: County, about: str = uuid(70)) -> int:
    return county.write(leaves.ArrivedLeaf(id=about, at=show_time(NOW + DAY / 2), message=uuid(71)))


def shown(county: County, at: int) -> evidence.Proof:
    county.salts[at] = b""
    return county.proof(at)


def document(county: County, said: int, came: int | None = None, **changes: Any) -> Missed:
    older = [(county.checkpoint(4), consistency_proof(4, len(county.bodies), county.node))]
    made = Missed(
        arrival=None if came is None else shown(county, came),
        checkpoint=county.checkpoint().decode(),
        directories=tuple(each.decode() for each in county.directories),
        format=FORMAT,
        older=evidence.older(older),
        statement=shown(county, said),
    )
    return replace(made, **changes)


def check(made: Missed) -> Report:
    return verify(evidence_missed.seal(made, KEYS["gateway"]), PINNED)


def test_it_proves_what_had_not_come_from_whom_and_by_when(county: County) -> None:
    report = check(document(county, statement(county)))
    assert report.ok, report.failed
    assert report.summary is None
    missed = report.missed
    assert missed is not None
    assert (missed.type, missed.member, missed.due) == (
        "mmt.attendance.v1", "cln-01", show_time(NOW),
    )  # fmt: skip
    assert (missed.size, missed.arrived) == (5, None)
    assert [(step.name, step.state) for step in report.steps[-3:]] == [
        ("statement", "passed"), ("inclusion", "passed"), ("arrival", "skipped"),
    ]  # fmt: skip


def test_it_says_what_came_after_all(county: County) -> None:
    said = statement(county)
    report = check(document(county, said, arrival(county)))
    assert report.ok, report.failed
    assert report.missed is not None
    assert report.missed.message == uuid(71)


@pytest.mark.parametrize(
    "lie",
    [
        {"due": show_time(NOW + DAY)},
        {"since": show_time(NOW + DAY)},
        {"size": 99},
    ],
)
def test_a_statement_made_before_its_deadline_is_none(county: County, lie: dict[str, Any]) -> None:
    report = check(document(county, statement(county, **lie)))
    assert failure(report) == ("statement", "evidence.missed_disagrees")


def test_the_arrival_of_something_else_is_none(county: County) -> None:
    said = statement(county)
    other = document(county, said, arrival(county, uuid(72)))
    assert failure(check(other)) == ("arrival", "evidence.missed_disagrees")
    early = County()
    came = arrival(early)
    assert failure(check(document(early, statement(early), came))) == (
        "arrival",
        "evidence.missed_disagrees",
    )


def test_a_statement_that_the_ledger_does_not_hold_is_none(county: County) -> None:
    made = document(county, statement(county))
    county.bodies[-1] = county.bodies[-1].replace(b"cln-01", b"cln-02")
    assert failure(check(replace(made, statement=shown(county, 5)))) == (
        "inclusion",
        "evidence.not_included",
    )
    with pytest.raises(Refused) as refused:
        evidence_missed.unverified(b"a.b")
    assert refused.value.code == "signing.malformed"


def test_any_flipped_byte_of_the_file_is_noticed(county: County) -> None:
    said = statement(county)
    made = document(county, said, arrival(county))
    for original in (
        bytearray(evidence_missed.seal(made, KEYS["gateway"])),
        bytearray(evidence_missed.encode(made)),
    ):
        resealed = original[:1] == b"{"
        unnoticed = []
        for at in range(len(original)):
            original[at] ^= 1 << (at % 8)
            data = bytes(original)
            if resealed:
                data = sign(data, KEYS["gateway"], signing.TYP_EVIDENCE)
            if verify(data, PINNED).ok:
                unnoticed.append(at)
            original[at] ^= 1 << (at % 8)
        assert unnoticed == []


def test_another_authority_s_directory_proves_nothing(county: County) -> None:
    made = document(county, statement(county))
    stranger = SigningKey("authority.1", "EdDSA", bytes([9]) * 32)
    foreign = publish(directory_of(), stranger).decode()
    assert not check(replace(made, directories=(foreign,))).ok
