"""Writes the files that docs/first-steps.md sends; the result is the same every time.

    python docs/examples/make_examples.py [OTHER_DIR]

The people can't exist: no region has the identity prefix 999999, and the names are numbered.
"""

from __future__ import annotations

import sys
from datetime import date, timedelta
from pathlib import Path

from jdgate.core.identity import synthetic_id_no

PATIENTS = (("T001", "示例甲"), ("T002", "示例乙"), ("T003", "示例丙"))
ENROLLED = date(2025, 3, 1)
FIRST_DAY = date(2025, 3, 3)
DAYS = 20
STAYS_AWAY = "T003"
"""This patient comes on the first four days and then no more."""


def enrolments() -> str:
    """The clinic's list of enrolments, as CSV."""
    lines = ["姓名,身份证号,编号,服药点,登记日期,状态"]
    for number, (ref, name) in enumerate(PATIENTS, start=1):
        id_no = synthetic_id_no(date(1988, number, 10), 200 + number)
        lines.append(f"{name},{id_no},{ref},cln-01,{ENROLLED},在治")
    return "\n".join(lines) + "\n"


def attendance() -> str:
    """Twenty days of attendance, as CSV."""
    lines = ["编号,日期,是否到诊"]
    for day in range(DAYS):
        for ref, _ in PATIENTS:
            came = ref != STAYS_AWAY or day < 4
            lines.append(f"{ref},{FIRST_DAY + timedelta(days=day)},{'到' if came else '未到'}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Writes both files."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    (folder / "enrolments.csv").write_text(enrolments(), encoding="utf-8")
    (folder / "attendance.csv").write_text(attendance(), encoding="utf-8")


if __name__ == "__main__":
    main()
