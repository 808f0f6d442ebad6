"""A gateway that lies in properly signed leaves that are in the ledger."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tests.core.evidence_story import (
    DAY,
    NOW,
    County,
    Story,
    check,
    failure,
    receipt,
    signed,
    uuid,
)

from jdgate.core import (
    leaves,
)
from jdgate.core.evidence import Evidence
from jdgate.core.leaves import digest
from jdgate.core.message import show_time


@pytest.fixture
def county() -> County:
    return County()


@pytest.fixture
def story(county: County) -> Story:
    return Story(county)


def retold(
    story: Story, fields: tuple[str, ...], records: list[dict[str, Any]], **changes: Any
) -> Evidence:
    """The disclosure to the police as the gateway would like it to look."""
    number = story.number + 1
    jws = signed("gateway", number, "pol", records, origin="cln-01")
    leaf = story.disclosed(number, "pol", fields, jws, records=len(records), **changes)
    story.county.bodies[story.sent["pol"][1]] = leaves.encode(leaf)
    story.sent["pol"] = (jws, story.sent["pol"][1])
    return story.document(deliveries=())


@pytest.mark.parametrize(
    ("fields", "records", "changes", "expected"),
    [
        (("name",), [{"name": "甲", "note": "quiet"}], {}, "evidence.field_beyond"),
        (("name",), [{"name": "丁"}], {}, "evidence.record_foreign"),
        (("name",), [{"name": "乙"}], {}, "evidence.record_foreign"),
        (("name",), [{"name": "甲"}, {"name": "甲"}], {}, "evidence.record_foreign"),
        (("name", "note"), [{"name": "甲"}], {}, "evidence.record_foreign"),
        (("name",), [{"name": "甲"}], {"recipient": "com-01"}, "evidence.delivery_disagrees"),
        (("name",), [{"name": "甲"}], {"purpose": "other"}, "evidence.delivery_disagrees"),
        (("name",), [{"name": "甲"}], {"type": "mmt.x.v1"}, "evidence.delivery_disagrees"),
        (("name",), [{"name": "甲"}], {"role": "COM"}, "evidence.role"),
        (("name",), [{"name": "甲"}], {"message": uuid(1)}, "evidence.other_message"),
    ],
)
def test_a_disclosure_that_is_not_what_its_leaf_says_fails(
    story: Story,
    fields: tuple[str, ...],
    records: list[dict[str, Any]],
    changes: dict[str, Any],
    expected: str,
) -> None:
    assert failure(check(retold(story, fields, records, **changes))) == ("disclosure", expected)


def test_the_values_of_records_are_in_no_failure(story: Story) -> None:
    report = check(retold(story, ("name",), [{"name": "某某某"}]))
    assert report.failed is not None
    assert "某某某" not in str(msgspec.to_builtins(report.failed))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"digest": digest(b"other")}, "evidence.receipt_disagrees"),
        ({"digest": None}, "evidence.receipt_disagrees"),
        ({"message_id": uuid(1)}, "evidence.receipt_other"),
        ({"verdict": "failed"}, "evidence.answer_disagrees"),
    ],
)
def test_a_receipt_that_says_something_else_proves_no_delivery(
    story: Story, said: dict[str, Any], expected: str
) -> None:
    jws, at = story.sent["pol"][0], story.answers["pol"][1]
    honest = {"message_id": uuid(11), "digest": digest(jws), "verdict": "delivered"}
    answer = receipt("pol", 17, "gateway", {**honest, **said})
    leaf = story.delivered(uuid(11), "pol", answer)
    story.county.bodies[at] = leaves.encode(leaf)
    story.answers["pol"] = (answer, at)
    assert failure(check(story.document())) == ("delivery", expected)


def test_a_recipient_that_could_not_take_it_is_shown_so(story: Story) -> None:
    jws, at = story.sent["pol"][0], story.answers["pol"][1]
    said = {"message_id": uuid(11), "digest": digest(jws), "verdict": "failed"}
    answer = receipt("pol", 17, "gateway", said)
    story.county.bodies[at] = leaves.encode(
        story.delivered(uuid(11), "pol", answer, verdict="failed")
    )
    story.answers["pol"] = (answer, at)
    report = check(story.document())
    assert report.ok and report.summary is not None
    assert report.summary.disclosures[0].outcome == "failed"


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "pol"},
        {"type": "mmt.x.v1"},
        {"time": show_time(NOW + DAY)},
        {"records": 4},
        {"recipient": "pol"},
        {"refused": (0,)},
        {"id": uuid(1)},
    ],
)
def test_an_accepted_leaf_that_says_something_else_proves_nothing(
    story: Story, changes: dict[str, Any]
) -> None:
    leaf = leaves.decode(story.county.bodies[story.accepted])
    story.county.bodies[story.accepted] = leaves.encode(replace(leaf, **changes))
    assert failure(check(story.document()))[0] in {"sender", "receipt", "leaf"}
