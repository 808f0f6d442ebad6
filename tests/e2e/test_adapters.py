"""What reaches a member's own system: once, also when everything around it breaks; and rules that
break. The systems are plugins that write each delivery into a SQLite file of their own."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.kit import (
    ALERT,
    CLINIC_RULES,
    ENROL,
    WITHIN,
    County,
    end,
    enrolment,
    id_no,
)

pytestmark = pytest.mark.anyio
Own = Callable[..., County]

SINK = '''
import asyncio, os, sqlite3
from pathlib import Path
from jdgate.errors import Refused, TransportFailed
from jdgate.plugins import hookimpl
from jdgate.plugins.adapters import Health

ROOT = Path(__file__).parents[1]


class Registry:
    """The police registry: takes each delivery once, by id. How it behaves is in files."""

    name = "registry.people"
    types = frozenset({"mmt.enrol.filed.v1"})

    async def check(self):
        return Health(ok=True)

    def ordered(self, what):
        """Whether the tests ordered this behaviour; an order with a number counts down."""
        file = ROOT / f"order.{what}"
        if not file.exists():
            return False
        left = int(file.read_text() or "1")
        file.write_text(str(left - 1))
        if left <= 1:
            file.unlink()
        return True

    async def deliver(self, delivery):
        books = sqlite3.connect(ROOT / "registry.db", isolation_level=None)
        books.execute("CREATE TABLE IF NOT EXISTS called (id TEXT)")
        books.execute("CREATE TABLE IF NOT EXISTS taken (id TEXT PRIMARY KEY, people TEXT)")
        books.execute("INSERT INTO called VALUES (?)", (delivery.id,))
        try:
            people = ",".join(record["id_no"] for record in delivery.records)
            if self.ordered("slow"):
                await asyncio.sleep(1.5)
            if self.ordered("die_before"):
                os.kill(os.getpid(), 9)
            if self.ordered("away"):
                raise TransportFailed("bus.unavailable")
            if self.ordered("bug"):
                raise KeyError(people)
            if (ROOT / "order.poison").exists() and (ROOT / "order.poison").read_text() in people:
                raise Refused("record.bad_form", field="id_no")
            books.execute("INSERT OR IGNORE INTO taken VALUES (?, ?)", (delivery.id, people))
            if self.ordered("die_after"):
                os.kill(os.getpid(), 9)
        finally:
            books.close()


@hookimpl
def jdgate_adapters(member, roles, settings):
    return [Registry()] if member == "pol" else []
'''


class Registry:
    """The sink's own file, as the tests see it."""

    def __init__(self, county: County) -> None:
        self._root = county.home.root

    def order(self, what: str, value: str = "1") -> None:
        (self._root / f"order.{what}").write_text(value)

    def mend(self, what: str) -> None:
        (self._root / f"order.{what}").unlink()

    def people(self) -> Counter[str]:
        """Who was taken, and how often."""
        return Counter(p for (people,) in self._read("SELECT people FROM taken") for p in people)

    def calls(self) -> Counter[str]:
        """How often it was called for each delivery."""
        return Counter(id for (id,) in self._read("SELECT id FROM called"))

    def _read(self, query: str) -> list[tuple[Any, ...]]:
        if not (self._root / "registry.db").exists():
            return []
        books = sqlite3.connect(self._root / "registry.db", timeout=10)
        try:
            rows = books.execute(query).fetchall()
        except sqlite3.OperationalError:
            return []
        finally:
            books.close()
        return [(row[0].split(","),) if "people" in query else row for row in rows]


def everybody(count: int) -> Counter[str]:
    return Counter(id_no(n) for n in range(count))


async def taken(county: County, registry: Registry, count: int) -> None:
    async def all_there() -> bool:
        county.turned.turn(timedelta(seconds=1))
        return registry.people() == everybody(count)

    await county.until(all_there)


@pytest.mark.parametrize("trouble", ["away", "bug"])
async def test_a_system_that_fails_is_tried_again(own: Own, trouble: str) -> None:
    county = own(plugins={"registry": SINK})
    registry = Registry(county)
    await county.start()
    registry.order(trouble, "3")
    await county.push("cln-01", ENROL, [enrolment(0)])

    async def seen() -> bool:
        status = await county.ask("status")
        pol = next(m for m in status["members"] if m["id"] == "pol")
        return any(adapter["trouble"] for adapter in pol["adapters"])

    await county.until(seen)
    await taken(county, registry, 1)
    assert list(registry.calls().values()) == [4]
    await county.quiet()
    assert not await county.ask("dead.list")
    delivered = [leaf for leaf in await county.leaves() if leaf["kind"] == "delivered"]
    assert len([leaf for leaf in delivered if leaf["recipient"] == "pol"]) == 1


async def test_a_slow_system_delays_nobody_else(own: Own) -> None:
    county = own(plugins={"registry": SINK})
    registry = Registry(county)
    await county.start()
    registry.order("slow", "1")
    await county.push("cln-01", ENROL, [enrolment(0)])
    await county.until(lambda: registry.calls())
    told = await county.push("cln-01", ENROL, [enrolment(1)])
    assert told[0]["verdict"] == "accepted"
    await taken(county, registry, 2)


