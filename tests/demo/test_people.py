"""Who is in the demo: nobody real, the same every time, with lives that show what rules do."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date

from jdgate.core.calendar import add_days
from jdgate.core.catalogue import default_path, load
from jdgate.core.identity import check_id_no, check_uscc
from jdgate.core.regions import RegionIndex
from jdgate.core.schema import check_records
from jdgate.demo.county import DROPOUT_DAYS, REGION, TOWNS, office, plan, town_code
from jdgate.demo.departments import TIP, Departments, company
from jdgate.demo.next_steps import samples_folder
from jdgate.demo.people import (
    AWAY,
    DAYS,
    PATIENTS,
    SITES,
    Patient,
    People,
    attended,
    enrolment,
    order_notice,
)
from jdgate.demo.story import STRETCH

FIRST = "2026-09-23"


def missed(patient: Patient) -> list[int]:
    return [number for number in range(DAYS) if not attended(patient, number)]


def longest_absence(patient: Patient) -> int:
    days = "".join("." if attended(patient, number) else "x" for number in range(DAYS))
    return max(len(run) for run in days.split("."))


def test_identities_are_well_formed_and_belong_to_no_place() -> None:
    numbers = [patient.id_no for patient in People(FIRST).patients]

    assert all(check_id_no(number) is None for number in numbers)
    assert all(number.startswith("999999") for number in numbers)
    assert len(set(numbers)) == PATIENTS


def test_patients_are_the_same_every_time() -> None:
    assert People(FIRST).patients == People(FIRST).patients
    assert [p.id_no for p in People(FIRST).patients] == [
        p.id_no for p in People("2027-02-01").patients
    ]


def test_numbers_run_from_1_to_300_so_that_the_samples_strangers_stay_strangers() -> None:
    refs = {patient.ref for patient in People(FIRST).patients}

    assert refs == {f"P{number:04d}" for number in range(1, 301)}


def test_patients_of_the_sample_files_lead_uneventful_lives() -> None:
    maker = (samples_folder() / "make_samples.py").read_text(encoding="utf-8")
    named = {f"P{number}" for number in re.findall(r"P(\d{4})", maker)}
    known = People(FIRST).by_ref

    assert len(named & known.keys()) > 10
    assert all(known[ref].course is None for ref in named & known.keys())


def test_the_county_has_25_towns_each_with_an_office_and_a_station() -> None:
    roles = Counter(role for member in plan() for role in member.roles)
    ids = [member.id for member in plan()]

    assert len(set(TOWNS)) == 25
    assert (roles["COM"], roles["PS"], roles["CUR"]) == (25, 25, 4)
    assert {roles[role] for role in ("NCO", "GW", "POL", "CLN", "TRA", "DTX", "POST")} == {1}
    assert len(ids) == len(set(ids))


def test_a_towns_code_leads_to_its_own_office() -> None:
    class Place:
        def __init__(self, id: str, roles: tuple[str, ...], regions: tuple[str, ...]) -> None:
            self.id, self.roles, self.regions, self.status = id, roles, regions, "active"

    index = RegionIndex([Place(m.id, m.roles, m.regions) for m in plan()])

    assert town_code(0) == "511623101000"
    for number in range(25):
        assert index.find("COM", town_code(number)) == [office(number)]
    assert index.find("POL", REGION) == ["pol"]


def test_everybody_is_on_one_sites_list_each_day() -> None:
    people = People(FIRST)
    records = [record for site in SITES for record in people.attendance(site, 7)]

    assert {record["patient_ref"] for record in records} == people.by_ref.keys()
    assert {record["date"] for record in records} == {add_days(FIRST, 7)}


def test_most_patients_never_miss_two_days_in_a_row() -> None:
    ordinary = [patient for patient in People(FIRST).patients if patient.course is None]

    assert len(ordinary) > 280
    assert max(map(longest_absence, ordinary)) == 1
    assert sum(map(len, map(missed, ordinary))) > 100


def test_some_stay_away_for_less_than_a_week_some_for_more_some_for_the_demos_number() -> None:
    away = [len(range(p.course.left, DAYS)) for p in People(FIRST).patients if _only_away(p)]

    assert sorted(away) == sorted(AWAY)
    assert sum(days < 7 for days in away) == 2
    assert sum(7 <= days < DROPOUT_DAYS for days in away) == 3
    assert sum(days >= DROPOUT_DAYS for days in away) == 4


def _only_away(patient: Patient) -> bool:
    course = patient.course
    return course is not None and (course.back, course.custody, course.transferred) == (None,) * 3


def test_custody_and_transfer_would_be_dropouts_if_nobody_had_said_so() -> None:
    people = People(FIRST)

    assert longest_absence(people.in_custody) >= DROPOUT_DAYS
    assert longest_absence(people.transferred) >= DROPOUT_DAYS
    assert {event.name for event in people.events()} == {"custody", "transferred", "order_ended"}


def test_those_who_came_back_were_away_long_enough_to_be_noticed() -> None:
    lengths = sorted(map(longest_absence, People(FIRST).came_back))

    assert lengths[0] >= 7
    assert lengths[-1] >= DROPOUT_DAYS
    assert all(attended(patient, DAYS - 1) for patient in People(FIRST).came_back)


def test_an_absence_ends_in_a_later_stretch_than_it_was_noticed_in() -> None:
    for patient in People(FIRST).came_back:
        course = patient.course
        assert course is not None
        assert course.back is not None
        for threshold in (7, DROPOUT_DAYS):
            noticed = course.left + threshold - 1
            if noticed < course.back:
                assert noticed // STRETCH < course.back // STRETCH


def test_the_approved_case_has_an_order_in_force_and_another_has_one_that_ended() -> None:
    people = People(FIRST)
    ended = [p for p in people.ordered if p.order and p.order.ended is not None]

    assert people.approved.order is not None
    assert people.approved.order.ended is None
    assert len(ended) == 1
    assert longest_absence(ended[0]) >= DROPOUT_DAYS


def test_patients_enrolled_and_orders_were_served_before_the_story_begins() -> None:
    people = People(FIRST)

    assert all(enrolment(patient)["date"] < FIRST for patient in people.patients)
    late = [one for one in people.ordered if order_notice(one)["served_on"] >= FIRST]
    assert late == [people.never_came], "who is waited for from the story's last days on"
    assert {office(p.order.town) for p in people.ordered if p.order} == set(map(office, range(25)))


def test_every_record_of_the_other_departments_is_a_good_one() -> None:
    catalogue = load([default_path()])
    for day in ("2026-11-22", "2026-12-01", "2026-12-03", "2027-01-05"):
        departments = Departments(People(FIRST), day)
        sendings = [
            *departments.checkins(),
            *(one for each in departments.chapters() for step in each.steps for one in step),
        ]
        for one in sendings:
            if one.type == TIP:
                continue  # its body is sealed by the sender's edge
            validator, sheet = catalogue.validator(one.type), catalogue.sheets[one.type]
            assert not check_records(validator, sheet, one.records, date.fromisoformat(day)), one


def test_the_companies_exist_nowhere() -> None:
    codes = [company(number) for number in range(45)]

    assert all(check_uscc(code) is None and code[2:8] == "999999" for code in codes)
    assert len(set(codes)) == 45
