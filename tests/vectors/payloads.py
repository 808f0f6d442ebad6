"""What may stand inside a signature and must not be taken for a message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.vectors.ground import (
    uuid,
)
from tests.vectors.vector import GOOD, Vector

TEXT = GOOD.decode()


def _payload(name: str, expect: str, why: str, data: str | bytes) -> Vector:
    raw = data if isinstance(data, bytes) else data.encode()
    return Vector(f"payload/{name}.json", "payload", expect, why, raw, {})


def _with(**changes: Any) -> str:
    """The good envelope with attributes replaced; None takes one away."""
    envelope = {**json.loads(TEXT), **changes}
    return json.dumps({k: v for k, v in envelope.items() if v is not None}, ensure_ascii=False)


def payloads() -> Iterator[Vector]:
    yield _payload("good", "ok", "as it should be", GOOD)
    cut, rest = TEXT[:-1], TEXT[1:]
    yield _payload("empty", "message.not_json", "no byte at all", "")
    yield _payload("cut", "message.not_json", "the last byte is missing", cut)
    yield _payload("trailing", "message.not_json", "a second value follows", TEXT + "{}")
    yield _payload(
        "bom", "message.not_json", "a byte order mark stands before", b"\xef\xbb\xbf" + GOOD
    )
    yield _payload("utf16", "message.not_json", "UTF-16 instead of UTF-8", TEXT.encode("utf-16"))
    yield _payload(
        "bad-utf8", "message.not_json", "a byte that is no UTF-8", GOOD.replace(b"main", b"m\xffin")
    )
    yield _payload(
        "surrogate-utf8",
        "message.not_json",
        "a surrogate as UTF-8 (CESU-8)",
        GOOD.replace(b"main", b"m\xed\xa0\x80n"),
    )
    yield _payload(
        "half-character",
        "message.text",
        "an escaped surrogate alone",
        TEXT.replace("main", "m\\ud800n"),
    )
    yield _payload(
        "half-character-name",
        "message.text",
        "an attribute named by half a character",
        '{"\\udfff":1,' + rest,
    )
    yield _payload("array", "message.envelope", "a list instead of an object", f"[{TEXT}]")
    yield _payload("null", "message.envelope", "null", "null")
    yield _payload("deep", "message.not_json", "nested deeper than any reader goes", "[" * 5_000)
    yield _payload(
        "deep-record",
        "message.not_json",
        "a record nested too deep",
        TEXT.replace('"main"', "[" * 5_000 + "]" * 5_000),
    )
    yield _payload("duplicate-attribute", "message.duplicate_key", "id twice", '{"id":"x",' + rest)
    yield _payload(
        "duplicate-escaped",
        "message.duplicate_key",
        "id twice, once escaped",
        '{"\\u0069d":"x",' + rest,
    )
    yield _payload(
        "duplicate-in-record",
        "message.duplicate_key",
        "a field twice",
        TEXT.replace('"site"', '"site":"b","site"'),
    )
    yield _payload(
        "duplicate-deep",
        "message.duplicate_key",
        "a name twice at depth 3",
        TEXT.replace('"main"', '[{"a":{"b":1,"b":2}}]'),
    )
    for number in ("NaN", "Infinity", "-Infinity"):
        yield _payload(
            f"number-{number.lower()}",
            "message.not_json",
            "JSON has no such number",
            TEXT.replace("true", number),
        )
    for name, number in (
        ("1e999", "1e999"),
        ("2-53", str(2**53)),
        ("400-digits", "9" * 400),
        ("5000-digits", "-" + "1" * 5000),
    ):
        yield _payload(
            f"number-{name}",
            "message.number",
            "a number not every reader holds",
            TEXT.replace("true", number),
        )
    yield _payload("records-none", "message.records", "no record", _with(data=[]))
    yield _payload("records-501", "message.records", "one record too many", _with(data=[{}] * 501))
    yield _payload("data-missing", "message.envelope", "no data", _with(data=None))
    yield _payload(
        "data-object", "message.envelope", "one record and no list", _with(data={"a": 1})
    )
    yield _payload("data-text", "message.envelope", "a list of texts", _with(data=["a"]))
    yield _payload(
        "attribute-unknown",
        "message.envelope",
        "an attribute nobody agreed on",
        _with(dataschema="x"),
    )
    yield _payload(
        "attribute-base64",
        "message.envelope",
        "data in another member",
        _with(data=None, data_base64="e30="),
    )
    for name, value in (
        ("specversion", "0.3"),
        ("id", "1"),
        ("id", uuid(1).upper()),
        ("id", uuid(1).replace("-7", "-4")),
        ("source", "CLN-01"),
        ("source", "cln_01"),
        ("source", "a"),
        ("type", "mmt.attendance"),
        ("type", "mmt.attendance.v0"),
        ("type", "mmt..v1"),
        ("recipient", ""),
        ("datacontenttype", "text/plain"),
        ("sequence", "7"),
        ("sequence", "0000000000٠٧"),
        ("sequence", 7),
        ("sequence", "+00000000007"),
        ("region", "511623"),
        ("region", "51162300000０"),
        ("purpose", "p" * 101),
        ("inreplyto", "x"),
        ("origin", "No One"),
        ("approvedby", ""),
        ("approvedby", "甲, 乙"),
        ("approvedby", "甲，乙"),
        ("approvedby", "甲,甲"),
        ("approvedby", "a,b,c,d,e"),
        ("approvedby", ["甲"]),
        ("time", 5),
        ("id", ["x"]),
    ):
        number = sum(1 for known in _SEEN if known.startswith(name))
        _SEEN.append(f"{name}{number}")
        yield _payload(
            f"attribute-{name}-{number}",
            "message.envelope",
            f"{name} of another form",
            _with(**{name: value}),
        )
    for number, moment in enumerate(
        (
            "2026-11-21",
            "2026-11-21T08:00:00Z",
            "2026-11-21T08:00:00.000",
            "2026-11-21T08:00:00.000+08:00",
            "2026-11-21 08:00:00.000Z",
            "2026-11-21t08:00:00.000z",
            "2026-02-29T08:00:00.000Z",
            "2026-11-31T08:00:00.000Z",
            "2026-13-01T08:00:00.000Z",
            "2026-11-21T24:00:00.000Z",
            "2026-11-21T08:60:00.000Z",
            "2026-11-21T23:59:60.000Z",
            "0000-01-01T00:00:00.000Z",
            "2026-11-21T08:00:00.0000Z",
            "２026-11-21T08:00:00.000Z",
            "2026-W47-6T08:00:00.000Z",
            "2026-11-21T08:00:00.000Z\n",
            "",
        )
    ):
        yield _payload(
            f"time-{number:02}",
            "message.time",
            "a moment of another form, or none",
            _with(time=moment),
        )
    yield _payload("expires", "message.time", "expires of another form", _with(expires="tomorrow"))


_SEEN: list[str] = []
