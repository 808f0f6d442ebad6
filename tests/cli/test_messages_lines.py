"""What `jdgate messages` tells people."""

from __future__ import annotations

from typing import Any

from jdgate.cli.messages import chain_lines, messages_lines

ROW: dict[str, Any] = {
    "kind": "message", "id": "m1", "at": "2026-11-21T08:00:00.000Z", "type": "mmt.enrol.filed.v1",
    "source": "cln-01", "recipient": "", "verdict": "part", "state": "", "to": ["pol", "com-01"],
}  # fmt: skip
LETTER = ROW | {"kind": "delivery", "id": "d1", "source": "", "to": ["pol"], "state": "open"}


def test_messages_are_listed_with_where_they_went_and_where_to_go_on() -> None:
    lines = messages_lines({"rows": [ROW, LETTER], "next": "17.m1"}, "zh")
    assert "部分接收" in lines[2] and "pol com-01" in lines[2] and "2026-11-21 16:00:00" in lines[2]
    assert "待处理" in lines[3] and "—" in lines[3]
    assert lines[-1].endswith("--before 17.m1")
    assert messages_lines({"rows": [], "next": None}, "en") == ["no message matches"]


def test_a_chain_is_told_entry_by_entry() -> None:
    def entry(index: int, kind: str, holds: bool | None, **leaf: str) -> dict[str, Any]:
        return {"index": index, "kind": kind, "holds": holds, "leaf": {"at": ROW["at"], **leaf}}

    found: dict[str, Any] = {
        "id": "m1", "kind": "message", "type": ROW["type"], "source": "cln-01",
        "message": {
            "sent_at": ROW["at"], "received_at": ROW["at"], "verdict": "refused",
            "code": "agreement.no_type", "params": {"type": "x.y.v1"}, "records": 2,
        },
        "letters": [{"recipient": "pol"}],
        "entries": [
            entry(7, "accepted", True, source="cln-01", recipient="gateway"),
            entry(8, "disclosed", False, recipient="pol"),
            entry(9, "looked", None, operator="police", source="pol"),
        ],
    }  # fmt: skip
    text = "\n".join(chain_lines(found, "en"))
    for words in ("x.y.v1", "refused", "holds", "does not hold", "awaits the next checkpoint"):
        assert words in text, words
    rows = [line.split() for line in chain_lines(found, "en")[-3:]]
    assert [row[-1] for row in rows] == ["cln-01", "pol", "police"]
    bare = found | {"message": None, "letters": [], "entries": []}
    assert "cln-01" in "\n".join(chain_lines(bare, "zh"))
