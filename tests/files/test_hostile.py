"""Files that are damaged, disguised or made to harm: refused with a clear text, and cheaply."""

from __future__ import annotations

import io
import re
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from jdgate.errors import Refused
from jdgate.files import Importer, Limits, open_file
from jdgate.texts import LANGUAGES, all_texts

VECTORS = Path(__file__).parent / "vectors"
all_texts()  # read once, and not where memory is measured
MIB = 2**20


def refusal(path: Path, importer: Importer, limits: Limits | None = None) -> Refused:
    """The refusal that reading all of `path` ends in."""
    with pytest.raises(Refused) as caught, open_file(path, importer, limits=limits) as reading:
        list(reading.rows)
    for lang in LANGUAGES:
        text = caught.value.text(lang)
        assert text != caught.value.code
        assert "{" not in text
    return caught.value


def rezip(path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """The same ZIP with each part's content passed through `change`."""
    parts = {}
    with zipfile.ZipFile(path) as old:
        for name in old.namelist():
            parts[name] = change(name, old.read(name))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in parts.items():
            new.writestr(name, data)
    return path


def in_sheet(old: bytes, new: bytes) -> Callable[[str, bytes], bytes]:
    """A change to the first sheet's XML, which must have `old` in it."""

    def change(name: str, data: bytes) -> bytes:
        if not name.startswith("xl/worksheets/"):
            return data
        assert old in data
        return data.replace(old, new)

    return change


@pytest.fixture
def plain(make_book, header, good) -> Path:
    return make_book([header, *[good] * 200])


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"\xef\xbb\xbf", b" \t \r\n", b",,,\n,,\n", b'""\n']
)
def test_an_empty_file_is_refused(tmp_path, importer, content) -> None:
    path = tmp_path / "empty.csv"
    path.write_bytes(content)
    assert refusal(path, importer).code == "files.empty"


def test_a_workbook_with_nothing_in_it_is_refused(make_book, importer) -> None:
    assert refusal(make_book([]), importer).code == "files.empty"


def test_a_file_that_is_not_there_or_is_a_folder_is_refused(tmp_path, importer) -> None:
    assert refusal(tmp_path / "none.csv", importer).code == "files.missing"
    assert refusal(tmp_path, importer).code == "files.is_folder"


def test_a_password_protected_workbook_is_refused_with_the_way_out(importer) -> None:
    error = refusal(VECTORS / "password.xlsx", importer)
    assert error.code == "files.password"
    assert "密码" in error.text("zh")
    assert "Encrypt with Password" in error.text("en")


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7 something",
        b"\x89PNG\r\n\x1a\n\0\0",
        b"\xff\xd8\xff\xe0\0\x10JFIF",
        bytes(range(256)) * 20,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000,
    ],
)
def test_what_is_no_spreadsheet_is_refused(tmp_path, importer, content) -> None:
    path = tmp_path / "named.xlsx"
    path.write_bytes(content)
    assert refusal(path, importer).code == "files.not_spreadsheet"


def test_a_zip_that_is_no_workbook_is_refused(tmp_path, importer) -> None:
    path = tmp_path / "letter.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<document/>")
    assert refusal(path, importer).code == "files.not_spreadsheet"


def test_a_web_page_named_xls_is_refused_as_what_it_is(tmp_path, importer) -> None:
    path = tmp_path / "export.xls"
    path.write_text("\n<HTML><table><tr><td>编号</td></tr></table></HTML>", encoding="utf-8")
    assert refusal(path, importer).code == "files.web_page"


def test_text_in_an_unknown_encoding_is_refused_and_never_mangled(tmp_path, importer) -> None:
    path = tmp_path / "odd.csv"
    path.write_bytes("编号,日期,到诊\nP1,2026-11-21,√\n".encode("gb18030") + b"\xff\xff\xff\n")
    assert refusal(path, importer).code == "files.encoding"


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9, 0.999])
def test_a_workbook_cut_short_is_refused(plain, importer, kept) -> None:
    data = plain.read_bytes()
    plain.write_bytes(data[: int(len(data) * kept)])
    assert refusal(plain, importer).code == "files.damaged"


def test_a_flipped_byte_inside_the_sheet_is_refused_before_the_first_row(plain, importer) -> None:
    with zipfile.ZipFile(plain) as archive:
        info = archive.getinfo("xl/worksheets/sheet1.xml")
    data = bytearray(plain.read_bytes())
    data[info.header_offset + 30 + len(info.filename) + info.compress_size - 10] ^= 0x40
    plain.write_bytes(data)
    with pytest.raises(Refused) as caught:
        open_file(plain, importer)
    assert caught.value.code == "files.damaged"


def bomb(plain: Path, size: int) -> Path:
    """The workbook with so much blank space in its sheet that it unpacks to `size` bytes."""
    end = b"</sheetData>"
    return rezip(plain, in_sheet(end, b"<!-- > -->" + b" " * size + end))


def test_a_zip_bomb_is_refused_by_its_ratio_without_unpacking_it(plain, importer) -> None:
    bomb(plain, 40 * MIB)
    assert plain.stat().st_size < 100_000
    tracemalloc.start()
    try:
        assert refusal(plain, importer).code == "files.zip_bomb"
        assert tracemalloc.get_traced_memory()[1] < 2 * MIB
    finally:
        tracemalloc.stop()


