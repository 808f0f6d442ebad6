"""Whatever the bus does and wherever it crashes: nothing accepted is lost, nothing comes twice.

The real pipeline, the real edge and real databases, over a bus that drops, repeats and reorders
what it likes. A crash loses everything that is not committed: before the commit, after it and
before anything is sent, or after sending and before the bus is told.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.e2e.kit import ENROL, County, enrolment, id_no

from jdgate import catalogues
from jdgate.bus.port import Outgoing
from jdgate.clock import machine_time
from jdgate.core.admission import Arrival
from jdgate.core.message import whole_ms
from jdgate.core.sealing import context, seal
from jdgate.core.signing import payload_unverified
from jdgate.edge import inbox as reading
from jdgate.edge import outbox as writing
from jdgate.edge.desk import Desk
from jdgate.gateway import dispatch, pipeline, proofs, redelivery, timekeeper
from jdgate.gateway.compose import Outbound
from jdgate.gateway.ground import Ground, new_id
from jdgate.gateway.workers import Workers
from jdgate.plugins.host import PluginHost
from jdgate.store import deliveries, inbox, outbox, sequences
from jdgate.store.database import Database
from jdgate.store.vault import Vault

CLINIC, POLICE = "cln-01", "pol"
RECEIPT, RESEND = "sys.receipt.v1", "sys.resend.v1"


class Crash(Exception):
    """The process ends here."""


class Setting:
    """What stays the same in every world: keys, directory, catalogue, and empty databases."""

    def __init__(self, folder: Path) -> None:
        self.county = County.found(folder)
        self.plugins = PluginHost()
        self.catalogue = catalogues.load_all(self.plugins)
        self.trust = self.county.trust
        self.keys = {m: self.county.keys(m) for m in ("gateway", CLINIC, POLICE)}
        self.empty = folder / "empty"
        self.empty.mkdir()
        for which in ("books", "edge"):
            database = Database.open(f"sqlite:///{self.empty / which}.db", which)
            Vault.unlock(database, self.empty / f"{which}.master")
            database.close()


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return Setting(tmp_path_factory.mktemp("setting"))


class World:
    """A gateway, a clinic and the police, and the bus between them."""

    def __init__(self, setting: Setting, folder: Path) -> None:
        self._setting, self._folder = setting, folder
        shutil.copytree(setting.empty, folder, dirs_exist_ok=True)
        self.now = whole_ms(machine_time())
        self.ingress: list[Outgoing] = []
        self.boxes: dict[str, list[Outgoing]] = {CLINIC: [], POLICE: []}
        self.sinks: dict[str, Collection[str]] = {CLINIC: (), POLICE: ()}
        self.answers: dict[str, dict[str, Any]] = {}
        self.answered = 0
        self.pushed = 0
        self.open()

    def open(self) -> None:
        s = self._setting
        self.books = Database.open(f"sqlite:///{self._folder / 'books'}.db", "books")
        self.ground = Ground(
            trust=s.trust,
            catalogue=s.catalogue,
            keys=s.keys["gateway"],
            vault=Vault.unlock(self.books, self._folder / "books.master"),
            rules=tuple(s.plugins.rules()),
        )
        self.edge = Database.open(f"sqlite:///{self._folder / 'edge'}.db", "edge")
        vault = Vault.unlock(self.edge, self._folder / "edge.master")
        self.desks = {
            member: Desk(
                keys=s.keys[member],
                trust=s.trust,
                catalogue=s.catalogue,
                vault=vault,
                plugins=s.plugins,
                new_id=new_id,
            )
            for member in (CLINIC, POLICE)
        }

    def close(self) -> None:
        self.books.close()
        self.edge.close()

    def crash(self) -> None:
        """Everything in memory is gone."""
        self.close()
        self.open()

    # --- steps

    def push(self, count: int) -> None:
        numbers = range(self.pushed, self.pushed + count)
        with self.edge.transaction() as conn:
            made = writing.submit(
                conn, self.desks[CLINIC], ENROL, [enrolment(n) for n in numbers], self.now, batch=1
            )
        assert len(made.messages) == count
        self.pushed += count

    def send(self, lost: bool = False) -> None:
        """The clinic's outbox onto the bus; `lost`: the bus confirms it and forgets it."""
        with self.edge.transaction() as conn:
            rows = outbox.due(conn, [CLINIC], self.now, 100)
            outbox.mark_sent(conn, [row.id for row in rows], self.now + timedelta(seconds=10))
            bodies = []
            for row in rows:
                assert row.key_id is not None and row.body is not None
                vault = self.desks[CLINIC].vault
                bodies.append(vault.open(conn, row.key_id, row.body, row.id.encode()))
        for row, jws in zip(rows, bodies, strict=True):
            if not lost:
                self._say(CLINIC, jws, row.id)

    def _say(self, member: str, jws: bytes, id: str) -> None:
        key = self._setting.trust.sealing_key("gateway", self.now)
        body = seal(jws, key, context(member, "gateway", id))
        self.ingress.append(Outgoing(member=member, id=id, msg_id=id, kid=key.kid, body=body))

    def _to_boxes(self, outbound: Sequence[Outbound]) -> None:
        for one in outbound:
            if one.type == RECEIPT:
                for record in msgspec.json.decode(payload_unverified(one.jws))["data"]:
                    self._same_answer(record["message_id"], record)
        for one in asyncio.run(dispatch.seal_outbound(self.ground, Workers(0), outbound, self.now)):
            if one.member in self.boxes:
                self.boxes[one.member].append(one)

    def gateway(self, count: int, dies: str = "") -> None:
        """The gateway takes what is there, and may die at one of three moments."""
        taken = self.ingress[:count]
        try:
            with self.books.transaction() as conn:
                processed = pipeline.process(conn, self.ground, self._arrivals(taken), self.now)
                if dies == "before commit":
                    raise Crash
        except Crash:
            self.crash()
            return
        if dies == "after commit":
            self.crash()
            return
        self._to_boxes(processed.outbound)
        if dies == "before acknowledging":
            self.crash()
            return
        del self.ingress[:count]

    def member(self, member: str, count: int, dies: str = "") -> None:
        """A member's edge takes what its mailbox has."""
        taken_now = self.boxes[member][:count]
        desk = self.desks[member]
        try:
            with self.edge.transaction() as conn:
                arrivals = self._arrivals(taken_now, member)
                taken = reading.take(conn, desk, arrivals, self.now, self.sinks[member])
                if dies == "before commit":
                    raise Crash
        except Crash:
            self.crash()
            return
        if dies == "after commit":
            self.crash()
            return
        if taken.receipts:
            jws, id = writing.signed(desk, RECEIPT, taken.receipts, self.now)
            self._say(member, jws, id)
        if dies == "before acknowledging":
            self.crash()
            return
        del self.boxes[member][:count]

    def adapters(self, *how: Any) -> None:
        """Members' own systems take what came for them. Here there are none."""

    def _arrivals(self, taken: list[Outgoing], reader: str = "") -> list[Arrival]:
        return [Arrival(reader or one.member, one.id, one.kid, one.body, self.now) for one in taken]

    def _same_answer(self, id: str, record: dict[str, Any]) -> None:
        self.answered += 1
        assert self.answers.setdefault(id, record) == record, "two receipts for one message"

    def wait(self, seconds: int) -> None:
        """Time passes; whatever is due by it is done, on both sides."""
        self.now += timedelta(seconds=seconds)
        with self.books.transaction() as conn:
            due = timekeeper.run_due(conn, self.ground, self.now)
            rows = deliveries.due(conn, self.now, dispatch.AT_ONCE)
            again = redelivery.send_again(conn, self.ground, rows, self.now)
        self._to_boxes([*due.outbound, *again])
        with self.edge.transaction() as conn:
            gaps = sequences.gaps_due(conn, self.now, timedelta(seconds=5))
            sequences.mark_asked(conn, gaps, self.now)
        for gap in gaps:
            asked = [{"first": gap.first, "last": gap.last}]
            jws, id = writing.signed(self.desks[gap.member], RESEND, asked, self.now)
            self._say(gap.member, jws, id)
        self.send()

    def disturb(self, what: str, where: str, seed: int) -> None:
        """The bus loses, repeats or reorders something."""
        queue = self.ingress if where == "ingress" else self.boxes[where]
        if not queue:
            return
        chance = Random(seed)
        if what == "drop":
            del queue[chance.randrange(len(queue))]
        elif what == "duplicate":
            queue.insert(chance.randrange(len(queue) + 1), chance.choice(queue))
        else:
            chance.shuffle(queue)

    # --- what must hold

    def assert_receipts_are_true(self) -> None:
        """A delivery that the gateway counts as delivered is in the recipient's database."""
        with self.books.read() as conn:
            query = "SELECT id, recipient FROM delivery WHERE state = 'delivered'"
            delivered = conn.exec_driver_sql(query).all()
        with self.edge.read() as conn:
            for id, recipient in delivered:
                row = inbox.get(conn, recipient, id)
                assert row is not None and row.state == inbox.DONE

    def received(self) -> Counter[str]:
        """Who reached the police, and how often."""
        found: Counter[str] = Counter()
        with self.edge.read() as conn:
            for row in inbox.search(conn, POLICE, type=ENROL, limit=10_000):
                body = reading.read_body(conn, self.desks[POLICE], row)
                found.update(record["id_no"] for record in body["data"])
        return found

    def settle(self) -> None:
        """The bus behaves from now on: soon there is nothing left to do."""
        for _ in range(40):
            self.wait(30)
            while self.ingress or any(self.boxes.values()):
                self.gateway(100)
                for member in self.boxes:
                    self.member(member, 100)
                self.adapters()
            with self.books.read() as conn:
                left = sum(deliveries.counts(conn).get(m, 0) for m in (CLINIC, POLICE))
            with self.edge.read() as conn:
                left += outbox.unanswered(conn, CLINIC)[0]
            if not left:
                return
        raise AssertionError(f"{left} still under way")

    def assert_all_arrived_once(self) -> None:
        assert self.received() == Counter(id_no(n) for n in range(self.pushed))
        late = self.now + timedelta(days=1)
        with self.books.read() as conn:
            assert list(proofs.recompute(conn)) or not self.pushed
            assert not sequences.gaps_older(conn, late)
        with self.edge.read() as conn:
            assert not sequences.gaps_older(conn, late)


