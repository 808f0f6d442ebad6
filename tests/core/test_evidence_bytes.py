"""Any byte of a piece of evidence changed, added or missing is noticed."""

from __future__ import annotations

import pytest
from tests.core.evidence_story import (
    KEYS,
    PINNED,
    County,
    Story,
    failure,
    seal,
)

from jdgate.core import (
    evidence,
    signing,
)
from jdgate.core.evidence_verify import verify
from jdgate.core.signing import sign


@pytest.fixture
def county() -> County:
    return County()


@pytest.fixture
def story(county: County) -> Story:
    return Story(county)


def flips(at: int) -> list[int]:
    """A bit of the byte, another at each position; every bit is tried somewhere."""
    return [1 << (at % 8)]


def test_any_flipped_byte_of_the_file_is_noticed(story: Story) -> None:
    data = bytearray(seal(story.document()))
    assert verify(bytes(data), PINNED).ok
    unnoticed = []
    for at in range(len(data)):
        for bit in flips(at):
            data[at] ^= bit
            if verify(bytes(data), PINNED).ok:
                unnoticed.append(at)
            data[at] ^= bit
    assert unnoticed == []


def test_every_bit_of_the_header_and_the_signature_counts(story: Story) -> None:
    data = bytearray(seal(story.document()))
    ends = [*range(data.index(b".") + 2), *range(len(data) - 90, len(data))]
    for at in ends:
        for bit in range(8):
            data[at] ^= 1 << bit
            assert not verify(bytes(data), PINNED).ok, at
            data[at] ^= 1 << bit


def test_a_gateway_that_signs_again_after_any_flipped_byte_is_noticed(county: County) -> None:
    """Everything inside is bound by something other than the file's own signature."""
    payload = bytearray(evidence.encode(Story(county, deliver=("pol",)).document()))
    unnoticed = []
    for at in range(len(payload)):
        for bit in flips(at):
            payload[at] ^= bit
            if verify(sign(bytes(payload), KEYS["gateway"], signing.TYP_EVIDENCE), PINNED).ok:
                unnoticed.append(at)
            payload[at] ^= bit
    assert unnoticed == []


@pytest.mark.parametrize("extra", [b"\n", b" ", b".", b"=", b"A"])
def test_nothing_may_follow_or_precede_the_document(story: Story, extra: bytes) -> None:
    data = seal(story.document())
    assert not verify(data + extra, PINNED).ok
    assert not verify(extra + data, PINNED).ok


def test_no_cut_of_the_file_is_taken_for_it(story: Story) -> None:
    data = seal(story.document())
    for length in range(0, len(data), 97):
        assert not verify(data[:length], PINNED).ok


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"..",
        b"a.b.c",
        b"\xff" * 50,
        b"e30.e30.e30",
        b"[" * 100_000,
        sign(b"[" * 100_000, KEYS["gateway"], signing.TYP_EVIDENCE),
        sign(b"null", KEYS["gateway"], signing.TYP_EVIDENCE),
    ],
)
def test_rubbish_is_a_failed_step_and_not_an_error(hostile: bytes) -> None:
    assert failure(verify(hostile, PINNED))[0] == "form"
