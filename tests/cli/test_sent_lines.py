"""`jdgate sent`: what a member sent, in words."""

from __future__ import annotations

from typing import Any

from jdgate.cli.sent import one_sent_lines, sent_lines

ROW: dict[str, Any] = {
    "id": "m-1",
    "type": "mmt.attendance.v1",
    "created_at": "2026-11-20T08:00:00.000+00:00",
    "closed_at": "2026-11-20T08:00:01.000+00:00",
    "records": 3,
    "state": "part",
    "accepted": 2,
    "refused": 1,
    "code": None,
    "renewed_as": None,
}
OPEN = ROW | {"id": "m-2", "state": "open", "accepted": None, "refused": None, "closed_at": None}
FAULT = {"index": 1, "row": 7, "code": "record.not_enrolled", "path": "/patient_ref", "params": {}}
SHOWN = ROW | {"rows": [3, 7, 8], "leaf": 12, "params": {}, "faults": [FAULT], "receipt_id": "r-1"}


def test_a_list_tells_what_was_accepted_and_what_still_waits() -> None:
    text = "\n".join(sent_lines([OPEN, ROW], {}, "en", "cln-01"))
    assert "waiting for its receipt" in text and "accepted in part" in text
    assert "m-1" in text and "jdgate sent show ID --as cln-01" in text
    assert "cln-01" in sent_lines([], {}, "en", "cln-01")[0]


def test_one_message_tells_each_refused_row_of_its_file() -> None:
    text = "\n".join(one_sent_lines(SHOWN, {}, "en"))
    assert "row 7 of the file: " in text and "mmt.attendance.v1" in text
    by_place = SHOWN | {"rows": None, "faults": [FAULT | {"row": None}]}
    assert "record 2: " in "\n".join(one_sent_lines(by_place, {}, "en"))


def test_what_was_refused_whole_says_why_and_what_took_its_place() -> None:
    whole = SHOWN | {
        "state": "refused", "faults": [], "code": "key.expired",
        "params": {"kid": "k", "at": "2026-11-20"}, "renewed_as": "m-9",
    }  # fmt: skip
    text = "\n".join(one_sent_lines(whole, {}, "en"))
    assert "m-9" in text and "signed anew" in text
