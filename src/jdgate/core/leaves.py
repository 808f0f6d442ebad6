"""What the ledger writes down: one closed kind of leaf per kind of event. Pure.

Rules:
- A leaf is canonical JSON: keys sorted, no spaces, absent optional fields left out. `decode`
  takes exactly what `encode` gives, so a leaf has one text and the tree has one root.
- A leaf holds no body and nothing of the person it is about. Where it speaks of a signed text
  it holds a commitment, base64url(SHA-256(salt ‖ text)): with the salt anyone can check the
  text against the leaf; without it the leaf says nothing, so erasing the salt forgets the
  body while every proof stays valid.
- `id` is what the leaf is about (a message, a delivery, a draft); `message` names the message
  a disclosure or delivery belongs to.
- `directory` is the version by whose keys the event was judged, so that nobody can later hold
  up an older directory in which a revoked key was still good.
- An accepted leaf names the deliveries made with it, so that none can be left out of a proof.

    leaf = AcceptedLeaf(id=…, at=…, source="cln-01", …, commitment=commitment(salt, jws))
    ledger.append(conn, [(encode(leaf), salt)])
"""

from __future__ import annotations

from hashlib import sha256

import msgspec
from msgspec import Struct

from jdgate.core.encoding import b64u
from jdgate.errors import Misuse, Refused

SALT_BYTES = 16
"""Length of a commitment's salt, in bytes."""


def commitment(salt: bytes, text: bytes) -> str:
    """What a leaf holds in place of a signed text: base64url(SHA-256(salt ‖ text)).

    Raises:
        Misuse: `ledger.salt_length`, the salt is not 16 bytes.
    """
    if len(salt) != SALT_BYTES:
        raise Misuse("ledger.salt_length", got=len(salt), expected=SALT_BYTES)
    return b64u(sha256(salt + text).digest())


def digest(jws: bytes) -> str:
    """What a receipt says of the message it answers: base64url(SHA-256(jws)), unsalted."""
    return b64u(sha256(jws).digest())


class _Leaf(
    Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    tag_field="kind",
):
    """Common to all: what the leaf is about, and when (wire time, UTC milliseconds)."""

    id: str
    at: str


class AcceptedLeaf(_Leaf, frozen=True, tag="accepted"):
    """A message was admitted. `commitment` opens to the sender's JWS.

    `time` is the sender's own; `records` how many the batch held and `refused` the indexes
    refused within it; `deliveries` the ids of the deliveries made in the same transaction.
    """

    source: str
    recipient: str
    type: str
    time: str
    records: int
    directory: int
    commitment: str
    refused: tuple[int, ...] = ()
    deliveries: tuple[str, ...] = ()


class RefusedLeaf(_Leaf, frozen=True, tag="refused"):
    """A message was refused as a whole for `code`. `commitment` opens to its bytes as received.

    `source` is the member whose NATS user sent it; `type` is empty when it could not be read.
    `message` is the id that it claimed, where it is not the one it is kept under.
    """

    source: str
    code: str
    directory: int
    commitment: str
    type: str = ""
    message: str = ""


class DisclosedLeaf(_Leaf, frozen=True, tag="disclosed"):
    """Fields of a message went out to a member. `id` is the delivery's own.

    `commitment` opens to the delivery's JWS; `basis` holds the legal grounds as the exchange
    sheet names them; `fields` are the fields that the recipient may see, sorted; `indexes` the
    records of the message that it holds, empty when it holds all that were accepted. So it stays
    known who got which record when all bodies are gone.
    """

    message: str
    type: str
    recipient: str
    role: str
    fields: tuple[str, ...]
    basis: tuple[str, ...]
    records: int
    directory: int
    commitment: str
    purpose: str = ""
    indexes: tuple[int, ...] = ()


class DeliveredLeaf(_Leaf, frozen=True, tag="delivered"):
    """The recipient answered a delivery (`id`). `commitment` opens to its signed receipt."""

    message: str
    recipient: str
    verdict: str
    directory: int
    commitment: str


