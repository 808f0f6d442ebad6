"""The clinic's files: samples with mistakes, titles in use, and what never leaves the clinic."""

from __future__ import annotations

import importlib.util
import json
import zipfile
from pathlib import Path
from types import ModuleType

import openpyxl
import pytest

from jdgate.core.identity import check_id_no
from jdgate.errors import Refused
from jdgate.files import Importer, Row, open_file
from jdgate_clinic.importers import ATTENDANCE, ENROL_FILED, NEVER_SENT
from jdgate_clinic.reports import IMPORTERS

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = ROOT / "samples"
XLSX = SAMPLES / "服药到诊-有错误.xlsx"
CSV = SAMPLES / "attendance-mistakes.csv"
SITE = {"site": "cln-01"}


def sample_maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_samples", SAMPLES / "make_samples.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def verdicts(path: Path) -> tuple[dict[int, object], dict[int, list[str]], dict[str, int]]:
    """(row → patient accepted, row → codes, skipped) of an attendance file."""
    with open_file(path, ATTENDANCE, defaults=SITE) as reading:
        rows = list(reading.rows)
        skipped = reading.skipped
    good = {row.number: row.record["patient_ref"] for row in rows if row.record}
    bad = {row.number: [fault.code for fault in row.faults] for row in rows if row.faults}
    return good, bad, skipped


def book(path: Path, *rows: list[object]) -> Path:
    made = openpyxl.Workbook()
    for row in rows:
        made.worksheets[0].append(row)
    made.save(path)
    return path


def test_the_workbook_sample_has_the_mistakes_its_readme_tells_of() -> None:
    good, bad, skipped = verdicts(XLSX)
    numbers = [4, 5, 6, 7, 8, 9, 10, 13, 18, 19, 20]
    patients = [*(f"P{n:04d}" for n in range(1, 8)), "P9999", "P0013", "P0014", "P0015"]
    assert good == dict(zip(numbers, patients, strict=True))
    assert bad == {
        11: ["files.date_impossible"],
        12: ["files.number_changed"],
        15: ["files.bool_unreadable"],
        16: ["files.cell_missing"],
        17: ["files.date_unreadable"],
    }
    assert skipped == {"blank": 1, "total": 1, "note": 1, "header": 0, "same": 0}


def test_the_workbook_sample_reads_every_form_of_date_and_keeps_names_and_doses_back() -> None:
    with open_file(XLSX, ATTENDANCE, defaults=SITE) as reading:
        records = [row.record for row in reading.rows if row.record]
        assert reading.sheet == "11月"
        assert reading.dropped == ("姓名", "剂量(ml)", "备注")
        assert reading.unknown == ()
    assert {record["date"] for record in records} == {"2026-11-16"}
    assert {record["site"] for record in records} == {"cln-01", "cln-01-a", "cln-01-b"}
    assert "示例" not in json.dumps(records, ensure_ascii=False)


def test_the_csv_sample_has_the_mistakes_its_readme_tells_of() -> None:
    good, bad, skipped = verdicts(CSV)
    assert good == {3: "P0101", 4: "P0102", 5: "P0103", 8: "P9998", 13: "P0109"}
    assert bad == {
        6: ["files.date_impossible"],
        7: ["files.number_changed"],
        10: ["files.row_quotes"],
        11: ["files.date_unreadable"],
        12: ["files.bool_unreadable"],
    }
    assert skipped["blank"] == skipped["total"] == 1
    with pytest.raises(UnicodeDecodeError):
        CSV.read_text(encoding="utf-8")


