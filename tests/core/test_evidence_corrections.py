"""Evidence of a correction proves who had the record, and that each of them was told."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from tests.core.evidence_story import (
    AUTHORITY,
    KEYS,
    NOW,
    PINNED,
    County,
    Story,
    check,
    directory_of,
    failure,
    receipt,
    salt,
    signed,
    uuid,
)

from jdgate.core import corrections, evidence, leaves, signing
from jdgate.core.directory import publish
from jdgate.core.evidence import Evidence, Parts
from jdgate.core.evidence_verify import verify
from jdgate.core.leaves import commitment, digest
from jdgate.core.message import show_time
from jdgate.core.signing import sign

RESULT = corrections.RESULT
POL, COM = uuid(11), uuid(12)
"""What the police and the office got of the dropout notice: all that was accepted of it."""


def finding(**changes: Any) -> dict[str, Any]:
    return {
        "to": "cln-01",
        "request_no": "JH-1",
        "message_id": uuid(10),
        "record": 2,
        "item": "name",
        "decision": "corrected",
        "decided_on": "2026-11-21",
        **changes,
    }


def shown(delivery: str, **changes: Any) -> dict[str, Any]:
    """The finding as a past recipient reads it: the third record is its second."""
    whole = finding(message_id=delivery, record=1, **changes)
    return {name: each for name, each in whole.items() if name not in ("to", "request_no")}


class Correction:
    """A finding about the story's third record, told to whom a test says."""

    def __init__(self, county: County, *records: dict[str, Any], type: str = RESULT) -> None:
        self.county = county
        self.story = Story(county)
        self.type = type
        source = "cln-01" if type == RESULT else "com-01"
        data = list(records) or [finding()]
        self.original = signed(source, 40, "gateway", data, type=type, sequence=8)
        self.told: list[tuple[bytes, int]] = []
        leaf = leaves.AcceptedLeaf(
            id=uuid(40),
            at=show_time(NOW),
            source=source,
            recipient="gateway",
            type=type,
            time=show_time(NOW),
            records=len(data),
            directory=1,
            commitment=commitment(salt(40), self.original),
        )
        self.accepted = county.write(leaf, salt(40))
        said = {"message_id": uuid(40), "digest": digest(self.original), "verdict": "accepted"}
        self.receipt = receipt("gateway", 45, source, said)

    def tell(self, member: str, record: dict[str, Any], **changes: Any) -> Correction:
        number = 50 + len(self.told)
        origin = "cln-01" if self.type == RESULT else "com-01"
        jws = signed("gateway", number, member, [record], type=self.type, origin=origin)
        leaf = leaves.DisclosedLeaf(
            id=uuid(number),
            at=show_time(NOW),
            message=uuid(40),
            type=self.type,
            recipient=member,
            role="*",
            fields=tuple(sorted(record)),
            basis=("政务数据共享条例 26 [read]",),
            records=1,
            directory=1,
            commitment=commitment(salt(number), jws),
            purpose="mmt.continuity",
        )
        self.told.append((jws, self.county.write(replace(leaf, **changes), salt(number))))
        return self

    def past(self, *without: int) -> list[evidence.Proof]:
        """The leaves about the corrected message, without their salts."""
        story = self.story
        places = [story.accepted, *(at for _, at in story.sent.values())]
        kept = [at for number, at in enumerate(places) if number not in without]
        return [replace(self.county.proof(at), salt="") for at in kept]

    def document(self, **changes: Any) -> Evidence:
        county = self.county
        given: dict[str, Any] = {
            "original": self.original,
            "checkpoint": county.checkpoint(),
            "directories": county.directories,
            "acceptance": (self.receipt, county.proof(self.accepted)),
            "disclosures": [(jws, county.proof(at)) for jws, at in self.told],
            "past": self.past(),
            **changes,
        }
        return evidence.build(Parts(**given))


@pytest.fixture
def county() -> County:
    return County()


def both(county: County, **changes: Any) -> Correction:
    made = Correction(county, finding(**changes))
    return made.tell("pol", shown(POL, **changes)).tell("com-01", shown(COM, **changes))