PLACES = st.sampled_from(["ingress", CLINIC, POLICE])
DEATHS = st.sampled_from(["", "", "", "before commit", "after commit", "before acknowledging"])
STEPS = st.one_of(
    st.tuples(st.just("push"), st.integers(1, 3)),
    st.tuples(st.just("send"), st.booleans()),
    st.tuples(st.just("gateway"), st.integers(1, 6), DEATHS),
    st.tuples(st.just("member"), st.sampled_from([CLINIC, POLICE]), st.integers(1, 6), DEATHS),
    st.tuples(
        st.just("disturb"),
        st.sampled_from(["drop", "duplicate", "reorder"]),
        PLACES,
        st.integers(0, 1000),
    ),
    st.tuples(st.just("wait"), st.sampled_from([1, 6, 11, 40])),
    st.tuples(st.just("crash")),
)


Step = tuple[Any, ...]
DYING = ("before commit", "after commit", "before acknowledging")
THE_WAY: tuple[Step, ...] = (
    ("send", False),
    ("gateway", 6, ""),
    ("member", POLICE, 6, ""),
    ("gateway", 6, ""),
    ("member", CLINIC, 6, ""),
)
"""A message's way and back: out, judged, delivered, its delivery receipted, its receipt read."""


def with_one_fault(way: Sequence[Step]) -> Iterator[tuple[Step, ...]]:
    """The way with one thing gone wrong, at each place where it can."""
    for at, step in enumerate(way):
        before, after = tuple(way[:at]), tuple(way[at + 1 :])
        name = step[0]
        if name in ("gateway", "member"):
            for death in DYING:
                yield (*before, (*step[:-1], death), *after)
            queue = "ingress" if name == "gateway" else step[1]
            for what in ("drop", "duplicate"):
                yield (*before, ("disturb", what, queue, 0), step, *after)
        yield (*before, ("crash",), step, *after)
        yield (*before, ("gateway", 6, ""), step, *after)
    yield (("send", True), *way)


def live(world: World, steps: Sequence[Step]) -> None:
    """Two messages and what happens to them; what must hold does after each step and at the end."""
    try:
        world.push(2)
        for name, *arguments in steps:
            getattr(world, name)(*arguments)
            world.assert_receipts_are_true()
            assert all(count == 1 for count in world.received().values())
        world.settle()
        world.assert_receipts_are_true()
        world.assert_all_arrived_once()
    finally:
        world.close()


def test_no_single_fault_on_its_way_loses_or_doubles_a_message(setting: Setting) -> None:
    for steps in with_one_fault(THE_WAY):
        with tempfile.TemporaryDirectory() as folder:
            live(World(setting, Path(folder)), steps)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, min_size=15, max_size=40))
def test_what_is_accepted_arrives_exactly_once_and_receipts_are_true(
    setting: Setting, steps: list[Step]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        live(World(setting, Path(folder)), [("send", False), *steps])
