"""Disks fill, buses vanish, clocks go wrong, databases are lost: everything accepted arrives, once.

Waiting is shortened by turning the county's clock forwards, never by waiting less."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.hostile import RawMember
from tests.e2e.kit import ALERT, ENROL, WITHIN, County, enrolment, id_no

from jdgate.clock import machine_time
from jdgate.errors import TransportFailed
from jdgate.gateway import proofs
from jdgate.store import meta, outbox
from jdgate.texts import LANGUAGES, say

pytestmark = pytest.mark.anyio

Own = Callable[..., County]


def batch(first: int, count: int) -> list[dict[str, Any]]:
    return [enrolment(n) for n in range(first, first + count)]


async def arrived_once(county: County, numbers: range) -> None:
    """Each of these patients reached the police in exactly one record."""

    async def all_there() -> bool:
        records = await county.records("pol", ENROL)
        return {r["id_no"] for r in records} >= {id_no(n) for n in numbers}

    await ticking(county, all_there)
    await ticking(county, county.still)
    counted = Counter(record["id_no"] for record in await county.records("pol", ENROL))
    assert counted == Counter(id_no(n) for n in numbers)


async def ticking(county: County, until: Callable[[], Any]) -> None:
    """Let the county's clock run fast until a condition holds: resends come due sooner."""

    async def tick() -> Any:
        county.turned.turn(timedelta(seconds=1))
        value = until()
        return await value if hasattr(value, "__await__") else value

    await county.until(tick)


async def warned(county: County, code: str) -> bool:
    status = await county.ask("status")
    return any(warning["code"] == code for warning in status["warnings"])


async def assert_warnings_read_well(county: County) -> None:
    """Whole sentences, in both languages."""
    for warning in (await county.ask("status"))["warnings"]:
        for lang in LANGUAGES:
            sentence = say(warning["code"], lang, **warning["params"])
            assert "{" not in sentence and len(sentence) > 8, sentence


async def kept(county: County, member: str) -> int:
    """How many messages of a member wait for their receipt."""
    status = await county.ask("status")
    return next(m["outbox_open"] for m in status["members"] if m["id"] == member)


def cap(conn: Any) -> None:
    """No more room: SQLite itself says that the disk is full from now on."""
    pages = conn.exec_driver_sql("PRAGMA page_count").scalar()
    conn.exec_driver_sql(f"PRAGMA max_page_count={pages}")


def uncap(conn: Any) -> None:
    conn.exec_driver_sql("PRAGMA max_page_count=1073741823")


async def test_the_gateways_disk_is_full(own: Own) -> None:
    county = own()
    await county.start()
    await county.push("cln-01", ENROL, batch(0, 1))
    await county.books(cap)
    ids = [
        id for n in range(12) for id in await county.submit("cln-01", ENROL, batch(1 + n * 50, 50))
    ]
    await county.until(lambda: warned(county, "books.full"))
    await assert_warnings_read_well(county)
    assert await kept(county, "cln-01") > 0

    await county.books(uncap)
    told = await county.verdicts(ids)
    assert {verdict["verdict"] for verdict in told} == {"accepted"}
    await arrived_once(county, range(601))
    await county.assert_sound()
    assert not await county.ask("dead.list")


async def test_the_edges_disk_is_full(own: Own) -> None:
    """Nothing is taken that can't be kept, and the daemon lives on."""
    county = own()
    await county.start()
    edge = county.daemon.edge
    assert edge is not None
    await county.push("cln-01", ENROL, batch(0, 1))
    await edge.run(cap)
    taken = 1
    with pytest.raises(TransportFailed) as failed:
        while taken < 5_000:
            await county.submit("cln-01", ENROL, batch(taken, 1))
            taken += 1
    assert failed.value.code == "books.full"
    for lang in ("zh", "en"):
        assert str(county.home.edge.name) in failed.value.text(lang)

    # the full disk lies in the way of what comes, too
    raw = await RawMember.open(county, "cln-09")
    for n in range(taken, taken + 20):
        await raw.send(raw.sealed(raw.message(data=batch(n, 1))))
    await county.until(lambda: edge.warnings.get("books.full"))
    await raw.close()
    county.assert_alive()
    await edge.run(uncap)
    await county.push("cln-01", ENROL, batch(taken + 20, 1))
    await arrived_once(county, range(taken + 21))
    await county.assert_sound()


