"""What became of each row of a table: refused when it was read or sent, on its way, or judged by
the gateway. Pure.

    verdicts = judge(table.lines, refused_when_sent, answers)
    tally(verdicts)                        # {"good": 0, "accepted": 118, "refused": 7, …}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from jdgate.commands.tables import Line, Reason
from jdgate.files.rows import by_record, fault_of
from jdgate.store.outbox import OPEN, Answer

State = Literal["good", "waiting", "accepted", "refused"]
"""Not sent yet and nothing against it; sent; accepted by the gateway; refused, by whomever."""


class Verdict(Struct):
    """What became of one row."""

    number: int
    state: State
    reasons: list[Reason] = []


def judge(
    lines: Sequence[Line], refused: Iterable[Mapping[str, Any]], answers: Iterable[Answer]
) -> list[Verdict]:
    """The verdict on each line, in order. `refused`: faults by row, found when it was sent;
    `answers`: how the messages stand that the lines are in."""
    verdicts = [
        Verdict(line.number, "good" if line.good else "refused", list(line.reasons))
        for line in lines
    ]
    by_number = {one.number: one for one in verdicts}
    for fault in refused:
        _refuse(by_number.get(int(fault["row"])), [_reason(fault)])
    for answer in answers:
        rows = [by_number.get(number) for number in answer.rows or ()]
        if answer.state == OPEN:
            _all(rows, "waiting")
            continue
        said = answer.verdict if isinstance(answer.verdict, dict) else {}
        faults = by_record(said.get("refused") or ())
        if answer.state == "refused" and not faults:
            for row in rows:
                _refuse(row, [_reason(said)])
            continue
        _all(rows, "accepted")
        for index, found in faults.items():
            if 0 <= index < len(rows):
                told = [Reason(one.code, one.path, "", one.params) for one in found]
                _refuse(rows[index], told)
    return verdicts


def tally(verdicts: Iterable[Verdict]) -> dict[State, int]:
    """How many rows are how."""
    counted = Counter(one.state for one in verdicts)
    return {state: counted[state] for state in ("good", "waiting", "accepted", "refused")}


def _all(rows: Iterable[Verdict | None], state: State) -> None:
    for row in rows:
        if row is not None:
            row.state = state


def _refuse(row: Verdict | None, reasons: list[Reason]) -> None:
    if row is not None:
        row.state = "refused"
        row.reasons += reasons


def _reason(fault: Mapping[str, Any]) -> Reason:
    one = fault_of(fault)
    return Reason(one.code, one.path, "", one.params)
