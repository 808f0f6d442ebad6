"""The clinic's own notes: which of its numbers is which person. They never leave its edge.

- Noted when the gateway has accepted an enrolment; an older filing never replaces a newer one.
- `patient`, by the clinic's number: name, document, site, status and the day of that status.
- `number`, by document number: the clinic's number. It serves attendance files that have ID
  numbers in place of the clinic's own; the ID number is swapped before anything is sent.
- A relapse, a termination or a transfer may be reported by the clinic's number alone: name and
  document are put in from here, at this edge.
- An approved dropout notice takes the person from here: the gateway never knew the name.

    record = prepare("mmt.attendance.v1", row, register)
    note("mmt.enrol.filed.v1", records, register)
    record = complete(draft, register)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jdgate.core.calendar import day_of
from jdgate.core.identity import check_id_no
from jdgate.plugins import DraftView, Refused, Register

from .rules import ATTENDANCE, ENROLMENT, NOTICE, TERMINATION
from .transfers import REQUEST

PATIENT = "patient"
NUMBER = "number"
RELAPSE = "mmt.relapse.report.v1"
NAMED = frozenset({RELAPSE, TERMINATION, REQUEST})
"""Types about a person of this clinic that a file may name by the clinic's number."""
_PERSON = ("name", "id_type", "id_no")
_NOTED = ("name", "id_type", "id_no", "site", "status", "date")


def prepare(type: str, record: Mapping[str, Any], register: Register) -> dict[str, Any] | None:
    """An attendance row without its ID number, or a report by the clinic's number with the
    person in its place; None for everything else.

    Raises:
        Refused: `clinic.id_not_enrolled` when the clinic never enrolled this person,
            `clinic.id_wrong` when nobody can have this number, `clinic.ref_of_another` when the
            row's two numbers belong to different people.
    """
    if type in NAMED and "patient_ref" in record:
        return _named(record, register)
    if type != ATTENDANCE or "id_no" not in record:
        return None
    sent = {name: value for name, value in record.items() if name != "id_no"}
    known = register.get(NUMBER, str(record["id_no"]))
    ref = sent.get("patient_ref")
    if ref is None:
        if known is None:
            valid = check_id_no(str(record["id_no"])) is None
            raise Refused("clinic.id_not_enrolled" if valid else "clinic.id_wrong", field="id_no")
        sent["patient_ref"] = known["patient_ref"]
    elif known is not None and known["patient_ref"] != ref:
        raise Refused("clinic.ref_of_another", field="patient_ref")
    return sent


def _named(record: Mapping[str, Any], register: Register) -> dict[str, Any]:
    patient = register.get(PATIENT, str(record["patient_ref"]))
    if patient is None:
        raise Refused("record.not_enrolled", field="patient_ref", title="patient_ref")
    if record.get("id_no") not in (None, patient["id_no"]):
        raise Refused("clinic.ref_of_another", field="patient_ref")
    sent = {name: value for name, value in record.items() if name != "patient_ref"}
    return sent | {name: patient[name] for name in _PERSON}


def note(type: str, records: Sequence[Mapping[str, Any]], register: Register) -> None:
    """Note accepted enrolments and ends of treatment; doing it twice changes nothing."""
    if type == TERMINATION:
        for record in records:
            _ended(record, register)
    if type != ENROLMENT:
        return
    for record in records:
        ref, id_no, day = record["patient_ref"], record["id_no"], record["date"]
        patient = register.get(PATIENT, ref)
        if patient is None or patient["date"] <= day:
            register.put(PATIENT, ref, {name: record[name] for name in _NOTED})
        number = register.get(NUMBER, id_no)
        if number is None or number["date"] <= day:
            register.put(NUMBER, id_no, {"patient_ref": ref, "date": day})


def _ended(record: Mapping[str, Any], register: Register) -> None:
    number = register.get(NUMBER, record["id_no"])
    patient = number and register.get(PATIENT, number["patient_ref"])
    if number and patient and patient["date"] <= record["date"]:
        ended = {**patient, "status": "terminated", "date": record["date"]}
        register.put(PATIENT, number["patient_ref"], ended)


def complete(draft: DraftView, register: Register) -> dict[str, Any] | None:
    """The dropout notice of an approved draft; None for drafts of other types.

    Raises:
        Refused: `clinic.patient_unknown` when the register lacks the patient.
    """
    if draft.type != NOTICE:
        return None
    patient = register.get(PATIENT, str(draft.prefill.get("patient_ref", "")))
    if patient is None:
        raise Refused("clinic.patient_unknown")
    return {
        "name": patient["name"],
        "id_type": patient["id_type"],
        "id_no": patient["id_no"],
        "site": draft.prefill.get("site") or patient["site"],
        "confirmed_on": day_of(draft.decided_at),
        "confirmer": draft.decided_by,
    }