async def test_what_a_system_refuses_becomes_a_dead_letter_and_can_be_sent_again(own: Own) -> None:
    county = own(plugins={"registry": SINK})
    registry = Registry(county)
    await county.start()
    registry.order("poison", id_no(1))
    for n in range(3):
        await county.push("cln-01", ENROL, [enrolment(n)])
    (letter,) = await county.until(lambda: county.ask("dead.list"))
    assert (letter["direction"], letter["member"], letter["code"]) == (
        "out",
        "pol",
        "record.bad_form",
    )
    assert id_no(1) not in str(letter)
    await county.until(lambda: registry.people() == Counter([id_no(0), id_no(2)]))
    await county.until(lambda: county.records("nco", ALERT))
    (alert,) = await county.records("nco", ALERT)
    assert alert["rule"] == "X4"
    failed = [leaf for leaf in await county.leaves(letter["id"]) if leaf["kind"] == "delivered"]
    assert [leaf["verdict"] for leaf in failed] == ["failed"]

    registry.mend("poison")
    assert await county.ask("dead.retry", id=letter["id"], by="王管理员")
    await taken(county, registry, 3)
    await county.quiet()
    assert not await county.ask("dead.list")
    verdicts = [leaf for leaf in await county.leaves(letter["id"]) if leaf["kind"] == "delivered"]
    assert [leaf["verdict"] for leaf in verdicts] == ["failed", "delivered"]
    assert any(leaf["kind"] == "admin" for leaf in await county.leaves() if leaf["id"])


@pytest.mark.parametrize("moment", ["die_before", "die_after"])
def test_a_crash_around_the_effect_neither_loses_nor_repeats_it(
    tmp_path: Path, moment: str
) -> None:
    county = County.found(tmp_path / "county", plugins={"registry": SINK})
    registry = Registry(county)
    child = county.spawn()
    try:
        county.patiently("status")
        registry.order(moment)
        county.patiently("submit", member="cln-01", type=ENROL, records=[enrolment(0)])
        assert child.wait(WITHIN) == -9
        assert sum(registry.people().values()) == (moment == "die_after")
        child = county.spawn()
        county.patiently("status")
        county.control("submit", member="cln-01", type=ENROL, records=[enrolment(1)])
        deadline = time.monotonic() + WITHIN
        while county.control("status")["open_deliveries"] or registry.people() != everybody(2):
            assert time.monotonic() < deadline, (registry.people(), county.log())
            time.sleep(0.05)
    finally:
        end(child)


RULES = '''
from pathlib import Path
from msgspec import Struct
from jdgate.plugins import Alert, hookimpl

BROKEN = Path(__file__).parents[1] / "rule.broken"


class Counted(Struct):
    people: int = 0


class CountRule:
    """Counts enrolments of a clinic; breaks, or asks for what no agreement allows, when told."""

    name = "counting.enrolments"
    version = 1
    types = frozenset({"mmt.enrol.filed.v1"})
    state = Counted
    explains = {"T1": "record.bad_form"}

    def key(self, fact):
        return fact.source

    def step(self, state, fact, now):
        how = BROKEN.read_text() if BROKEN.exists() else ""
        if how == "raises":
            raise KeyError(fact.data["id_no"])
        if how == "no agreement":
            data = {"cause_ref": "x"}
            return Counted(state.people + 1), [
                Alert("c:1", "T1", "mmt.unheard.alert.v1", "pol", data, "record.bad_form")
            ]
        effects = []
        if state.people + 1 == 3:
            data = {"cause_ref": "three"}
            effects = [Alert("three", "T1", "sys.alert.v1", fact.source, data, "record.bad_form")]
        return Counted(state.people + 1), effects

    def due(self, state, name, now):
        return state, []


@hookimpl
def jdgate_rules(settings):
    return [CountRule()]
'''


async def test_a_rule_that_breaks_loses_nothing(own: Own) -> None:
    """The message is accepted, the failure kept, the authority told; mended, it is made good."""
    county = own(plugins={"counting": RULES}, rules={"clinic": CLINIC_RULES})
    broken = county.home.root / "rule.broken"
    await county.start()
    await county.push("cln-01", ENROL, [enrolment(0)])
    broken.write_text("raises")
    told = await county.push("cln-01", ENROL, [enrolment(1), enrolment(2)])
    assert told[0]["verdict"] == "accepted"
    letters = await county.until(lambda: county.ask("dead.list"))
    assert [(one["code"], one["member"]) for one in letters] == [("rule.failed", "cln-01")]
    alerts = await county.until(lambda: county.records("nco", ALERT))
    assert [alert["rule"] for alert in alerts] == ["X3"]
    assert alerts[0]["params"]["rule"] == "counting.enrolments"
    assert id_no(1) not in str([letters, alerts, await county.leaves()])

    with pytest.raises(Exception, match=r"counting\.enrolments"):
        await county.ask("dead.retry", id=letters[0]["id"])
    broken.unlink()
    await county.ask("dead.retry", id=letters[0]["id"])
    alerts = await county.until(lambda: county.records("cln-01", ALERT))
    assert [alert["rule"] for alert in alerts] == ["T1"]
    assert not await county.ask("dead.list")
    await county.quiet()
    assert len(await county.records("pol", ENROL)) == 3
    await county.assert_sound()


async def test_a_rule_that_asks_for_what_no_agreement_allows_stops_nothing(own: Own) -> None:
    county = own(plugins={"counting": RULES}, rules={"clinic": CLINIC_RULES})
    await county.start()
    (county.home.root / "rule.broken").write_text("no agreement")
    told = await county.push("cln-01", ENROL, [enrolment(0)])
    assert told[0]["verdict"] == "accepted"
    alerts = await county.until(lambda: county.records("nco", ALERT))
    assert [alert["rule"] for alert in alerts] == ["X3"]
    await county.quiet()
    assert len(await county.records("pol", ENROL)) == 1
    county.assert_alive()
    await county.assert_sound()
