"""What an importer declares, and what reading a file with it yields.

An importer is data, not code: which columns a message type needs, under which titles they
turn up in real files, and which well-known columns must stay behind. The reader does the rest.

Rules
- A column that the importer does not name is never sent; a `dropped` title says that leaving
  it out is intended (姓名, 电话, 剂量 …), any other is reported as unknown.
- `either` names groups of fields of which one is enough; of each row the first that is filled
  in is used and the others are dropped, so that an ID number is not sent where a patient number
  does.
- `unique` names the fields that make a row what it is about (a patient and a day). Rows that
  agree in all of them and differ in the rest contradict each other, and none of them is sent.
- A fault names the row, the column and what was expected. It never carries the cell's value.

    importer = Importer(
        type="mmt.attendance.v1", zh="服药到诊", en="attendance",
        columns=(Column("date", "date", ("日期", "date")),),
    )
    for row in open_file(path, importer).rows:
        row.record or row.faults
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import inf
from typing import Literal

from msgspec import Struct

from jdgate.errors import Misuse
from jdgate.texts import Lang, say

Kind = Literal[
    "text", "name", "code", "choice", "list", "ref", "id_no", "date", "bool", "whole", "number"
]
"""How a cell is read.

- `text`: free text; stray spaces and invisible characters removed, nothing else changed.
- `name`: as `text`, with full-width letters folded and name dots made one kind (·).
- `code`: folded (NFKC), no spaces inside; case is kept.
- `choice`: folded and looked up in `choices` (title → value); case does not count.
- `list`: a list of choices in the record, each once, in the order of the cell: `决定书、协议书`.
  、 ， ； / and line breaks part them; no title of its `choices` may hold one of these.
- `ref`: a number or code in the sender's own system: folded, no spaces inside. A numeric cell
  is taken only if it is whole and below 2**53; `12.0` is `"12"`.
- `id_no`: an identity document's number: folded, upper case, no spaces inside. A numeric cell
  is taken only below 10**15, for Excel keeps 15 digits and no more.
- `date`: a `YYYY-MM-DD` string in the record.
- `bool`: `True` or `False` in the record.
- `whole`: an `int` in the record: `1,200`, `１２００` and `1200.0` are 1200, `1.5` is a fault.
- `number`: a `float` in the record: `1,200.5` is 1200.5.

Both numbers are 0 or more unless the column is `negative`, and may be followed by one of its
`units` (`2025年`).
"""


LIST_MARKS = re.compile(r"[、，,；;/／\r\n]+")
"""What parts the entries of a `list` cell."""


class Column(Struct, frozen=True):
    """One column of a file, and the record field it becomes.

    `titles` are all the titles it is known under; the first is the one messages show in
    Chinese, `en` the one they show in English (and is matched too). Matching ignores case,
    width, spaces, notes in brackets and marks such as * or ：.
    """

    field: str
    kind: Kind
    titles: tuple[str, ...]
    en: str
    required: bool = True
    default: object = None
    choices: Mapping[str, str] = {}
    max_chars: int = 200
    years: tuple[int, int] = (1990, 2099)
    negative: bool = False
    units: tuple[str, ...] = ()

    def title(self, lang: Lang) -> str:
        """The column's title for a person."""
        return self.titles[0] if lang == "zh" else self.en

    def written(self, value: object) -> object:
        """A value of the record as it stands in a cell, so that it is read back as the same."""
        if isinstance(value, list):
            return "、".join(str(self.written(one)) for one in value)
        if isinstance(value, bool):
            return "是" if value else "否"
        return next((title for title, known in self.choices.items() if known == value), value)


class Importer(Struct, frozen=True):
    """How files become records of one message type.

    Columns that `either` names are needed as a group, whatever their own `required` says.
    """

    type: str
    zh: str
    en: str
    columns: tuple[Column, ...]
    either: tuple[tuple[str, ...], ...] = ()
    dropped: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        fields = [column.field for column in self.columns]
        for column in self.columns:
            if column.kind == "list" and any(map(LIST_MARKS.search, column.choices)):
                raise Misuse("files.importer_choice_parted", type=self.type, field=column.field)
        if len(set(fields)) != len(fields):
            raise Misuse("files.importer_field_twice", type=self.type)
        for group in (*self.either, self.unique):
            if missing := [field for field in group if field not in fields]:
                raise Misuse("files.importer_field_unknown", type=self.type, field=missing[0])

    def column(self, field: str) -> Column:
        """The column that fills `field`. Raises: Misuse if there is none."""
        for column in self.columns:
            if column.field == field:
                return column
        raise Misuse("files.importer_field_unknown", type=self.type, field=field)

    def group(self, field: str) -> tuple[str, ...]:
        """The `either` group that `field` belongs to, or `()`."""
        return next((group for group in self.either if field in group), ())


class RowFault(Struct, frozen=True):
    """One thing wrong with one row: a code, the column's title in the file, and parameters.

    `params` holds the row number, the title and the form that was expected.
    """

    code: str
    title: str
    params: dict[str, object]

    def text(self, lang: Lang) -> str:
        """The fault as a sentence that the person who keeps the file can act on."""
        return say(self.code, lang, **self.params)


class Row(Struct, frozen=True):
    """One data row of a file: a record, or the faults that keep it from being one.

    `number` is the row number that a spreadsheet program shows (1-based). `raw` holds what the
    needed columns contained, as text, and the values given for absent ones, for the list of refused
    rows that goes back to the file's owner; it is kept only for a row with faults and belongs in no
    log or message.
    """

    number: int
    record: dict[str, object] | None
    faults: tuple[RowFault, ...] = ()
    raw: Mapping[str, str] | None = None


class Limits(Struct, frozen=True):
    """How much one file may ask of the machine; bytes unless named otherwise.

    `seconds` is how long reading its rows may take: a small file may refer to one long text a
    million times. `ratio` is unpacked over packed size and applies to parts that unpack to more
    than `ratio_from`: spreadsheets of real records stay below 30, a ZIP bomb is near 1,000.
    """

    file_bytes: int = 200 * 2**20
    old_excel_bytes: int = 30 * 2**20
    unpacked_bytes: int = 2**30
    strings_bytes: int = 128 * 2**20
    ratio: int = 200
    ratio_from: int = 4 * 2**20
    members: int = 5_000
    sheets: int = 100
    rows: int = 1_100_000
    columns: int = 512
    cell_chars: int = 32_767
    line_chars: int = 1_000_000
    header_rows: int = 15
    seconds: float = inf


__all__ = ["Column", "Importer", "Kind", "Limits", "Row", "RowFault"]
