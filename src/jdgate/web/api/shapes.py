"""What the HTTP API takes and gives, as JSON. The OpenAPI document is made from these (`document`),
and what comes in is read by them.

Field names are part of version 1: they are added to, never changed.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from jdgate.core.message import MESSAGE_ID

Id = Annotated[
    str, Meta(pattern=f"^{MESSAGE_ID.pattern}$", examples=["01a1fd1e-8c00-7000-8000-000000000001"])
]
OwnId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:-]{1,64}$", examples=["2026-11-21.1"])]
Type = Annotated[str, Meta(max_length=64, examples=["mmt.attendance.v1"])]
MemberId = Annotated[str, Meta(examples=["cln-01"])]
Moment = Annotated[str, Meta(examples=["2026-11-21T08:00:00.000Z"])]
Jws = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$")]
Bytes = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]*$", extra_json_schema={"format": "base64url"})]
VERDICTS = ("accepted", "part", "refused")
ROW_STATES = ("waiting", "accepted", "refused")
RowVerdict = Annotated[str, Meta(extra_json_schema={"enum": list(ROW_STATES)})]
Verdict = Annotated[str, Meta(extra_json_schema={"enum": list(VERDICTS)})]


class Sending(Struct, forbid_unknown_fields=True):
    """Records of one type, to be sent in the name of the token's member."""

    id: OwnId
    type: Type
    records: Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=500)]
    region: Annotated[str, Meta(pattern=r"^[0-9]{12}$")] | None = None
    approved_by: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(max_length=4)
    ] = []


class Sent(Struct, forbid_unknown_fields=True):
    """One message made of records, whose places in the request are `indexes`."""

    id: Id
    indexes: list[int]


class NotSent(Struct, forbid_unknown_fields=True):
    """A record that was not sent, and why."""

    index: int
    code: str
    path: str
    params: dict[str, Any]
    texts: dict[str, str]


class Taken(Struct, forbid_unknown_fields=True):
    """What became of a request: messages under way, and records that were not sent."""

    messages: list[Sent]
    refused: list[NotSent]


class Fault(Struct, omit_defaults=True):
    """Why the gateway refused one record of a message."""

    index: int
    code: str
    path: str = ""
    params: dict[str, Any] = {}


class Said(Struct, omit_defaults=True):
    """What the gateway's signed receipt says of a message."""

    message_id: str
    verdict: Verdict
    accepted: int = 0
    digest: str = ""
    leaf: int | None = None
    code: str = ""
    params: dict[str, Any] = {}
    refused: list[Fault] = []


class State(Struct, forbid_unknown_fields=True):
    """How a message stands: `open` until the gateway answered; then its `verdict`."""

    id: Id
    type: str
    state: Annotated[str, Meta(extra_json_schema={"enum": ["open", *VERDICTS]})]
    created_at: Moment
    verdict: Said | None


class Judged(Struct, forbid_unknown_fields=True):
    """What the gateway said of a signed message. Both are null for what it took without a receipt:
    a receipt is not receipted."""

    id: Id
    said: Said | None
    receipt: Jws | None


class Delivery(Struct, forbid_unknown_fields=True):
    """What came for the member, with its records."""

    id: Id
    type: str
    source: MemberId
    received_at: Moment
    records: list[dict[str, Any]]
    purpose: str | None


class Sealed(Struct, forbid_unknown_fields=True):
    """What came for a member with its own key: HPKE bytes that only its key `kid` opens."""

    id: Id
    kid: str
    body: Bytes


class Range(Struct, forbid_unknown_fields=True):
    """Numbers from `first` to `last`, both among them."""

    first: int
    last: int


class Standing(Struct, forbid_unknown_fields=True):
    """How this member stands. The last two are for a member with its own key."""

    version: str
    member: MemberId
    name: str
    own_key: bool
    healthy: bool
    outbox_open: int
    waiting: int
    next_sequence: int | None = None
    missing: list[Range] = []


class Problem(Struct):
    """What went wrong (RFC 9457). `type` is `urn:jdgate:` and a code; `texts` say it in Chinese and
    English. No value of a record is in it."""

    type: Annotated[str, Meta(pattern=r"^urn:jdgate:[a-z]")]
    title: str
    status: int
    detail: str
    texts: dict[str, str]


class RowReason(Struct, forbid_unknown_fields=True):
    """Why a row is refused."""

    code: str
    path: str
    params: dict[str, Any]
    texts: dict[str, str]


class RowState(Struct, forbid_unknown_fields=True):
    """What became of one row of a table. `row` is its number in the file."""

    row: int
    state: RowVerdict
    reasons: list[RowReason]


class TableSent(Struct, forbid_unknown_fields=True):
    """What became of a table."""

    id: OwnId
    type: str
    sheet: str | None
    messages: list[Id]
    counts: dict[str, int]
    rows: list[RowState]
