"""A county with a police registry: from a row to a township, and from a clinic into the inbox."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from plugins.police.tests.office import MAPPING, Office
from tests.e2e.kit import (
    DROPOUT,
    ENROL,
    ORDER,
    STATUS,
    TOWN_1,
    TOWN_2,
    WITHIN,
    County,
    end,
    enrolment,
    id_no,
    person,
)

pytestmark = pytest.mark.anyio

DYING = '''
"""Kills the daemon right after the police database has committed, when a file says so."""
import os
import sys
from pathlib import Path
from jdgate.plugins import hookimpl
from jdgate_police.inbox import Inbox

ROOT = Path(__file__).parents[1]
whole = Inbox.deliver


async def deliver(self, delivery):
    await whole(self, delivery)
    order = ROOT / "order.die"
    if order.exists():
        order.unlink()
        os.kill(os.getpid(), 9)


if "run" in sys.argv:  # the daemon, and not the tests that found its county
    Inbox.deliver = deliver


@hookimpl
def jdgate_rules(settings):
    return []
'''


def county_of(office: Office, root: Path, **options: Any) -> County:
    """A county whose police work with this registry."""
    office.found()
    root.mkdir()
    (root / "registry.toml").write_text(MAPPING, "utf-8")
    url = root / "registry.url"
    url.write_text(office.url.render_as_string(hide_password=False), "utf-8")
    url.chmod(0o600)
    table = {
        "database_file": str(url),
        "mapping": str(root / "registry.toml"),
        "create_inbox": True,
    }
    return County.found(root, rules={"police": table}, **options)


def order(office: Office, *numbers: int, town: str = TOWN_1) -> None:
    office.does(
        "INSERT INTO decision VALUES (:id, :xm, :sfzh, :town, '1', :wh, '2026-02-02', :at)",
        *(
            {
                "id": number,
                "xm": person(number)["name"],
                "sfzh": id_no(number),
                "town": town,
                "wh": f"D{number}",
                "at": f"2026-03-01 08:00:{number % 60:02d}",
            }
            for number in numbers
        ),
    )


def dropout(number: int) -> dict[str, Any]:
    return person(number) | {
        "site": "cln-01",
        "confirmed_on": "2026-02-20",
        "confirmer": "王医生",
    }


NOTICE: dict[str, Any] = {
    "member": "cln-01",
    "type": DROPOUT,
    "records": [dropout(7)],
    "approved_by": ["王医生"],
}


def received(office: Office, type: str = DROPOUT) -> Counter[str]:
    """The people in the police's inbox, and how often."""
    try:
        found = office.sees("SELECT record FROM jdgate_inbox WHERE type = :type", type=type)
    except Exception:  # the table is made by the first delivery
        return Counter()
    return Counter(json.loads(text)["id_no"] for (text,) in found)


async def test_a_row_reaches_its_township_and_a_dropout_the_registry(
    office: Office, tmp_path: Path
) -> None:
    county = county_of(office, tmp_path / "county")
    async with county.running():
        order(office, 1)
        order(office, 2, town=TOWN_2)
        await county.until(lambda: county.records("com-01", ORDER))
        await county.until(lambda: county.records("com-02", ORDER))
        (notice,) = await county.records("com-01", ORDER)
        assert notice == person(1) | {
            "town": TOWN_1,
            "measure": "community_treatment",
            "doc_no": "D1",
            "served_on": "2026-02-02",
        }
        office.does(
            "INSERT INTO change_log VALUES (1, :xm, :no, 'D2', 'suspended', '2026-03-05')",
            xm=person(2)["name"],
            no=id_no(2),
        )
        (change,) = await county.until(lambda: county.records("com-02", STATUS))
        assert change["status"] == "suspended"
        assert not await county.records("com-01", STATUS)

        await county.push("cln-01", ENROL, [enrolment(1)])
        await county.push("cln-01", DROPOUT, [dropout(1)])
        await county.until(lambda: received(office) == Counter([id_no(1)]))
        await county.quiet()
        assert received(office, ENROL) == Counter([id_no(1)])
        await county.assert_sound()
        status = await county.ask("status")
        (pol,) = [one for one in status["members"] if one["id"] == "pol"]
        assert [one["trouble"] for one in pol["adapters"]] == ["", ""]
    log = str(county.told.getvalue())
    assert id_no(1) not in log


@pytest.mark.parametrize("moment", ["after the effect", "while sending"])
def test_a_killed_daemon_neither_loses_nor_repeats(
    office: Office, tmp_path: Path, moment: str
) -> None:
    """SIGKILL between the commit in their database and the receipt; or amid the sending of rows."""
    plugins = {"dying": DYING}
    county = county_of(office, tmp_path / "county", plugins=plugins)
    rows = 450 if moment == "while sending" else 3
    child = county.spawn()
    try:
        county.patiently("status")
        if moment == "after the effect":
            (county.home.root / "order.die").touch()
            county.control("submit", **NOTICE)
            assert child.wait(WITHIN) == -9
            assert received(office) == Counter([id_no(7)])
        order(office, *range(rows))
        if moment == "while sending":
            county.control("submit", **NOTICE)
            wait_for(county, lambda: sent(county) > 0)
            assert end(child) == -9
        child = county.spawn()
        expected = {f"D{number}": 1 for number in range(rows)}
        wait_for(county, lambda: sent(county) >= rows and received(office) == {id_no(7): 1})
        wait_for(county, lambda: county.control("status")["open_deliveries"] == 0)
        assert documents(county) == expected
        assert received(office) == {id_no(7): 1}
        receipts = office.sees("SELECT delivery_id FROM jdgate_inbox_receipt")
        assert len(receipts) == len(set(receipts))
    finally:
        end(child)


def wait_for(county: County, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < deadline, county.log()
        time.sleep(0.05)


def sent(county: County) -> int:
    """How many orders the township has."""
    return sum(documents(county).values())


def documents(county: County) -> Counter[str]:
    listed = county.patiently("inbox.list", member="com-01", limit=10_000)
    found: Counter[str] = Counter()
    for row in listed:
        if row["type"] == ORDER:
            shown = county.control("inbox.show", member="com-01", id=row["id"])
            found.update(record["doc_no"] for record in shown["data"])
    return found
