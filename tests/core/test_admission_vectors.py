"""Hostile vectors: files that a stranger could send, each refused for its own reason.

`tests/vectors/index.json` says what reads each file and what must become of it;
`tests/vectors/make_vectors.py` made them. Every byte of a good envelope is flipped here, too.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.vectors.ground import (
    KEYS,
    NOW,
    PINNED,
    admitted,
    arrival_of,
    directory_of,
    keys_of,
    message_of,
    sealed,
    signed,
)

from jdgate.core import directory, message, signing
from jdgate.core.admission import Arrival
from jdgate.core.sealing import SMALL, context, seal, unseal
from jdgate.errors import Refused
from jdgate.texts import LANGUAGES, all_texts

FOLDER = Path(__file__).parents[1] / "vectors"
INDEX: list[dict[str, Any]] = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))


def outcome(vector: dict[str, Any], data: bytes) -> str | Refused:
    """What becomes of a vector: a word for success, or why it was refused."""
    try:
        match vector["how"]:
            case "payload":
                message.decode(data)
            case "jws":
                signing.verify(data, KEYS["cln-01"].signer.public(), signing.TYP_MESSAGE)
            case "directory":
                held = directory_of() if vector["held"] else None
                directory.accept(data, PINNED, held, NOW)
            case "arrival":
                at = datetime.fromisoformat(vector["at"])
                arrival = Arrival(vector["member"], vector["id"], vector["kid"], data, at)
                verdict = admitted(arrival)
                return verdict.reason or verdict.outcome
            case other:
                raise AssertionError(other)
    except Refused as reason:
        return reason
    return "ok"


@pytest.mark.parametrize("vector", INDEX, ids=lambda vector: vector["file"])
def test_each_vector_has_its_expected_end_and_a_refusal_reads_as_a_sentence(
    vector: dict[str, Any],
) -> None:
    found = outcome(vector, (FOLDER / vector["file"]).read_bytes())
    assert (found.code if isinstance(found, Refused) else found) == vector["expect"], vector["why"]
    if isinstance(found, Refused):
        assert found.code in all_texts()
        for lang in LANGUAGES:
            assert "{" not in found.text(lang)
            found.text(lang).encode()


def test_every_file_of_the_folder_is_in_the_index_once() -> None:
    listed = [vector["file"] for vector in INDEX]
    there = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*/*") if path.is_file()}
    assert len(set(listed)) == len(listed)
    assert {name for name in there if not name.startswith("__pycache__")} == set(listed)


def test_any_flipped_byte_of_a_sealed_body_keeps_it_shut() -> None:
    good = arrival_of(message_of())
    assert admitted(good).outcome == "accepted"
    body = bytearray(good.body)
    for at in range(len(body)):
        body[at] ^= 1 << (at % 8)
        verdict = admitted(replace(good, body=bytes(body)))
        assert verdict.reason is not None and verdict.reason.code == "sealing.cannot_open", at
        body[at] ^= 1 << (at % 8)


def test_any_flipped_byte_of_a_small_suite_body_keeps_it_shut() -> None:
    key = keys_of("gateway", kem=SMALL).opening[0]
    info = context("cln-01", "gateway", "id")
    body = bytearray(seal(b"a message", key.public(), info))
    for at in range(len(body)):
        for bit in range(8):
            body[at] ^= 1 << bit
            if at == 31 and bit == 7:
                # X25519 ignores the top bit of a point (RFC 7748 §5), but the key schedule
                # hashes the bytes as sent, so HPKE notices it all the same
                pass
            with pytest.raises(Refused, match="can't be opened"):
                unseal(bytes(body), key, info)
            body[at] ^= 1 << bit


def test_any_flipped_byte_inside_the_seal_is_refused_and_never_believed() -> None:
    jws = bytearray(signed(message_of()))
    good = arrival_of(message_of())
    for at in range(len(jws)):
        jws[at] ^= 1 << (at % 8)
        verdict = admitted(replace(good, body=sealed(bytes(jws))))
        assert verdict.outcome == "refused", at
        assert verdict.opened is None and verdict.accepted == []
        jws[at] ^= 1 << (at % 8)


def test_no_part_of_the_envelope_can_be_another() -> None:
    good = arrival_of(message_of())
    for name in ("member", "id", "kid"):
        text = getattr(good, name)
        for at in range(len(text)):
            changed = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
            assert admitted(replace(good, **{name: changed})).outcome == "refused", changed
