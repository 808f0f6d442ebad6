"""What people read of the daemon's answers: pure functions from answers to lines."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import pytest

from jdgate.cli import alerts, dead, drafts, evidence, expect, inbox, ledger, member, plugin, status
from jdgate.core import catalogue, checkpoints, keys
from jdgate.core.encoding import b64u
from jdgate.core.evidence_report import Report, Shown, Step, Summary
from jdgate.core.ledger import Frontier, inclusion_proof, leaf_hash
from jdgate.core.sheet import Sheet
from jdgate.texts import LANGUAGES, Lang, say
from jdgate.wording import value_text

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def sheets() -> dict[str, Sheet]:
    return catalogue.load([catalogue.default_path()]).sheets


def status_reply() -> dict[str, Any]:
    return {
        "version": "0.1.0",
        "pid": 7,
        "roles": ["gateway", "edge"],
        "county": {"region": "511623000000", "name": "邻水县"},
        "web_url": None,
        "directory": {"version": 3, "expires": "2027-11-21T08:00:00+00:00"},
        "clock_behind_s": 90.0,
        "plugins": [
            {"name": "clinic", "condition": {"state": "running"}},
            {"name": "odd", "condition": {"state": "paused"}},
        ],
        "warnings": [
            {"code": "directory.expired", "params": {"version": 3, "expired": "2026-11-21"}}
        ],
        "bus": {
            "mode": "embedded",
            "url": "",
            "healthy": True,
            "lag": {"ingress": 2, "mailboxes": 1},
        },
        "books": {"name": "books.db", "dialect": "sqlite"},
        "ledger": {"size": 12_345, "root": "r" * 43, "checkpoint_at": "2026-11-21T08:00:00+00:00"},
        "oldest_open": "2026-11-21T07:00:00+00:00",
        "dead": 0,
        "members": [
            {
                "id": "cln-01",
                "name": "门诊",
                "healthy": True,
                "outbox_open": 3,
                "oldest_open": "2026-11-21T06:00:00+00:00",
                "inbox": 1_200,
                "drafts": 1,
                "adapters": [{"name": "files", "kind": "source", "trouble": ""},
                             {"name": "his", "kind": "sink", "trouble": "plugin.setting_unknown",
                              "params": {"plugin": "his", "setting": "urk", "expected": "url"}}],
            }
        ],
    }  # fmt: skip


@pytest.mark.parametrize("lang", LANGUAGES)
def test_status_tells_everything_an_operator_looks_at_first(lang: Lang) -> None:
    text = "\n".join(status.status_lines(status_reply(), lang))
    for part in ("邻水县", "cln-01", "12,345", "1,200", "2026-11-21 16:00:00", "odd (", "his: "):
        assert part in text
    assert "“urk”" in text, "what troubles an adapter is told with its particulars"
    assert "2026-11-21 14:00:00" in text, "the oldest of gateway and members"
    assert "cli." not in text
    assert ("attention: directory version 3" if lang == "en" else "注意：目录第 3 版") in text


def test_status_of_an_edge_without_a_gateway() -> None:
    reply = status_reply()
    for gone in ("bus", "books", "ledger", "oldest_open", "dead"):
        del reply[gone]
    assert status.healthy(reply)
    assert "ledger" not in "\n".join(status.status_lines(reply, "en"))


@pytest.mark.parametrize("broken", ["bus", "member"])
def test_what_is_broken_makes_the_status_fail(broken: str) -> None:
    reply = status_reply()
    assert status.healthy(reply)
    (reply["bus"] if broken == "bus" else reply["members"][0])["healthy"] = False
    assert not status.healthy(reply)


def inbox_row() -> dict[str, Any]:
    return {
        "id": "0190-1",
        "type": "mmt.dropout.notice.v1",
        "origin": "cln-01",
        "received_at": "2026-11-21T08:00:00.000+00:00",
        "records": 1,
        "state": "done",
        "error": None,
    }


def test_an_inbox_lists_what_came_with_titles(sheets: dict[str, Sheet]) -> None:
    lines = inbox.inbox_lines([inbox_row(), {**inbox_row(), "records": None}], sheets, "zh", "pol")
    assert "脱失告知" in lines[2]
    assert "2026-11-21 16:00:00" in lines[2]
    assert "jdgate inbox show" in lines[-1]
    assert "pol" in inbox.inbox_lines([], sheets, "en", "pol")[0]
    assert "cln-01" in inbox.arrived_line(inbox_row(), sheets, "en")


def test_a_message_shows_its_records_in_the_sheet_words(sheets: dict[str, Sheet]) -> None:
    message = {
        **inbox_row(),
        "purpose": "mmt.continuity",
        "basis": ["个人信息保护法 6、28 [read]"],
        "data": [{"name": "\x1b[31m王某", "id_type": "ric", "confirmed_on": "2026-11-20"}],
    }
    text = "\n".join(inbox.message_lines(message, sheets, "zh"))
    assert "居民身份证" in text
    assert "核实日期" in text
    assert "个人信息保护法 6、28" in text
    assert "\x1b" not in text


def test_a_list_in_a_record_is_told_row_by_row_in_the_sheet_words(sheets: dict[str, Sheet]) -> None:
    sheet = sheets["comm.violation.report.v1"]
    events = [{"date": "2026-11-20", "what": "missed"}, {"date": "2026-11-21", "what": "left"}]
    assert value_text("events", events, sheet, "zh") == (
        "日期 2026-11-20，情形 未到场；日期 2026-11-21，情形 擅自离开"
    )
    assert "What happened Missed a test; Day" in value_text("events", events, sheet, "en")
    handover = sheets["comm.transfer.handover.v1"]
    assert value_text("docs", ["decision"], handover, "en") == "Decision"
    assert value_text("events", [{"else": 1}], sheet, "en") == '[{"else": 1}]', "as it came"


def test_an_alert_is_told_as_the_sentence_it_is(sheets: dict[str, Sheet]) -> None:
    record = {
        "title_code": "member.suspended",
        "params": {"member": "cln-01"},
        "raised_at": "2026-11-21T08:00:00Z",
    }
    message = {**inbox_row(), "type": "sys.alert.v1", "data": [record]}
    text = "\n".join(inbox.message_lines(message, sheets, "en"))
    assert "member cln-01 is suspended" in text
    assert "title_code" not in text
    assert "2026-11-21 16:00:00" in text


def test_a_message_whose_content_was_erased_says_so(sheets: dict[str, Sheet]) -> None:
    text = "\n".join(inbox.message_lines({**inbox_row(), "data": None}, sheets, "en"))
    assert "erased" in text


def draft() -> dict[str, Any]:
    return {
        "id": "d-1",
        "member": "cln-01",
        "type": "mmt.dropout.notice.v1",
        "rule": "clinic.dropout",
        "reason_code": "member.unknown",
        "checks": ["transfer", "custody"],
        "state": "waiting",
        "received_at": "2026-11-21T08:00:00.000+00:00",
        "decided_at": None,
        "by": None,
        "reason": None,
        "message": None,
    }


def test_a_waiting_draft_says_what_it_sends_and_how_to_decide(sheets: dict[str, Sheet]) -> None:
    shown = {
        **draft(),
        "params": {"member": "x"},
        "prefill": {"patient_ref": "P1"},
        "record": {"name": "王某", "id_type": "ric"},
    }
    text = "\n".join(drafts.one_draft_lines(shown, sheets, "en"))
    assert "Approving it sends:" in text
    assert "Resident identity card" in text
    assert "P1" not in text, "the record stands for what was filled in"
    assert "[transfer]" in text
    asked = "\n".join(drafts.one_draft_lines(shown, sheets, "en", how=False))
    assert "--check" not in asked
    assert "jdgate drafts approve d-1 --by NAME --check transfer --check custody" in text


def test_a_waiting_draft_says_what_whoever_approves_fills_in(sheets: dict[str, Sheet]) -> None:
    shown = {**draft(), "params": {"member": "x"}, "record": {"name": "x"}, "lacking": ["site"]}
    text = "\n".join(drafts.one_draft_lines(shown, sheets, "en"))
    assert "To be filled in by whoever approves:" in text
    assert "--check custody --set site=…" in text


def test_a_decided_draft_says_who_decided_and_offers_nothing(sheets: dict[str, Sheet]) -> None:
    shown = {**draft(), "params": {"member": "x"}, "state": "rejected", "by": "Wang", "reason": "r"}
    text = "\n".join(drafts.one_draft_lines(shown, sheets, "en"))
    assert "Wang" in text
    assert "drafts approve" not in text


def test_drafts_are_listed_with_the_rule_where_the_reason_is_sealed(
    sheets: dict[str, Sheet],
) -> None:
    lines = drafts.draft_lines([draft()], sheets, "en")
    assert "clinic.dropout" in lines[2]
    assert drafts.draft_lines([], sheets, "en") == ["no such drafts"]


def test_a_decision_is_told() -> None:
    sent = drafts.decided_lines({"id": "d", "decision": "x", "message": "m"}, "en")[0]
    half = drafts.decided_lines({"id": "d", "decision": "x", "message": None}, "en")[0]
    rejected = drafts.decided_lines({"id": "d", "state": "rejected"}, "en")[0]
    assert "as message m" in sent
    assert "another person" in half
    assert "rejected" in rejected


def test_members_and_their_keys_are_listed() -> None:
    row = {
        "id": "cln-01", "name": "门诊", "kind": "department", "roles": ["CLN"],
        "regions": ["511623000000"], "status": "active", "hosted": True,
    }  # fmt: skip
    assert "cln-01" in member.member_lines([row], "zh")[2]
    key = {
        "kid": "cln-01.sig.1", "use": "sig", "suite": "Ed25519",
        "not_before": "2026-11-21T08:00:00Z", "not_after": "2028-11-21T08:00:00Z",
    }  # fmt: skip
    text = "\n".join(member.one_member_lines({**row, "keys": [key]}, "en"))
    assert "signing" in text
    assert "2028-11-21 16:00:00" in text


def prove_reply() -> dict[str, Any]:
    leaves = [
        f'{{"at":"2026-11-21T08:00:00.000Z","id":"m{i}","kind":"accepted"}}' for i in range(5)
    ]
    hashes = [leaf_hash(leaf.encode()) for leaf in leaves]
    frontier, nodes = Frontier().append(hashes)
    known = {(node.level, node.position): node.hash for node in nodes}
    known |= {(0, index): leaf for index, leaf in enumerate(hashes)}
    path = inclusion_proof(3, 5, lambda level, index: known[level, index])
    signer = keys.make("gateway", os.urandom).signer
    signed = checkpoints.sign(checkpoints.of(frontier, "511623000000", NOW), signer)
    return {
        "checkpoint": signed.decode(),
        "size": 5,
        "root": b64u(frontier.root()),
        "entries": [{"index": 3, "leaf": leaves[3], "path": [b64u(one) for one in path]}],
    }


def test_a_proof_is_computed_here_and_not_believed() -> None:
    good = ledger.checked(prove_reply())
    assert [one["holds"] for one in good["entries"]] == [True]
    text = "\n".join(ledger.proof_lines({"id": "m3", **good}, "en"))
    assert "accepted" in text
    assert "holds" in text
    assert "2026-11-21 16:00:00" in text

    forged = prove_reply()
    forged["entries"][0]["leaf"] = forged["entries"][0]["leaf"].replace("m3", "m9")
    assert [one["holds"] for one in ledger.checked(forged)["entries"]] == [False]
    broken = prove_reply()
    broken["entries"][0]["path"][0] = "!"
    assert [one["holds"] for one in ledger.checked(broken)["entries"]] == [False]


def test_the_head_of_the_ledger_is_told() -> None:
    head = {"size": 5, "root": "r", "checkpoint_size": 4, "checkpoint_at": NOW, "messages": 2}
    assert "4 entries, signed 2026-11-21 16:00:00" in "\n".join(ledger.head_lines(head, "en"))
    empty = {"size": 0, "root": None, "checkpoint_at": None, "messages": 0}
    assert ledger.head_lines(empty, "en")[0].split() == ["size", "0"]


def test_dead_letters_say_why_and_what_to_do() -> None:
    row = {
        "id": "x", "direction": "in", "member": "cln-01", "type": None, "attempts": 3,
        "code": "member.suspended", "params": {"member": "cln-01"}, "state": "open",
        "at": "2026-11-21T08:00:00Z",
    }  # fmt: skip
    assert "suspended" in dead.dead_lines([row], "en")[2]
    assert "jdgate dead retry x" in dead.one_dead_lines(row, "en")[-1]
    assert dead.dead_lines([], "zh") == ["没有无法处理的消息"]


def test_a_failing_plugin_says_where() -> None:
    row = {
        "name": "clinic", "version": None, "origin": "folder", "hooks": ["jdgate_rules"],
        "condition": {"state": "failing", "failures": 2, "retry_in": 4.2,
                      "places": {"jdgate_prepare": "KeyError at x.py:3"}},
    }  # fmt: skip
    lines = plugin.plugin_lines([row], "en")
    assert "failing" in lines[2]
    assert "jdgate_prepare (2 times, again in 4 s): KeyError at x.py:3" in lines[3]


def report(ok: bool) -> Report:
    steps = [Step(1, "form", "passed", "evidence.form", {"size": 10})]
    if not ok:
        steps.append(Step(2, "directory", "failed", "evidence.no_directory", {}))
        return Report(False, tuple(steps), None)
    shown = Shown("d", "pol", "公安局", "POL", "2026-11-21T08:00:00.000Z", ("name",), ("x",), "p",
                  1, "delivered", "2026-11-21T08:00:01.000Z")  # fmt: skip
    summary = Summary("511623000000", "m", "mmt.dropout.notice.v1", "cln-01", "门诊",
                      "2026-11-21T08:00:00.000Z", "part", "", "2026-11-21T08:00:00.500Z", 2, (1,),
                      (shown,), 9, "2026-11-21T08:01:00.000Z")  # fmt: skip
    return Report(True, tuple(steps), summary)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_evidence_that_holds_tells_its_story(lang: Lang) -> None:
    text = "\n".join(evidence.report_lines(report(ok=True), lang))
    assert text.startswith("✓  1 ")
    assert "公安局 (pol, POL)" in text
    assert "2026-11-21 16:00:01" in text
    assert "cli." not in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_evidence_that_fails_tells_the_step_and_no_story(lang: Lang) -> None:
    text = "\n".join(evidence.report_lines(report(ok=False), lang))
    assert "✗  2 " in text
    assert "cln-01" not in text


def test_the_report_is_json_with_texts() -> None:
    document = evidence.report_document(report(ok=True), "zh")
    assert document["ok"] is True
    assert all(step["text"] and step["title"] for step in document["steps"])


def alert_reply() -> dict[str, Any]:
    return {
        "id": "a-1",
        "rule": "M1",
        "type": "mmt.absence.alert.v1",
        "member": "cln-01",
        "desk": "cln-01",
        "state": "delivered",
        "urgent": True,
        "level": 1,
        "repeats": 2,
        "raised_at": "2026-11-21T08:00:00.000+00:00",
        "due_step": "acknowledged",
        "due_at": "2026-11-21T08:15:00.000+00:00",
        "late": True,
        "by": None,
        "outcome": None,
        "note": "alert.no_such_desk",
        "title_code": "alert.silent_recipient",
        "params": {"member": "com-01"},
        "explains": "record.bad_form",
        "delivered_type": "mmt.absence.alert.v1",
        "basis": ["戒毒条例 7、12 [read]"],
        "record": {"alert_id": "a-1", "title_code": "x.y", "patient_ref": "P7"},
        "actions": ["ack", "resolve", "reassign"],
    }


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_alert_says_what_why_by_when_and_what_one_may_do(
    lang: Lang, sheets: dict[str, Sheet]
) -> None:
    lines = "\n".join(alerts.one_alert_lines(alert_reply(), sheets, lang))
    for part in (
        "com-01",
        "戒毒条例 7、12 [" + say("catalogue.tag.read", lang),
        "P7",
        "2026-11-21 16:15:00",
        "a-1",
    ):
        assert part in lines
    for command in ("alerts ack a-1", "alerts resolve a-1", "alerts reassign a-1"):
        assert command in lines
    moved = alert_reply() | {"desk": "nco", "actions": [], "note": "alert.moved"}
    assert "alerts ack" not in "\n".join(alerts.one_alert_lines(moved, sheets, lang))
    sealed = alert_reply() | {"params": None, "record": None, "due_at": None}
    rows = alerts.alert_lines([alert_reply(), sealed], sheets, lang)
    assert sheets["mmt.absence.alert.v1"].title.get(lang) in "\n".join(rows)
    assert len(alerts.alert_lines([], sheets, lang)) == 1


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_step_is_told_or_that_it_was_taken_before(lang: Lang) -> None:
    taken = [
        alerts.stepped_lines({"id": "a-1", "step": step, "message": message}, lang)
        for step in ("acknowledged", "resolved", "reassigned")
        for message in ("m-1", None)
    ]
    assert len({line for (line,) in taken}) == 4


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_is_expected_names_its_member_and_what_is_late(lang: Lang) -> None:
    waited = {
        "kind": "message", "rule": "clinic.daily_report", "what": "report", "member": "cln-01",
        "due_at": "2026-11-21T08:15:00.000+00:00", "late": False, "alert": None,
    }  # fmt: skip
    owed = waited | {"kind": "alert", "rule": "M1", "what": "acknowledged", "late": True}
    first, second = expect.expect_lines([waited, owed], lang)[2:]
    assert "cln-01" in first
    assert first != second
    timer = expect.expect_lines([waited | {"kind": "timer", "member": None}], lang)[-1]
    assert say("cli.expect.timer", lang, name="report") in timer
    assert len(expect.expect_lines([], lang)) == 1
