"""What only the other clinic may read leaves the first one sealed; the gateway can't open it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.e2e.kit import ORDER, TOWN_1, County, person

from jdgate.core.signing import payload_unverified
from jdgate.edge.outbox import kept
from jdgate.store import outbox

pytestmark = pytest.mark.anyio

REQUEST = "mmt.transfer.request.v1"
SECRET = "近三个月稳定，建议继续"


def request(number: int, to: str = "cln-02") -> dict[str, Any]:
    return person(number) | {
        "transfer_no": f"T-{number}",
        "site": "cln-01",
        "to": to,
        "valid_to": "2099-01-31",
        "sealed_clinical": SECRET,
    }


async def test_the_summary_of_a_transfer_is_read_by_the_receiving_clinic_alone(
    tmp_path: Path,
) -> None:
    county = County.found(tmp_path / "county")
    async with county.running():
        order = person(1) | {
            "town": TOWN_1,
            "measure": "community_treatment",
            "doc_no": "1号",
            "served_on": "2026-03-01",
        }
        await county.push("pol", ORDER, [order])
        [verdict] = await county.push("cln-01", REQUEST, [request(1)])
        assert verdict["verdict"] == "accepted", verdict
        await county.quiet()

        [seen] = await county.records("cln-02", REQUEST)
        assert seen == request(1)
        [told] = await county.records("com-01", REQUEST)
        assert told == person(1) | {"to": "cln-02"}
        assert await county.records("pol", REQUEST) == []

        edge = county.daemon.edge
        assert edge is not None
        desk = edge.desk("cln-01")

        def signed(conn: Any) -> bytes:
            [row] = [r for r in outbox.search(conn, "cln-01") if r.type == REQUEST]
            return payload_unverified(kept(conn, desk, row))

        payload = await edge.run(signed)
        assert SECRET.encode() not in payload, "the gateway could read it"
        assert b'"sealed_clinical":{"kid":"cln-02' in payload


async def test_a_transfer_to_no_clinic_never_leaves_the_desk(tmp_path: Path) -> None:
    county = County.found(tmp_path / "county")
    async with county.running():
        answer = await county.ask(
            "submit", member="cln-01", type=REQUEST, records=[request(1, to="cln-99")]
        )
        assert [fault["code"] for fault in answer["refused"]] == ["record.sealed_nobody"]
        assert answer["messages"] == []

        other = {k: v for k, v in request(1).items() if k != "to"}
        answer = await county.ask("submit", member="cln-01", type=REQUEST, records=[other])
        assert [fault["path"] for fault in answer["refused"]] == ["/to"]
