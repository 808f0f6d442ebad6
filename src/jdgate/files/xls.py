"""Reads .xls, Excel's format until 2003, which some offices still export.

Through python-calamine, which holds a sheet in memory as a whole. The format itself stops at
65,536 rows and 256 columns, so that this is bounded; `.xlsx` is read as a stream instead.

    book = OldWorkbook(path, limits)
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import python_calamine

from jdgate.errors import Refused
from jdgate.files.cells import Cell
from jdgate.files.importer import Limits
from jdgate.files.merges import MergeFill


class OldWorkbook:
    """An open .xls workbook. Raises: Refused `files.password`, `files.not_spreadsheet`."""

    encoding = None

    def __init__(self, path: Path, limits: Limits) -> None:
        if path.stat().st_size > limits.old_excel_bytes:
            raise Refused("files.old_excel_large", limit=limits.old_excel_bytes // 2**20)
        self._limits = limits
        self._book: Any = _guarded(python_calamine.CalamineWorkbook.from_path, str(path))
        if len(self._book.sheet_names) > limits.sheets:
            raise Refused("files.sheets_many", limit=limits.sheets)

    def tables(self) -> Iterator[OldTable]:
        """The visible sheets in their order."""
        for meta in self._book.sheets_metadata:
            kinds = (python_calamine.SheetTypeEnum.WorkSheet,)
            if meta.typ in kinds and meta.visible == python_calamine.SheetVisibleEnum.Visible:
                sheet = _guarded(self._book.get_sheet_by_name, meta.name)
                yield OldTable(meta.name, sheet, self._limits)

    def close(self) -> None:
        """Lets go of the workbook."""
        self._book = None


class OldTable:
    """One sheet. `total` and `position` are rows."""

    def __init__(self, name: str, sheet: Any, limits: Limits) -> None:
        self.name: str | None = name
        self.position = 0
        self.total: int = (sheet.end or (0, 0))[0] + 1
        self._sheet = sheet
        self._limits = limits

    def rows(self) -> Generator[tuple[int, list[Cell]]]:
        """(row number, cells), in order, counted from the sheet's first row."""
        merges = [
            (top[0] + 1, bottom[0] + 1, top[1])
            for top, bottom in self._sheet.merged_cell_ranges or ()
            if bottom[0] > top[0]
        ]
        fill = MergeFill(merges)
        left = (self._sheet.start or (0, 0))[1]
        for number, cells in enumerate(self._sheet.iter_rows(), start=1):
            self.position = number
            padded: list[Cell] = [*([None] * left), *cells][: self._limits.columns]
            yield number, fill.apply(number, padded)


def _guarded(call: Any, *args: object) -> Any:
    """Calls into calamine, whose failures are of many types, panics among them."""
    try:
        return call(*args)
    except python_calamine.PasswordError as error:
        raise Refused("files.password") from error
    except Exception as error:
        raise Refused("files.not_spreadsheet") from error
    except BaseException as error:
        if type(error).__name__ == "PanicException":  # derives from BaseException, not exported
            raise Refused("files.damaged") from error
        raise
