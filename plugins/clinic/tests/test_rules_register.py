"""Settings, the clinic's register, and the plugin as the host sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from types import SimpleNamespace
from typing import Any

import pytest

import jdgate_clinic.plugin
from jdgate.core.identity import synthetic_id_no
from jdgate.errors import Refused
from jdgate.plugins.host import PluginHost
from jdgate.texts import LANGUAGES, add_file, say
from jdgate_clinic import register as notes
from jdgate_clinic.settings import Settings, read

PERSON = {
    "name": "测试甲",
    "id_type": "ric",
    "id_no": "999999199001011234",
    "site": "main",
    "patient_ref": "A1",
    "date": "2026-10-01",
    "status": "active",
}
STRANGER = synthetic_id_no(date(1990, 1, 1), 1)


class Notes:
    """A register in memory."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], dict[str, Any]] = {}

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        return self.kept.get((kind, key))

    def put(self, kind: str, key: str, value: dict[str, Any]) -> None:
        self.kept[kind, key] = value

    def delete(self, kind: str, key: str) -> None:
        self.kept.pop((kind, key), None)

    def find(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        return iter([(key, value) for (of, key), value in self.kept.items() if of == kind])


def enrolled() -> Notes:
    register = Notes()
    notes.note("mmt.enrol.filed.v1", [PERSON], register)
    return register


def draft(**prefill: Any) -> Any:
    return SimpleNamespace(
        id="d1",
        type="mmt.dropout.notice.v1",
        prefill=prefill,
        decided_by="林医生",
        decided_at=datetime(2026, 11, 20, 17, 0, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({"absence_day": 7}, "plugin.setting_unknown"),
        ({"absence_days": 0}, "plugin.setting_number"),
        ({"absence_days": True}, "plugin.setting_number"),
        ({"absence_days": "7"}, "plugin.setting_number"),
        ({"dropout_days": 6}, "plugin.setting_number"),
        ({"absence_days": 10, "dropout_days": 9}, "plugin.setting_number"),
        ({"report_by": "25:00"}, "plugin.setting_clock"),
        ({"report_by": True}, "plugin.setting_clock"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(table: Mapping[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refused:
        read(table)
    assert refused.value.code == code
    for lang in LANGUAGES:
        assert "{" not in refused.value.text(lang)


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({"offline_sites": "village"}, "clinic.setting_sites"),
        ({"offline_sites": [1]}, "clinic.setting_sites"),
        ({"sites": ["village"]}, "clinic.setting_sites_of"),
        ({"sites": {"cln-01": "village"}}, "clinic.setting_sites"),
        ({"offline_days": 0}, "plugin.setting_range"),
        ({"transfer_days": 1.5}, "plugin.setting_range"),
    ],
)
def test_settings_of_sites_and_transfers_that_make_no_sense_are_refused(
    table: dict[str, Any], code: str
) -> None:
    for path in jdgate_clinic.plugin.jdgate_texts():
        add_file(path)
    with pytest.raises(Refused) as refused:
        read(table)
    assert refused.value.code == code
    for lang in LANGUAGES:
        assert "{" not in refused.value.text(lang)


def test_settings_are_read() -> None:
    table = {"absence_days": 5, "dropout_days": 15, "report_by": "09:30"}
    assert read(table) == Settings(5, 15, "09:30")
    assert read(table).report_time() == time(9, 30)
    assert read({"report_by": False}).report_time() is None
    assert read({"sites": {"cln-01": ["village"]}}).sites == {"cln-01": {"village"}}


def test_an_id_number_is_swapped_for_the_clinics_own_number() -> None:
    row = {"id_no": PERSON["id_no"], "site": "main", "date": "2026-11-20", "attended": True}
    assert notes.prepare("mmt.attendance.v1", row, enrolled()) == {
        "patient_ref": "A1",
        "site": "main",
        "date": "2026-11-20",
        "attended": True,
    }


def test_a_person_the_clinic_never_enrolled_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        notes.prepare("mmt.attendance.v1", {"id_no": STRANGER}, Notes())
    assert refused.value.code == "clinic.id_not_enrolled"
    assert "1990" not in str(refused.value)
    with pytest.raises(Refused) as refused:
        notes.prepare("mmt.attendance.v1", {"id_no": "999999199001011234"}, Notes())
    assert refused.value.code == "clinic.id_wrong"


def test_two_numbers_of_different_people_in_one_row_are_refused() -> None:
    row = {"id_no": PERSON["id_no"], "patient_ref": "A2"}
    with pytest.raises(Refused, match="different people"):
        PluginHost(plugins={"clinic": jdgate_clinic.plugin}, use_installed=False).ask(
            "jdgate_prepare", type="mmt.attendance.v1", record=row, register=enrolled()
        )


@pytest.mark.parametrize(
    "type", ["mmt.relapse.report.v1", "mmt.terminate.report.v1", "mmt.transfer.request.v1"]
)
def test_a_report_by_the_clinics_number_gets_name_and_document(type: str) -> None:
    who = {name: PERSON[name] for name in ("name", "id_type", "id_no")}
    row = {"patient_ref": "A1", "id_type": "passport", "date": "2026-11-20"}
    assert notes.prepare(type, row, enrolled()) == {**who, "date": "2026-11-20"}
    with pytest.raises(Refused) as refused:
        notes.prepare(type, {"patient_ref": "A2"}, enrolled())
    assert refused.value.code == "record.not_enrolled"
    with pytest.raises(Refused, match="different people"):
        notes.prepare(type, {"patient_ref": "A1", "id_no": "999999199001015678"}, enrolled())


def test_a_treatment_that_ended_is_noted_and_an_older_end_is_not() -> None:
    register = enrolled()
    ended = {**PERSON, "reason_code": "moved"}
    notes.note("mmt.terminate.report.v1", [{**ended, "date": "2026-09-30"}], register)
    assert register.kept["patient", "A1"]["status"] == "active"
    for _ in range(2):
        notes.note("mmt.terminate.report.v1", [{**ended, "date": "2026-11-20"}], register)
    assert register.kept["patient", "A1"]["status"] == "terminated"
    stranger = {**ended, "id_no": "999999199001015678", "date": "2026-11-20"}
    notes.note("mmt.terminate.report.v1", [stranger], register)
    assert len(register.kept) == 2


def test_rows_and_types_that_need_nothing_are_left_alone() -> None:
    assert notes.prepare("mmt.attendance.v1", {"patient_ref": "A1"}, Notes()) is None
    assert notes.prepare("mmt.enrol.filed.v1", PERSON, Notes()) is None


def test_an_older_filing_never_replaces_a_newer_one() -> None:
    register = enrolled()
    notes.note("mmt.enrol.filed.v1", [{**PERSON, "date": "2026-09-01", "name": "旧"}], register)
    known = register.get("patient", "A1")
    assert known is not None and known["name"] == PERSON["name"]


def test_noting_twice_changes_nothing() -> None:
    register = enrolled()
    before = dict(register.kept)
    notes.note("mmt.enrol.filed.v1", [PERSON], register)
    assert register.kept == before


def test_an_approved_draft_becomes_the_full_notice() -> None:
    assert notes.complete(draft(patient_ref="A1", site="north"), enrolled()) == {
        "name": PERSON["name"],
        "id_type": "ric",
        "id_no": PERSON["id_no"],
        "site": "north",
        "confirmed_on": "2026-11-21",
        "confirmer": "林医生",
    }


def test_a_draft_about_someone_not_in_the_register_can_not_be_completed() -> None:
    with pytest.raises(Refused) as refused:
        notes.complete(draft(patient_ref="A9"), enrolled())
    assert refused.value.code == "clinic.patient_unknown"


def test_the_host_loads_the_plugin_with_the_countys_settings() -> None:
    host = PluginHost(
        plugins={"clinic": jdgate_clinic.plugin},
        settings={"clinic": {"dropout_days": 15, "report_by": False}},
        use_installed=False,
    )
    assert [rule.name for rule in host.rules()] == ["clinic.absence", "clinic.transfer"]
    assert {"mmt.attendance.v1", "mmt.enrol.filed.v1"} < {one.type for one in host.importers()}
    assert "{" not in say("check.transfer", "zh")


def test_a_wrong_setting_stops_the_start() -> None:
    host = PluginHost(
        plugins={"clinic": jdgate_clinic.plugin},
        settings={"clinic": {"absence_days": 0}},
        use_installed=False,
    )
    with pytest.raises(Refused, match="absence_days"):
        host.rules()
