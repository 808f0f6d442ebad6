"""A county whose gateway tells a station by webhook that an urgent alert waits."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from plugins.notify.tests.servers import KEYS, Receiver, secret
from tests.e2e.kit import County
from tests.e2e.test_alerts import RULES, on_desk, tell

from jdgate.errors import Refused
from jdgate_notify.webhook import verify

pytestmark = pytest.mark.anyio


async def test_an_urgent_alert_is_told_to_the_station_and_a_wrong_setting_stops_the_start(
    tmp_path: Path, serving: Callable[[], tuple[Receiver, str]]
) -> None:
    receiver, url = serving()
    county = County.found(
        tmp_path / "county",
        plugins={"telling": RULES},
        alerts={
            "rules.notify.webhook": {"secret_file": "keys/webhook.secret"},
            "rules.notify.webhook.to": {"ps-01": url},
        },
    )
    with pytest.raises(Refused) as refused:
        await county.start()
    assert refused.value.code == "notify.secret_file"
    secret(county.home.keys, "webhook.secret", f"whsec_{KEYS[0]}\n")

    async with county.running():
        await tell(county, "UR-private")
        id = (await on_desk(county, "ps-01"))["id"]
        await county.until(lambda: receiver.got)

        async def recorded() -> bool:
            return any(leaf.get("act") == "nudge.sent" for leaf in await county.leaves(id))

        await county.until(recorded)
    ((_, headers, body),) = receiver.got
    assert verify(headers, body, base64.b64decode(KEYS[0]), datetime.now(UTC))
    assert json.loads(body)["data"] == {"member": "ps-01", "urgent": True, "waiting": 1}
    assert b"private" not in body and id.encode() not in body
