"""Forged evidence, by a gateway that signs whatever it is told to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace
from tests.core.evidence_story import (
    AUTHORITY,
    COUNTY,
    KEYS,
    NOW,
    PINNED,
    RECORDS,
    County,
    Story,
    check,
    directory_of,
    failure,
    salt,
    seal,
    signed,
)

from jdgate.core import (
    checkpoints,
    leaves,
)
from jdgate.core.directory import Directory, authority_key, publish
from jdgate.core.encoding import b64u
from jdgate.core.evidence import Evidence, Older, Proof, Signed
from jdgate.core.evidence_verify import verify
from jdgate.core.ledger import leaf_hash
from jdgate.core.message import show_time
from jdgate.core.signing import SigningKey


@pytest.fixture
def county() -> County:
    return County()


@pytest.fixture
def story(county: County) -> Story:
    return Story(county)


Attack = Callable[[Story, Evidence], Evidence]


def swapped_receipts(story: Story, document: Evidence) -> Evidence:
    first, second = document.deliveries
    return replace(
        document,
        deliveries=(Signed(second.jws, first.proof), Signed(first.jws, second.proof)),
    )


def receipt_of_another_story(story: Story, document: Evidence) -> Evidence:
    other = Story(story.county, number=70)
    whole = story.document()
    theirs = other.document().deliveries
    return replace(whole, deliveries=theirs)


def acceptance_receipt_of_another_message(story: Story, document: Evidence) -> Evidence:
    other = Story(story.county, number=70)
    whole = story.document()
    assert whole.acceptance is not None
    return replace(whole, acceptance=replace(whole.acceptance, receipt=other.receipt.decode()))


def dropped_disclosure_with_its_receipt_kept(story: Story, document: Evidence) -> Evidence:
    return replace(document, disclosures=document.disclosures[1:])


def dropped_disclosure_and_receipt(story: Story, document: Evidence) -> Evidence:
    return replace(
        document, disclosures=document.disclosures[1:], deliveries=document.deliveries[1:]
    )


def disclosure_given_twice(story: Story, document: Evidence) -> Evidence:
    first, second = document.disclosures
    return replace(document, disclosures=(first, first, second))


def receipt_given_twice(story: Story, document: Evidence) -> Evidence:
    first, second = document.deliveries
    return replace(document, deliveries=(first, first, second))


def disclosures_out_of_order(story: Story, document: Evidence) -> Evidence:
    return replace(document, disclosures=document.disclosures[::-1])


def shorter(shown: Proof) -> Proof:
    return replace(shown, path=shown.path[:-1])


def truncated_inclusion_path(story: Story, document: Evidence) -> Evidence:
    assert document.acceptance is not None
    cut = replace(document.acceptance, proof=shorter(document.acceptance.proof))
    return replace(document, acceptance=cut)


def truncated_disclosure_path(story: Story, document: Evidence) -> Evidence:
    first, second = document.disclosures
    return replace(document, disclosures=(first, Signed(second.jws, shorter(second.proof))))


def truncated_delivery_path(story: Story, document: Evidence) -> Evidence:
    first, second = document.deliveries
    return replace(document, deliveries=(first, Signed(second.jws, shorter(second.proof))))


def truncated_consistency_path(story: Story, document: Evidence) -> Evidence:
    first, second = document.older
    return replace(document, older=(first, Older(second.checkpoint, second.path[:-1])))


def older_checkpoint_of_another_history(story: Story, document: Evidence) -> Evidence:
    first, second = document.older
    forged = checkpoints.sign(
        checkpoints.Checkpoint(COUNTY, 9, leaf_hash(b"another"), NOW), KEYS["gateway"]
    )
    return replace(document, older=(first, Older(forged.decode(), second.path)))


def older_checkpoint_given_twice(story: Story, document: Evidence) -> Evidence:
    return replace(document, older=(document.older[0], document.older[0]))


def larger_checkpoint(story: Story, document: Evidence) -> Evidence:
    story.county.write(leaves.LookedLeaf(id="x", at=show_time(NOW), operator="o", reason="r"))
    return replace(document, checkpoint=story.county.checkpoint().decode(), older=())


def checkpoint_that_only_claims_to_be_larger(story: Story, document: Evidence) -> Evidence:
    claimed = checkpoints.unverified(document.checkpoint.encode())
    forged = checkpoints.sign(replace(claimed, size=claimed.size + 1), KEYS["gateway"])
    return replace(document, checkpoint=forged.decode())


def checkpoint_by_another_member(story: Story, document: Evidence) -> Evidence:
    return replace(document, checkpoint=story.county.checkpoint(who="pol").decode())


def checkpoint_of_another_county(story: Story, document: Evidence) -> Evidence:
    other = story.county.checkpoint(ledger="510000000000")
    return replace(document, checkpoint=other.decode())


def without_acceptance(story: Story, document: Evidence) -> Evidence:
    return replace(document, acceptance=None)


def delivery_passed_off_as_the_original(story: Story, document: Evidence) -> Evidence:
    return replace(document, acceptance=None, original=story.sent["pol"][0].decode())


def original_of_another_message(story: Story, document: Evidence) -> Evidence:
    other = signed("cln-01", story.number, "gateway", RECORDS[:2], sequence=7)
    return replace(document, original=other.decode())


def wrong_salt(story: Story, document: Evidence) -> Evidence:
    first, second = document.disclosures
    other = replace(first.proof, salt=b64u(salt(99)))
    return replace(document, disclosures=(Signed(first.jws, other), second))


def no_directory(story: Story, document: Evidence) -> Evidence:
    return replace(document, directories=())


def directory_given_twice(story: Story, document: Evidence) -> Evidence:
    return replace(document, directories=document.directories * 2)


def directory_of_another_version(story: Story, document: Evidence) -> Evidence:
    other = publish(directory_of(version=2), AUTHORITY)
    return replace(document, directories=(other.decode(),))


def directory_of_another_authority(story: Story, document: Evidence) -> Evidence:
    other = SigningKey("authority.1", "EdDSA", bytes([88]) * 32)
    return replace(document, directories=(publish(directory_of(), other).decode(),))


def expired_directory(story: Story, document: Evidence) -> Evidence:
    stale = publish(directory_of(expires=NOW - timedelta(hours=1)), AUTHORITY)
    return replace(document, directories=(stale.decode(),))


def directory_issued_afterwards(story: Story, document: Evidence) -> Evidence:
    late = publish(directory_of(issued=NOW + timedelta(hours=2)), AUTHORITY)
    return replace(document, directories=(late.decode(),))


def directory_of_another_county(story: Story, document: Evidence) -> Evidence:
    members = tuple(replace(member, regions=("510000000000",)) for member in directory_of().members)
    other = publish(directory_of(county="510000000000", members=members), AUTHORITY)
    return replace(document, directories=(other.decode(),))


def older_directory_in_which_the_key_was_still_good(story: Story, document: Evidence) -> Evidence:
    """The leaf says that version 2 judged; version 1 is held up instead."""
    leaf = leaves.decode(story.county.bodies[story.accepted])
    assert isinstance(leaf, leaves.AcceptedLeaf)
    story.county.bodies[story.accepted] = leaves.encode(replace(leaf, directory=2))
    return story.document()


def revoked_key(story: Story, document: Evidence) -> Evidence:
    return replace(document, directories=(publish(revoking("cln-01", NOW), AUTHORITY).decode(),))


def revoked_recipient_key(story: Story, document: Evidence) -> Evidence:
    at = NOW + timedelta(minutes=30)
    return replace(document, directories=(publish(revoking("pol", at), AUTHORITY).decode(),))


def revoked_gateway_key(story: Story, document: Evidence) -> Evidence:
    at = NOW + timedelta(hours=2)
    return replace(document, directories=(publish(revoking("gateway", at), AUTHORITY).decode(),))


def revoking(name: str, at: datetime) -> Directory:
    made = directory_of()
    members = tuple(
        replace(member, keys=(replace(member.keys[0], revoked_at=at),))
        if member.id == name
        else member
        for member in made.members
    )
    return replace(made, members=members)


def another_format(story: Story, document: Evidence) -> Evidence:
    return replace(document, format="jd-evidence.v2")


def index_moved(story: Story, document: Evidence) -> Evidence:
    assert document.acceptance is not None
    moved = replace(document.acceptance.proof, index=document.acceptance.proof.index ^ 1)
    return replace(document, acceptance=replace(document.acceptance, proof=moved))


def leaf_of_another_kind(story: Story, document: Evidence) -> Evidence:
    assert document.acceptance is not None
    moved = replace(document.acceptance, proof=document.disclosures[0].proof)
    return replace(document, acceptance=moved)


ATTACKS: dict[Attack, tuple[str, str]] = {
    swapped_receipts: ("delivery", "key.not_theirs"),
    receipt_of_another_story: ("delivery", "evidence.delivery_unknown"),
    acceptance_receipt_of_another_message: ("receipt", "evidence.receipt_other"),
    dropped_disclosure_with_its_receipt_kept: ("disclosure", "evidence.disclosure_missing"),
    dropped_disclosure_and_receipt: ("disclosure", "evidence.disclosure_missing"),
    disclosure_given_twice: ("disclosure", "evidence.leaf_order"),
    receipt_given_twice: ("delivery", "evidence.leaf_order"),
    disclosures_out_of_order: ("disclosure", "evidence.leaf_order"),
    truncated_inclusion_path: ("inclusion", "evidence.not_included"),
    truncated_disclosure_path: ("disclosure", "evidence.not_included"),
    truncated_delivery_path: ("delivery", "evidence.not_included"),
    truncated_consistency_path: ("consistency", "evidence.inconsistent"),
    older_checkpoint_of_another_history: ("consistency", "evidence.inconsistent"),
    older_checkpoint_given_twice: ("consistency", "evidence.checkpoint_order"),
    larger_checkpoint: ("inclusion", "evidence.not_included"),
    # A path to one leaf more can have the same shape, so the root alone does not tell: the leaf
    # at the right edge does.
    checkpoint_that_only_claims_to_be_larger: ("delivery", "evidence.not_included"),
    checkpoint_by_another_member: ("checkpoint", "key.not_theirs"),
    checkpoint_of_another_county: ("checkpoint", "evidence.county"),
    without_acceptance: ("sender", "evidence.no_acceptance"),
    delivery_passed_off_as_the_original: ("disclosure", "evidence.other_message"),
    original_of_another_message: ("receipt", "evidence.receipt_disagrees"),
    wrong_salt: ("disclosure", "evidence.commitment"),
    no_directory: ("directory", "evidence.no_directory"),
    directory_given_twice: ("directory", "evidence.directory_order"),
    directory_of_another_version: ("sender", "evidence.directory_missing"),
    directory_of_another_authority: ("directory", "signing.bad_signature"),
    expired_directory: ("seal", "evidence.directory_expired"),
    directory_issued_afterwards: ("sender", "evidence.directory_early"),
    directory_of_another_county: ("checkpoint", "evidence.county"),
    older_directory_in_which_the_key_was_still_good: ("sender", "evidence.directory_missing"),
    revoked_key: ("sender", "key.revoked"),
    revoked_recipient_key: ("delivery", "key.revoked"),
    revoked_gateway_key: ("seal", "key.revoked"),
    another_format: ("form", "evidence.format"),
    index_moved: ("receipt", "evidence.receipt_disagrees"),
    leaf_of_another_kind: ("sender", "evidence.leaf_kind"),
}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_the_attack_fails_at_the_step_that_guards_against_it(story: Story, attack: Attack) -> None:
    document = attack(story, story.document())
    assert failure(check(document)) == ATTACKS[attack]


def test_evidence_of_another_authority_proves_nothing_here(story: Story) -> None:
    stranger = authority_key(SigningKey("authority.9", "EdDSA", bytes([77]) * 32))
    report = verify(seal(story.document()), [stranger])
    assert failure(report) == ("directory", "directory.authority_unknown")
    assert failure(verify(seal(story.document()), []))[0] == "directory"


def test_a_file_that_another_member_signed_is_not_evidence(story: Story) -> None:
    assert failure(verify(seal(story.document(), "pol"), PINNED)) == ("seal", "key.not_theirs")
