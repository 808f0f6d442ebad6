"""Records find their desks by region, relation, care team, name or sender, and no one else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from jdgate.core.catalogue import default_path, load
from jdgate.core.identity import synthetic_id_no
from jdgate.core.regions import RegionIndex
from jdgate.core.routing import (
    Desk,
    NoDesk,
    RelationChange,
    RelationFact,
    desk_of,
    desks,
    relation_changes,
    relation_domain,
    relations_needed,
    subject_value,
)
from jdgate.core.sheet import Route, Sheet

CATALOGUE = load([default_path()])
ID_NO = synthetic_id_no(date(1990, 1, 1), 1)
PERSON = {"name": "某甲", "id_type": "ric", "id_no": ID_NO}
DROPOUT = {**PERSON, "site": "cln-01", "confirmed_on": "2026-11-21", "confirmer": "医师甲"}
CUSTODY = {**PERSON, "date": "2026-11-21"}
ORDER = {
    **PERSON,
    "town": "511623101000",
    "measure": "community_treatment",
    "doc_no": "邻公社戒〔2026〕1号",
    "served_on": "2026-03-01",
}
STATUS = {**PERSON, "doc_no": ORDER["doc_no"], "status": "released", "date": "2029-03-01"}
ENROL = {
    **PERSON,
    "site": "cln-01-a",
    "patient_ref": "A-1",
    "date": "2026-01-05",
    "status": "active",
}


class Member(msgspec.Struct, frozen=True):
    id: str
    roles: tuple[str, ...]
    regions: tuple[str, ...] = ("511623000000",)
    status: str = "active"


MEMBERS = [
    Member("gateway", ("GW",)),
    Member("nco", ("NCO",)),
    Member("pol", ("POL",)),
    Member("cln-01", ("CLN",), ("511623100000",)),
    Member("cln-02", ("CLN",), ("511623102000",)),
    Member("com-01", ("COM",), ("511623101000",)),
    Member("com-02", ("COM",), ("511623102000",)),
    Member("ps-01", ("PS",), ("511623101000",)),
]
INDEX = RegionIndex(MEMBERS)


class Facts:
    """What a test's person has for relations; remembers what was asked."""

    def __init__(self, **known: RelationFact | Sequence[RelationFact]) -> None:
        self.known = {name.replace("__", "."): facts for name, facts in known.items()}
        self.asked: list[tuple[str, str]] = []

    def __call__(self, name: str, subject: str) -> RelationFact | Sequence[RelationFact] | None:
        self.asked.append((name, subject))
        return self.known.get(name)


def route(
    sheet: Sheet | str,
    record: dict[str, Any],
    sender: str,
    facts: Facts | None = None,
    *,
    index: RegionIndex = INDEX,
    region: str | None = None,
    named: str | None = None,
    origin: str | None = None,
) -> list[Desk | NoDesk]:
    return desks(
        CATALOGUE.sheets[sheet] if isinstance(sheet, str) else sheet,
        record,
        sender=sender,
        message_region=region,
        index=index,
        relations=facts or Facts(),
        named=named,
        origin=origin,
    )


def members(found: list[Desk | NoDesk]) -> list[str]:
    return [item.member for item in found if isinstance(item, Desk)]


def having(find: str, **more: Any) -> Sheet:
    """The custody notice with one route of our own."""
    base = CATALOGUE.sheets["mmt.custody.notice.v1"]
    rule = Route(role=more.pop("role", "PS"), find=find, fields=("name",), **more)  # type: ignore[arg-type]
    return msgspec.structs.replace(base, routes=(rule,))


def test_attendance_reaches_nobody_and_asks_about_nobody() -> None:
    facts = Facts()
    record = {"site": "cln-01", "patient_ref": "A-1", "date": "2026-11-21", "attended": True}
    assert route("mmt.attendance.v1", record, "cln-01", facts) == []
    assert facts.asked == []


def test_a_dropout_without_an_order_reaches_the_police_alone_and_alerts_nobody() -> None:
    found = route("mmt.dropout.notice.v1", DROPOUT, "cln-01")
    assert members(found) == ["pol"]
    assert len(found) == 1