async def _all_of(county: County, count: int) -> bool:
    return len(await county.records("pol", ENROL)) >= count


async def test_the_bus_hangs_and_dies(own: Own) -> None:
    county = own()
    await county.start()
    server = county.daemon.server
    assert server is not None and server.pid is not None
    await county.push("cln-01", ENROL, batch(0, 1))
    first, pid = server.restarts, server.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        ids = await county.submit("cln-01", ENROL, batch(1, 20))
        await county.until(lambda: _unhealthy(county))
        await assert_warnings_read_well(county)
        assert await kept(county, "cln-01") == 1
    finally:
        os.kill(pid, signal.SIGKILL)
    await county.until(lambda: server.restarts > first)
    await ticking(county, lambda: _answered(county, ids))
    await arrived_once(county, range(21))
    await county.assert_sound()


async def _unhealthy(county: County) -> bool:
    status = await county.ask("status")
    return not status["bus"]["healthy"] and not any(m["healthy"] for m in status["members"])


async def _answered(county: County, ids: list[str]) -> bool:
    edge = county.daemon.edge
    assert edge is not None
    closed = await edge.run(lambda conn: outbox.closed(conn, ids))
    return len(closed) == len(ids)


@pytest.mark.parametrize("what", ["jetstream", "."])
async def test_the_store_of_the_bus_is_deleted_in_mid_flight(own: Own, what: str) -> None:
    county = own()
    await county.start()
    await county.push("cln-01", ENROL, batch(0, 1))
    ids: list[str] = []
    for n in range(30):
        ids += await county.submit("cln-01", ENROL, batch(1 + n * 10, 10))
        if n == 10:
            shutil.rmtree(county.home.nats / what, ignore_errors=True)
        await asyncio.sleep(0)
    await ticking(county, lambda: _answered(county, ids))
    await ticking(county, lambda: _all_of(county, 301))
    await arrived_once(county, range(301))
    await county.assert_sound()


async def test_the_store_is_deleted_while_the_county_sleeps(own: Own) -> None:
    """Accepted and not yet delivered, receipted and the receipt not yet read: all in the store."""
    county = own()
    await county.start()
    edge = county.daemon.edge
    assert edge is not None
    for task in edge._tasks:
        if task.get_name() == "edge read pol":
            task.cancel()
    await county.push("cln-01", ENROL, batch(0, 40))
    with contextlib.suppress(AssertionError):
        await county.stop()
    shutil.rmtree(county.home.nats)
    await county.start()
    await ticking(county, lambda: _all_of(county, 40))
    await arrived_once(county, range(40))
    await county.assert_sound()


async def test_the_clock_is_set_back(own: Own) -> None:
    """It is said, nothing breaks, and no moment is told that lies before another."""
    county = own()
    await county.start()
    await county.push("cln-01", ENROL, batch(0, 1))
    # the latest moment is kept in the books, so that a restart does not forget it
    await county.until(lambda: county.books(meta.clock))
    county.turned.turn(-timedelta(days=1))
    assert await warned(county, "status.clock_behind")
    await assert_warnings_read_well(county)
    assert (await county.push("cln-01", ENROL, batch(1, 5)))[0]["verdict"] == "accepted"
    await county.quiet()

    await county.stop()
    await county.start()
    assert await warned(county, "status.clock_behind")
    assert (await county.push("cln-01", ENROL, batch(6, 5)))[0]["verdict"] == "accepted"
    await arrived_once(county, range(11))
    await county.assert_sound()
    moments = [leaf["at"] for leaf in await county.leaves()]
    assert moments == sorted(moments)

    county.turned.turn(timedelta(days=2))
    assert not await warned(county, "status.clock_behind")


async def test_a_clock_set_back_does_not_stop_trying_again(own: Own) -> None:
    """What the bus loses on such a day is sent again on that day."""
    county = own()
    await county.start()
    server = county.daemon.server
    assert server is not None and server.pid is not None
    await county.push("cln-01", ENROL, batch(0, 1))
    county.turned.turn(-timedelta(days=1))
    os.kill(server.pid, signal.SIGSTOP)
    ids = await county.submit("cln-01", ENROL, batch(1, 5))
    await county.until(lambda: _unhealthy(county))
    shutil.rmtree(county.home.nats / "jetstream")
    os.kill(server.pid, signal.SIGKILL)
    await county.until(lambda: _answered(county, ids), within=2 * WITHIN)
    await county.until(lambda: _all_of(county, 6), within=2 * WITHIN)
    await arrived_once(county, range(6))


