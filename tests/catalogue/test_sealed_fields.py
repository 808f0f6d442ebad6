"""A sealed field is closed by the sender to the one recipient there is, and opened by it alone."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from catalogue_examples import COUNTY, DAY, GOOD, PERSON, TOWN
from tests.vectors.ground import keys_of

from jdgate.core.catalogue import default_path, load
from jdgate.core.fault import Fault
from jdgate.core.projection import project
from jdgate.core.regions import RegionIndex
from jdgate.core.schema import check_record
from jdgate.core.sealed_fields import close, is_closed, open_records
from jdgate.core.sealing import SealingKey
from jdgate.errors import Refused
from jdgate.texts import LANGUAGES

CATALOGUE = load([default_path()])
TRANSFER, TIP, HANDOVER = "mmt.transfer.request.v1", "tip.sealed.v1", "release.handover.v1"
SECRET = "需要继续服药"


class Member(msgspec.Struct, frozen=True):
    id: str
    roles: tuple[str, ...]
    regions: tuple[str, ...] = (COUNTY,)
    status: str = "active"


MEMBERS = (
    Member("cln-01", ("CLN",)),
    Member("cln-02", ("CLN",)),
    Member("com-01", ("COM",), (TOWN,)),
    Member("pol", ("POL",)),
    Member("dtx", ("DTX",)),
)
KEYS = {id: keys_of(id) for id in ("cln-01", "cln-02", "com-01", "pol")}


def key_of(member: str) -> SealingKey:
    if member not in KEYS:
        raise Refused("key.none_to_seal", member=member)
    return KEYS[member].opening[-1].public()


def closed(
    type_name: str, record: dict[str, Any], sender: str, *more: Member
) -> tuple[dict[str, Any], list[Fault]]:
    return close(
        CATALOGUE.sheets[type_name],
        record,
        sender=sender,
        region=None,
        index=RegionIndex([*MEMBERS, *more]),
        key_of=key_of,
    )


@pytest.mark.parametrize(
    ("type_name", "field", "sender", "reader"),
    [
        (TRANSFER, "sealed_clinical", "cln-01", "cln-02"),
        (TIP, "body", "com-01", "pol"),
        (HANDOVER, "assessment", "dtx", "com-01"),
    ],
)
@pytest.mark.parametrize("value", [SECRET, {"summary": SECRET, "since": DAY}, [SECRET]])
def test_the_reader_of_the_route_opens_it_and_nobody_else(
    type_name: str, field: str, sender: str, reader: str, value: Any
) -> None:
    sheet = CATALOGUE.sheets[type_name]
    record, faults = closed(type_name, {**GOOD[type_name], field: value}, sender)

    assert faults == []
    assert check_record(CATALOGUE.validator(type_name), sheet, record) == []
    assert SECRET not in msgspec.json.encode(record).decode()
    for member, keys in KEYS.items():
        [seen] = open_records(sheet, [record], sender=sender, keys=keys)
        assert (seen[field] == value) == (member == reader), member
    [forged] = open_records(sheet, [record], sender="nobody", keys=KEYS[reader])
    assert is_closed(forged[field])


def test_what_is_closed_already_or_absent_is_left_alone() -> None:
    record = {k: v for k, v in GOOD[HANDOVER].items() if k != "assessment"}
    assert closed(HANDOVER, record, "dtx") == (record, [])
    assert closed(TIP, GOOD[TIP], "com-01") == (GOOD[TIP], [])
    assert closed("comm.order.notice.v1", PERSON, "pol") == (PERSON, [])


@pytest.mark.parametrize(
    ("type_name", "changes", "more", "code"),
    [
        (TRANSFER, {"to": "cln-99"}, (), "record.sealed_nobody"),
        (TRANSFER, {"to": "pol"}, (), "record.sealed_nobody"),
        (HANDOVER, {"town": "511623999000"}, (), "record.sealed_nobody"),
        (TIP, {}, (Member("pol-2", ("POL",)),), "record.sealed_several"),
        (TRANSFER, {"to": "cln-03"}, (Member("cln-03", ("CLN",)),), "key.none_to_seal"),
    ],
)
def test_without_exactly_one_reader_with_a_key_it_stays_open_and_is_refused(
    type_name: str, changes: dict[str, Any], more: tuple[Member, ...], code: str
) -> None:
    sheet = CATALOGUE.sheets[type_name]
    (field,) = sheet.sealed
    record, faults = closed(type_name, {**GOOD[type_name], **changes, field: SECRET}, "dtx", *more)

    assert [(fault.code, fault.path) for fault in faults] == [(code, f"/{field}")]
    assert check_record(CATALOGUE.validator(type_name), sheet, record), "it could be sent open"
    for lang in LANGUAGES:
        said = faults[0].text(lang, sheet)
        assert SECRET not in said
        assert "{" not in said


@pytest.mark.parametrize("value", ["", {}, 0, None])
def test_an_empty_value_is_the_schema_s_to_refuse(value: Any) -> None:
    record, faults = closed(TIP, {**GOOD[TIP], "body": value}, "com-01")
    assert faults == []
    assert check_record(CATALOGUE.validator(TIP), CATALOGUE.sheets[TIP], record)


def test_a_damaged_or_foreign_seal_stays_closed() -> None:
    sheet = CATALOGUE.sheets[TIP]
    record, _ = closed(TIP, {**GOOD[TIP], "body": SECRET}, "com-01")
    sealed = record["body"]["sealed"]
    other = ("B" if sealed[40] == "A" else "A").join((sealed[:40], sealed[41:]))
    for body in ({**record["body"], "sealed": other}, {**record["body"], "kid": "pol.enc.9"}):
        damaged = {**record, "body": body}
        assert open_records(sheet, [damaged], sender="com-01", keys=KEYS["pol"]) == [damaged]


def test_a_sealed_value_opens_in_its_own_record_alone() -> None:
    sheet = CATALOGUE.sheets[TRANSFER]
    mine, _ = closed(TRANSFER, {**GOOD[TRANSFER], "sealed_clinical": SECRET}, "cln-01")
    other, _ = closed(
        TRANSFER, {**GOOD[TRANSFER], "transfer_no": "T-other", "sealed_clinical": "无"}, "cln-01"
    )
    lifted = {**other, "sealed_clinical": mine["sealed_clinical"]}
    [seen] = open_records(sheet, [lifted], sender="cln-01", keys=KEYS["cln-02"])
    assert seen == lifted
    # cut down to what its reader is shown, and written as JSON once more, it still opens
    shown = next(route.fields for route in sheet.routes if "sealed_clinical" in route.fields)
    again = msgspec.json.decode(msgspec.json.encode(project(mine, reversed(shown))))
    [seen] = open_records(sheet, [again], sender="cln-01", keys=KEYS["cln-02"])
    assert seen["sealed_clinical"] == SECRET
