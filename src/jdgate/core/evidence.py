"""Evidence: one document that proves one message's whole way, offline. Pure.

The document holds the signed texts themselves and, for each, the ledger leaf that commits to it
and the path from that leaf to a signed checkpoint. Who has the authority's public key needs
nothing else: no gateway, no database, no network (`evidence_verify`).

Rules:
- the file is a compact JWS by the gateway, exactly: not even a line break after it;
- its payload is canonical JSON of `Evidence`, a closed form, so that one document has one text;
- the signed texts inside are carried as they were sent, never encoded again;
- `directories` holds, lowest version first, the directory each leaf was judged by and the one
  in force at the checkpoint; one that is signed by a rotated authority key comes after the one
  that names that key;
- a gateway's own message (an alert, a draft) has no acceptance; everything else has one;
- a leaf whose salt was erased can't be shown: the document can no longer be made.

    document = build(Parts(original=jws, acceptance=(receipt, proof(…)), …))
    data = seal(document, gateway_key)                 # the file's bytes
    report = evidence_verify.verify(data, pinned)
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from jdgate.core import checkpoints, signing
from jdgate.core.directory import Directory
from jdgate.core.encoding import b64u
from jdgate.errors import Refused

FORMAT = "jd-evidence.v1"
"""What the payload says it is."""

MAX_BYTES = 256_000_000
"""Most bytes of a document; one of 100 full-size deliveries stays below."""


class Proof(Struct, frozen=True, forbid_unknown_fields=True):
    """A leaf's exact text, the salt that opens it (base64url) and its path to the root."""

    index: int
    leaf: str
    path: tuple[str, ...]
    salt: str


class Signed(Struct, frozen=True, forbid_unknown_fields=True):
    """A signed text and the leaf that commits to it.

    For a disclosure `jws` is the delivery as sent; for a delivery the recipient's receipt.
    """

    jws: str
    proof: Proof


class Acceptance(Struct, frozen=True, forbid_unknown_fields=True):
    """The gateway's receipt for the original, and the leaf that commits to the original."""

    proof: Proof
    receipt: str


class Older(Struct, frozen=True, forbid_unknown_fields=True):
    """An older checkpoint and the path that shows the ledger was only appended to since."""

    checkpoint: str
    path: tuple[str, ...]


class Evidence(Struct, frozen=True, forbid_unknown_fields=True):
    """The document. Lists of leaves ascend by index, older checkpoints by size.

    `past`: for a correction, the leaves about the records it speaks of (`evidence_past`).
    """

    acceptance: Acceptance | None
    checkpoint: str
    deliveries: tuple[Signed, ...]
    directories: tuple[str, ...]
    disclosures: tuple[Signed, ...]
    format: str
    older: tuple[Older, ...]
    original: str
    past: tuple[Proof, ...]


class Parts(Struct, frozen=True, kw_only=True):
    """What `build` needs: signed texts as bytes, with proofs against `checkpoint`'s size.

    `original` is the sender's JWS; `acceptance` its receipt with the accepted or refused leaf;
    `disclosures` delivery JWS with their leaves; `deliveries` recipients' receipts with theirs;
    `older` pairs of an older checkpoint and its consistency path; `directories` every version
    that a leaf names and the one in force now.
    """

    original: bytes
    checkpoint: bytes
    directories: Sequence[bytes]
    acceptance: tuple[bytes, Proof] | None = None
    disclosures: Sequence[tuple[bytes, Proof]] = ()
    deliveries: Sequence[tuple[bytes, Proof]] = ()
    older: Sequence[tuple[bytes, Sequence[bytes]]] = ()
    past: Sequence[Proof] = ()


_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(Evidence)


def proof(index: int, leaf: bytes, salt: bytes | None, path: Sequence[bytes]) -> Proof:
    """The proof of one leaf, from what the books hold.

    Raises:
        Refused: `evidence.erased`, the salt is gone, as it is once a body was forgotten.
    """
    if salt is None:
        raise Refused("evidence.erased", index=index)
    return Proof(index, leaf.decode(), tuple(b64u(entry) for entry in path), b64u(salt))


def unopened(index: int, leaf: bytes, path: Sequence[bytes]) -> Proof:
    """The proof that a leaf is in the ledger, without what it commits to."""
    return Proof(index, leaf.decode(), tuple(b64u(entry) for entry in path), "")


def _version(directory: bytes) -> int:
    payload = signing.payload_unverified(directory)
    return msgspec.json.decode(payload, type=Directory).version


def _size(older: tuple[bytes, Sequence[bytes]]) -> int:
    return checkpoints.unverified(older[0]).size


def _signed(parts: Sequence[tuple[bytes, Proof]]) -> tuple[Signed, ...]:
    ordered = sorted(parts, key=lambda part: part[1].index)
    return tuple(Signed(jws.decode(), shown) for jws, shown in ordered)


def older(given: Sequence[tuple[bytes, Sequence[bytes]]]) -> tuple[Older, ...]:
    """Older checkpoints with their consistency paths, by size."""
    return tuple(
        Older(checkpoint.decode(), tuple(b64u(entry) for entry in path))
        for checkpoint, path in sorted(given, key=_size)
    )


def build(parts: Parts) -> Evidence:
    """The document of these parts, in its one order; directories given twice are kept once.

    Raises:
        Refused: `signing.malformed` or `checkpoint.malformed`, a part is not what it should be.
    """
    acceptance = None
    if parts.acceptance is not None:
        receipt, shown = parts.acceptance
        acceptance = Acceptance(shown, receipt.decode())
    directories = sorted(dict.fromkeys(parts.directories), key=_version)
    return Evidence(
        acceptance=acceptance,
        checkpoint=parts.checkpoint.decode(),
        deliveries=_signed(parts.deliveries),
        directories=tuple(directory.decode() for directory in directories),
        disclosures=_signed(parts.disclosures),
        format=FORMAT,
        older=older(parts.older),
        original=parts.original.decode(),
        past=tuple(sorted(parts.past, key=lambda shown: shown.index)),
    )


def encode(evidence: Evidence) -> bytes:
    """The canonical JSON bytes to sign."""
    return _encoder.encode(evidence)


def decode(payload: bytes) -> Evidence:
    """The document of its canonical bytes.

    Raises:
        Refused: `evidence.malformed`, `evidence.format`.
    """
    try:
        evidence = _decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused("evidence.malformed") from None
    if evidence.format != FORMAT:
        raise Refused("evidence.format", got=evidence.format[:40], expected=FORMAT)
    if encode(evidence) != payload:
        raise Refused("evidence.malformed")
    return evidence


def seal(evidence: Evidence, gateway_key: signing.SigningKey) -> bytes:
    """The file: the document signed by the gateway."""
    return signing.sign(encode(evidence), gateway_key, signing.TYP_EVIDENCE)


def unverified(data: bytes) -> Evidence:
    """The document in a file, its signature not yet looked at.

    Raises:
        Refused: `evidence.too_large`, `signing.malformed`, `encoding.base64url`, and what
            `decode` raises.
    """
    if len(data) > MAX_BYTES:
        raise Refused("evidence.too_large", got=len(data), most=MAX_BYTES)
    return decode(signing.payload_unverified(data))