async def test_an_edge_loses_its_database(own: Own) -> None:
    """It counts from 1 again; the gateway names the next number and nothing is lost."""
    county = own()
    await county.start()
    for n in range(5):
        await county.push("cln-01", ENROL, batch(n, 1))
    await county.quiet()
    before = {one["id"] for one in await county.inbox("pol", ENROL)}
    await county.stop()
    for file in county.home.var.glob("edge.db*"):
        file.unlink()
    await county.start()
    ids = [id for n in range(5, 9) for id in await county.submit("cln-01", ENROL, batch(n, 1))]
    await county.until(lambda: _answered(county, ids))

    async def latest() -> bool:
        records = await county.records("pol", ENROL)
        return {r["id_no"] for r in records} >= {id_no(n) for n in range(9)}

    # the police lost theirs, too: what the gateway still has comes again under its old id
    await ticking(county, latest)
    await county.quiet()
    counted = Counter(record["id_no"] for record in await county.records("pol", ENROL))
    assert counted == Counter(id_no(n) for n in range(9))
    assert before <= {one["id"] for one in await county.inbox("pol", ENROL)}
    await county.until(lambda: _sound(county))


async def test_what_is_kept_comes_again_although_older_content_was_erased(own: Own) -> None:
    """A lost database asks for everything from 1 on; most of that was erased long ago."""
    county = own()
    await county.start()
    await county.push("cln-01", ENROL, batch(0, 250))
    for n in range(250, 256):
        await county.push("cln-01", ENROL, batch(n, 1))
    await county.quiet()

    def erase_but_the_last(conn: Any) -> None:
        rows = conn.exec_driver_sql("SELECT id FROM delivery ORDER BY sequence DESC").all()
        for row in rows[3:]:
            conn.exec_driver_sql("UPDATE delivery SET body = NULL WHERE id = ?", (row[0],))
        # as many as one answer holds, and all of them gone
        conn.exec_driver_sql(
            "UPDATE delivery SET sequence = sequence + 500 WHERE recipient = 'pol'"
        )
        conn.exec_driver_sql("UPDATE sequence_out SET last = last + 500 WHERE recipient = 'pol'")
        _pad(conn, 500)

    await county.books(erase_but_the_last)
    await county.stop()
    for file in county.home.var.glob("edge.db*"):
        file.unlink()
    await county.start()
    await county.push("cln-01", ENROL, batch(300, 1))
    wanted = {id_no(n) for n in (253, 254, 255, 300)}
    await ticking(county, lambda: _reached(county, wanted))


def _pad(conn: Any, count: int) -> None:
    """Deliveries of long ago, of which only the proof is left."""
    (columns,) = {
        tuple(row._mapping) for row in conn.exec_driver_sql("SELECT * FROM delivery LIMIT 1")
    }
    row = dict(
        conn.exec_driver_sql("SELECT * FROM delivery WHERE recipient = 'pol'").first()._mapping
    )
    marks = ", ".join("?" * len(columns))
    names = ", ".join(f'"{column}"' for column in columns)
    for number in range(1, count + 1):
        old = row | {"id": f"old-{number}", "sequence": number, "body": None, "state": "delivered"}
        values = tuple(old[column] for column in columns)
        conn.exec_driver_sql(f"INSERT INTO delivery ({names}) VALUES ({marks})", values)


async def _reached(county: County, people: set[str]) -> bool:
    return {record["id_no"] for record in await county.records("pol", ENROL)} >= people


async def _sound(county: County) -> bool:
    try:
        await county.assert_sound()
    except AssertionError:
        return False
    return True


