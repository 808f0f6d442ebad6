"""The page on bad input: every line of it is tried by a test, and its codes are what that says."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from jdgate.plugins.host import PluginHost
from jdgate.texts import all_texts

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "bad-input.md").read_text(encoding="utf-8")

MESSAGES = "tests/e2e/test_bad_messages.py::"
FILES = "tests/e2e/test_push_files.py::"
TROUBLE = "tests/e2e/test_trouble.py::"
ANSWERED = MESSAGES + "test_a_bad_message_is_answered_recorded_and_delays_nobody"
RECORD = MESSAGES + "test_a_bad_record_is_refused_alone"
FILE = FILES + "test_a_file_that_cannot_be_read_is_refused_with_the_way_out"

TRIED = {
    "from an unknown member": [
        MESSAGES + "test_a_stranger_does_not_get_onto_the_bus",
        MESSAGES + "test_a_stranger_whom_the_bus_lets_in_is_refused_and_recorded",
    ],
    "signed with a wrong key": [ANSWERED],
    "signed with an expired or revoked key": [
        MESSAGES + "test_a_key_that_is_no_longer_good_opens_nothing"
    ],
    "with a flipped byte, anywhere": [
        ANSWERED,
        "tests/gateway/test_flipped_bytes.py::test_no_flipped_byte_of_the_sealed_body_opens",
        "tests/gateway/test_flipped_bytes.py::test_no_flipped_byte_of_the_signed_text_verifies",
    ],
    "once more: a replay": [
        MESSAGES + "test_the_same_message_again_gets_the_same_answer_and_changes_nothing",
        MESSAGES + "test_the_same_message_twice_at_once_counts_once",
    ],
    "other content under a used id": [
        MESSAGES + "test_an_id_used_for_other_content_is_refused_and_the_first_stands"
    ],
    "somebody else's message, captured": [
        MESSAGES + "test_another_members_message_cannot_be_replayed"
    ],
    "sealed to or addressed to somebody else": [ANSWERED],
    "more than 5 minutes from the future": [ANSWERED],
    "oversize": [
        ANSWERED,
        MESSAGES + "test_more_than_the_bus_carries_fails_at_the_sender",
        "tests/e2e/test_large.py::test_records_that_are_too_much_for_one_message_go_in_several",
        "tests/e2e/test_large.py::test_a_record_that_fits_into_no_message_is_refused_with_its_row",
    ],
    "with 501 records, or none": [ANSWERED],
    "with the same JSON key twice": [ANSWERED],
    "an unknown field": [RECORD],
    "a field that may never be exchanged": [
        RECORD,
        FILES + "test_enrolments_are_checked_by_digit_and_date",
    ],
    "a wrong check digit of an ID number": [
        RECORD,
        FILES + "test_enrolments_are_checked_by_digit_and_date",
    ],
    "a date that does not exist": [
        RECORD,
        FILES + "test_the_list_of_refused_rows_is_corrected_and_accepted",
    ],
    "a patient whom this clinic never enrolled": [
        MESSAGES + "test_attendance_of_somebody_never_enrolled_is_refused",
        FILES + "test_the_list_of_refused_rows_is_corrected_and_accepted",
    ],
    "a dosing site that the county has not named for this clinic": [
        "plugins/clinic/tests/test_county.py::"
        "test_a_site_that_the_clinic_does_not_have_is_refused_row_by_row"
    ],
    "a wrong header": [
        FILE,
        "tests/files/test_reading.py::test_a_wrong_header_is_told_with_the_columns_expected_and_found",
    ],
    "an empty file": [FILE],
    "a password-protected XLSX": [FILE],
    "a ZIP bomb": [FILE],
    "the gateway's disk is full": [TROUBLE + "test_the_gateways_disk_is_full"],
    "the sender's disk is full": [TROUBLE + "test_the_edges_disk_is_full"],
    "NATS is down": [
        TROUBLE + "test_the_bus_hangs_and_dies",
        FILES + "test_while_the_bus_is_away_a_push_says_what_is_kept_and_it_arrives_later",
    ],
    "the NATS store is deleted": [
        TROUBLE + "test_the_store_of_the_bus_is_deleted_in_mid_flight",
        TROUBLE + "test_the_store_is_deleted_while_the_county_sleeps",
    ],
    "the daemon is killed at any instant": [
        "tests/faults/test_kill.py::"
        "test_everything_taken_arrives_once_however_often_the_daemon_dies"
    ],
    "the clock is set back": [TROUBLE + "test_the_clock_is_set_back"],
}  # fmt: skip


def rows() -> dict[str, str]:
    """First column → the rest of its line, for every line of every table."""
    found = re.findall(r"^\| ([^|]+?) \|(.*)\|$", PAGE, re.MULTILINE)
    return {first: rest for first, rest in found if not first.startswith("What ")}


@cache
def functions(file: str) -> set[str]:
    tree = ast.parse((REPOSITORY / file).read_text(encoding="utf-8"))
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_every_line_is_tried_by_a_test_that_exists() -> None:
    assert list(TRIED) == list(rows())
    for tests in TRIED.values():
        for file, _, name in (test.partition("::") for test in tests):
            assert name in functions(file), name


@pytest.mark.parametrize("line", TRIED)
def test_the_codes_of_a_line_exist_and_its_tests_expect_them(line: str) -> None:
    PluginHost(REPOSITORY / "plugins").rules()  # brings the texts of plugins
    codes = re.findall(r"`([a-z_]+\.[a-z_]+)`", rows()[line])
    files = {test.partition("::")[0] for test in TRIED[line]}
    text = "\n".join((REPOSITORY / file).read_text(encoding="utf-8") for file in files)
    for code in codes:
        assert code in all_texts(), code
        assert code in text, code
