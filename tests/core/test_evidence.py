"""One realistic chain with real keys, proven; and what is not there yet, said."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.core.evidence_story import (
    AUTHORITY,
    KEYS,
    NOW,
    PINNED,
    RECORDS,
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

from jdgate.core import (
    evidence,
    evidence_chain,
    evidence_checks,
    evidence_verify,
    leaves,
)
from jdgate.core.directory import authority_key, publish
from jdgate.core.encoding import unb64u
from jdgate.core.evidence import Parts
from jdgate.core.leaves import commitment, digest
from jdgate.core.message import Message, show_time
from jdgate.core.message import encode as encode_message
from jdgate.core.signing import TYP_MESSAGE, SigningKey, sign
from jdgate.errors import Refused
from jdgate.texts import LANGUAGES, all_texts, say


@pytest.fixture
def county() -> County:
    return County()


@pytest.fixture
def story(county: County) -> Story:
    return Story(county)


def test_a_whole_chain_is_proven_with_the_pinned_key_alone(story: Story) -> None:
    report = check(story.document())
    assert report.ok, report.failed
    assert [step.number for step in report.steps] == [1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10, 10, 11, 11]
    assert {step.state for step in report.steps} == {"passed"}
    for step in report.steps:
        for lang in LANGUAGES:
            assert f"evidence.step.{step.name}" in all_texts()
            assert "{" not in say(step.code, lang, **step.params)
            assert say(step.code, lang, **step.params) != step.code


def test_the_summary_tells_who_told_whom_what_and_why(story: Story) -> None:
    summary = check(story.document()).summary
    assert summary is not None
    assert (summary.sender, summary.sender_name) == ("cln-01", "单位 cln-01")
    assert (summary.verdict, summary.records, summary.refused) == ("part", 3, (1,))
    police, township = summary.disclosures
    assert (police.recipient, police.fields) == ("pol", ("last_seen", "name"))
    assert (township.recipient, township.fields) == ("com-01", ("name",))
    assert police.basis == ("中华人民共和国禁毒法 第三十五条",)
    assert police.outcome == township.outcome == "delivered"
    assert police.answered == show_time(NOW + timedelta(hours=1))
    assert summary.ledger_size == len(story.county.bodies)


def test_what_is_not_yet_delivered_is_said(county: County) -> None:
    report = check(Story(county, deliver=("pol",)).document())
    assert report.ok
    last = report.steps[-1]
    assert (last.state, last.code) == ("pending", "evidence.delivery_pending")
    assert last.params["member"] == "com-01"
    assert report.summary is not None
    assert [shown.outcome for shown in report.summary.disclosures] == ["delivered", "pending"]


def test_a_message_that_was_told_to_nobody_is_proven_as_such(county: County) -> None:
    jws = signed("cln-01", 40, "gateway", RECORDS[:1], type="mmt.attendance.v1")
    leaf = leaves.AcceptedLeaf(
        id=uuid(40),
        at=show_time(NOW),
        source="cln-01",
        recipient="gateway",
        type="mmt.attendance.v1",
        time=show_time(NOW),
        records=1,
        directory=1,
        commitment=commitment(salt(40), jws),
    )
    at = county.write(leaf, salt(40))
    said = {"message_id": uuid(40), "digest": digest(jws), "verdict": "accepted"}
    parts = Parts(
        original=jws,
        checkpoint=county.checkpoint(),
        directories=county.directories,
        acceptance=(receipt("gateway", 41, "cln-01", said), county.proof(at)),
    )
    report = check(evidence.build(parts))
    assert report.ok, report.failed
    states = {step.name: step.state for step in report.steps}
    assert states["consistency"] == states["disclosure"] == states["delivery"] == "skipped"


def refused(county: County, jws: bytes, code: str = "agreement.no_type", **said: Any) -> Parts:
    leaf = leaves.RefusedLeaf(
        id=uuid(50),
        at=show_time(NOW),
        source="cln-01",
        code=code,
        directory=1,
        commitment=commitment(salt(50), jws),
    )
    at = county.write(leaf, salt(50))
    record = {"message_id": uuid(50), "digest": digest(jws), "verdict": "refused", "code": code}
    return Parts(
        original=jws,
        checkpoint=county.checkpoint(),
        directories=county.directories,
        acceptance=(receipt("gateway", 51, "cln-01", {**record, **said}), county.proof(at)),
    )


def test_a_refused_message_is_proven_refused_and_why(county: County) -> None:
    jws = signed("cln-01", 50, "gateway", RECORDS)
    report = check(evidence.build(refused(county, jws)))
    assert report.ok, report.failed
    assert report.summary is not None
    assert (report.summary.verdict, report.summary.reason) == ("refused", "agreement.no_type")
    told = [step for step in report.steps if step.code == "evidence.receipt_refused"]
    assert "agreement.no_type" in say(told[0].code, "en", **told[0].params)


def test_a_message_refused_for_its_signature_is_proven_by_its_bytes(county: County) -> None:
    other = replace(KEYS["pol"], kid="cln-01.sig.1")
    payload = encode_message(
        Message(
            id=uuid(50), source="cln-01", type="mmt.x.v1", time=NOW, recipient="gateway", data=[{}]
        )
    )
    jws = sign(payload, other, TYP_MESSAGE)
    report = check(evidence.build(refused(county, jws, "signing.bad_signature")))
    assert report.ok, report.failed
    assert "evidence.sender_unproven" in [step.code for step in report.steps]


def test_a_refusal_with_another_reason_in_the_receipt_fails(county: County) -> None:
    jws = signed("cln-01", 50, "gateway", RECORDS)
    parts = refused(county, jws, code="key.revoked")
    said = {
        "message_id": uuid(50),
        "digest": digest(jws),
        "verdict": "refused",
        "code": "key.expired",
    }
    assert parts.acceptance is not None
    other = replace(parts, acceptance=(receipt("gateway", 51, "cln-01", said), parts.acceptance[1]))
    assert failure(check(evidence.build(other))) == ("receipt", "evidence.receipt_disagrees")


def test_a_refused_message_can_have_no_disclosure(county: County) -> None:
    story = Story(county)
    jws = signed("cln-01", 50, "gateway", RECORDS)
    parts = refused(county, jws)
    whole = story.parts()
    mixed = replace(parts, disclosures=whole.disclosures)
    assert failure(check(evidence.build(mixed)))[0] == "disclosure"


def alert(county: County) -> Parts:
    """The gateway's own message: its disclosure is itself."""
    jws = signed("gateway", 60, "cln-01", RECORDS[:1], type="mmt.absence.alert.v1")
    leaf = leaves.DisclosedLeaf(
        id=uuid(60),
        at=show_time(NOW),
        message=uuid(60),
        type="mmt.absence.alert.v1",
        recipient="cln-01",
        role="",
        fields=(),
        basis=("basis",),
        records=1,
        directory=1,
        commitment=commitment(salt(60), jws),
        purpose="mmt.continuity",
    )
    at = county.write(leaf, salt(60))
    return Parts(
        original=jws,
        checkpoint=county.checkpoint(),
        directories=county.directories,
        disclosures=[(jws, county.proof(at))],
    )