async def test_a_message_lost_on_the_way_in_is_asked_for(own: Own) -> None:
    """The bus loses number 2 after confirming it; number 3 shows that it is missing."""
    county = own()
    await county.start()
    edge = county.daemon.edge
    assert edge is not None
    await county.push("cln-01", ENROL, batch(0, 1))
    swallowed = []
    bus = edge._buses["cln-01"]
    publish = bus.publish

    async def lossy(messages: Any) -> None:
        if not swallowed:
            swallowed.extend(messages)
            return
        await publish(messages)

    bus.publish = lossy  # type: ignore[method-assign]
    lost = await county.submit("cln-01", ENROL, batch(1, 1))
    await county.until(lambda: swallowed)
    bus.publish = publish  # type: ignore[method-assign]
    # its own resend is far away, so only the gateway's question can bring it
    await edge.run(lambda conn: outbox.postpone(conn, lost, machine_time() + timedelta(days=9)))
    await county.push("cln-01", ENROL, batch(2, 1))
    with pytest.raises(AssertionError):
        await county.assert_sound()
    await ticking(county, lambda: _answered(county, lost))
    await arrived_once(county, range(3))
    await county.assert_sound()
    assert not await county.inbox("nco", ALERT)


async def test_a_message_lost_on_the_way_out_is_asked_for(own: Own) -> None:
    county = own()
    await county.start()
    await county.push("cln-01", ENROL, batch(0, 1))
    await county.quiet()
    with losing(county, 1):
        await county.push("cln-01", ENROL, batch(1, 1))
    # the gateway itself would try again only after days
    later = machine_time() + timedelta(days=9)

    def postpone(conn: Any) -> None:
        conn.exec_driver_sql("UPDATE delivery SET next_at = ? WHERE state = 'open'", (_ms(later),))

    await county.books(postpone)
    await county.push("cln-01", ENROL, batch(2, 1))
    await ticking(county, lambda: _all_of(county, 3))
    await arrived_once(county, range(3))
    await county.assert_sound()


def _ms(moment: Any) -> int:
    return int(moment.timestamp() * 1000)


@contextlib.contextmanager
def losing(county: County, count: int) -> Iterator[None]:
    """The bus confirms the next deliveries to the police and loses them."""
    bus = county.gateway.bus
    publish = bus.publish
    lost: list[str] = []

    async def lossy(messages: Any) -> None:
        kept = []
        for one in messages:
            if one.member == "pol" and len(lost) < count:
                lost.append(one.id)
            else:
                kept.append(one)
        await publish(kept)

    bus.publish = lossy  # type: ignore[method-assign]
    try:
        yield
    finally:
        bus.publish = publish  # type: ignore[method-assign]
    assert len(lost) == count


async def test_a_gap_that_stays_is_told_to_the_authority_and_taken_back(own: Own) -> None:
    county = own()
    await county.start()
    edge = county.daemon.edge
    assert edge is not None
    await county.push("cln-01", ENROL, batch(0, 1))
    held = edge._buses.pop("cln-01")
    lost = await county.submit("cln-01", ENROL, batch(1, 1))
    hidden = await edge.run(lambda conn: outbox.get(conn, lost[0]))
    assert hidden is not None
    await edge.run(lambda conn: conn.exec_driver_sql("DELETE FROM outbox WHERE id = ?", (lost[0],)))
    edge._buses["cln-01"] = held
    await county.push("cln-01", ENROL, batch(2, 1))

    async def told() -> bool:
        county.turned.turn(timedelta(minutes=1))
        return any(r["rule"] == "X2" for r in await county.records("nco", ALERT))

    await county.until(told)
    (alert,) = [r for r in await county.records("nco", ALERT) if r["rule"] == "X2"]
    assert alert["params"] == {"member": "cln-01"}

    await edge.run(lambda conn: outbox.add_many(conn, [hidden]))
    await ticking(county, lambda: _answered(county, lost))
    await arrived_once(county, range(3))
    status = await county.ask("status")
    assert not status["alerts"].get("raised")


async def test_books_are_whole_after_all_that_is_tried_to_break_them(
    own: Own, tmp_path: Path
) -> None:
    """Another process can't open the books while the daemon has them."""
    county = own()
    await county.start()
    await county.push("cln-01", ENROL, batch(0, 3))

    def steps(conn: Any) -> list[tuple[int, int]]:
        return list(proofs.recompute(conn))

    done = await county.books(steps)
    assert done[-1][0] == done[-1][1] > 0
