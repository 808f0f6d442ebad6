"""Writes the sample files anew; the result is the same every time.

    python samples/make_samples.py            # into this folder
    python samples/make_samples.py OTHER_DIR

The patients are those of the demo county. The one ID number belongs to nobody: no region has
the prefix 999999.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import sys
import zipfile
from pathlib import Path

import openpyxl
from openpyxl.styles import Alignment, Border, Font, Side

from jdgate.core.identity import synthetic_id_no

XLSX = "服药到诊-有错误.xlsx"
CSV = "attendance-mistakes.csv"

TITLES = ("序号", "编号", "姓名", "日期\n（必填）", "是否到诊", "服药点", "剂量(ml)", "备注")
_D = dt.date
ROWS: tuple[tuple[object, ...], ...] = (
    ("P0001", "示例一", _D(2026, 11, 16), "√", "cln-01", 45, None),
    ("P0002", "示例二", "2026-11-16", "√", "cln-01", 60, None),
    ("P0003", "示例三", "2026/11/16", "×", "cln-01-a", 50, "电话未接"),
    ("Ｐ０００４", "示例四", "2026年11月16日", "到", "cln-01-a", 40, None),
    (" P0005\u3000", "示例五", "2026.11.16", "未到", "ｃｌｎ－０１－ｂ", 55, None),
    ("P0006", "示例六", 46342, "是", "cln-01-b", 70, None),
    ("P0007", "示例七", "20261116", "否", None, 65, "没有填服药点"),
    ("P0008", "示例八", "2026年11月31日", "√", "cln-01", 50, "11 月没有 31 日"),
    (
        float(synthetic_id_no(_D(1990, 1, 1), 123)[:17] + "0"),
        "示例九",
        _D(2026, 11, 16),
        "√",
        "cln-01",
        45,
        "证件号码当成数字",
    ),
    ("P9999", "示例十", _D(2026, 11, 16), "√", "cln-01", 45, "没有登记过的编号"),
    (),
    ("P0010", "示例十一", _D(2026, 11, 16), "x", "cln-01", 45, "x 是到还是没到？"),
    (None, "示例十二", _D(2026, 11, 16), "√", "cln-01", 45, "没有编号"),
    ("P0012", "示例十三", "11/12/2026", "√", "cln-01", 45, "是 11 月还是 12 月？"),
    ("P0013", "示例十四", _D(2026, 11, 16), "√", "cln-01", 50, "这一天合并了三行"),
    ("P0014", "示例十五", None, "√", "cln-01", 50, None),
    ("P0015", "示例十六", None, "×", "cln-01", 50, None),
)
_MERGED_DAY = 3  # the last three rows share one merged date


def make_xlsx(path: Path) -> None:
    """A sheet as a clinic prints it, with mistakes; see README.md for what they are."""
    book = openpyxl.Workbook()
    cover = book.active
    assert cover is not None
    cover.title = "填表说明"
    cover["A1"] = "每天下班前填写，周五导出。"
    sheet = book.create_sheet("11月")
    last = len(TITLES)
    sheet.append(["某县美沙酮门诊服药到诊登记表"])
    sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=last)
    sheet.append(["填表单位：某门诊　　2026 年 11 月"])
    sheet.merge_cells(start_row=2, start_column=1, end_row=2, end_column=last)
    sheet.append(list(TITLES))
    for index, row in enumerate(ROWS, start=1):
        sheet.append([index, *row] if row else [None])
    bottom = 3 + len(ROWS)
    sheet.merge_cells(
        start_row=bottom - _MERGED_DAY + 1, start_column=4, end_row=bottom, end_column=4
    )
    sheet.append(["合计", None, None, None, f"{len(ROWS) - 1} 人次", None, "=SUM(G4:G20)"])
    sheet.append(["制表人：某某　　审核人：某某"])
    thin = Side(style="thin")
    for cells in sheet.iter_rows(min_row=3, max_row=bottom + 1, max_col=last):
        for cell in cells:
            cell.border = Border(left=thin, right=thin, top=thin, bottom=thin)
            if isinstance(cell.value, dt.date):
                cell.number_format = 'yyyy"年"m"月"d"日"'
    sheet["A1"].font = Font(bold=True, size=16)
    for cell in sheet[3]:
        cell.alignment = Alignment(wrap_text=True, horizontal="center")
    _save(book, path)


def _save(book: openpyxl.Workbook, path: Path) -> None:
    """Saves without the moment of saving in it, which openpyxl always writes."""
    then = dt.datetime(2026, 11, 20, 17, 0, 0)
    book.properties.creator = "jdgate"
    book.properties.created = then
    buffer = io.BytesIO()
    book.save(buffer)
    stamp = b"2026-11-20T17:00:00Z"
    with zipfile.ZipFile(buffer) as made, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name in made.namelist():
            data = made.read(name)
            if name == "docProps/core.xml":
                data = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + stamp, data)
            out.writestr(zipfile.ZipInfo(name, (2026, 11, 20, 17, 0, 0)), data, 8)


CSV_LINES = (
    "服药到诊导出,,,,",
    "病历号,患者姓名,服药日期,到诊情况,联系电话",
    "P0101,示例一,2026-11-17,已到,00000000000",
    "P0102,示例二,2026/11/17,缺,00000000000",
    "Ｐ０１０３,示例三,2026年11月17日,Ｙ,00000000000",
    "P0104,示例四,2026-02-30,已到,00000000000",
    "9.99999E+17,示例五,2026-11-17,已到,00000000000",
    "P9998,示例六,2026-11-17,已到,00000000000",
    ",,,,",
    'P0106,"示例七,2026-11-17,已到,00000000000',
    "P0107,示例八,明天,已到,00000000000",
    "P0108,示例九,2026-11-17,也许,00000000000",
    "P0109,示例十,46343,N,00000000000",
    "合计,,,7,",
)


def make_csv(path: Path) -> None:
    """An export of an older system: GB18030, a title line above the header."""
    path.write_bytes(("\r\n".join(CSV_LINES) + "\r\n").encode("gb18030"))


def main() -> None:
    """Writes both files."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    make_xlsx(folder / XLSX)
    make_csv(folder / CSV)


if __name__ == "__main__":
    main()