def test_a_dropout_under_an_active_order_reaches_the_township_office_with_four_fields() -> None:
    facts = Facts(comm__order=RelationFact(True, region="511623101000", key="1"))
    police, office = route("mmt.dropout.notice.v1", DROPOUT, "cln-01", facts)
    assert isinstance(police, Desk)
    assert isinstance(office, Desk)
    assert (office.member, office.role) == ("com-01", "COM")
    assert office.fields == ("name", "id_type", "id_no", "confirmed_on")
    assert "confirmer" in police.fields
    assert any("[known]" in basis for basis in office.basis)


def test_an_order_that_ended_discloses_nothing() -> None:
    facts = Facts(comm__order=RelationFact(False, region="511623101000"))
    assert members(route("mmt.dropout.notice.v1", DROPOUT, "cln-01", facts)) == ["pol"]


def test_an_active_order_without_an_office_is_an_alert() -> None:
    facts = Facts(comm__order=RelationFact(True, region="511623999000"))
    found = route("mmt.dropout.notice.v1", DROPOUT, "cln-01", facts)
    assert found[1:] == [NoDesk("COM", "relation", "511623999000")]


def test_custody_reaches_the_clinics_of_active_enrolment_and_no_other() -> None:
    facts = Facts(
        mmt__enrolled=[RelationFact(True, member="cln-02"), RelationFact(False, member="cln-01")]
    )
    found = route("mmt.custody.notice.v1", CUSTODY, "pol", facts)
    assert members(found) == ["cln-02"]
    assert facts.asked == [("mmt.enrolled", ID_NO)]


def test_custody_of_someone_who_is_no_patient_reaches_nobody_and_alerts_nobody() -> None:
    assert route("mmt.custody.notice.v1", CUSTODY, "pol") == []


def test_a_relation_to_a_member_of_another_role_or_that_left_is_an_alert() -> None:
    for member in ("com-01", "cln-99"):
        facts = Facts(mmt__enrolled=RelationFact(True, member=member))
        found = route("mmt.custody.notice.v1", CUSTODY, "pol", facts)
        assert found == [NoDesk("CLN", "relation", None)]


def test_an_order_reaches_the_office_of_its_place_whatever_the_message_says() -> None:
    found = route("comm.order.notice.v1", ORDER, "pol", region="511623102000")
    assert members(found) == ["com-01"]


def test_an_order_for_a_place_without_an_office_is_an_alert_with_the_place() -> None:
    found = route("comm.order.notice.v1", {**ORDER, "town": "511623109000"}, "pol")
    assert found == [NoDesk("COM", "region", "511623109000")]


def test_the_end_of_an_order_reaches_the_office_that_knew_of_it_even_when_closed() -> None:
    fact = RelationFact(False, region="511623101000", key=str(ORDER["doc_no"]))
    other = RelationFact(True, region="511623102000", key="another")
    found = route("comm.status.change.v1", STATUS, "pol", Facts(comm__order=[fact, other]))
    assert members(found) == ["com-01"]


def test_keys_are_compared_as_the_caller_writes_them() -> None:
    fact = RelationFact(False, region="511623101000", key=f"comm.order/{ORDER['doc_no']}")
    other = RelationFact(True, region="511623102000", key=str(ORDER["doc_no"]))
    found = desks(
        CATALOGUE.sheets["comm.status.change.v1"],
        STATUS,
        sender="pol",
        message_region=None,
        index=INDEX,
        relations=Facts(comm__order=[fact, other]),
        relation_key=lambda name, value: f"{name}/{value}",
    )
    assert members(found) == ["com-01"]


def test_the_end_of_an_order_nobody_was_told_of_is_an_alert() -> None:
    assert route("comm.status.change.v1", STATUS, "pol") == [NoDesk("COM", "relation", None)]


def test_without_a_field_the_message_s_region_counts_and_then_the_sender_s() -> None:
    sheet = having("region")
    assert members(route(sheet, CUSTODY, "cln-01", region="511623101201")) == ["ps-01"]
    assert route(sheet, CUSTODY, "cln-02") == [NoDesk("PS", "region", "511623102000")]


def test_a_care_team_beats_the_region_while_it_serves() -> None:
    sheet = having("care_team", role="COM")
    region = "511623101201"
    team = Facts(care__COM=RelationFact(True, member="com-02"))
    assert members(route(sheet, CUSTODY, "pol", team, region=region)) == ["com-02"]
    ended = Facts(care__COM=RelationFact(False, member="com-02"))
    assert members(route(sheet, CUSTODY, "pol", ended, region=region)) == ["com-01"]
    left = Facts(care__COM=RelationFact(True, member="com-99"))
    assert members(route(sheet, CUSTODY, "pol", left, region=region)) == ["com-01"]


