"""What a reader of the inbox sees first, and what is said of a message that did not come."""

from __future__ import annotations

from typing import Any

import pytest

from jdgate.cli.expect import expect_lines, statement_lines
from jdgate.cli.inbox import inbox_lines, message_lines
from jdgate.texts import LANGUAGES, Lang

WHEN = "2026-11-21T08:00:00.000Z"
OTHER = "01890a5d-ac96-774b-bcce-000000000001"


def message(*marks: str) -> dict[str, Any]:
    return {
        "id": "01890a5d-ac96-774b-bcce-000000000000",
        "type": "no.such.v1",
        "origin": "cln-01",
        "received_at": WHEN,
        "state": "done",
        "records": 1,
        "data": [{"name": "甲"}],
        "marks": [
            {"record": at, "mark": mark, "item": "name", "by": OTHER, "replaced_by": OTHER}
            for at, mark in enumerate(marks)
        ],
    }


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("mark", ["disputed", "corrected", "withdrawn", "upheld"])
def test_what_a_correction_says_stands_before_the_message(mark: str, lang: Lang) -> None:
    lines = message_lines(message(mark), {}, lang)
    assert OTHER in lines[1]
    assert OTHER in lines[2]
    plain = message_lines(message(), {}, lang)
    assert lines[4:] == plain


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_list_tells_the_worst_in_place_of_the_state(lang: Lang) -> None:
    def state(*marks: str) -> str:
        return "\n".join(inbox_lines([message(*marks)], {}, lang, "pol"))

    assert len({state(), state("disputed"), state("corrected"), state("withdrawn")}) == 4
    assert state("disputed", "withdrawn", "corrected") == state("withdrawn")
    assert state("upheld") == state()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_statement_says_what_did_not_come_and_how_to_prove_it(lang: Lang) -> None:
    said = {
        "id": OTHER, "type": "mmt.attendance.v1", "member": "cln-01", "rule": "clinic.daily_report",
        "about": "5c" * 16, "since": WHEN, "due_at": WHEN, "at": WHEN, "size": 12, "entry": 12,
        "arrived_at": None, "message": None,
    }  # fmt: skip
    text = "\n".join(statement_lines(said, lang))
    for each in ("mmt.attendance.v1", "cln-01", "5c5c", f"evidence export {OTHER}"):
        assert each in text
    came = "\n".join(statement_lines({**said, "arrived_at": WHEN, "message": "m-1"}, lang))
    assert "m-1" in came and came != text
    row = {"kind": "message", "rule": "r", "what": "t", "member": "cln-01", "due_at": WHEN,
           "late": True, "statement": OTHER}  # fmt: skip
    assert OTHER in "\n".join(expect_lines([row], lang))
