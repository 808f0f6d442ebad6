"""Reads one cell: what people and office programs put there, as the value a record needs.

Pure. A cell is what a source gives: text, a number, a truth value, a date, or nothing.

Rules
- Invisible characters, no-break and full-width spaces never change a value.
- Width is folded (NFKC) in numbers, dates, codes and choices. In names and free text only the
  full-width ASCII block is folded: NFKC would also rewrite characters that people do write.
- Nothing is guessed. A number that Excel may have rounded, a date that can be read in two
  ways (11/12/2026), a letter x that means "no" in one office and "ticked" in another: fault.

    read_cell(column, "２０２６年１１月２１日")   →  "2026-11-21"
    read_cell(column, 5.11623e17)            raises CellFault("files.number_changed")
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable
from math import isfinite

from jdgate.files.importer import LIST_MARKS, Column, Kind

Cell = str | float | int | bool | dt.date | dt.datetime | dt.time | dt.timedelta | None

Value = str | bool | int | float | list[str]
"""What a cell becomes in a record."""

_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff"
    "\uffa0\ufff9-\ufffc\U000e0000-\U000e0fff]"
)
_SPACES = re.compile(r"\s+")
_WIDTH = {0xFF01 + i: 0x21 + i for i in range(94)} | {0x3000: 0x20}
_NAME_DOT = re.compile(r"\s*[\u2022\u2219\u2027\u22c5\u30fb\uff65\uff0e\u25cf·]\s*")
_ERRORS = ("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!")

_GUARDED = re.compile(r"'\s*[=+\-@\t\r]")  # as `report` writes it, so that it can be read back
_ROUNDED = re.compile(r"[+-]?\d(?:\.\d+)?E\+\d{2,3}", re.IGNORECASE | re.ASCII)
_WHOLE_FLOAT = re.compile(r"(\d+)\.0+", re.ASCII)
_DATE = re.compile(
    r"(\d{4})\s*([-/.年])\s*(\d{1,2})\s*([-/.月])\s*(\d{1,2})\s*日?"
    r"(?:[T\s]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?",
    re.ASCII,
)
_DATE_DIGITS = re.compile(r"\d{8}", re.ASCII)
_SERIAL = re.compile(r"\d{5}(?:\.\d+)?", re.ASCII)

# Digits alone, or in groups of three; an exponent is what a program shows of a rounded number.
_NUMBER = re.compile(r"([+-]?)(\d+|\d{1,3}(?:,\d{3})+)(\.\d*)?", re.ASCII)
_MINUS = str.maketrans("\u2212\u2013\u2010\u2011", "----")
_MOST_WHOLE = 2**53
_MOST_NUMBER = 1e15  # Excel keeps 15 digits

_EPOCH = dt.datetime(1899, 12, 30)  # Excel's day 0, counting its 29 February 1900 as real
_SERIALS = range(32_874, 73_051)  # 1990-01-01 to 2099-12-31

_TRUE = "是 √ ✓ ✔ ☑ ✅ 到 已到 到诊 已到诊 已服 已服药 有 1 y yes t true present"
_FALSE = "否 × ✗ ✘ ✖ ☒ ❌ 未到 未到诊 没到 缺 缺席 缺诊 未服 未服药 无 0 n no f false absent"
TRUE_WORDS = frozenset(_TRUE.split())
FALSE_WORDS = frozenset(_FALSE.split())
BOOL_FORM = "是/否 √/× 1/0 Y/N"
DATE_FORM = "2026-11-21"
WHOLE_FORM = "1200"
NUMBER_FORM = "1200.5"


class CellFault(Exception):
    """A cell that can't become a value: a text code and parameters without the value."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


def tidy(text: str) -> str:
    """`text` without invisible characters and stray space; spaces of all kinds become one."""
    if text.isascii() and text.isalnum():
        return text
    return _SPACES.sub(" ", _INVISIBLE.sub("", text)).strip()


def fold(text: str) -> str:
    """`tidy` and NFKC: full-width digits, letters and brackets become the plain ones."""
    if text.isascii():
        return tidy(text)
    return tidy(unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)))


def is_blank(cell: Cell) -> bool:
    """Whether a person would see nothing in the cell."""
    if cell is None:
        return True
    return isinstance(cell, str) and (not cell or not tidy(cell))


