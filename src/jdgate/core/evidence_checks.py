"""The single checks that the steps of the evidence plan are made of. Pure.

Each raises `Refused` with what it got and what it expected. Only ids, member and field names,
counts, times and digests are told; a record's values never are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from types import UnionType
from typing import Any

import msgspec

from jdgate.core import leaves, signing
from jdgate.core.checkpoints import Checkpoint
from jdgate.core.directory import Trust
from jdgate.core.encoding import unb64u
from jdgate.core.evidence import Proof
from jdgate.core.leaves import DisclosedLeaf
from jdgate.core.ledger import leaf_hash, verify_inclusion
from jdgate.core.message import Message, decode
from jdgate.core.projection import project
from jdgate.errors import Refused

RECEIPT = "sys.receipt.v1"
"""The message type that receipts come in."""


def leaf_in(shown: Proof, kind: type | UnionType) -> Any:
    """The leaf in a proof, which must be of the kind that its place asks for."""
    found = leaves.decode(shown.leaf.encode())
    if not isinstance(found, kind):
        raise Refused("evidence.leaf_kind", index=shown.index)
    return found


def opens(shown: Proof, commitment: str, text: str) -> None:
    """The leaf's commitment is one to `text`."""
    salt = unb64u(shown.salt)
    if len(salt) != leaves.SALT_BYTES or leaves.commitment(salt, text.encode()) != commitment:
        raise Refused("evidence.commitment", index=shown.index)


def agree(code: str, pairs: Sequence[tuple[str, object, object]]) -> None:
    """Each (field, got, expected) is equal. Only ids, names, counts and times come here."""
    for field, got, expected in pairs:
        if got != expected:
            raise Refused(code, field=field, got=str(got)[:80], expected=str(expected)[:80])


def signed_message(jws: str, source: str, trust: Trust, at: datetime) -> Message:
    """A message that `source` signed, with a key good when it was signed and at `at`."""
    raw = jws.encode()
    kid = signing.peek(raw).kid
    _, key = trust.claimed_key(kid, source)
    message = decode(signing.verify(raw, key, signing.TYP_MESSAGE))
    trust.signing_key(kid, source, min(message.time, at), at)
    if message.source != source:
        raise Refused("evidence.source", got=message.source, expected=source)
    return message


def receipt_about(
    jws: str, trust: Trust, at: datetime, source: str, recipient: str, about: str, text: str
) -> dict[str, Any]:
    """What `source`'s receipt says of message `about`, whose signed bytes are `text`."""
    message = signed_message(jws, source, trust, at)
    agree(
        "evidence.receipt_disagrees",
        [("type", message.type, RECEIPT), ("recipient", message.recipient, recipient)],
    )
    found = [record for record in message.data if record.get("message_id") == about]
    if len(found) != 1:
        raise Refused("evidence.receipt_other", message=about, got=len(found))
    expected = leaves.digest(text.encode())
    agree("evidence.receipt_disagrees", [("digest", found[0].get("digest"), expected)])
    return found[0]


def _canonical(record: dict[str, Any]) -> bytes:
    return msgspec.json.encode(record, order="deterministic")


def included(shown: Proof, checkpoint: Checkpoint) -> None:
    """The leaf is in the ledger under the checkpoint."""
    hashed = leaf_hash(shown.leaf.encode())
    path = [unb64u(entry) for entry in shown.path]
    if not verify_inclusion(hashed, shown.index, checkpoint.size, path, checkpoint.root):
        raise Refused("evidence.not_included", index=shown.index, size=checkpoint.size)


def records_cut_down(
    leaf: DisclosedLeaf,
    sent: Sequence[dict[str, Any]],
    accepted: Sequence[dict[str, Any]],
    fields: Sequence[str] | None,
    renamed: Sequence[str] = (),
) -> None:
    """Each record sent is an accepted one of the original, cut down to the fields named.

    `fields` is None for the gateway's own messages, which go out whole. Each record of the
    original serves once. `renamed` fields differ from reader to reader and are proven elsewhere.
    """

    def whole(record: dict[str, Any]) -> bytes:
        return _canonical({name: each for name, each in record.items() if name not in renamed})

    allowed = Counter(
        whole(record if fields is None else project(record, fields)) for record in accepted
    )
    for index, record in enumerate(sent):
        beyond = [] if fields is None else sorted(set(record) - set(fields))
        if beyond:
            raise Refused(
                "evidence.field_beyond",
                delivery=leaf.id,
                index=index,
                got=beyond[0][:60],
                expected=", ".join(leaf.fields),
            )
        text = whole(record)
        if not allowed[text]:
            raise Refused("evidence.record_foreign", delivery=leaf.id, index=index)
        allowed[text] -= 1
