"""Whose approval stands behind a message, for which place it speaks, and whose numbers count."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.vectors.ground import (
    COUNTY,
    KEYS,
    NOW,
    TRUST,
    WINDOW,
    Books,
    admitted,
    arrival_of,
    directory_of,
    id_no,
    member_of,
    message_of,
    uuid,
)

from jdgate.core import approval
from jdgate.core.admission import Verdict, admit, check_place, proven_id
from jdgate.core.catalogue import default_path, load
from jdgate.core.directory import Trust
from jdgate.core.keys import public_records
from jdgate.core.message import decode, encode
from jdgate.errors import Refused
from jdgate.texts import LANGUAGES

CATALOGUE = load([default_path()])
DROPOUT, DEMAND = "mmt.dropout.notice.v1", "courier.data.request.v1"
RECORDS: dict[str, dict[str, Any]] = {
    DROPOUT: {
        "name": "测试甲",
        "id_type": "ric",
        "id_no": id_no(1),
        "site": "cln-01",
        "confirmed_on": "2026-11-20",
        "confirmer": "王医生",
    },
    DEMAND: {
        "to": "cur-01",
        "legal_doc_no": "W-1",
        "waybill_no": "SF1000001",
        "scope": ["collection"],
    },
}


def judged(type: str, *names: str) -> Verdict:
    sender = "cln-01" if type == DROPOUT else "pol"
    message = message_of(
        type=type,
        source=sender,
        purpose=CATALOGUE.sheets[type].purpose,
        data=[RECORDS[type]],
        approvedby=names,
    )
    arrival = arrival_of(message, KEYS[sender].signer, member=sender)
    return admit(arrival, TRUST, CATALOGUE, KEYS["gateway"], Books())


@pytest.mark.parametrize(
    ("type", "names", "expected"),
    [
        (DROPOUT, (), "agreement.approval"),
        (DROPOUT, ("王医生",), "accepted"),
        (DEMAND, (), "agreement.approval"),
        (DEMAND, ("李警官",), "agreement.approval"),
        (DEMAND, ("李警官", "赵警官"), "accepted"),
    ],
)
def test_a_type_that_people_approve_is_let_in_with_their_names_alone(
    type: str, names: tuple[str, ...], expected: str
) -> None:
    verdict = judged(type, *names)
    assert (verdict.reason.code if verdict.reason else verdict.outcome) == expected
    if verdict.reason:
        for lang in LANGUAGES:
            assert "{" not in verdict.reason.text(lang)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (["王医生", " 王医生 "], "approval.same_person"),
        (["Li Wei", "ＬＩ　ＷＥＩ"], "approval.same_person"),
        (["王医生", "王\u200b医生\u2060"], "approval.same_person"),
        ([" "], "approval.name"),
        (["王，李"], "approval.name"),
        (["王\n李"], "approval.name"),
        (["王" * 65], "approval.name"),
        (["a", "b", "c", "d", "e"], "approval.too_many"),
    ],
)
def test_names_that_name_no_separate_persons_are_refused(given: list[str], code: str) -> None:
    with pytest.raises(Refused) as refused:
        approval.named(given)
    assert refused.value.code == code
    assert set(refused.value.params) <= {"got", "most"}, "a name could be told"


@pytest.mark.parametrize("text", ["", ",", "王医生,", " 王医生", "王医生, 李医生", "王医生,王医生"])
def test_the_wire_has_one_text_for_the_names(text: str) -> None:
    wire = encode(message_of(approvedby=("王医生",)))
    assert decode(wire).approvedby == ("王医生",)
    spoilt = wire.replace('"approvedby":"王医生"'.encode(), f'"approvedby":"{text}"'.encode())
    assert spoilt != wire
    with pytest.raises(Refused) as refused:
        decode(spoilt)
    assert refused.value.params == {"attribute": "approvedby"}


TOWN, VILLAGE, OTHER = "511623100000", "511623100201", "511623101000"


@pytest.mark.parametrize(
    ("region", "expected"),
    [(TOWN, "accepted"), (VILLAGE, "accepted"), (None, "accepted"),
     (OTHER, "agreement.region"), (COUNTY, "agreement.region")],
)  # fmt: skip
def test_a_member_speaks_for_its_own_places(region: str | None, expected: str) -> None:
    trust = Trust(directory_of({"cln-01": {"regions": (TOWN,)}}))
    verdict = admitted(arrival_of(message_of(region=region)), trust)
    assert (verdict.reason.code if verdict.reason else verdict.outcome) == expected


def test_a_sheet_may_let_a_member_speak_for_any_place_of_the_county() -> None:
    sheet = replace(CATALOGUE.sheets[DROPOUT], region="any")
    here = member_of("cln-01", regions=(TOWN,))
    check_place(OTHER, sheet, here, COUNTY)
    with pytest.raises(Refused) as refused:
        check_place("511681000000", sheet, here, COUNTY)
    assert refused.value.code == "agreement.cross_region"


def test_only_what_its_sender_signed_with_a_good_key_counts_as_its_own() -> None:
    gone = tuple(replace(key, revoked_at=NOW) for key in public_records(KEYS["cln-01"], *WINDOW))
    revoked = Trust(directory_of({"cln-01": {"keys": gone}}))
    good = arrival_of(message_of())
    forged = arrival_of(message_of(source="pol"))
    late = arrival_of(message_of(time=NOW - timedelta(days=25), expires=NOW))

    def proven(arrival: Any, trust: Trust = TRUST) -> tuple[bool, str | None]:
        return admitted(arrival, trust).proven, proven_id(arrival, trust, KEYS["gateway"])

    assert proven(good) == (True, uuid(1))
    assert proven(good, revoked) == (False, None)
    assert proven(forged) == (False, None)
    assert proven(late) == (True, uuid(1)), "its number would stay a gap for ever"
