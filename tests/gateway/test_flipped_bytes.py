"""Every byte of a sealed message, flipped: none comes through, none makes admission raise."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from tests.e2e.kit import ENROL, County, enrolment

from jdgate.core.admission import Arrival, Opened, open_arrival
from jdgate.core.directory import Trust
from jdgate.core.keys import MemberKeys
from jdgate.core.message import Message, encode, whole_ms
from jdgate.core.sealing import context, seal
from jdgate.core.signing import TYP_MESSAGE, sign
from jdgate.errors import Refused
from jdgate.gateway.ground import new_id

NOW = whole_ms(datetime.now(UTC))


class Letter:
    """A small message from cln-01 to the gateway, and all it takes to open it."""

    def __init__(self, county: County) -> None:
        self.trust: Trust = county.trust
        self.gateway: MemberKeys = county.keys("gateway")
        self.message = Message(
            id=new_id(),
            source="cln-01",
            type=ENROL,
            time=NOW,
            recipient="gateway",
            data=[enrolment(1)],
            sequence=1,
            purpose="mmt.filing",
        )
        self.jws = sign(encode(self.message), county.keys("cln-01").signer, TYP_MESSAGE)
        self.arrival = self.sealed(self.jws)

    def sealed(self, jws: bytes) -> Arrival:
        key = self.trust.sealing_key("gateway", NOW)
        body = seal(jws, key, context("cln-01", "gateway", self.message.id))
        return Arrival("cln-01", self.message.id, key.kid, body, NOW)

    def open(self, arrival: Arrival) -> Opened | Refused:
        return open_arrival(arrival, self.trust, self.gateway)


@pytest.fixture(scope="module")
def letter(tmp_path_factory: pytest.TempPathFactory) -> Letter:
    return Letter(County.found(tmp_path_factory.mktemp("flipped")))


def flips(data: bytes) -> list[bytes]:
    found = []
    for position in range(len(data)):
        copy = bytearray(data)
        copy[position] ^= 1 << (position % 8)
        found.append(bytes(copy))
    return found


def test_the_letter_opens_as_it_is(letter: Letter) -> None:
    opened = letter.open(letter.arrival)
    assert isinstance(opened, Opened)
    assert opened.message == letter.message


def test_no_flipped_byte_of_the_sealed_body_opens(letter: Letter) -> None:
    for body in flips(letter.arrival.body):
        answer = letter.open(msgspec.structs.replace(letter.arrival, body=body))
        assert isinstance(answer, Refused)
        assert answer.code == "sealing.cannot_open"


def test_no_flipped_byte_of_the_signed_text_verifies(letter: Letter) -> None:
    """As a member would who has the gateway's key but not the signer's."""
    for jws in flips(letter.jws):
        assert isinstance(letter.open(letter.sealed(jws)), Refused)


@pytest.mark.parametrize("keep", [0, 1, 31, 1120, 1136, -17, -1])
def test_a_body_cut_short_does_not_open(letter: Letter, keep: int) -> None:
    body = letter.arrival.body[:keep]
    assert isinstance(letter.open(msgspec.structs.replace(letter.arrival, body=body)), Refused)


@pytest.mark.parametrize(
    ("field", "value"),
    [("member", member) for member in ("pol", "cln-02", "stranger")]
    + [
        (field, v) for field in ("id", "kid") for v in ("", "\ud800", "x" * 70_000, "gateway.enc.2")
    ],
)
def test_nothing_opens_under_another_header(letter: Letter, field: str, value: str) -> None:
    answer = letter.open(msgspec.structs.replace(letter.arrival, **{field: value}))
    assert isinstance(answer, Refused)
    assert answer.text("zh") and answer.text("en")
