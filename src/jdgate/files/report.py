"""Writes the refused rows of a file to an XLSX that its owner can correct and send again.

Rules
- Only the columns that the importer needs; what was left out of the message stays out here.
- A cell can't become a formula: it is written as text, and one that begins with = + - @ tab or
  return gets an apostrophe in front, which also holds if the list is saved as CSV later.
- The file holds personal data: it is created readable for its owner alone.

    count = write_refused(Path("refused.xlsx"), rows, importer, "zh")
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import openpyxl
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font

from jdgate.errors import Refused
from jdgate.files.importer import Importer, Row
from jdgate.texts import Lang, say

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_CELL_CHARS = 32_767  # more, and Excel calls the file damaged


def safe_text(value: object) -> str:
    """`value` as cell text that no spreadsheet program takes for a formula."""
    text = "" if value is None else str(value)
    if text.lstrip(" \u3000\ufeff").startswith(_FORMULA) or text.startswith(_FORMULA):
        text = f"'{text}"
    legal: str = ILLEGAL_CHARACTERS_RE.sub("", text)
    return legal[:_CELL_CHARS]


def write_refused(path: Path, rows: Iterable[Row], importer: Importer, lang: Lang) -> int:
    """Writes the rows that have faults, with the reasons, and returns how many there were.

    A row without `raw` (accepted when read, refused later) shows its record instead.
    Raises: Refused `files.unwritable`.
    """
    rows = iter(rows)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(say("files.report_sheet", lang))
    sheet.freeze_panes = "A2"
    sheet.column_dimensions["B"].width = 80
    titles = [say("files.report_row", lang), say("files.report_reason", lang)]
    titles += [column.title(lang) for column in importer.columns]

    def cell(value: object, **style: object) -> WriteOnlyCell:
        made = WriteOnlyCell(sheet, value=safe_text(value))
        made.data_type = "s"
        made.number_format = "@"
        for name, setting in style.items():
            setattr(made, name, setting)
        return made

    sheet.append([cell(title, font=Font(bold=True)) for title in titles])
    count = 0
    for row in rows:
        if not row.faults:
            continue
        count += 1
        reasons = "\n".join(fault.text(lang) for fault in row.faults)
        values = row.raw if row.raw is not None else row.record or {}
        shown = [_shown(values.get(column.field)) for column in importer.columns]
        wrapped = cell(reasons, alignment=Alignment(wrap_text=True, vertical="top"))
        sheet.append([row.number, wrapped, *map(cell, shown)])
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            book.save(file)
    except OSError as error:
        raise Refused("files.unwritable", reason=error.strerror or "") from error
    return count


def _shown(value: object) -> object:
    if isinstance(value, bool):
        return "是" if value else "否"
    return value
