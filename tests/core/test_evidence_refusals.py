"""The ways a gateway could contradict itself in its own ledger, each refused by name."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.core.evidence_story import (
    KEYS,
    NOW,
    PINNED,
    RECORDS,
    County,
    Story,
    check,
    failure,
    receipt,
    salt,
    seal,
    signed,
    uuid,
)

from jdgate.core import evidence, leaves
from jdgate.core.evidence_verify import verify
from jdgate.core.leaves import commitment, digest
from jdgate.core.message import show_time


def test_one_delivery_shown_under_two_leaves_is_refused() -> None:
    county = County()
    story = Story(county)
    jws, _ = story.sent["pol"]
    again = county.write(
        story.disclosed(story.number + 1, "pol", ("last_seen", "name"), jws),
        salt(story.number + 1),
    )
    shown = [(jws, county.proof(at)) for jws, at in (*story.sent.values(), (jws, again))]
    report = check(story.document(disclosures=shown))
    assert failure(report) == ("disclosure", "evidence.delivery_twice")


def test_a_refused_message_that_was_told_to_somebody_is_refused() -> None:
    county = County()
    story = Story(county)
    leaf = leaves.RefusedLeaf(
        id=uuid(story.number),
        at=show_time(NOW),
        source="cln-01",
        code="key.revoked",
        directory=1,
        commitment=commitment(salt(90), story.original),
    )
    at = county.write(leaf, salt(90))
    said = {
        "message_id": uuid(story.number),
        "digest": digest(story.original),
        "verdict": "refused",
        "code": "key.revoked",
    }
    answer = receipt("gateway", 91, "cln-01", said)
    report = check(story.document(acceptance=(answer, county.proof(at))))
    assert failure(report) == ("disclosure", "evidence.refused_but_disclosed")


@pytest.mark.parametrize(
    "change",
    [{"type": "mmt.attendance.v1"}, {"recipient": "pol"}, {"time": show_time(NOW.replace(hour=7))}],
    ids=str,
)
def test_an_accepted_leaf_of_another_tale_is_refused(change: dict[str, str]) -> None:
    county = County()
    jws = signed("cln-01", 40, "gateway", RECORDS[:1], type="mmt.dropout.notice.v1")
    leaf = leaves.AcceptedLeaf(
        id=uuid(40),
        at=show_time(NOW),
        source="cln-01",
        recipient="gateway",
        type="mmt.dropout.notice.v1",
        time=show_time(NOW),
        records=1,
        directory=1,
        commitment=commitment(salt(40), jws),
    )
    at = county.write(replace(leaf, **change), salt(40))
    said = {"message_id": uuid(40), "digest": digest(jws), "verdict": "accepted"}
    parts = evidence.Parts(
        original=jws,
        checkpoint=county.checkpoint(),
        directories=county.directories,
        acceptance=(receipt("gateway", 41, "cln-01", said), county.proof(at)),
    )
    assert failure(check(evidence.build(parts))) == ("leaf", "evidence.leaf_disagrees")


def test_a_file_too_large_is_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    data = seal(Story(County()).document())
    monkeypatch.setattr(evidence, "MAX_BYTES", len(data) - 1)
    assert failure(verify(data, PINNED)) == ("form", "evidence.too_large")


def test_a_signed_document_that_is_no_utf_8_is_a_failed_step_and_not_an_error() -> None:
    from jdgate.core.signing import TYP_EVIDENCE, sign

    for payload in (b"\xff", b'{"format":"\xff\xfe"}'):
        report = verify(sign(payload, KEYS["gateway"], TYP_EVIDENCE), PINNED)
        assert failure(report)[0] == "form"