def test_a_zip_bomb_is_refused_by_its_size(plain, importer) -> None:
    bomb(plain, 3 * MIB)
    error = refusal(plain, importer, Limits(unpacked_bytes=2 * MIB))
    assert error.code == "files.zip_bomb"
    assert "2 MB" in error.text("en")


def test_a_zip_bomb_that_lies_about_its_size_is_refused_by_what_comes_out(plain, importer) -> None:
    bomb(plain, 40 * MIB)
    data = plain.read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        true_size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    lie = data.replace(struct.pack("<L", true_size), struct.pack("<L", 5000))
    assert lie != data
    plain.write_bytes(lie)
    tracemalloc.start()
    try:
        assert refusal(plain, importer).code == "files.zip_bomb"
        assert tracemalloc.get_traced_memory()[1] < 2 * MIB
    finally:
        tracemalloc.stop()


def test_a_zip_of_very_many_parts_is_refused(plain, importer) -> None:
    with zipfile.ZipFile(plain, "a") as archive:
        for number in range(50):
            archive.writestr(f"junk/{number}", b"")
    assert refusal(plain, importer, Limits(members=40)).code == "files.zip_bomb"


def test_two_cells_a_world_apart_cost_nothing(plain, importer) -> None:
    # A reader that builds a dense table would ask for gigabytes here.
    last = b"</row></sheetData>"
    far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c><c r="A1048576"><v>1</v></c></row>'
    rezip(plain, in_sheet(last, b"</row>" + far + b"</sheetData>"))
    tracemalloc.start()
    try:
        with open_file(plain, importer) as reading:
            rows = list(reading.rows)
        assert tracemalloc.get_traced_memory()[1] < 4 * MIB
    finally:
        tracemalloc.stop()
    assert rows[-1].number == 1_048_576
    assert reading.skipped["blank"] == 1_048_576 - 201 - 1


def test_entities_are_refused_before_any_expands(plain, importer) -> None:
    def laugh(name: str, data: bytes) -> bytes:
        if not name.startswith("xl/worksheets/"):
            return data
        body = re.sub(rb"^<\?xml[^>]*\?>", b"", data)
        return b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>' + body

    assert refusal(rezip(plain, laugh), importer).code == "files.damaged"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"</sheetData>", b""),
        (b'r="2"', b'r="two"'),
        (b't="inlineStr"', b't="s"'),
        (b't="inlineStr"><is><t>', b't="s"><is><v>99999</v><t>'),
        (b't="inlineStr"><is><t>', b't="s"><is><v>-1</v><t>'),
        (b't="inlineStr"', b't="n" s="99999"'),
        (b't="inlineStr"', b't="d"'),
        (b't="inlineStr"', b't="b"'),
        (b"<row ", b"<row x:y='1' "),
    ],
)
def test_nonsense_in_the_sheet_never_crashes(plain, importer, old, new) -> None:
    rezip(plain, in_sheet(old, new))
    try:
        with open_file(plain, importer) as reading:
            list(reading.rows)
    except Refused as error:
        assert error.code.startswith("files.")


def test_a_cell_of_many_megabytes_is_refused(plain, importer) -> None:
    long = b"".join(b"%d " % n for n in range(300_000))
    inline = b'<row r="300"><c r="A300" t="inlineStr"><is><t>' + long + b"</t></is></c></row>"
    rezip(plain, in_sheet(b"</sheetData>", inline + b"</sheetData>"))
    assert refusal(plain, importer).code == "files.damaged"


def test_a_csv_line_without_end_is_refused(make_text, importer) -> None:
    path = make_text("编号,日期,到诊\nP1,2026-11-21,√\n" + "a" * 5000)
    assert refusal(path, importer, Limits(line_chars=1000)).code == "files.line_long"


def test_a_stray_quote_spoils_its_own_row_only(make_text, importer) -> None:
    text = '编号,日期,到诊,备注\nP1,2026-11-21,√,"好\nP2,2026-11-21,√,5" 管\n' + (
        'P3,2026-11-21,×,"两\n行"\n"P4","2026-11-21","√","说""好"""\n"P5"x,2026-11-21,√,\n'
        "P6,2026-11-21,√,\n"
    )
    with open_file(make_text(text), importer) as reading:
        rows = list(reading.rows)
    good = {row.number: row.record["ref"] for row in rows if row.record}
    bad = {row.number: row.faults[0].code for row in rows if row.faults}
    assert good == {3: "P2", 4: "P3", 5: "P4", 7: "P6"}
    assert bad == {2: "files.row_quotes", 6: "files.row_quotes"}


def test_a_file_larger_than_the_limit_is_refused_unread(make_text, importer) -> None:
    path = make_text("编号,日期,到诊\n" + "x" * 3000)
    assert refusal(path, importer, Limits(file_bytes=2000)).code == "files.too_large"


def test_too_many_sheets_are_refused(make_book, importer) -> None:
    path = make_book({f"s{n}": [["x"]] for n in range(4)})
    assert refusal(path, importer, Limits(sheets=3)).code == "files.sheets_many"


def test_a_large_old_excel_file_is_refused(importer) -> None:
    error = refusal(VECTORS / "attendance.xls", importer, Limits(old_excel_bytes=1000))
    assert error.code == "files.old_excel_large"