def test_the_samples_are_what_their_script_writes(tmp_path: Path) -> None:
    maker = sample_maker()
    maker.make_xlsx(tmp_path / "a.xlsx")
    maker.make_csv(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == CSV.read_bytes()
    # By part, for another zlib may compress to other bytes.
    with zipfile.ZipFile(tmp_path / "a.xlsx") as new, zipfile.ZipFile(XLSX) as old:
        assert new.namelist() == old.namelist()
        assert all(new.read(name) == old.read(name) for name in old.namelist())


def test_attendance_by_id_number_leaves_the_swap_to_the_edge(tmp_path: Path) -> None:
    path = book(
        tmp_path / "a.xlsx",
        ["姓名", "身份证号码", "服药日期", "到诊情况", "延伸服药点"],
        ["某某", "999999199001011234", "2026/11/21", "已到", "cln-01-a"],
    )
    with open_file(path, ATTENDANCE, defaults=SITE) as reading:
        assert next(reading.rows).record == {
            "id_no": "999999199001011234",
            "date": "2026-11-21",
            "attended": True,
            "site": "cln-01-a",
        }


def test_an_enrolment_list_becomes_the_records_the_police_are_filed(tmp_path: Path) -> None:
    rows = [
        ["姓名", "民族", "身份证号", "病历号", "服药点", "登记日期", "治疗状态", "联系电话"],
        ["阿依•某某", "x", "999999199001011234", "P0001", None, "2026年1月5日", "治疗中", "0"],
        ["某某", "x", "999999199001011234", "P0002", "cln-01-b", "2026-01-05", "脱失", "0"],
    ]
    with open_file(book(tmp_path / "e.xlsx", *rows), ENROL_FILED, defaults=SITE) as reading:
        first, second = reading.rows
        assert reading.dropped == ("民族", "联系电话")
    assert first.record == {
        "name": "阿依·某某",
        "id_type": "ric",
        "id_no": "999999199001011234",
        "patient_ref": "P0001",
        "site": "cln-01",
        "date": "2026-01-05",
        "status": "active",
    }
    assert [fault.code for fault in second.faults] == ["files.choice_unknown"]
    assert second.faults[0].params["allowed"] == "在治、转出、终止"


def test_an_attendance_file_is_not_taken_for_an_enrolment_list() -> None:
    with pytest.raises(Refused) as caught:
        open_file(XLSX, ENROL_FILED, defaults=SITE)
    assert caught.value.code == "files.header_wrong"
    assert "状态" in str(caught.value.params["missing"])


@pytest.mark.parametrize("importer", IMPORTERS, ids=lambda importer: importer.type)
def test_an_importer_fills_what_the_schema_knows_and_no_more(importer: Importer) -> None:
    name = importer.type.removeprefix("mmt.")
    schema = json.loads((ROOT / "schemas" / "mmt" / f"{name}.json").read_text(encoding="utf-8"))
    fields = {column.field for column in importer.columns}
    # The edge swaps one number of a patient for the other before anything is sent.
    either = {field for group in importer.either for field in group}
    assert fields - either == set(schema["properties"]) - either
    assert set(schema["required"]) <= fields
    for column in importer.columns:
        allowed = schema["properties"].get(column.field, {})
        assert set(column.choices.values()) == set(allowed.get("enum", ()))
        if column.kind != "date" and "maxLength" in allowed:
            assert column.max_chars == allowed["maxLength"]


@pytest.mark.parametrize("importer", IMPORTERS, ids=lambda importer: importer.type)
def test_no_title_is_both_needed_and_left_out(importer: Importer) -> None:
    needed = {title for column in importer.columns for title in (*column.titles, column.en)}
    assert not needed & set(importer.dropped)
    assert {"剂量", "民族", "HIV", "尿检结果"} <= set(NEVER_SENT) <= set(importer.dropped)


def test_the_id_number_in_the_samples_belongs_to_no_region() -> None:
    maker = sample_maker()
    numbers = [f"{cell:.0f}" for row in maker.ROWS for cell in row if isinstance(cell, float)]
    assert len(numbers) == 1
    assert numbers[0].startswith("999999")
    # Rounded, so that it is not even a valid number any more.
    assert check_id_no(numbers[0]) is not None


def rows_of(path: Path) -> list[Row]:
    with open_file(path, ATTENDANCE, defaults=SITE) as reading:
        return list(reading.rows)


def test_the_reasons_can_be_acted_on_in_both_languages() -> None:
    for row in [*rows_of(XLSX), *rows_of(CSV)]:
        for fault in row.faults:
            assert f"第 {row.number} 行" in fault.text("zh")
            assert f"row {row.number}" in fault.text("en")
            assert f"“{fault.title}”" in fault.text("zh")
