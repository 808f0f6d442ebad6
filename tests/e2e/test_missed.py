"""What did not come by its deadline is written down, provable offline, and its arrival noted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.e2e.kit import ATTENDANCE, CLINIC_RULES, ENROL, County, attendance, enrolment

from jdgate.clock import machine_time
from jdgate.core import checkpoints
from jdgate.core.calendar import add_days, local_day
from jdgate.core.evidence_verify import verify
from jdgate.errors import Refused
from jdgate.founding import pinned_authority
from jdgate.store import witness

pytestmark = pytest.mark.anyio
Own = Callable[..., County]


async def test_a_missing_report_is_stated_proven_and_its_arrival_noted(own: Own) -> None:
    county = own(rules={"clinic": CLINIC_RULES | {"report_by": "10:00"}})
    await county.start()
    today = local_day(machine_time()).isoformat()
    await county.push("cln-01", ENROL, [enrolment(1)])
    await county.push("cln-01", ATTENDANCE, [attendance(1, today)])
    waits = [one for one in await county.ask("expect.list") if one["what"] == ATTENDANCE]
    assert [(one["member"], one["statement"]) for one in waits] == [("cln-01", None)]
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
