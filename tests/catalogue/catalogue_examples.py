"""One good record of every message type, with all its optional fields."""

from __future__ import annotations

from datetime import date
from typing import Any

from jdgate.core.identity import id_check_digit, synthetic_id_no

COUNTY = "511623000000"
TOWN, NEW_TOWN, VILLAGE = "511623101000", "511623102000", "511623101201"
ID_NO = synthetic_id_no(date(1990, 1, 1), 1)
CHILD_ID_NO = synthetic_id_no(date(2018, 5, 1), 2)
COMPANY, BUYER = "91350100M000100Y43", "91350211M000100Y46"
ACETONE = "67-64-1"
DAY, LATER, MOMENT = "2026-11-20", "2026-12-20", "2026-11-20T08:00:00.000Z"
MESSAGE = "0195f0c6-7a1b-7c3d-8e4f-112233445566"

PERSON = {"name": "某甲", "id_type": "ric", "id_no": ID_NO}
CHILD = {"name": "某乙", "id_type": "ric", "id_no": CHILD_ID_NO}
DOC = {"doc_no": "邻公社戒〔2026〕1号"}
SEALED = {"kid": "pol:enc:1", "sealed": "A" * 128}
ITEMS = [{"code": "ledger", "ok": True}, {"code": "storage", "ok": False, "note": "门未上锁"}]
TOKEN = "Zk3x9QmT2rWv8LpB"
KEYED = "Zk3x9QmT2rWv8LpBa7Yc4d"
ALERT = {
    "alert_id": "a-1",
    "rule": "X",
    "title_code": "alert.no_desk",
    "params": {"days": 3},
    "due_on": LATER,
    "raised_at": MOMENT,
}

