"""A tip on a real bus: from a township to the police, back by its token, and to finance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.e2e.kit import HOSTED, REGION, County

from jdgate.clock import machine_time
from jdgate.core.calendar import add_days, day_of
from jdgate.core.signing import payload_unverified
from jdgate.edge.outbox import kept
from jdgate.founding import MemberPlan
from jdgate.store import outbox
from jdgate_tips.rewards import ALERT, NOTICE, PAY, PROGRESS
from jdgate_tips.token import fresh

pytestmark = pytest.mark.anyio

TIP, ASK = "tip.sealed.v1", "tip.ask.v1"
TODAY = day_of(machine_time())
TEXT = "某出租屋夜间多有人来往，气味异常"
MORE = (
    MemberPlan("fin", "县财政局", ("FIN",), (REGION,)),
    MemberPlan("cham", "县商会", ("CHAM",), (REGION,)),
)


async def accepted(
    county: County, member: str, type: str, record: dict[str, Any], **more: Any
) -> None:
    (verdict,) = await county.push(member, type, [record], **more)
    assert verdict["verdict"] == "accepted", verdict


async def test_a_tip_is_read_by_the_police_alone_and_paid_by_its_token(tmp_path: Path) -> None:
    county = County.found(tmp_path / "county", rules={"tips": {}}, more=MORE)
    token = fresh()
    async with county.running():
        tip = {"receipt_token": token, "received_on": TODAY, "body": TEXT}
        await accepted(county, "com-01", TIP, tip)
        other = {"receipt_token": fresh(), "received_on": TODAY, "body": "商会线索"}
        await accepted(county, "cham", TIP, other)
        await county.quiet()
        assert await county.records("pol", TIP) == [tip, other]

        edge = county.daemon.edge
        assert edge is not None

        def signed(conn: Any) -> bytes:
            [row] = [row for row in outbox.search(conn, "com-01") if row.type == TIP]
            return payload_unverified(kept(conn, edge.desk("com-01"), row))

        payload = await edge.run(signed)
        assert TEXT.encode() not in payload, "the gateway could read it"

        await accepted(county, "com-01", ASK, {"receipt_token": token, "asked_on": TODAY})
        solved = {"to": "com-01", "receipt_token": token, "stage": "solved"}
        solved["date"] = add_days(TODAY, -60)
        await accepted(county, "pol", PROGRESS, solved)
        (late,) = await county.until(lambda: county.records("pol", ALERT))
        assert (late["rule"], late["receipt_token"]) == ("R1", token)
        assert late["title_code"] == "tips.notice_late"
        reward = {"receipt_token": token, "amount": 5000, "approver": "局长甲"}
        dates = {"solved_on": solved["date"], "noticed_on": TODAY}
        named = {"approved_by": ["局长甲"]}
        await accepted(county, "pol", NOTICE, {**reward, **dates}, **named)
        await accepted(county, "pol", PAY, reward, **named)
        await county.quiet()

        assert await county.records("pol", ASK) == [{"receipt_token": token, "asked_on": TODAY}]
        assert await county.records("com-01", PROGRESS) == [solved]
        assert await county.records("cham", PROGRESS) == []
        assert await county.records("fin", NOTICE) == [reward], "no day that tells the case"
        assert await county.records("fin", PAY) == [reward]
        for member in (*HOSTED, "fin", "cham"):
            if member != "pol":
                assert await county.records(member, TIP) == []
                assert await county.records(member, ALERT) == []
        (alert,) = await county.ask("alerts.list", member="pol")
        assert alert["state"] == "closed"
        await county.assert_sound()
    assert TEXT not in county.told.getvalue()