class DraftedLeaf(_Leaf, frozen=True, tag="drafted"):
    """A rule drafted a message for a named human to decide on. `cause` holds nothing personal."""

    recipient: str
    type: str
    rule: str
    version: int


class DecidedLeaf(_Leaf, frozen=True, tag="decided"):
    """A human decided a draft (`id`). `commitment` opens to the signed decision by a named one."""

    source: str
    decision: str
    directory: int
    commitment: str
    message: str = ""


class AlertLeaf(_Leaf, frozen=True, tag="alert"):
    """An alert (`id`) was raised, came onto a desk, or was answered there.

    `act` is raised, opened, acknowledged, resolved, reassigned, escalated, late (nobody is left
    to escalate it to) or settled (its cause is gone); `recipient` the desk it lies on after it,
    `level` how often it was escalated. Where a person acted, `commitment` opens to the desk's
    signed `message`.
    """

    act: str
    recipient: str
    rule: str
    level: int
    directory: int
    commitment: str = ""
    message: str = ""


class MissedLeaf(_Leaf, frozen=True, tag="missed"):
    """An awaited message had not come by its deadline. `id` is the statement's own.

    `type` is what was awaited, `source` from whom (a member, or the role of several); `rule`
    waited for it `since` then, until `due`; `about` is a keyed hash of the person, unit or cause;
    `size` how many leaves the ledger had when this was written.
    """

    type: str
    source: str
    rule: str
    about: str
    since: str
    due: str
    size: int
    directory: int


class ArrivedLeaf(_Leaf, frozen=True, tag="arrived"):
    """What a statement (`id`) said to be missing has come after all, with `message`."""

    message: str


class DirectoryLeaf(_Leaf, frozen=True, tag="directory"):
    """The gateway took a directory into use. `digest` is that of its JWS."""

    version: int
    digest: str


class AdminLeaf(_Leaf, frozen=True, tag="admin"):
    """An administrative act, e.g. `retention.erased` on `target`, by `operator`.

    Where a member says what its people did (signed in, added an operator), `source` is that member
    and `commitment` opens to its signed `message`. `proof`: how the operator proved once more
    who they are, where the act asks for that: `password`, `password-code` (with a code of their
    generator), `provider`, `provider-code`.
    """

    act: str
    operator: str
    target: str = ""
    proof: str = ""
    source: str = ""
    directory: int = 0
    commitment: str = ""
    message: str = ""


class LookedLeaf(_Leaf, frozen=True, tag="looked"):
    """An operator of `source` looked at what `id` names (a message, a draft, an alert).

    `reason` is a code: work or audit. `commitment` opens to the member's signed `message`, which
    says so.
    """

    operator: str
    reason: str
    source: str = ""
    directory: int = 0
    commitment: str = ""
    message: str = ""


Leaf = (
    AcceptedLeaf
    | RefusedLeaf
    | DisclosedLeaf
    | DeliveredLeaf
    | DraftedLeaf
    | DecidedLeaf
    | AlertLeaf
    | MissedLeaf
    | ArrivedLeaf
    | DirectoryLeaf
    | AdminLeaf
    | LookedLeaf
)

_encoder = msgspec.json.Encoder(order="sorted")
_decoder: msgspec.json.Decoder[Leaf] = msgspec.json.Decoder(Leaf)


def encode(leaf: Leaf) -> bytes:
    """The leaf's canonical bytes: what is hashed into the tree."""
    return _encoder.encode(leaf)


def decode(text: bytes) -> Leaf:
    """The leaf of its canonical bytes.

    Raises:
        Refused: `ledger.leaf_malformed`, not a known leaf in canonical form.
    """
    try:
        leaf = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused("ledger.leaf_malformed") from None
    if encode(leaf) != text:
        raise Refused("ledger.leaf_malformed")
    return leaf
