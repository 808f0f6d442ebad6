"""Channels are told that an alert waits: retried, recorded, and never in the way of a delivery."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.kit import CLINIC_RULES, County
from tests.e2e.test_alerts import DEPUTY, RULES, on_desk, reaches, tell

from jdgate.store import nudges

pytestmark = pytest.mark.anyio
Own = Callable[..., County]
MINUTE = timedelta(minutes=1)

CHANNEL = """
import asyncio
import json
from pathlib import Path
import msgspec
from jdgate.plugins import Health, Refused, TransportFailed, hookimpl


class Tells:
    name = "bell.file"

    def __init__(self, folder):
        self.folder = Path(folder)

    async def notify(self, notice):
        if (self.folder / "hang").exists():
            await asyncio.Event().wait()
        with (self.folder / "tries").open("a") as tries:
            tries.write("x")
        if (self.folder / "down").exists():
            raise TransportFailed("bus.unavailable", reason="down")
        if (self.folder / "broken").exists():
            raise ZeroDivisionError(notice.member)
        if (self.folder / "refuse").exists():
            raise Refused("record.bad_form")
        with (self.folder / "told").open("a") as told:
            told.write(msgspec.json.encode(notice).decode() + "\\n")

    async def check(self):
        return Health(ok=True)


@hookimpl
def jdgate_channels(settings):
    return [Tells(settings["folder"])]
"""


def found(own: Own, folder: Path) -> County:
    return own(
        plugins={"telling": RULES, "bell": CHANNEL},
        rules={"clinic": CLINIC_RULES, "bell": {"folder": str(folder)}},
        more=(DEPUTY,),
        alerts={
            "alerts.normal": {"acknowledge": "60m"},
            "alerts.deputies": {"ps-01": "ps-02"},
        },
    )


def told(folder: Path) -> list[dict[str, Any]]:
    path = folder / "told"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def tries(folder: Path) -> int:
    path = folder / "tries"
    return len(path.read_text()) if path.exists() else 0


async def states(county: County, id: str) -> list[tuple[str, str, str | None]]:
    rows = await county.books(lambda conn: nudges.of_alert(conn, id))
    return [(row.member, row.state, row.code) for row in rows]


async def acts(county: County, id: str) -> list[str]:
    return [leaf["act"] for leaf in await county.leaves(id) if leaf["kind"] == "admin"]


async def test_an_urgent_alert_and_a_late_one_are_told_outside_without_what_they_say(
    own: Own, tmp_path: Path
) -> None:
    county = found(own, tmp_path)
    await county.start()
    await tell(county, "UR-private")
    id = (await on_desk(county, "ps-01"))["id"]
    (notice,) = await county.until(lambda: told(tmp_path))
    assert (notice["member"], notice["rule_id"], notice["urgent"]) == ("ps-01", "T1", True)
    assert "private" not in json.dumps(notice)

    async def sent() -> bool:
        return await acts(county, id) == ["nudge.sent"]

    await county.until(sent)

    # what is not urgent is told when it came late, to the desk that has it then
    await tell(county, "PS1", number=2)
    (calm,) = [row for row in await county.ask("alerts.list") if not row["urgent"]]
    county.turned.turn(10 * MINUTE)
    await county.ask("alerts.ack", id=id, by="李警官")
    await reaches(county, id, state="acknowledged")
    county.turned.turn(51 * MINUTE)
    await reaches(county, calm["id"], desk="ps-02")
    await county.until(lambda: len(told(tmp_path)) == 2)
    assert [(one["member"], one["urgent"]) for one in told(tmp_path)][1] == ("ps-02", False)


async def test_a_channel_that_is_down_is_asked_again_later_and_holds_nothing_up(
    own: Own, tmp_path: Path
) -> None:
    (tmp_path / "down").touch()
    county = found(own, tmp_path)
    await county.start()
    await tell(county, "UR1")
    id = (await on_desk(county, "ps-01"))["id"]
    await county.until(lambda: tries(tmp_path) == 1)

    async def noted() -> bool:
        return await states(county, id) == [("ps-01", "open", "bus.unavailable")]

    await county.until(noted)
    (tmp_path / "down").rename(tmp_path / "broken")
    county.turned.turn(2 * MINUTE)
    await county.until(lambda: tries(tmp_path) == 2)
    (tmp_path / "broken").unlink()
    await county.stop()
    county.turned.turn(4 * MINUTE)
    await county.start()  # a restart forgets none
    assert [one["member"] for one in await county.until(lambda: told(tmp_path))] == ["ps-01"]

    async def sent() -> bool:
        return await acts(county, id) == ["nudge.sent"]

    await county.until(sent)


async def test_what_was_acknowledged_meanwhile_is_not_told_and_a_refusal_is_final(
    own: Own, tmp_path: Path
) -> None:
    (tmp_path / "down").touch()
    county = found(own, tmp_path)
    await county.start()
    await tell(county, "UR1")
    first = (await on_desk(county, "ps-01"))["id"]
    await county.until(lambda: tries(tmp_path) == 1)
    await county.ask("alerts.ack", id=first, by="李警官")
    await reaches(county, first, state="acknowledged")
    (tmp_path / "down").rename(tmp_path / "refuse")
    county.turned.turn(2 * MINUTE)

    async def needless() -> bool:
        return (await states(county, first))[0][1] == "needless"

    await county.until(needless)
    await tell(county, "UR2", number=2)

    async def failed() -> Any:
        rows = [row for row in await county.ask("alerts.list") if row["state"] != "acknowledged"]
        return rows and await acts(county, rows[0]["id"]) == ["nudge.failed"]

    await county.until(failed)
    assert told(tmp_path) == []