def test_a_named_desk_must_exist_and_have_the_role() -> None:
    alert = "mmt.absence.alert.v1"
    assert members(route(alert, {}, "gateway", named="cln-01")) == ["cln-01"]
    for name in ("pol", "cln-99", None):
        assert route(alert, {}, "gateway", named=name) == [NoDesk("CLN", "named", None)]


def test_a_desk_can_be_named_inside_the_record() -> None:
    sheet = having("named", role="CLN", member_field="name")
    assert members(route(sheet, {**CUSTODY, "name": "cln-02"}, "pol")) == ["cln-02"]


def test_sender_and_origin_lead_back() -> None:
    assert members(route(having("sender", role="POL"), CUSTODY, "pol")) == ["pol"]
    assert members(route(having("origin", role="CLN"), CUSTODY, "pol", origin="cln-01")) == [
        "cln-01"
    ]


def test_all_of_a_role_are_told_except_the_sender() -> None:
    assert members(route(having("all", role="CLN"), CUSTODY, "pol")) == ["cln-01", "cln-02"]
    assert members(route(having("all", role="CLN"), CUSTODY, "cln-01")) == ["cln-02"]


def test_a_member_reached_twice_is_one_desk_that_sees_both_routes_fields() -> None:
    both = RegionIndex([*MEMBERS, Member("town", ("POL", "COM"), ("511623103000",))])
    facts = Facts(comm__order=RelationFact(True, region="511623103000"))
    found = route("mmt.dropout.notice.v1", DROPOUT, "cln-01", facts, index=both,
                  region="511623103000")  # fmt: skip
    assert members(found) == ["town"]
    assert isinstance(found[0], Desk)
    assert found[0].fields == CATALOGUE.fields_for("mmt.dropout.notice.v1", "POL")


def test_an_alert_of_the_exchange_reaches_the_authority_and_the_member_concerned() -> None:
    assert members(route("sys.alert.v1", {}, "gateway")) == ["nco"]
    assert members(route("sys.alert.v1", {}, "gateway", named="cln-01")) == ["nco", "cln-01"]


def test_a_desk_the_gateway_addresses_itself_sees_what_its_role_may_see() -> None:
    alert = CATALOGUE.sheets["mmt.absence.alert.v1"]
    clinic = desk_of(alert, "cln-01", INDEX)
    assert clinic is not None
    assert clinic.fields == CATALOGUE.fields_for(alert.type, "CLN")
    for member in ("pol", "nco", "cln-99"):
        assert desk_of(alert, member, INDEX) is None
    assert desk_of(CATALOGUE.sheets["mmt.attendance.v1"], "cln-01", INDEX) is None


def test_a_row_of_the_books_serves_as_a_fact() -> None:
    from jdgate.store.subjects import Relation

    row = Relation(name="mmt.enrolled", subject=b"s" * 16, key="cln-02", member="cln-02",
                   opened_on=date(2026, 1, 5))  # fmt: skip
    town = Relation(name="comm.order", subject=b"s" * 16, key="1", region="511623101000",
                    opened_on=date(2026, 1, 5))  # fmt: skip

    def facts(name: str, _: str) -> list[Relation]:
        return [row] if name == row.name else [town]

    def reached(type_name: str, record: dict[str, Any], sender: str) -> list[str]:
        sheet = CATALOGUE.sheets[type_name]
        return members(desks(sheet, record, sender=sender, message_region=None, index=INDEX,
                             relations=facts))  # fmt: skip

    assert reached("mmt.custody.notice.v1", CUSTODY, "pol") == ["cln-02"]
    assert reached("mmt.dropout.notice.v1", DROPOUT, "cln-01") == ["pol", "com-01"]


facts_of = st.lists(
    st.builds(
        RelationFact,
        active=st.booleans(),
        member=st.none() | st.sampled_from([m.id for m in MEMBERS] + ["ghost"]),
        region=st.none() | st.sampled_from(["511623101000", "511623102201", "519999000000"]),
        key=st.sampled_from(["", "k"]),
    ),
    max_size=3,
)


