"""A message is decoded one way only, and everything else is refused with its reason.

The hostile envelopes are files: `tests/vectors/payload`, judged by `test_admission_vectors.py`.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.vectors.ground import NOW, message_of, uuid

from jdgate.core.message import (
    MAX_RECORDS,
    MAX_WHOLE,
    Message,
    decode,
    encode,
    read_time,
    show_time,
    whole_ms,
)
from jdgate.errors import Refused

GOOD: dict[str, Any] = json.loads(encode(message_of()))
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_WHOLE, MAX_WHOLE)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.lists(st.dictionaries(TEXT, VALUES, max_size=4), min_size=1, max_size=4)
MEMBERS = st.from_regex(r"[a-z][a-z0-9-]{1,31}", fullmatch=True)
MOMENTS = st.datetimes(timezones=st.just(UTC)).map(whole_ms)
IDS = st.integers(0, 2**48 - 1).map(uuid)
MESSAGES = st.builds(
    Message,
    id=IDS,
    source=MEMBERS,
    type=st.from_regex(r"[a-z][a-z0-9_]{0,9}(\.[a-z][a-z0-9_]{0,9}){1,3}\.v[1-9]", fullmatch=True),
    time=MOMENTS,
    recipient=MEMBERS,
    data=RECORDS,
    sequence=st.none() | st.integers(0, 10**12 - 1),
    region=st.none() | st.from_regex(r"[0-9]{12}", fullmatch=True),
    purpose=st.none() | TEXT,
    inreplyto=st.none() | IDS,
    origin=st.none() | MEMBERS,
    expires=st.none() | MOMENTS,
)


def refusal(payload: bytes) -> Refused:
    with pytest.raises(Refused) as refused:
        decode(payload)
    return refused.value


@settings(deadline=None)
@given(MESSAGES)
def test_what_is_encoded_decodes_to_itself(message: Message) -> None:
    assert decode(encode(message)) == message
    assert encode(decode(encode(message))) == encode(message)


@settings(deadline=None)
@given(MESSAGES)
def test_the_wire_is_a_cloudevent_with_lower_case_attributes(message: Message) -> None:
    wire = json.loads(encode(message))
    assert wire["specversion"] == "1.0"
    assert all(name.isascii() and name.isalnum() and name.islower() for name in wire)
    assert all(isinstance(value, str) for name, value in wire.items() if name != "data")


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_are_refused_and_nothing_else_is_raised(raw: bytes) -> None:
    assert refusal(raw).code.startswith("message.")


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from([*GOOD, "more"]), VALUES, min_size=1, max_size=3))
def test_any_attribute_of_any_kind_is_taken_as_it_is_or_refused(changes: dict[str, Any]) -> None:
    payload = json.dumps({**GOOD, **changes}, ensure_ascii=False).encode()
    try:
        message = decode(payload)
    except Refused as reason:
        assert reason.code.startswith("message.")
        str(reason).encode()
    else:
        said = {name: value for name, value in json.loads(payload).items() if value is not None}
        assert json.loads(encode(message)) == said


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_changed_character_gives_another_message_or_a_refusal(data: st.DataObject) -> None:
    payload = bytearray(encode(message_of()))
    at = data.draw(st.integers(0, len(payload) - 1))
    payload[at] ^= data.draw(st.integers(1, 255))
    try:
        changed = decode(bytes(payload))
    except Refused:
        return
    assert changed != message_of()


@pytest.mark.parametrize("attribute", sorted(GOOD))
def test_a_missing_attribute_is_named_when_it_is_needed(attribute: str) -> None:
    payload = json.dumps({k: v for k, v in GOOD.items() if k != attribute}).encode()
    if attribute in ("sequence", "purpose"):
        assert getattr(decode(payload), attribute) is None
    else:
        found = refusal(payload)
        assert (found.code, found.params) == ("message.envelope", {"attribute": attribute})


@pytest.mark.parametrize("name", ["dataschema", "x" * 20])
def test_an_unknown_attribute_is_named(name: str) -> None:
    assert refusal(json.dumps({**GOOD, name: 1}).encode()).params == {"attribute": name}


@pytest.mark.parametrize("name", ["张三", "512301199001011234", "x" * 21, "a.b", ""])
def test_a_name_that_could_be_a_personal_value_is_not_repeated(name: str) -> None:
    found = refusal(json.dumps({**GOOD, name: 1}).encode())
    assert (found.code, found.params) == ("message.envelope", {"attribute": "(unknown)"})


def test_a_value_is_never_repeated() -> None:
    for attribute in set(GOOD) - {"purpose"}:  # any text may be a purpose; the sheet names the one
        found = refusal(json.dumps({**GOOD, attribute: "张三 secret"}).encode())
        assert "secret" not in f"{found} {found.params}", attribute


@pytest.mark.parametrize(("count", "taken"), [(0, False), (1, True), (500, True), (501, False)])
def test_a_batch_has_one_to_500_records(count: int, taken: bool) -> None:
    payload = json.dumps({**GOOD, "data": [{}] * count}).encode()
    if taken:
        assert len(decode(payload).data) == count
    else:
        found = refusal(payload)
        assert found.code == "message.records"
        assert found.params == {"got": count, "most": MAX_RECORDS}


@pytest.mark.parametrize("number", [MAX_WHOLE, -MAX_WHOLE, 0])
def test_numbers_every_reader_holds_are_taken(number: int) -> None:
    assert decode(json.dumps({**GOOD, "data": [{"n": number}]}).encode()).data == [{"n": number}]


@pytest.mark.parametrize("number", [MAX_WHOLE + 1, -MAX_WHOLE - 1, 10**30])
def test_numbers_some_readers_would_round_are_refused(number: int) -> None:
    assert refusal(json.dumps({**GOOD, "data": [{"n": number}]}).encode()).code == "message.number"


def test_a_pair_of_surrogates_is_one_character_and_welcome() -> None:
    payload = json.dumps({**GOOD, "data": [{"n": "😀𠮷"}]}).encode()
    assert b"\\ud83d" in payload
    assert decode(payload).data == [{"n": "😀𠮷"}]


def test_a_backslash_before_a_u_is_no_surrogate() -> None:
    payload = json.dumps({**GOOD, "data": [{"n": "\\ud800"}]}).encode()
    assert decode(payload).data == [{"n": "\\ud800"}]


@given(MOMENTS)
def test_times_come_back(moment: datetime) -> None:
    text = show_time(moment)
    assert read_time(text) == moment
    assert len(text) == 24 and text.endswith("Z")


def test_times_of_other_zones_are_shown_in_utc() -> None:
    china = NOW.astimezone(timezone(timedelta(hours=8)))
    assert show_time(china) == "2026-11-21T08:00:00.000Z"


@given(st.text(max_size=30))
def test_any_other_text_names_no_moment(text: str) -> None:
    try:
        moment = read_time(text, "expires")
    except Refused as reason:
        assert (reason.code, reason.params) == ("message.time", {"attribute": "expires"})
    else:
        assert show_time(moment) == text
