"""What the API answers. Fields that a later version adds are passed over."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Sent(Struct, frozen=True):
    """A message under way, and the places of its records in the request."""

    id: str
    indexes: list[int]


class NotSent(Struct, frozen=True):
    """A record that was not sent. `texts`: why, in "zh" and "en"."""

    index: int
    code: str
    path: str
    params: dict[str, Any]
    texts: dict[str, str]


class Taken(Struct, frozen=True):
    """What became of records."""

    messages: list[Sent]
    refused: list[NotSent]


class Fault(Struct, frozen=True):
    """Why the gateway refused a record."""

    index: int
    code: str
    path: str = ""
    params: dict[str, Any] = {}


class Said(Struct, frozen=True):
    """What a signed receipt says: `verdict` is `accepted`, `part` or `refused`."""

    message_id: str
    verdict: str
    accepted: int = 0
    digest: str = ""
    leaf: int | None = None
    code: str = ""
    params: dict[str, Any] = {}
    refused: list[Fault] = []


class State(Struct, frozen=True):
    """How a message stands; `open` until the gateway answered."""

    id: str
    type: str
    state: str
    created_at: str
    verdict: Said | None


class RowReason(Struct, frozen=True):
    """Why a row is refused."""

    code: str
    path: str
    params: dict[str, Any]
    texts: dict[str, str]


class RowState(Struct, frozen=True):
    """How a row of a table stands: `waiting`, `accepted` or `refused`."""

    row: int
    state: str
    reasons: list[RowReason]


class TableSent(Struct, frozen=True):
    """How a table stands."""

    id: str
    type: str
    sheet: str | None
    messages: list[str]
    counts: dict[str, int]
    rows: list[RowState]


class Delivery(Struct, frozen=True):
    """What came."""

    id: str
    type: str
    source: str
    received_at: str
    records: list[dict[str, Any]]
    purpose: str | None = None


class Judged(Struct, frozen=True):
    """What was said of a message that was handed in; nothing of a receipt."""

    id: str
    said: Said | None
    receipt: str | None


class Sealed(Struct, frozen=True):
    """HPKE bytes, base64url, that the member's key `kid` opens."""

    id: str
    kid: str
    body: str


class Range(Struct, frozen=True):
    """Numbers, both ends among them."""

    first: int
    last: int


class Standing(Struct, frozen=True):
    """How a member stands."""

    version: str
    member: str
    name: str
    own_key: bool
    healthy: bool
    outbox_open: int
    waiting: int
    next_sequence: int | None = None
    missing: list[Range] = []
