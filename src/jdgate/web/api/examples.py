"""Examples of what the API takes and gives, shown in the document and on its page."""

from __future__ import annotations

from typing import Any

from jdgate import __version__

MESSAGE = "01a1fd1e-8c00-7000-8000-000000000001"
OTHER = "01a1fd1e-8c05-7000-8000-000000000002"
JWS = "eyJhbGciOiJFZERTQSJ9.eyJzcGVjdmVyc2lvbiI6IjEuMCJ9.c2lnbmF0dXJl"

SENDING: dict[str, Any] = {
    "id": "2026-11-21.1",
    "type": "mmt.attendance.v1",
    "records": [
        {"site": "cln-01", "patient_ref": "P00001", "date": "2026-11-21", "attended": True},
        {"site": "cln-01", "patient_ref": "P00002", "date": "2026-11-21"},
    ],
}
TAKEN: dict[str, Any] = {
    "messages": [{"id": MESSAGE, "indexes": [0]}],
    "refused": [
        {
            "index": 1,
            "code": "record.field_missing",
            "path": "/attended",
            "params": {"field": "attended"},
            "texts": {
                "zh": "缺少“是否到诊”，请补填",
                "en": "“Attended” is missing; please fill it in",
            },
        }
    ],
}
CSV = "服药到诊登记表\n编号,日期,到诊\nP0001,2026-11-21,是\nP0002,2026-11-21,不清楚\n"
TABLE: dict[str, Any] = {
    "id": "2026-11-21.table",
    "type": "mmt.attendance.v1",
    "sheet": None,
    "messages": [MESSAGE],
    "counts": {"waiting": 1, "accepted": 0, "refused": 1},
    "rows": [
        {"row": 3, "state": "waiting", "reasons": []},
        {
            "row": 4,
            "state": "refused",
            "reasons": [
                {
                    "code": "files.cell_missing",
                    "path": "",
                    "params": {"row": 4, "title": "到诊"},
                    "texts": {
                        "zh": "第 4 行“到诊”是空的。请填写",
                        "en": "row 4, “到诊” is empty; fill it in",
                    },
                }
            ],
        },
    ],
}
SAID: dict[str, Any] = {
    "message_id": MESSAGE,
    "verdict": "accepted",
    "accepted": 1,
    "digest": "sqYnSOS-20YcFd8ynrzGQvCSe0bdeCVSvikL5LLHxWU",
    "leaf": 4711,
}
STATE: dict[str, Any] = {
    "id": MESSAGE,
    "type": "mmt.attendance.v1",
    "state": "accepted",
    "created_at": "2026-11-21T08:00:00.000Z",
    "verdict": SAID,
}
JUDGED: dict[str, Any] = {"id": MESSAGE, "said": SAID, "receipt": JWS}
DELIVERY: dict[str, Any] = {
    "id": OTHER,
    "type": "mmt.dropout.notice.v1",
    "source": "cln-01",
    "received_at": "2026-11-21T08:00:01.000Z",
    "records": [{"name": "示例丙", "confirmed_on": "2026-11-21"}],
    "purpose": "mmt.continuity",
}
SEALED: dict[str, Any] = {"id": OTHER, "kid": "cln-01.enc.1", "body": "3q2-7wAB"}
STANDING: dict[str, Any] = {
    "version": __version__,
    "member": "cln-01",
    "name": "第一门诊",
    "own_key": False,
    "healthy": True,
    "outbox_open": 0,
    "waiting": 2,
    "next_sequence": None,
    "missing": [],
}
EVENTS = (
    "retry: 3000\n\n"
    f'event: delivery\nid: {OTHER}\ndata: {{"id":"{OTHER}","type":"mmt.dropout.notice.v1",…}}\n\n'
    ": still here\n\n"
)
SEALED_EVENTS = (
    "retry: 3000\n\n"
    f'event: sealed\nid: {OTHER}\ndata: {{"id":"{OTHER}","kid":"cln-01.enc.1","body":"…"}}\n\n'
)

USUAL = {
    400: "web.bad_request",
    401: "web.token",
    403: "people.not_allowed",
    404: "web.not_found",
    408: "web.slow",
    409: "web.same_id",
    413: "web.too_large",
    415: "web.media_type",
    422: "key.none_to_seal",
    429: "web.too_many",
    500: "control.failed",
    503: "web.busy",
}
"""The error to show for a status."""
FAULTS: dict[tuple[str, int], str] = {
    ("send", 400): "web.malformed",
    ("send", 403): "web.type_not_yours",
    ("send", 422): "agreement.approval",
    ("send", 404): "member.not_hosted",
    ("send_table", 400): "web.bad_request",
    ("send_table", 403): "web.type_not_yours",
    ("send_table", 404): "member.not_hosted",
    ("send_table", 422): "web.no_file",
    ("receipt", 409): "web.no_receipt",
    ("status", 404): "member.not_hosted",
    ("deliveries", 404): "member.not_hosted",
    ("deliveries_stream", 404): "member.not_hosted",
    ("hand_in", 400): "signing.malformed",
    ("hand_in", 403): "web.own_key_only",
    ("hand_in", 409): "web.hosted_here",
    ("mailbox", 403): "web.own_key_only",
    ("mailbox", 409): "web.hosted_here",
    ("mailbox_stream", 403): "web.own_key_only",
    ("mailbox_stream", 409): "web.hosted_here",
}
"""The error to show for an operation and a status, where another is likelier than the usual."""
PARAMS: dict[str, dict[str, Any]] = {
    "web.malformed": {"at": "records[0]"},
    "web.type_not_yours": {"type": "mmt.attendance.v1"},
    "web.media_type": {"expected": "application/json"},
    "web.hosted_here": {"member": "cln-01"},
    "member.not_hosted": {"member": "cln-01", "hosted": "cln-02"},
    "member.suspended": {"member": "cln-01"},
    "key.none_to_seal": {"member": "cln-01"},
    "agreement.approval": {"type": "mmt.attendance.v1", "needed": 1, "got": 0},
}
