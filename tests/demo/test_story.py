"""The story, told once by a real daemon: what it printed, and what lies in which mailbox."""

from __future__ import annotations

import re
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jdgate.config import Home
from jdgate.control import Control, connect
from jdgate.demo import staff
from jdgate.demo.people import (
    ALERT,
    ATTENDANCE,
    CUSTODY,
    ENDED_ORDER,
    ENROLMENT,
    NOTICE,
    ORDER,
    People,
)

from .conftest import STAYS_UP, Running, Start, copied, sent

FIRST_DAY = re.compile(r"invented patients, (\d{4}-\d{2}-\d{2}) to ")
ONCE = {ENROLMENT: 3, ORDER: 1, ENDED_ORDER: 1, CUSTODY: 1, ATTENDANCE: 181, NOTICE: 1}
"""Messages of each type when the story was told once: 60 days from 3 sites and a forced one,
two batches of enrolments and a transfer."""


@pytest.fixture
def people(printed: str) -> People:
    found = FIRST_DAY.search(printed)
    assert found
    return People(found[1])


@pytest.fixture(scope="module")
def again(told_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The county started a second time, for tests that look at it and try commands."""
    running = Running(copied(told_once, tmp_path_factory.mktemp("again")))
    try:
        running.wait_for(STAYS_UP)
        yield running
    finally:
        running.kill()


@pytest.fixture
def control(again: Running) -> Iterator[Control]:
    with connect(Home(again.folder)) as control:
        yield control


def hosted(control: Control) -> list[str]:
    return [member["id"] for member in control.call("status")["members"]]


def mail(control: Control, member: str, type: str) -> list[dict[str, Any]]:
    rows = control.call("inbox.list", member=member, limit=1000)
    return [row for row in rows if row["type"] == type]


def commands(printed: str) -> list[str]:
    """The commands that a run ends with."""
    return re.findall(r"^ {5}(\S.*)$", printed.rpartition("What to try next")[2], re.MULTILINE)


# --- what was printed


def test_the_run_ends_well_when_it_is_told_to_stop(told_once: Path) -> None:
    assert (told_once / "exit_code").read_text() == "0"


def test_the_chapters_come_in_their_order(printed: str) -> None:
    places = [printed.index(f"({number}) ") for number in range(1, 17)]

    assert places == sorted(places)


def test_what_is_not_allowed_is_refused_with_its_reason(printed: str) -> None:
    why = "may be sent by role CLN, this member has the role COM"

    assert f"its own machine does not send it: “mmt.attendance.v1” {why}" in printed
    assert f"refused “Attendance” from com-03: “mmt.attendance.v1” {why}" in printed
    assert "“dose” may never be exchanged" in printed
    assert "181 record(s): 180 accepted, 1 refused" in printed
    assert "record 181 of its batch: no enrolment was filed" in printed


def test_no_name_and_no_identity_number_is_printed(printed: str, people: People) -> None:
    assert not re.search(r"示例\d|999999\d", printed)
    assert not any(patient.name in printed for patient in people.patients)


def test_the_evidence_holds_and_a_flipped_byte_is_noticed(printed: str) -> None:
    proven, _, spoilt = printed.rpartition("(8)")[2].partition("the evidence holds")

    steps = [int(number) for number in re.findall(r"✓ +(\d+)", proven)]
    assert list(dict.fromkeys(steps)) == [*range(1, 12)]
    assert (steps.count(10), steps.count(11)) == (2, 2), "disclosed and delivered to two"
    assert "✗" not in proven
    spoilt = spoilt.partition("(9)")[0]
    assert "✗" in spoilt
    assert "✓" not in spoilt


def test_each_other_department_has_one_thing_to_look_into(printed: str) -> None:
    desks = printed.rpartition("(16) ")[2]

    assert set(re.findall(r"  ([a-z0-9-]+ · [A-Z]\d) ", desks)) == {
        "com-03 · C1",
        "ps-17 · P1",
        "pol · P2",
        "post · K1",
        "tra · L1",
        "tra · L2",
        "pol · L2",
    }
    assert "W-024 of cur-03" in desks
    assert "freezes the action at once" in desks


def test_the_demo_leaves_nothing_beside_what_the_readme_names(told: Path) -> None:
    shown = {one.name for one in told.iterdir() if one.name != ".gitignore"}
    assert shown == {"jdgate.toml", "keys", "var"}


def test_who_answers_alerts_in_the_demo_has_some_or_gets_the_late_ones(
    told: Path,
) -> None:
    at = {login: member for login, _, member, _ in staff.OPERATORS}
    with sqlite3.connect(Home(told).edge) as edge:
        wait = {member for (member,) in edge.execute("select member from alert_box where due_at")}
    assert {at["nurse"], at["town"], at["police"]} <= wait and at["office"] == "nco"


def test_orders_came_out_of_the_police_registry_and_what_came_lies_in_it(told: Path) -> None:
    with sqlite3.connect(told / "var" / "registry.db") as registry:
        (decided,) = registry.execute("select count(*) from decision").fetchone()
        got = dict(registry.execute("select type, count(*) from jdgate_inbox group by type"))

    assert decided == 62
    assert got[ENROLMENT] == 301
    assert got["comm.checkin.done.v1"] == 61
    assert got["precursor.inspect.result.v1"] == 49
    assert "tip.sealed.v1" not in got


def test_a_tip_is_readable_to_the_police_alone(control: Control) -> None:
    (row,) = mail(control, "pol", "tip.sealed.v1")
    (record,) = control.call("inbox.show", member="pol", id=row["id"])["data"]

    assert "示例仓库" in record["body"]
    assert not any(mail(control, m, "tip.sealed.v1") for m in hosted(control) if m != "pol")


def test_who_helps_learns_nothing_of_drugs(control: Control) -> None:
    for member, type in (("hrs", "aid.referral.v1"), ("grd-01", "grid.visit.task.v1")):
        (row,) = mail(control, member, type)
        shown = str(control.call("inbox.show", member=member, id=row["id"])["data"])
        assert not re.search("毒|药|drug|mmt|clinic", shown), member


def test_the_whole_story_fits_on_a_few_screens(printed: str) -> None:
    # what is noticed by the second is one line or several, as it falls
    assert len(printed.splitlines()) < 190


def test_everything_was_sent_once(told: Path) -> None:
    assert {type: sent(told)[type] for type in ONCE} == ONCE


# --- what lies in the mailboxes


def test_alerts_and_drafts_reached_the_clinic_and_attendance_reached_nobody(
    control: Control,
) -> None:
    members = hosted(control)
    of_type = {
        member: Counter(
            row["type"] for row in control.call("inbox.list", member=member, limit=1000)
        )
        for member in members
    }

    assert len(members) == 71
    assert of_type["cln-01"][ALERT] == 9
    assert {member for member in members if of_type[member][ALERT]} == {"cln-01"}
    drafts = Counter(row["member"] for row in control.call("drafts.list"))
    assert {member for member in drafts if member != "cln-01"} == {"com-03"}, "a missed check-in"
    assert not any(box[ATTENDANCE] for box in of_type.values())


def test_police_and_the_township_in_charge_see_the_sheets_fields_and_others_nothing(
    control: Control, people: People
) -> None:
    seen, named = {}, {}
    for member in hosted(control):
        for row in mail(control, member, NOTICE):
            shown = control.call("inbox.show", member=member, id=row["id"])
            assert [record["id_no"] for record in shown["data"]] == [people.approved.id_no]
            seen[member] = set(shown["data"][0])
            named[member] = len(shown["approved_by"])

    assert seen == {
        "pol": {"name", "id_type", "id_no", "site", "confirmed_on", "confirmer"},
        "com-07": {"name", "id_type", "id_no", "confirmed_on"},
    }
    assert named == {"pol": 1, "com-07": 0}, "who is shown less does not learn who approved"


def test_the_notice_is_signed_off_by_somebody_who_says_to_be_simulated(control: Control) -> None:
    (row,) = mail(control, "pol", NOTICE)
    shown = control.call("inbox.show", member="pol", id=row["id"])
    (draft,) = control.call("drafts.list", member="cln-01", state="sent")

    assert "simulated" in shown["data"][0]["confirmer"]
    assert draft["by"] == shown["data"][0]["confirmer"]
    assert set(draft["checks"]) == {"transfer", "custody", "hospital"}


def test_custody_and_transfer_led_to_no_draft_and_coming_back_withdrew_one(
    control: Control, people: People
) -> None:
    about: dict[str, str] = {}
    for row in control.call("drafts.list", member="cln-01"):
        shown = control.call("drafts.show", id=row["id"])
        about[shown["prefill"]["patient_ref"]] = row["state"]
    away = [p.ref for p in people.patients if p.course and p.course.left in (27, 38, 42, 44)]
    expected = {ref: "waiting" for ref in away if ref != people.in_custody.ref}
    expected[people.approved.ref] = "sent"
    back = next(p for p in people.came_back if p.course and p.course.left == 14)

    assert about == {**expected, back.ref: "withdrawn"}


def test_the_clinic_heard_of_the_custody_of_its_patient(control: Control, people: People) -> None:
    (row,) = mail(control, "cln-01", CUSTODY)
    shown = control.call("inbox.show", member="cln-01", id=row["id"])

    assert shown["data"][0]["id_no"] == people.in_custody.id_no


def test_each_township_got_its_own_orders_alone(control: Control, people: People) -> None:
    for number in range(25):
        member = f"com-{number + 1:02d}"
        got = []
        for row in mail(control, member, ORDER):
            got += control.call("inbox.show", member=member, id=row["id"])["data"]
        own = {p.id_no for p in people.ordered if p.order and p.order.town == number}
        assert {record["id_no"] for record in got} == own


# --- the second start, and what a user tries next


def test_a_second_start_sends_nothing_again(told: Path, start: Start) -> None:
    before = sent(told)
    running = start(told)
    printed = running.wait_for(STAYS_UP)

    assert "is here already" in printed
    assert len(commands(printed)) == 3
    assert "no day is missing" in printed
    assert sent(told) == before
    assert running.stop() == 0


def test_each_of_the_three_commands_works_as_printed(again: Running) -> None:
    push, drafts, verify = commands(again.printed)

    assert _run(push, again.folder) == 3
    assert _run(drafts, again.folder) == 0
    assert _run(verify, again.folder) == 0


def test_a_start_in_chinese_ends_with_commands_that_work_too(told: Path, start: Start) -> None:
    running = start(told, "--lang", "zh")
    running.wait_for("演示县继续运行")
    after = running.printed.rpartition("试试这三条命令")[2]
    found = re.findall(r"^ {5}(\S.*)$", after, re.MULTILINE)

    assert [_run(command, told) for command in found] == [3, 0, 0]


def _run(command: str, folder: Path) -> int:
    """The exit code of a line as a user pastes it into a shell."""
    return subprocess.run(
        command, shell=True, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True
    ).returncode