@given(
    type_name=st.sampled_from(sorted(CATALOGUE.sheets)),
    sender=st.sampled_from([m.id for m in MEMBERS]),
    orders=facts_of,
    enrolled=facts_of,
    region=st.none() | st.sampled_from(["511623101201", "511623000000", "999999000000"]),
    named=st.none() | st.sampled_from([m.id for m in MEMBERS]),
)
def test_nobody_beyond_the_sheet_ever_gets_a_field(
    type_name: str,
    sender: str,
    orders: list[RelationFact],
    enrolled: list[RelationFact],
    region: str | None,
    named: str | None,
) -> None:
    sheet = CATALOGUE.sheets[type_name]
    record = {**ORDER, **DROPOUT, **STATUS, **ENROL}
    facts = Facts(comm__order=orders, mmt__enrolled=enrolled)
    found = route(sheet, record, sender, facts, region=region, named=named)
    roles = {m.id: m.roles for m in MEMBERS}
    assert len(members(found)) == len(set(members(found)))
    for item in found:
        if isinstance(item, Desk):
            allowed = {f for role in roles[item.member] for f in sheet.fields_for(role)}
            assert item.fields
            assert set(item.fields) <= allowed
            assert item.basis


def test_relations_can_be_fetched_ahead_by_the_domain_they_belong_to() -> None:
    assert relations_needed(CATALOGUE.sheets["mmt.dropout.notice.v1"]) == ("comm.order",)
    assert relations_needed(CATALOGUE.sheets["mmt.attendance.v1"]) == ()
    assert relations_needed(having("care_team", role="COM")) == ("care.COM",)
    assert relation_domain("comm.order") == "comm"


def test_the_subject_is_the_identity_number_where_there_is_one() -> None:
    assert subject_value(CATALOGUE.sheets["mmt.enrol.filed.v1"], ENROL) == ID_NO
    assert subject_value(CATALOGUE.sheets["mmt.attendance.v1"], {"patient_ref": "A-1"}) is None


def test_an_enrolment_opens_a_relation_to_the_clinic_that_filed_it() -> None:
    sheet = CATALOGUE.sheets["mmt.enrol.filed.v1"]
    assert relation_changes(sheet, ENROL, "cln-01") == [
        RelationChange("mmt.enrolled", "open", None, "cln-01", date(2026, 1, 5), "cln-01")
    ]
    for status in ("transferred", "terminated"):
        (change,) = relation_changes(sheet, {**ENROL, "status": status}, "cln-01")
        assert (change.action, change.key) == ("close", "cln-01")


def test_an_order_opens_a_relation_to_its_place_and_a_status_change_closes_it() -> None:
    (opened,) = relation_changes(CATALOGUE.sheets["comm.order.notice.v1"], ORDER, "pol")
    (closed,) = relation_changes(CATALOGUE.sheets["comm.status.change.v1"], STATUS, "pol")
    doc = str(ORDER["doc_no"])
    assert opened == RelationChange(
        "comm.order", "open", "511623101000", None, date(2026, 3, 1), doc
    )
    assert closed == RelationChange("comm.order", "close", None, None, date(2029, 3, 1), doc)


def test_other_types_change_no_relation() -> None:
    assert relation_changes(CATALOGUE.sheets["mmt.dropout.notice.v1"], DROPOUT, "cln-01") == []


filings = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(["active", "transferred", "terminated"])),
    min_size=1,
    max_size=8,
)


@given(filings, st.randoms(use_true_random=False))
def test_the_latest_of_each_action_is_the_same_in_any_order(filed: Any, random: Any) -> None:
    sheet = CATALOGUE.sheets["mmt.enrol.filed.v1"]

    def latest(order: list[tuple[int, str]]) -> dict[tuple[str, str, str], date]:
        kept: dict[tuple[str, str, str], date] = {}
        for day, status in order:
            on = (date(2026, 1, 1) + timedelta(days=day)).isoformat()
            for change in relation_changes(sheet, {**ENROL, "date": on, "status": status}, "c"):
                key = (change.name, change.key, change.action)
                kept[key] = max(kept.get(key, date.min), change.on)
        return kept

    shuffled = [*filed, *filed]
    random.shuffle(shuffled)
    assert latest(filed) == latest(shuffled)