def test_an_alert_of_the_gateway_s_own_is_proven_without_an_acceptance(county: County) -> None:
    report = check(evidence.build(alert(county)))
    assert report.ok, report.failed
    assert report.summary is not None
    assert report.summary.verdict == "own"
    assert report.summary.disclosures[0].fields == ("last_seen", "name", "note", "patient_ref")


def test_erased_evidence_can_not_be_made(story: Story) -> None:
    story.county.salts[story.accepted] = None
    with pytest.raises(Refused) as caught:
        story.document()
    assert caught.value.code == "evidence.erased"


def test_directories_of_a_rotated_authority_key_follow_the_one_that_names_it(
    county: County,
) -> None:
    new = SigningKey("authority.2", "EdDSA", bytes([99]) * 32)
    both = (*PINNED, authority_key(new))
    first = publish(directory_of(1, authority=both), AUTHORITY)
    second = publish(directory_of(2, authority=both), new)
    document = Story(county).document(directories=[second, first, first])
    assert check(document).ok
    alone = replace(document, directories=document.directories[1:])
    assert failure(check(alone)) == ("directory", "directory.authority_unknown")


def test_salts_are_sixteen_bytes(story: Story) -> None:
    document = story.document()
    assert document.acceptance is not None
    assert len(unb64u(document.acceptance.proof.salt)) == leaves.SALT_BYTES
    short = replace(document.acceptance.proof, salt="")
    cut = replace(document, acceptance=replace(document.acceptance, proof=short))
    assert failure(check(cut)) == ("leaf", "evidence.commitment")


def test_every_text_of_the_plan_exists_in_both_languages() -> None:
    used: set[str] = set()
    for module in (evidence, evidence_chain, evidence_checks, evidence_verify):
        text = Path(str(module.__file__)).read_text(encoding="utf-8")
        used |= set(re.findall(r'"(evidence\.[a-z_]+)"', text))
    assert used and used <= set(all_texts())
