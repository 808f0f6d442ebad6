"""A desk sees the listed fields and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdgate.core.catalogue import default_path, load
from jdgate.core.projection import project

CATALOGUE = load([default_path()])
names = st.text("abcde", min_size=1, max_size=2)
records = st.dictionaries(names, st.integers() | st.text(), max_size=8)


@given(records, st.lists(names))
def test_no_unlisted_field_comes_through(record: dict[str, Any], fields: list[str]) -> None:
    before = dict(record)
    seen = project(record, fields)
    assert set(seen) == set(record) & set(fields)
    assert all(seen[name] == record[name] for name in seen)
    assert record == before


@pytest.mark.parametrize("type_name", sorted(CATALOGUE.sheets))
def test_each_route_of_each_type_shows_exactly_its_fields(type_name: str) -> None:
    everything = {field: f"<{field}>" for field in CATALOGUE.sheets[type_name].fields}
    for route in CATALOGUE.recipients(type_name):
        assert project(everything, route.fields) == {f: f"<{f}>" for f in route.fields}


def test_a_township_office_does_not_learn_the_clinic_or_the_clinician() -> None:
    fields = CATALOGUE.fields_for("mmt.dropout.notice.v1", "COM")
    assert fields == ("name", "id_type", "id_no", "confirmed_on")


def test_attendance_is_shown_to_no_role_at_all() -> None:
    from jdgate.core.sheet import ROLES

    assert [r for r in ROLES if CATALOGUE.fields_for("mmt.attendance.v1", r)] == []
    assert CATALOGUE.recipients("mmt.attendance.v1") == ()


def test_police_never_see_a_clinic_s_own_patient_number() -> None:
    for type_name in CATALOGUE.sheets:
        assert "patient_ref" not in CATALOGUE.fields_for(type_name, "POL")
