"""Messages: CloudEvents 1.0 in JSON, one batch of 1–500 records each.

Rules:
- the bytes that arrive are decoded once; what was signed is never encoded again;
- a JSON object with the same key twice is refused: readers would disagree about its meaning;
  so are numbers that not every reader holds exactly, and half characters (I-JSON, RFC 7493);
- unknown attributes are refused, and so is a `specversion`, `id` or time of another form;
- `sequence` (CloudEvents sequence extension, 12 digits) is gapless per sender and recipient on
  tracked types and absent on the rest.

    payload = encode(Message(id=…, source="cln-01", type="mmt.attendance.v1", …))
    message = decode(payload)
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import msgspec

from jdgate.core import approval
from jdgate.errors import Refused

MAX_RECORDS = 500
MAX_BODY = 1_900_000
"""Bytes of a sealed body; the bus itself takes 2 MB (2,097,152 bytes)."""
MAX_DATA = 1_400_000
"""Bytes of the records as JSON that a sender puts into one message: the signed form makes 4 bytes
of 3, and envelope, signature and seal need a few thousand."""

MEMBER_ID = re.compile(r"[a-z][a-z0-9-]{1,31}")
TYPE_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+\.v[1-9][0-9]*")
MESSAGE_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
# [0-9] and not \d, which also takes the digits of other scripts
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_TWELVE = re.compile(r"[0-9]{12}")
_ATTRIBUTE = re.compile(r"[a-z]{1,20}")
_HALF_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")

MAX_WHOLE = 2**53 - 1
"""The largest integer every JSON reader holds exactly (RFC 7493 §2.2)."""


class Message(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One message. Times are UTC, whole milliseconds; `data` holds the records; `approvedby`
    names the persons who approved it (`approval`)."""

    id: str
    source: str
    type: str
    time: datetime
    recipient: str
    data: list[dict[str, Any]]
    sequence: int | None = None
    region: str | None = None
    purpose: str | None = None
    inreplyto: str | None = None
    origin: str | None = None
    approvedby: tuple[str, ...] = ()
    expires: datetime | None = None


