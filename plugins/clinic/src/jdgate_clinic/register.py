"""The clinic's own notes: which of its numbers is which person. They never leave its edge.

- Noted when the gateway has accepted an enrolment; an older filing never replaces a newer one.
- `patient`, by the clinic's number: name, document, site, status and the day of that status.
- `number`, by document number: the clinic's number. It serves attendance files that have ID
  numbers in place of the clinic's own; the ID number is swapped before anything is sent.
- An approved dropout notice takes the person from here: the gateway never knew the name.

    record = prepare("mmt.attendance.v1", row, register)
    note("mmt.enrol.filed.v1", records, register)
    record = complete(draft, register)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jdgate.core.calendar import day_of
from jdgate.plugins import DraftView, Refused, Register

from .rules import ATTENDANCE, ENROLMENT, NOTICE

PATIENT = "patient"
NUMBER = "number"
_NOTED = ("name", "id_type", "id_no", "site", "status", "date")


def prepare(type: str, record: Mapping[str, Any], register: Register) -> dict[str, Any] | None:
    """An attendance row without its ID number; None for everything else.

    Raises:
        Refused: `record.not_enrolled` when the clinic never enrolled this person,
            `clinic.ref_of_another` when the row's two numbers belong to different people.
    """
    if type != ATTENDANCE or "id_no" not in record:
        return None
    sent = {name: value for name, value in record.items() if name != "id_no"}
    known = register.get(NUMBER, str(record["id_no"]))
    ref = sent.get("patient_ref")
    if ref is None:
        if known is None:
            raise Refused("record.not_enrolled", field="id_no", title="id_no")
        sent["patient_ref"] = known["patient_ref"]
    elif known is not None and known["patient_ref"] != ref:
        raise Refused("clinic.ref_of_another", field="patient_ref")
    return sent


def note(type: str, records: Sequence[Mapping[str, Any]], register: Register) -> None:
    """Note accepted enrolments; doing it twice changes nothing."""
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
