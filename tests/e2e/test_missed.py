"""What did not come by its deadline is written down, provable offline, and its arrival noted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.e2e.kit import ATTENDANCE, CLINIC_RULES, ENROL, County, attendance, enrolment

from jdgate.core import checkpoints
from jdgate.core.calendar import add_days, local_day
from jdgate.core.evidence_verify import verify
from jdgate.errors import Refused
from jdgate.founding import pinned_authority
from jdgate.store import expectations, witness

pytestmark = pytest.mark.anyio
Own = Callable[..., County]


async def test_a_missing_report_is_stated_proven_and_its_arrival_noted(own: Own) -> None:
    county = own(rules={"clinic": CLINIC_RULES | {"report_by": "10:00"}})
    county.turned.turn_to_noon()
    await county.start()
    today = local_day(county.turned()).isoformat()
    await county.push("cln-01", ENROL, [enrolment(1)])
    await county.push("cln-01", ATTENDANCE, [attendance(1, today)])
    waits = [one for one in await county.ask("expect.list") if one["what"] == ATTENDANCE]
    assert [(one["member"], one["statement"]) for one in waits] == [("cln-01", None)]
    own = [one["what"] for one in await county.ask("expect.list", member="cln-01")]
    assert own.count(ATTENDANCE) == 1 and await county.ask("expect.list", member="pol") == []
    assert await county.ask("expect.list", missed=True) == []

    county.turned.turn(timedelta(days=3))
    (late,) = await county.until(lambda: county.ask("expect.list", missed=True))
    said = await county.ask("expect.show", id=late["statement"])
    assert (said["type"], said["member"], said["arrived_at"]) == (ATTENDANCE, "cln-01", None)
    assert said["size"] <= said["entry"]
    assert "P00001" not in str(said) and len(said["about"]) == 32

    async def held(member: str) -> bool:
        """Whether a member holds a checkpoint over the statement, signed as it was made."""
        assert county.daemon.edge is not None
        row = await county.daemon.edge.run(lambda conn: witness.latest(conn, member))
        return row is not None and checkpoints.unverified(row.jws).size > said["entry"]

    await county.until(lambda: held("pol"))

    async def proven() -> Any:
        data = (await county.ask("evidence.export", id=late["statement"]))["evidence"].encode()
        report = verify(data, pinned_authority(county.home.authority_public))
        assert report.ok, report.failed
        return report.missed

    assert (await proven()).arrived is None
    (answer,) = await county.push("cln-01", ATTENDANCE, [attendance(1, add_days(today, 1))])
    missed = await proven()
    assert (missed.message, missed.member) == (answer["id"], "cln-01")
    assert await county.ask("expect.list", missed=True) == []
    with pytest.raises(Refused) as refused:
        await county.ask("expect.show", id=answer["id"])
    assert refused.value.code == "expect.unknown"


WAITS = """
from datetime import UTC, datetime
from msgspec import Struct
from jdgate.plugins import Expect, hookimpl


class Nothing(Struct):
    seen: int = 0


class WaitRule:
    name = "waits.enrolments"
    version = 1
    types = frozenset({"mmt.enrol.filed.v1"})
    state = Nothing

    def key(self, fact):
        return f"{fact.source}/{fact.data['patient_ref']}"

    def step(self, state, fact, now):
        due, type = datetime(2099, 1, 1, tzinfo=UTC), "mmt.attendance.v1"
        return Nothing(state.seen + 1), [
            Expect("by region", due, awaits=type, of="PS", region="511623100000"),
            Expect("the only one", due, awaits=type, of="POL"),
            Expect("one of many", due, awaits=type, of="CLN"),
            Expect("by its key", due, awaits=type),
            Expect("a timer", due),
        ]

    def due(self, state, name, now):
        return state, []

    def points(self, state):
        raise ValueError("a chart that breaks")


@hookimpl
def jdgate_rules(settings):
    return [WaitRule()]
"""


async def test_who_is_waited_for_is_a_member_where_that_can_be_told(own: Own) -> None:
    county = own(plugins={"waits": WAITS})
    await county.start()
    (verdict,) = await county.push("cln-01", ENROL, [enrolment(1)])
    assert verdict["verdict"] == "accepted", "though the rule's chart breaks"
    rows = await county.books(lambda conn: expectations.search(conn, rule="waits.enrolments"))
    assert {row.name: row.of for row in rows} == {
        "by region": "ps-01",
        "the only one": "pol",
        "one of many": "CLN",
        "by its key": "cln-01",
        "a timer": "",
    }
    days = await county.ask("expect.month", month="2099-01", member="ps-01")
    assert [one["open"] for one in days] == [1]