class _Wire(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    specversion: str
    id: str
    source: str
    type: str
    time: str
    recipient: str
    datacontenttype: str = ""
    sequence: str | None = None
    region: str | None = None
    purpose: str | None = None
    inreplyto: str | None = None
    origin: str | None = None
    approvedby: str | None = None
    expires: str | None = None
    data: list[dict[str, Any]]


_encoder = msgspec.json.Encoder()


def show_time(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, e.g. `2026-11-21T08:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def read_time(text: str, attribute: str = "time") -> datetime:
    """The moment a wire time names.

    Raises:
        Refused: `message.time` when it has another form or names no moment.
    """
    if _TIME.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    raise Refused("message.time", attribute=attribute)


def whole_ms(moment: datetime) -> datetime:
    """`moment` cut to the milliseconds that the wire carries."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def encode(message: Message) -> bytes:
    """The JSON bytes to sign."""
    return _encoder.encode(
        _Wire(
            specversion="1.0",
            id=message.id,
            source=message.source,
            type=message.type,
            time=show_time(message.time),
            recipient=message.recipient,
            datacontenttype="application/json",
            sequence=None if message.sequence is None else f"{message.sequence:012d}",
            region=message.region,
            purpose=message.purpose,
            inreplyto=message.inreplyto,
            origin=message.origin,
            approvedby=approval.show(message.approvedby) or None,
            expires=None if message.expires is None else show_time(message.expires),
            data=message.data,
        )
    )


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused("message.duplicate_key")
    return found


def _no_constant(_: str) -> Any:
    raise Refused("message.not_json")


def _whole(digits: str) -> int:
    # the length first: int() takes time that grows with the square of it
    if len(digits) > 17 or not -MAX_WHOLE <= (number := int(digits)) <= MAX_WHOLE:
        raise Refused("message.number")
    return number


def _finite(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise Refused("message.number")
    return number


# json and not msgspec: it alone shows the pairs of each object, and msgspec lets the last of two
# equal keys win.
_json = json.JSONDecoder(
    object_pairs_hook=_no_duplicates,
    parse_constant=_no_constant,
    parse_int=_whole,
    parse_float=_finite,
)


def parse(payload: bytes) -> dict[str, Any]:
    """One JSON object, read in the one way that every reader would.

    Raises:
        Refused: `message.not_json`, `message.duplicate_key`, `message.number`, `message.text`,
            `message.envelope` (anything but an object).
    """
    try:
        value = _json.decode(payload.decode())
        if _HALF_CHARACTER.search(payload):
            # an escaped surrogate: a pair is fine, half of one is no text that could be stored
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Refused("message.text") from None
    except (ValueError, RecursionError):
        raise Refused("message.not_json") from None
    if not isinstance(value, dict):
        raise Refused("message.envelope", attribute="(object)")
    return value


def _attribute_at_fault(error: msgspec.ValidationError) -> str:
    """The attribute a msgspec error speaks of. Its text names fields and types, not values.

    The name of an unknown one was chosen by whoever wrote it: it is told only when CloudEvents
    allows it as a name and it holds no number, so that no personal value travels in an error.
    """
    text = str(error)
    found = re.search(r"`\$\.?([^`\[]*)", text) or re.search(r"field `([^`]*)`", text)
    name = found.group(1) if found else ""
    return name if _ATTRIBUTE.fullmatch(name) else "(unknown)"


def decode(payload: bytes) -> Message:
    """The message of a verified payload.

    Raises:
        Refused: `message.not_json`, `message.duplicate_key`, `message.number`, `message.text`,
            `message.envelope` (names the attribute), `message.time`, `message.records` (count
            outside 1–500).
    """
    try:
        wire = msgspec.convert(parse(payload), _Wire)
    except msgspec.ValidationError as error:
        raise Refused("message.envelope", attribute=_attribute_at_fault(error)) from None
    checks = (
        ("specversion", wire.specversion == "1.0"),
        ("id", bool(MESSAGE_ID.fullmatch(wire.id))),
        ("source", bool(MEMBER_ID.fullmatch(wire.source))),
        ("type", bool(TYPE_NAME.fullmatch(wire.type))),
        ("recipient", bool(MEMBER_ID.fullmatch(wire.recipient))),
        ("datacontenttype", wire.datacontenttype == "application/json"),
        ("sequence", wire.sequence is None or bool(_TWELVE.fullmatch(wire.sequence))),
        ("region", wire.region is None or bool(_TWELVE.fullmatch(wire.region))),
        ("purpose", wire.purpose is None or len(wire.purpose) <= 100),
        ("inreplyto", wire.inreplyto is None or bool(MESSAGE_ID.fullmatch(wire.inreplyto))),
        ("origin", wire.origin is None or bool(MEMBER_ID.fullmatch(wire.origin))),
    )
    for attribute, holds in checks:
        if not holds:
            raise Refused("message.envelope", attribute=attribute)
    try:
        approvedby = () if wire.approvedby is None else approval.read(wire.approvedby)
    except Refused:
        raise Refused("message.envelope", attribute="approvedby") from None
    if not 1 <= len(wire.data) <= MAX_RECORDS:
        raise Refused("message.records", got=len(wire.data), most=MAX_RECORDS)
    return Message(
        id=wire.id,
        source=wire.source,
        type=wire.type,
        time=read_time(wire.time),
        recipient=wire.recipient,
        data=wire.data,
        sequence=None if wire.sequence is None else int(wire.sequence),
        region=wire.region,
        purpose=wire.purpose,
        inreplyto=wire.inreplyto,
        origin=wire.origin,
        approvedby=approvedby,
        expires=None if wire.expires is None else read_time(wire.expires, "expires"),
    )
