"""Writes the refused rows of a file to an XLSX that its owner can correct and send again.

Rules
- Only the columns that the importer needs; what was left out of the message stays out here.
- A cell can't become a formula: every one is text, and one that begins with = + - @ tab or
  return gets an apostrophe in front, which also holds if the list is saved as CSV later.
- The file holds personal data: it is readable for its owner alone, and no copy of it is left in
  a temporary folder (which is why it is not written through openpyxl).
- It is there whole or not at all.

    count = write_refused(Path("refused.xlsx"), rows, importer, "zh")
    write_table(Path("received.xlsx"), "Received", ["Day", "Name"], [["2026-11-21", "…"]])
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import IO
from xml.sax.saxutils import escape

from jdgate.errors import Refused
from jdgate.files.importer import Column, Importer, Row
from jdgate.keystore import sync_folder
from jdgate.texts import Lang, say

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CELL_CHARS = 32_767  # more, and Excel calls the file damaged

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
XLSX = f"{_TYPE}.sheet"
"""The media type of what is written here."""
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
    # Styles: 0 plain, 1 text (so that what is typed over it stays text), 2 title, 3 wrapped.
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><fonts count="2">'
    '<font><sz val="11"/></font><font><b/><sz val="11"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    "<borders count='1'><border/></borders><cellStyleXfs count='1'><xf/></cellStyleXfs>"
    '<cellXfs count="4"><xf xfId="0"/><xf numFmtId="49" applyNumberFormat="1" xfId="0"/>'
    '<xf fontId="1" applyFont="1" xfId="0"/><xf applyAlignment="1" xfId="0">'
    '<alignment vertical="top" wrapText="1"/></xf></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>",
}
_TOP = (
    f'<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView>'
    '</sheetViews><cols><col min="2" max="2" width="80" customWidth="1"/>'
    '<col min="3" max="20" width="18" customWidth="1"/></cols><sheetData>'
)
_PLAIN_TOP = (
    f'<worksheet xmlns="{_MAIN}"><cols><col min="1" max="50" width="18" customWidth="1"/></cols>'
    "<sheetData>"
)
_TEXT, _TITLE, _WRAPPED = 1, 2, 3


def safe_text(value: object) -> str:
    """`value` as cell text that no spreadsheet program takes for a formula."""
    text = "" if value is None else _NOT_XML.sub("", str(value))
    if text.startswith(_FORMULA) or text.lstrip().startswith(_FORMULA):
        text = f"'{text}"
    return text[:_CELL_CHARS]


def write_refused(
    path: Path,
    rows: Iterable[Row],
    importer: Importer,
    lang: Lang,
    fields: Collection[str] | None = None,
) -> int:
    """Writes the rows that have faults, with the reasons, and returns how many there were.

    `fields`: those the file had, or all. A row without `raw` (accepted when read, refused later)
    shows its record instead.

    Raises: Refused `files.unwritable`, and what reading `rows` raises.
    """
    written = _Count()
    pieces = _sheet(rows, _columns(importer, fields), lang, written)
    _write(path, say("files.report_sheet", lang), pieces)
    return written.rows


def refused_book(
    rows: Iterable[Row], importer: Importer, lang: Lang, fields: Collection[str] | None = None
) -> bytes:
    """The same list as the bytes of an XLSX, for who can't be given a file."""
    book = BytesIO()
    pieces = _sheet(rows, _columns(importer, fields), lang, _Count())
    _fill(book, say("files.report_sheet", lang), pieces)
    return book.getvalue()


def _columns(importer: Importer, fields: Collection[str] | None) -> list[Column]:
    return [one for one in importer.columns if fields is None or one.field in fields]


def write_table(
    path: Path, sheet: str, titles: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """Writes a table as an XLSX file with one sheet: titles, then rows, every cell as text.

    The rules of this module hold for it: no formulas, readable for its owner alone, whole or not
    at all, and on disk when this returns. `sheet` has 31 characters at most, none of `[]:*?/\\`.

    Raises: Refused `files.unwritable`.
    """

    def pieces() -> Iterator[str]:
        yield _XML + _PLAIN_TOP
        yield _row([(title, _TITLE) for title in titles])
        for row in rows:
            yield _row([(safe_text(_shown(value)), _TEXT) for value in row])
        yield "</sheetData></worksheet>"

    _write(path, sheet, pieces())


def _write(path: Path, title: str, pieces: Iterable[str]) -> None:
    part = path.with_name(f"{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                _fill(file, title, pieces)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            sync_folder(path.parent)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise Refused("files.unwritable", reason=error.strerror or "") from error


def _fill(file: IO[bytes], title: str, pieces: Iterable[str]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as book:
        for name, text in _PARTS.items():
            book.writestr(name, _XML + text)
        book.writestr("xl/workbook.xml", _workbook(title))
        with book.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            for piece in pieces:
                sheet.write(piece.encode())


class _Count:
    rows = 0


def _workbook(title: str) -> str:
    return (
        f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        f'<sheet name="{escape(title)}" sheetId="1" r:id="rId1"/></sheets></workbook>'
    )


def _sheet(
    rows: Iterable[Row], columns: Sequence[Column], lang: Lang, count: _Count
) -> Iterator[str]:
    yield _XML + _TOP
    titles = [say("files.report_row", lang), say("files.report_reason", lang)]
    titles += [column.title(lang) for column in columns]
    yield _row([(title, _TITLE) for title in titles])
    for row in rows:
        if not row.faults:
            continue
        count.rows += 1
        reasons = "\n".join(fault.text(lang) for fault in row.faults)
        shown = [(_in_cell(row, column), _TEXT) for column in columns]
        yield _row([(row.number, 0), (reasons, _WRAPPED), *shown])
    yield "</sheetData></worksheet>"


def _row(cells: Sequence[tuple[object, int]]) -> str:
    return f"<row>{''.join(_cell(value, style) for value, style in cells)}</row>"


def _cell(value: object, style: int) -> str:
    if isinstance(value, int):
        return f'<c s="{style}"><v>{value}</v></c>'
    # A bare return would be read back as a line feed (XML 1.0 §2.11).
    text = escape(safe_text(value), {"\r": "&#13;"})
    return f'<c s="{style}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def _in_cell(row: Row, column: Column) -> object:
    if row.raw is not None:
        return row.raw.get(column.field)
    return column.written((row.record or {}).get(column.field))


def _shown(value: object) -> object:
    if isinstance(value, bool):
        return "是" if value else "否"
    return value