def as_text(cell: Cell) -> str:
    """The cell as text, numbers without a needless `.0`, dates as `YYYY-MM-DD`."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return cell.date().isoformat()
    if isinstance(cell, dt.date | dt.time):
        return cell.isoformat()
    return str(cell)


def from_serial(serial: float) -> dt.datetime | None:
    """The moment an Excel serial (days since 1899-12-30) stands for; None if out of range."""
    if not 0 <= serial < 2_958_466:
        return None
    # To the millisecond, as Excel does: a serial's fraction is a rounded binary number.
    return _EPOCH + dt.timedelta(milliseconds=round(serial * 86_400_000))


def _date(cell: Cell, column: Column) -> str:
    if isinstance(cell, dt.datetime):
        return _checked(cell.date(), column)
    if isinstance(cell, dt.date):
        return _checked(cell, column)
    text = fold(as_text(cell)) if not isinstance(cell, bool) else ""
    if match := _DATE.fullmatch(text):
        year, first, month, second, day, hour, minute, sec = match.groups()
        if (first, second) in {("-", "-"), ("/", "/"), (".", "."), ("年", "月")}:
            if hour and not (int(hour) < 25 and int(minute) < 60 and int(sec or 0) < 60):
                raise CellFault("files.date_unreadable", form=DATE_FORM)
            return _checked(_calendar(int(year), int(month), int(day)), column)
    if _DATE_DIGITS.fullmatch(text):
        return _checked(_calendar(int(text[:4]), int(text[4:6]), int(text[6:])), column)
    if _SERIAL.fullmatch(text) and int(float(text)) in _SERIALS:
        moment = from_serial(float(text))
        assert moment is not None
        return _checked(moment.date(), column)
    raise CellFault("files.date_unreadable", form=DATE_FORM)


def _calendar(year: int, month: int, day: int) -> dt.date:
    try:
        return dt.date(year, month, day)
    except ValueError:
        raise CellFault("files.date_impossible", form=DATE_FORM) from None


def _checked(date: dt.date, column: Column) -> str:
    first, last = column.years
    if not first <= date.year <= last:
        raise CellFault("files.date_range", first=first, last=last)
    return date.isoformat()


def _bool(cell: Cell, column: Column) -> bool:
    if isinstance(cell, bool):
        return cell
    word = fold(as_text(cell)).casefold().replace(" ", "")
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise CellFault("files.bool_unreadable", form=BOOL_FORM)


def _number_text(cell: Cell, below: int) -> str:
    """A reference as text, refused when a spreadsheet may have changed its digits."""
    if isinstance(cell, bool):
        raise CellFault("files.not_a_number_text")
    if isinstance(cell, dt.date | dt.time | dt.timedelta):
        raise CellFault("files.number_became_date")
    if isinstance(cell, int | float):
        if isinstance(cell, float) and not cell.is_integer():
            raise CellFault("files.number_changed")
        if not 0 <= cell < below:
            raise CellFault("files.number_changed")
        return str(int(cell))
    text = fold(cell or "").replace(" ", "")
    if _ROUNDED.fullmatch(text):
        raise CellFault("files.number_changed")
    if match := _WHOLE_FLOAT.fullmatch(text):  # what other programs print for a numeric cell
        if int(match[1]) >= below:
            raise CellFault("files.number_changed")
        return match[1]
    return text


def _ref(cell: Cell, column: Column) -> str:
    return _number_text(cell, 2**53)


def _id_no(cell: Cell, column: Column) -> str:
    return _number_text(cell, 10**15).upper()


def _text(cell: Cell, column: Column) -> str:
    return tidy(as_text(cell))


def _name(cell: Cell, column: Column) -> str:
    return _NAME_DOT.sub("·", tidy(tidy(as_text(cell)).translate(_WIDTH)))


def _code(cell: Cell, column: Column) -> str:
    return fold(as_text(cell)).replace(" ", "")


def _choice(cell: Cell, column: Column) -> str:
    word = _code(cell, column).casefold()
    for title, value in column.choices.items():
        if word == fold(title).replace(" ", "").casefold():
            return value
    allowed: dict[str, str] = {}  # of several titles for one value, the first
    for title, value in column.choices.items():
        allowed.setdefault(value, title)
    raise CellFault("files.choice_unknown", allowed="、".join(allowed.values()))


def _list(cell: Cell, column: Column) -> list[str]:
    parts = [part for part in LIST_MARKS.split(as_text(cell)) if not is_blank(part)]
    return list(dict.fromkeys(_choice(part, column) for part in parts))


def _amount(cell: Cell, column: Column, form: str) -> int | float:
    """The number in a cell; of a text, exactly what stands there."""
    value: int | float
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        value = cell
    else:
        text = fold(cell).replace(" ", "").translate(_MINUS) if isinstance(cell, str) else ""
        for unit in column.units:
            text = text.removesuffix(unit)
        if _ROUNDED.fullmatch(text):
            raise CellFault("files.number_rounded", form=form)
        match = _NUMBER.fullmatch(text[:400])
        if match is None:
            raise CellFault("files.number_unreadable", form=form)
        sign, digits = match[1], match[2].replace(",", "")
        fraction = (match[3] or "").lstrip(".").rstrip("0")
        if len(digits.lstrip("0")) > 16:
            raise CellFault("files.number_large", form=form)
        value = float(f"{sign}{digits}.{fraction}") if fraction else int(f"{sign}{digits}")
    if not isfinite(value):
        raise CellFault("files.number_unreadable", form=form)
    if value < 0 and not column.negative:
        raise CellFault("files.number_negative", form=form)
    return value


def _whole(cell: Cell, column: Column) -> int:
    value = _amount(cell, column, WHOLE_FORM)
    if value != int(value):
        raise CellFault("files.number_fraction", form=WHOLE_FORM)
    if abs(value) >= _MOST_WHOLE:
        raise CellFault("files.number_large", form=WHOLE_FORM)
    return int(value)


def _number(cell: Cell, column: Column) -> float:
    value = _amount(cell, column, NUMBER_FORM)
    if abs(value) >= _MOST_NUMBER:
        raise CellFault("files.number_large", form=NUMBER_FORM)
    return float(value)


_READERS: dict[Kind, Callable[[Cell, Column], Value]] = {
    "text": _text,
    "name": _name,
    "code": _code,
    "choice": _choice,
    "list": _list,
    "ref": _ref,
    "id_no": _id_no,
    "date": _date,
    "bool": _bool,
    "whole": _whole,
    "number": _number,
}


def read_cell(column: Column, cell: Cell) -> Value:
    """The record's value for a cell that is not blank.

    Raises: CellFault, whose params never hold the cell's content.
    """
    if isinstance(cell, str) and cell.strip().upper() in _ERRORS:
        raise CellFault("files.cell_error")
    if isinstance(cell, str) and _GUARDED.match(cell):
        cell = cell[1:]
    value = _READERS[column.kind](cell, column)
    if isinstance(value, str) and len(value) > column.max_chars:
        raise CellFault("files.cell_long", chars=len(value), limit=column.max_chars)
    return value
