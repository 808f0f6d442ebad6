"""What we put on the wire is a CloudEvent to the CNCF's own SDK, and what it writes is one to us.

The SDK's class checks every attribute by the specification when it is made.
"""

from __future__ import annotations

import json
import re

import pytest
from cloudevents.core.exceptions import CloudEventValidationError
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from tests.vectors.ground import DAY, NOW, attendance, message_of, uuid

from jdgate.core.message import Message, decode, encode

FULL = message_of(
    data=[attendance(1), attendance(2)],
    region="511623100000",
    inreplyto=uuid(9),
    origin="cln-02",
    approvedby=("王医生", "李主任"),
    expires=NOW + DAY,
)
BOTH = pytest.mark.parametrize("message", [message_of(), FULL], ids=["plain", "full"])


@BOTH
def test_the_sdk_reads_our_message_with_every_attribute(message: Message) -> None:
    event = JSONFormat().read(None, encode(message))
    assert isinstance(event, CloudEvent)
    assert (event.get_specversion(), event.get_id()) == ("1.0", message.id)
    assert (event.get_source(), event.get_type()) == (message.source, message.type)
    assert (event.get_time(), event.get_datacontenttype()) == (message.time, "application/json")
    assert event.get_data() == message.data
    assert event.get_extension("recipient") == message.recipient
    assert event.get_extension("sequence") == f"{message.sequence:012d}"
    assert event.get_extension("approvedby") == (",".join(message.approvedby) or None)
    for name in ("region", "purpose", "inreplyto", "origin"):
        assert event.get_extension(name) == getattr(message, name)


@BOTH
def test_the_sdk_checks_attributes_and_would_refuse_bad_ones(message: Message) -> None:
    attributes = {k: v for k, v in json.loads(encode(message)).items() if k != "data"}
    attributes["time"] = message.time
    CloudEvent(attributes, message.data)  # type: ignore[arg-type]
    with pytest.raises(CloudEventValidationError):
        CloudEvent({**attributes, "In-Reply-To": "x"}, None)
    with pytest.raises(CloudEventValidationError):
        CloudEvent({k: v for k, v in attributes.items() if k != "source"}, None)


@BOTH
def test_what_the_sdk_writes_from_our_message_says_the_same(message: Message) -> None:
    """Byte for byte it need not be: its moments have another number of digits."""
    written = json.loads(JSONFormat().write(JSONFormat().read(None, encode(message))))
    ours = json.loads(encode(message))
    assert {k: v for k, v in written.items() if k != "time"} == {
        k: v for k, v in ours.items() if k != "time"
    }
    assert written["time"] == ours["time"].replace(".000Z", "Z")


def test_an_event_made_with_the_sdk_in_our_profile_is_a_message() -> None:
    attributes = {
        "id": uuid(5),
        "source": "cln-01",
        "type": "mmt.attendance.v1",
        "specversion": "1.0",
        "time": NOW,
        "datacontenttype": "application/json",
        "recipient": "gateway",
        "sequence": "000000000007",
        "purpose": "mmt.continuity",
    }
    written = JSONFormat().write(CloudEvent(attributes, [attendance()]))  # type: ignore[arg-type]
    with_ms = re.sub(rb'("time": *"[^".]*?)Z"', rb'\1.000Z"', written)
    assert decode(with_ms) == message_of(id=uuid(5))


def test_extension_attributes_have_names_and_lengths_the_specification_advises() -> None:
    """§3.1: lower-case letters and digits, at most 20 of them."""
    for name in json.loads(encode(FULL)):
        assert re.fullmatch("[a-z0-9]{1,20}", name)
