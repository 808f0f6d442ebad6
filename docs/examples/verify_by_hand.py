"""Verifies the heart of an evidence file without jdgate: about seventy lines from the standards.

    python verify_by_hand.py notice.jws authority.pub

Needs Python and the package `cryptography` for Ed25519. It follows docs/ledger-and-evidence.md:
authority → directory → gateway's and sender's keys → signatures → commitment → Merkle path (RFC
9162 §2.1.3.2) → checkpoint. It leaves out key windows, revocation and the comparison of fields,
which `jdgate evidence verify` checks too.
"""

from __future__ import annotations

import json
import sys
from base64 import urlsafe_b64decode
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def decoded(text: str) -> bytes:
    """Base64url without padding."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verified(jws: str, keys: dict[str, str], typ: str) -> dict:
    """The payload of a compact JWS by one of `keys` (kid → base64url)."""
    header, payload, signature = jws.split(".")
    said = json.loads(decoded(header))
    if said["alg"] != "EdDSA" or said["typ"] != typ:
        raise SystemExit(f"not an Ed25519 signature of kind {typ}")
    key = Ed25519PublicKey.from_public_bytes(decoded(keys[said["kid"]]))
    key.verify(decoded(signature), f"{header}.{payload}".encode())
    return json.loads(decoded(payload))


def root_of(index: int, size: int, leaf: bytes, path: list[str]) -> bytes:
    """The root that an inclusion path leads to."""
    node, last, at = sha256(b"\0" + leaf).digest(), size - 1, index
    for step in map(decoded, path):
        if at % 2 or at == last:
            node = sha256(b"\1" + step + node).digest()
            while at % 2 == 0 and at:
                at, last = at >> 1, last >> 1
        else:
            node = sha256(b"\1" + node + step).digest()
        at, last = at >> 1, last >> 1
    if last:
        raise SystemExit("the path is too short")
    return node


def check_leaf(proof: dict, text: str, checkpoint: dict) -> dict:
    """The entry that commits to `text` and is in the ledger of `checkpoint`."""
    entry = json.loads(proof["leaf"])
    if sha256(decoded(proof["salt"]) + text.encode()).digest() != decoded(entry["commitment"]):
        raise SystemExit(f"entry {proof['index']} commits to something else")
    leaf = proof["leaf"].encode()
    root = root_of(proof["index"], checkpoint["size"], leaf, proof["path"])
    if root != decoded(checkpoint["root"]):
        raise SystemExit(f"entry {proof['index']} is not in this ledger")
    return entry


def main() -> None:
    """Verify and tell."""
    evidence, pinned = (Path(each).read_text() for each in sys.argv[1:3])
    pin = json.loads(pinned)
    # Claimed until the seal is verified a few lines below, with keys the authority vouches for.
    document = json.loads(decoded(evidence.split(".")[1]))
    directory: dict = {}
    for text in document["directories"]:
        directory = verified(text, {pin["kid"]: pin["public"]}, "jd-directory+json")
    members = {
        member["id"]: {key["kid"]: key["public"] for key in member["keys"] if key["use"] == "sig"}
        for member in directory["members"]
    }
    gateway = next(one["id"] for one in directory["members"] if one["kind"] == "gateway")
    verified(evidence, members[gateway], "jd-evidence+json")
    checkpoint = verified(document["checkpoint"], members[gateway], "jd-checkpoint+json")
    print(f"directory {directory['version']} signed by the authority; file and checkpoint of "
          f"{checkpoint['size']} entries signed by {gateway}")  # fmt: skip

    accepted = check_leaf(document["acceptance"]["proof"], document["original"], checkpoint)
    message = verified(document["original"], members[accepted["source"]], "cloudevents+json")
    print(f"{message['source']} signed {message['type']} at {message['time']}; {accepted['kind']}")
    for one in document["disclosures"]:
        entry = check_leaf(one["proof"], one["jws"], checkpoint)
        verified(one["jws"], members[gateway], "cloudevents+json")
        print(f"disclosed to {entry['recipient']}: {', '.join(entry['fields'])}")
    for one in document["deliveries"]:
        entry = check_leaf(one["proof"], one["jws"], checkpoint)
        verified(one["jws"], members[entry["recipient"]], "cloudevents+json")
        print(f"{entry['recipient']} signed: {entry['verdict']}")


if __name__ == "__main__":
    main()