GOOD: dict[str, dict[str, Any]] = {
    "mmt.attendance.v1": {
        "site": "cln-01-a", "patient_ref": "A-1", "date": DAY, "attended": True,
    },
    "mmt.enrol.filed.v1": {
        **PERSON, "site": "cln-01", "patient_ref": "A-1", "date": DAY, "status": "active",
    },
    "mmt.dropout.notice.v1": {
        **PERSON, "site": "cln-01", "confirmed_on": DAY, "confirmer": "医师甲",
    },
    "mmt.custody.notice.v1": {**PERSON, "date": DAY},
    "mmt.absence.alert.v1": {
        "alert_id": "a-1", "rule": "M1", "title_code": "clinic.absence", "params": {"days": 7},
        "patient_ref": "A-1", "site": "cln-01", "last_attended": DAY, "absent_days": 7,
        "raised_at": MOMENT,
    },
    "mmt.relapse.report.v1": {**PERSON, "date": DAY, "confirmed": True},
    "mmt.terminate.report.v1": {**PERSON, "date": DAY, "reason_code": "moved"},
    "mmt.transfer.request.v1": {
        **PERSON, "transfer_no": "T-1", "site": "cln-01", "to": "cln-02", "valid_to": LATER,
        "sealed_clinical": SEALED,
    },
    "mmt.transfer.ack.v1": {
        **PERSON, "transfer_no": "T-1", "to": "cln-02", "decision": "accepted", "date": DAY,
    },
    "mmt.transfer.alert.v1": {**ALERT, "transfer_no": "T-1", "other": "cln-02"},
    "comm.team.assign.v1": {
        **PERSON, "place": "officer", "action": "assign", "member": "ps-01", "worker": "李警官",
        "on": DAY,
    },
    "comm.order.notice.v1": {
        **PERSON, **DOC, "town": TOWN, "measure": "community_treatment", "served_on": DAY,
        "term_months": 36,
    },
    "comm.status.change.v1": {**PERSON, **DOC, "status": "released", "date": DAY},
    "comm.checkin.done.v1": {**PERSON, **DOC, "date": DAY, "agreement_no": "协-1"},
    "comm.checkin.overdue.v1": {
        **PERSON, **DOC, "due_on": DAY, "contact_attempts": 3, "reason": "not_reached",
    },
    "comm.test.result.v1": {
        **PERSON, "date": "2026-11-10", "state": "positive_confirmed", "retest_on": DAY,
    },
    "comm.absence.noted.v1": {
        **PERSON, **DOC, "left_on": "2026-11-01", "back_on": DAY, "approved": False,
    },
    "comm.violation.report.v1": {
        **PERSON, **DOC, "kind": "refused_tests",
        "events": [{"date": DAY, "until": DAY, "what": "refused"}],
        "evidence_ref": "证-1", "confirmer": "干部甲",
    },
    "comm.transfer.handover.v1": {
        **PERSON, **DOC, "to_town": NEW_TOWN, "docs": ["decision", "record"], "served_days": 200,
        "next_test": LATER, "handed_on": DAY,
    },
    "comm.control.exit.v1": {**PERSON, "date": DAY},
    "comm.alert.v1": {**ALERT, **PERSON, **DOC, "count": 3, "days": 31},
    "release.prenotice.v1": {
        **PERSON, "town": TOWN, "release_on": LATER, "next_measure": "community_recovery",
    },
    "release.handover.v1": {
        **PERSON, **DOC, "town": TOWN, "docs": ["release_certificate"], "handed_on": DAY,
        "assessment": SEALED,
    },
    "release.received.v1": {
        **PERSON, "release_on": DAY, "what": "papers", "docs": ["decision"], "received_on": DAY,
    },
    "release.alert.v1": {**ALERT, **PERSON, "release_on": LATER},
    "grid.visit.task.v1": {
        "task_no": "V-1", "name": "某甲", "address": "某村1组", "place": VILLAGE, "code": "routine",
        "due_on": LATER,
    },
    "grid.visit.result.v1": {"task_no": "V-1", "date": DAY, "met": True, "need_code": "job"},
    "aid.referral.v1": {
        "ref": "R-1", **PERSON, "need_type": "subsistence", "consent_ref": "同-1",
        "source": "township",
    },
    "aid.result.v1": {"ref": "R-1", "to": "com-01", "status": "granted", "date": DAY},
    "aid.withdrawal.v1": {"ref": "R-1", "need_type": "subsistence", "date": DAY},
    "aid.child.referral.v1": {
        "ref": "R-2", **CHILD, "guardian_consent": "监-1", "need": "schooling",
    },
    "licence.basis.notice.v1": {
        **PERSON, **DOC, "matched_by": "id_document", "ground_code": "79-6-driving",
        "effective_on": DAY,
        "reviewer1": "民警甲", "reviewer2": "民警乙",
    },
    "licence.action.result.v1": {**PERSON, **DOC, "action": "notified", "date": DAY},
    "licence.objection.v1": {
        **PERSON, "ref": DOC["doc_no"], "ground": "wrong_person", "lodged_on": DAY,
    },
    "licence.restore.v1": {
        **PERSON, "ref": DOC["doc_no"], "decision": "restore", "decided_by": "民警甲",
        "decided_on": DAY,
    },
    "licence.eligibility.query.v1": {**PERSON, "application_no": "受-1", "class": "school_bus"},
    "licence.eligibility.answer.v1": {
        "to": "tra", "application_no": "受-1", "eligible": False, "rule_code": "162-87",
    },
    "licence.alert.v1": {**ALERT, **DOC, "application_no": "受-1"},
    "sealed.query.v1": {
        "query_no": "Q-1", **PERSON, "case_no": "案-1", "national_rule": "某条例第1条",
        "approver": "所长甲",
    },
    "sealed.answer.v1": {
        "to": "ps-01", "query_no": "Q-1", "decision": "refused", "reason_code": "no_case",
        "approver": "大队长甲", "date": DAY,
    },
    "courier.stat.v1": {
        "outlet": "W-1", "period_from": "2026-11-01", "period_to": DAY, "n": 1000,
        "realname_n": 1000, "inspect_n": 999, "xray_n": 990,
        "realname_rate": 100, "inspect_rate": 99.9, "xray_rate": 99,
    },
    "courier.suspect.report.v1": {
        "waybill_no": "SF1020304050607", "outlet": "W-1", "found_at": MOMENT, "stage": "sorting",
        "desc": "白色粉末约 20 克", "isolated": True,
    },
    "courier.spotcheck.result.v1": {
        "outlet": "W-1", "date": DAY, "items": ITEMS, "result": "failed", "fix_by": LATER,
    },
    "courier.data.request.v1": {
        "to": "cur-01", "legal_doc_no": "调-1", "waybill_no": "SF1020304050607",
        "scope": ["images"],
    },
    "courier.alert.v1": {**ALERT, "outlet": "W-1", "period_to": DAY, "rate": 99.9},
    "precursor.sale.filed.v1": {
        "seller": COMPANY, "buyer_kind": "unit", "buyer": BUYER, "cas": ACETONE, "qty": 25.5,
        "unit": "kg", "date": DAY, "payment": "transfer", "permit_no": "备-1",
    },
    "precursor.sales.total.v1": {
        "month": "2026-11", "cas": ACETONE, "unit": "kg", "qty": 250, "sales_n": 10,
    },
    "precursor.inspect.result.v1": {
        "uscc": COMPANY, "date": DAY, "items": ITEMS,
        "stocks": [
            {"cas": ACETONE, "unit": "kg", "book_qty": 100, "stock_qty": 98.5, "loss_qty": 0.5}
        ],
        "fix_by": LATER, "findings_ema": ["storage"], "findings_mpa": ["ledger"],
        "findings_samr": ["scope"],
    },
    "precursor.annual.report.v1": {
        "uscc": COMPANY, "year": 2025, "cas": ACETONE, "unit": "kg", "in": 10, "out": 8,
        "stock": 2, "authority": "EMA",
    },
    "precursor.loss.report.v1": {
        "uscc": COMPANY, "cas": ACETONE, "qty": 1, "unit": "kg", "found_at": MOMENT,
        "kind": "stolen", "desc": "仓库门锁被撬",
    },
    "precursor.permit.change.v1": {
        "uscc": COMPANY, "permit_no": "证-1", "action": "revoked", "substances": [ACETONE],
        "valid_to": LATER, "date": DAY,
    },
    "precursor.alert.v1": {
        **ALERT, "uscc": COMPANY, "cas": ACETONE, "permit_no": "证-1", "month": "2026-11",
    },
    "tip.sealed.v1": {"receipt_token": TOKEN, "received_on": DAY, "body": SEALED},
    "tip.reward.notice.v1": {
        "receipt_token": TOKEN, "amount": 5000, "approver": "局长甲", "solved_on": "2026-11-01",
        "noticed_on": DAY,
    },
    "tip.reward.pay.v1": {"receipt_token": TOKEN, "amount": 5000, "approver": "局长甲"},
    "tip.ask.v1": {"receipt_token": TOKEN, "asked_on": DAY},
    "tip.progress.v1": {
        "to": "com-01", "receipt_token": TOKEN, "stage": "solved", "date": DAY,
    },
    "tip.alert.v1": {**ALERT, "receipt_token": TOKEN},
    "share.apply.v1": {
        "to": "pol", "apply_no": "S-1", "item": "comm.status.change.v1", "basis": "某条例第1条",
        "use": "衔接帮扶", "scope": "本县", "manner": "消息", "until": LATER,
    },
    "share.reply.v1": {
        "to": "com-01", "apply_no": "S-1", "decision": "agreed", "reason": "符合规定",
        "provide_by": LATER,
    },
    "share.alert.v1": {**ALERT, "request_no": "S-1"},
    "correct.request.v1": {
        "to": "pol", "request_no": "C-1", "message_id": MESSAGE, "record": 0, "item": "name",
        "error": "姓名写错",
    },
    "correct.result.v1": {
        "to": "com-01", "request_no": "C-1", "message_id": MESSAGE, "record": 0, "item": "name",
        "decision": "corrected", "reason": "录入错误", "replaced_by": MESSAGE, "decided_on": DAY,
    },
    "subject.request.v1": {
        "to": "pol", "request_no": "B-1", **PERSON, "kind": "access", "received_on": DAY,
    },
    "subject.reply.v1": {
        "to": "com-01", "request_no": "B-1", "decision": "refused", "reason": "依法不予提供",
        "decided_on": DAY,
    },
    "supervise.notice.v1": {
        "to": "com-01", "notice_no": "D-1", "matter": "staffing", "text": "请补足人员",
        "due_on": LATER,
    },
    "supervise.reply.v1": {
        "notice_no": "D-1", "status": "done", "text": "已补足", "date": DAY,
    },
    "reconcile.register.v1": {
        "round": DAY, "town": TOWN, "side": "station", "token": KEYED, "status": "serving",
        "total": 98,
    },
    "reconcile.difference.v1": {
        **{name: value for name, value in ALERT.items() if name != "due_on"},
        "round": DAY, "town": TOWN, "token": KEYED, "mend": "status", "status": "ended",
    },
    "venue.patrol.result.v1": {
        "uscc": COMPANY, "date": DAY, "warning_signs": False, "staff_list": True,
        "business_log": True, "cameras": True, "own_patrols": True, "result": "failed",
        "fix_by": LATER,
    },
    "school.prevention.report.v1": {
        "school": "3651000123", "year": 2026, "grade": 5, "hours": 4, "base_visits": 1,
    },
    "staffing.report.v1": {
        "town": TOWN, "as_of": DAY, "workers_n": 4, "registered_n": 98, "in_treatment_n": 25,
    },
    "outreach.report.v1": {
        "town": TOWN, "period_from": "2026-11-01", "period_to": DAY, "activities_n": 3,
        "patrols_n": 12, "audience_n": 400, "leaflets_n": 900,
    },
    "county.digest.v1": {
        "span": "month", "period_from": "2026-11-01", "period_to": DAY, "unit": "com-01",
        "measure": "checkin", "n": 42, "of": 42,
    },
    "county.alert.v1": {**ALERT, "unit": "com-01", "uscc": COMPANY, "ref": "D-1", "count": 2},
    "sys.receipt.v1": {
        "message_id": "0195", "digest": "abc", "verdict": "part", "accepted": 1,
        "refused": [{"index": 1, "code": "record.empty", "path": "/name", "params": {"got": 1}}],
        "leaf": 4,
    },
    "sys.checkpoint.v1": {"checkpoint": "a.b.c"},
    "sys.directory.v1": {"directory": "a.b.c"},
    "sys.resend.v1": {"first": 3, "last": 5, "void": True},
    "sys.draft.v1": {
        "draft_id": "d-1", "type": "mmt.dropout.notice.v1", "rule": "M2", "cause": "c",
        "reason_code": "clinic.dropout", "params": {}, "prefill": {"site": "cln-01"},
        "checks": ["transfer"],
    },
    "sys.draft.withdrawn.v1": {"draft_id": "d-1", "reason_code": "clinic.returned"},
    "sys.draft.decision.v1": {
        "draft_id": "d-1", "decision": "approved", "by": "医师甲", "checked": ["transfer"],
    },
    "sys.alert.step.v1": {
        "alert_id": "a-1",
        "step": "resolved",
        "by": "王医生",
        "outcome": "visited",
    },
    "sys.record.looked.v1": {"about": "m-1", "operator": "wang", "reason": "work"},
    "sys.operator.acted.v1": {
        "act": "looks.stopped",
        "operator": "wang",
        "about": "li",
        "why": "too_many",
        "persons": 101,
        "at": "2026-03-01T00:00:00.000Z",
    },
    "sys.looks.resumed.v1": {"operator": "wang"},
    "sys.alert.life.v1": {
        "alert_id": "a-1",
        "type": "mmt.absence.alert.v1",
        "rule": "M1",
        "title_code": "clinic.absent",
        "desk": "cln-01",
        "state": "delivered",
        "urgent": False,
        "level": 0,
        "repeats": 0,
    },
    "sys.alert.v1": {
        "alert_id": "a-1", "rule": "X1", "title_code": "alert.no_desk", "params": {"role": "COM"},
        "cause_ref": "m-1", "raised_at": MOMENT,
    },
}  # fmt: skip
"""By type. Where a record goes to one department or another, it goes to the first."""

assert id_check_digit(ID_NO[:17]) == ID_NO[17]
