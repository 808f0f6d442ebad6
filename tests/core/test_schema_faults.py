"""Each kind of fault a record may have, brought about by the smallest schema that knows it."""

from __future__ import annotations

from typing import Any

import pytest

from jdgate.core.catalogue import CatalogueRefused, default_path, load
from jdgate.core.identity import check_cas, ptoken
from jdgate.core.schema import Fault, compile_schema
from jdgate.errors import Misuse

CASES: list[tuple[dict[str, Any], Any, str, dict[str, Any]]] = [
    # the form of one field, what stands there, the code, and what is told beside the field
    ({"type": "string", "minLength": 3}, "ab", "record.too_short", {"least": 3, "got": 2}),
    ({"type": "string", "minLength": 3}, "", "record.empty", {}),
    ({"type": "string", "maxLength": 1}, "ab", "record.too_long", {"most": 1, "got": 2}),
    ({"type": "integer", "minimum": 1}, 0, "record.too_small", {"least": 1}),
    ({"type": "integer", "exclusiveMinimum": 0}, 0, "record.too_small", {"least": 0}),
    ({"type": "integer", "maximum": 1}, 2, "record.too_big", {"most": 1}),
    ({"type": "number", "exclusiveMaximum": 1}, 1, "record.too_big", {"most": 1}),
    ({"type": "array", "minItems": 1}, [], "record.too_few", {"least": 1, "got": 0}),
    ({"type": "array", "maxItems": 1}, [1, 2], "record.too_many", {"most": 1, "got": 2}),
    ({"type": "object", "maxProperties": 0}, {"a": 1}, "record.too_many", {"most": 0, "got": 1}),
    ({"type": "string", "format": "uuid"}, "x", "record.bad_uuid", {}),
    ({"type": "string", "format": "date-time"}, "2026-11-21", "record.bad_time", {}),
    ({"type": "string", "format": "date"}, "2026-02-30", "record.bad_date", {}),
    ({"type": "string", "format": "member-id"}, "No One", "record.bad_member", {}),
    ({"type": "string", "format": "cas"}, "67-64-2", "record.bad_cas", {}),
    ({"type": "string", "pattern": "^a$"}, "b", "record.bad_form", {}),
    ({"enum": ["a", "b"]}, "c", "record.not_allowed", {"allowed": "a|b"}),
    ({"type": "string"}, 5, "record.wrong_type", {"got": "integer", "expected": "string"}),
]


@pytest.mark.parametrize(
    ("form", "value", "code", "told"), CASES, ids=[f"{c[2]}-{i}" for i, c in enumerate(CASES)]
)
def test_the_fault_is_told_with_its_place_and_bounds(
    form: dict[str, Any], value: Any, code: str, told: dict[str, Any]
) -> None:
    schema = compile_schema({"type": "object", "properties": {"x": form}, "required": ["x"]})
    [fault] = schema.faults({"x": value})
    assert fault == Fault(code, "/x", {"field": "x", **told})
    for lang in ("zh", "en"):
        said = fault.text(lang)  # type: ignore[arg-type]
        assert said != code and "{" not in said


@pytest.mark.parametrize("record", [None, 5, "x", [], True])
def test_a_record_that_is_no_object_is_told_so(record: object) -> None:
    assert compile_schema({"type": "object"}).faults(record) == [Fault("record.not_object")]


@pytest.mark.parametrize("cas", ["67-64-1", "7732-18-5", "58-08-2"])
def test_cas_numbers_with_their_check_digit_hold(cas: str) -> None:
    assert check_cas(cas) is None
    spoilt = cas[:-1] + str((int(cas[-1]) + 1) % 10)
    assert check_cas(spoilt) == check_cas(cas + "0") == "record.bad_cas"


def test_a_pseudonym_needs_a_key_worth_the_name() -> None:
    with pytest.raises(Misuse) as refused:
        ptoken(b"short", "x")
    assert refused.value.code == "identity.short_key"


def test_a_type_without_a_sheet_has_no_validator() -> None:
    with pytest.raises(Misuse) as refused:
        load([default_path()]).validator("no.such.v1")
    assert refused.value.code == "catalogue.no_validator"


def test_one_type_in_two_folders_is_refused() -> None:
    with pytest.raises(CatalogueRefused) as refused:
        load([default_path(), default_path()])
    assert {problem.code for problem in refused.value.problems} == {"catalogue.twice"}


def test_a_file_of_the_catalogue_that_cannot_be_read_is_named(tmp_path: Any) -> None:
    (tmp_path / "own" / "thing.v1.json").mkdir(parents=True)
    with pytest.raises(CatalogueRefused) as refused:
        load([default_path(), tmp_path])
    found = {(problem.code, problem.file) for problem in refused.value.problems}
    assert ("catalogue.unreadable", "own/thing.v1.json") in found
