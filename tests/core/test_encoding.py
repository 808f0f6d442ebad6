"""One text for one value: what decodes encodes back to itself, and nothing else decodes."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdgate.core.encoding import b64u, unb64u
from jdgate.errors import Refused


def refused(text: str | bytes) -> bool:
    try:
        unb64u(text)
    except Refused as reason:
        assert reason.code == "encoding.base64url"
        return True
    return False


@given(st.binary())
def test_bytes_come_back(data: bytes) -> None:
    assert unb64u(b64u(data)) == data
    assert unb64u(b64u(data).encode()) == data


@given(st.text(max_size=12) | st.text("AQgw-_+/=\n .", max_size=8))
def test_any_text_is_canonical_or_refused(text: str) -> None:
    assert refused(text) or b64u(unb64u(text)) == text


@given(st.binary(max_size=12))
def test_any_bytes_are_canonical_or_refused(raw: bytes) -> None:
    assert refused(raw) or b64u(unb64u(raw)).encode() == raw


@given(st.binary(min_size=1, max_size=40), st.data())
def test_no_second_text_stands_for_the_same_bytes(data: bytes, draw: st.DataObject) -> None:
    text = b64u(data)
    at = draw.draw(st.integers(0, len(text) - 1))
    other = text[:at] + draw.draw(st.characters(max_codepoint=127)) + text[at + 1 :]
    assert other == text or refused(other) or unb64u(other) != data


@pytest.mark.parametrize(
    "text",
    ["=", "A", "AA=", "AA==", "AB", "AAB", "A A", "AA\n", "+A", "/A", "é", "\ud800", "AAAA="],
)
def test_what_lenient_decoders_take_is_refused(text: str) -> None:
    assert refused(text)


def test_the_alphabet_is_that_of_rfc_4648_section_5() -> None:
    data = bytes(range(256))
    assert b64u(data) == base64.urlsafe_b64encode(data).decode().rstrip("=")
    assert b64u(b"\xfb\xff") == "-_8"