def test_it_proves_that_everyone_who_had_the_record_was_told(county: County) -> None:
    report = check(both(county).document())
    assert report.ok, report.failed
    (step,) = (step for step in report.steps if step.code == "evidence.past")
    assert step.params == {"records": 1, "members": "com-01, pol"}


def test_who_never_saw_the_wrong_field_need_not_hear_of_it(county: County) -> None:
    of_day = {"item": "last_seen"}
    made = Correction(county, finding(**of_day)).tell("pol", shown(POL, **of_day))
    assert check(made.document()).ok
    gone = Correction(County(), finding(item="last_seen", decision="withdrawn"))
    gone.tell("pol", shown(POL, item="last_seen", decision="withdrawn"))
    assert failure(check(gone.document())) == ("disclosure", "evidence.past_untold")
    quiet = shown(COM, decision="withdrawn")
    del quiet["item"]
    assert check(gone.tell("com-01", quiet).document()).ok


def test_leaving_one_of_them_out_is_noticed(county: County) -> None:
    made = Correction(county).tell("pol", shown(POL))
    assert failure(check(made.document())) == ("disclosure", "evidence.past_untold")
    hidden = made.document(past=made.past(2))
    assert failure(check(hidden)) == ("disclosure", "evidence.past_disclosure")
    assert failure(check(made.document(past=()))) == ("disclosure", "evidence.past_unknown")


def test_who_is_no_member_any_more_is_said_not_to_have_been_told(county: County) -> None:
    made = Correction(county).tell("pol", shown(POL))
    now = directory_of()
    members = tuple(
        replace(one, status="suspended") if one.id == "com-01" else one for one in now.members
    )
    county.directories = [publish(replace(now, members=members), AUTHORITY)]
    report = check(made.document())
    assert report.ok, report.failed
    assert next(s.code for s in report.steps if s.state == "pending") == "evidence.past_gone"


def test_telling_of_another_record_is_noticed(county: County) -> None:
    for wrong in (shown(POL) | {"record": 0}, shown(COM), shown(uuid(10))):
        made = Correction(County()).tell("pol", wrong).tell("com-01", shown(COM))
        assert failure(check(made.document())) == ("disclosure", "evidence.past_name")


def test_nobody_corrects_what_another_sent(county: County) -> None:
    made = both(county)
    accepted = leaves.decode(county.bodies[made.story.accepted])
    county.bodies[made.story.accepted] = leaves.encode(replace(accepted, source="pol"))
    assert failure(check(made.document())) == ("disclosure", "evidence.past_unknown")


def test_a_request_is_proven_to_be_about_what_the_requester_got(county: County) -> None:
    asked = {"to": "cln-01", "request_no": "JH-1", "message_id": COM, "record": 1, "item": "name"}
    told = {**asked, "message_id": uuid(10), "record": 2}
    made = Correction(county, asked, type=corrections.REQUEST).tell("cln-01", told)
    assert check(made.document()).ok
    other = Correction(County(), {**asked, "message_id": POL}, type=corrections.REQUEST)
    other.tell("cln-01", told)
    assert failure(check(other.document())) == ("disclosure", "evidence.past_unknown")


def test_a_message_that_is_no_correction_carries_no_such_entries(county: County) -> None:
    made = both(county)
    story = made.story.document(past=made.past())
    assert failure(check(story)) == ("disclosure", "evidence.past_uncalled")


def test_a_gateway_that_signs_again_after_any_flipped_byte_is_noticed(county: County) -> None:
    payload = bytearray(evidence.encode(both(county).document()))
    start = payload.index(b'"past":')
    unnoticed = []
    for at in range(start, len(payload)):
        payload[at] ^= 1 << (at % 8)
        if verify(sign(bytes(payload), KEYS["gateway"], signing.TYP_EVIDENCE), PINNED).ok:
            unnoticed.append(at)
        payload[at] ^= 1 << (at % 8)
    assert unnoticed == []
