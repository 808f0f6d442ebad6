"""What is too much for one message goes in several; what is too much by itself is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.e2e.kit import ENROL, County, enrolment

from jdgate.edge import outbox as writing
from jdgate.texts import LANGUAGES, say

pytestmark = pytest.mark.anyio
Own = Callable[..., County]
REQUEST = "mmt.transfer.request.v1"


def request(number: int, characters: int) -> dict[str, Any]:
    return {
        "patient_ref": f"P{number:05d}",
        "transfer_no": f"T-{number}",
        "site": "cln-01",
        "to": "cln-02",
        "valid_to": "2099-01-31",
        "sealed_clinical": "近" * characters,
    }


async def test_records_that_are_too_much_for_one_message_go_in_several(own: Own) -> None:
    county = own()
    await county.start()
    people = range(1, 101)
    await county.push("cln-01", ENROL, [enrolment(number) for number in people])
    # each sealed summary has 30 KB, all together twice what a message may hold
    ids = await county.submit("cln-01", REQUEST, [request(number, 10_000) for number in people])
    assert len(ids) > 1
    told = await county.verdicts(ids)
    assert {one["verdict"] for one in told} == {"accepted"}
    await county.quiet()
    got = await county.records("cln-02", REQUEST)
    assert sorted(one["transfer_no"] for one in got) == sorted(f"T-{n}" for n in people)
    assert {len(one["sealed_clinical"]) for one in got} == {10_000}
    await county.assert_sound()


async def test_a_record_that_fits_into_no_message_is_refused_with_its_row(
    own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    county = own()
    await county.start()
    await county.push("cln-01", ENROL, [enrolment(number) for number in (1, 2)])
    # no type of ours has records this large; a plugin's may
    monkeypatch.setattr(writing, "MAX_DATA", 10_000)
    answer = await county.ask(
        "submit",
        member="cln-01",
        type=REQUEST,
        records=[request(1, 10_000), request(2, 100)],
        rows=[4, 5],
        approved_by=["王医生"],
    )
    (refused,) = answer["refused"]
    assert (refused["row"], refused["code"]) == (4, "record.too_large")
    assert refused["params"]["most"] == 10_000
    for lang in LANGUAGES:
        assert "10" in say(refused["code"], lang, **refused["params"])
    (sent,) = answer["messages"]
    assert sent["indexes"] == [1]
    (told,) = await county.verdicts([sent["id"]])
    assert told["verdict"] == "accepted"
