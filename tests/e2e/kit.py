"""A county for tests: founded in a folder, run by a real daemon, with real NATS and SQLite.

county = County.found(tmp_path)                     # keys, directory, configuration
async with county.running():                        # in this process
    verdicts = await county.push("cln-01", ENROL, [enrolment(1)])
    await county.until(lambda: county.inbox("pol"), 1)
with county.process():                              # or as `jdgate run`, to be killed
    county.control("status")
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from jdgate import catalogues
from jdgate.clock import Clock, machine_time
from jdgate.commands import handlers
from jdgate.config import Home, read_config
from jdgate.control import connect
from jdgate.core.calendar import LOCAL, local_day
from jdgate.core.directory import Directory, Trust, read
from jdgate.core.identity import id_check_digit
from jdgate.core.keys import MemberKeys
from jdgate.daemon import Daemon
from jdgate.errors import TransportFailed
from jdgate.founding import AUTHORITY, MemberPlan, found, pinned_authority, republish
from jdgate.gateway import proofs
from jdgate.gateway.gateway import Gateway
from jdgate.keystore import read_key_file
from jdgate.plugins.host import PluginHost
from jdgate.store import sequences
from jdgate.teller import Teller

T = TypeVar("T")

ENROL = "mmt.enrol.filed.v1"
ATTENDANCE = "mmt.attendance.v1"
DROPOUT = "mmt.dropout.notice.v1"
CUSTODY = "mmt.custody.notice.v1"
ORDER = "comm.order.notice.v1"
STATUS = "comm.status.change.v1"
ALERT = "sys.alert.v1"

REGION = "511623000000"
TOWN_1, TOWN_2 = "511623100000", "511623101000"
APPROVERS = ("王医生", "李主任")
CLINIC_PLUGIN = Path(__file__).parents[2] / "plugins" / "clinic"
WITHIN = 60.0
"""Seconds after which a condition that should come true is given up: far more than it takes."""
STOPS_WITHIN = 60.0
"""Seconds after which a stop is given up, and what still goes on is told."""

PLAN = (
    MemberPlan("nco", "县禁毒办", ("NCO",), (REGION,), "authority"),
    MemberPlan("gateway", "县交换网关", ("GW",), (REGION,), "gateway"),
    MemberPlan("pol", "县公安局禁毒大队", ("POL",), (REGION,)),
    MemberPlan("ps-01", "派出所", ("PS",), (TOWN_1,)),
    MemberPlan("cln-01", "第一门诊", ("CLN",), (REGION,)),
    MemberPlan("cln-02", "第二门诊", ("CLN",), (REGION,)),
    MemberPlan("com-01", "甲镇社区戒毒办", ("COM",), (TOWN_1,)),
    MemberPlan("com-02", "乙镇社区戒毒办", ("COM",), (TOWN_2,)),
    # These are in the directory and on the bus, and the tests play them by hand.
    MemberPlan("cln-07", "钥匙吊销的门诊", ("CLN",), (REGION,)),
    MemberPlan("cln-08", "钥匙过期的门诊", ("CLN",), (REGION,)),
    MemberPlan("cln-09", "不守规矩的门诊", ("CLN",), (REGION,)),
)
HOSTED = ("nco", "pol", "ps-01", "cln-01", "cln-02", "com-01", "com-02")
CLINIC_RULES = {"absence_days": 3, "dropout_days": 5, "report_by": False}


def id_no(number: int) -> str:
    """A well-formed identity number that belongs to nobody: its region is given to no place."""
    first = f"999999{1960 + number % 40}0{1 + number // 40 % 9}15{number // 360 % 1000:03d}"
    return first + id_check_digit(first)


def enrolment(number: int, **other: Any) -> dict[str, Any]:
    """Patient `number` in treatment at a clinic."""
    record = {
        "name": f"甄患者{number}",
        "id_type": "ric",
        "id_no": id_no(number),
        "site": "cln-01",
        "patient_ref": f"P{number:05d}",
        "date": "2026-01-05",
        "status": "active",
    }
    return record | other


def attendance(number: int, day: str, attended: bool = True, **other: Any) -> dict[str, Any]:
    """Whether patient `number` came on a day."""
    record = {"site": "cln-01", "patient_ref": f"P{number:05d}", "date": day, "attended": attended}
    return record | other


def person(number: int) -> dict[str, Any]:
    """Patient `number` as a person is named in messages."""
    return {"name": f"甄患者{number}", "id_type": "ric", "id_no": id_no(number)}


class TurnedClock:
    """The machine's clock, turned forwards or back by hand."""

    def __init__(self) -> None:
        self.offset = timedelta(0)
        self._stands_at: datetime | None = None

    def __call__(self) -> datetime:
        return self._stands_at or machine_time() + self.offset

    def turn(self, by: timedelta) -> None:
        self.offset += by

    def turn_to(self, moment: datetime) -> None:
        """To a moment, and on from there."""
        self.offset = moment - machine_time()

    def turn_to_noon(self) -> None:
        """To the next local noon: no midnight passes while a test looks at a day."""
        noon = self().astimezone(LOCAL).replace(hour=12, minute=0, second=0, microsecond=0)
        self.turn_to(noon if noon > self() else noon + timedelta(days=1))

    def stay_within_a_day(self) -> None:
        """To the next local day where this one is over within the hour: for what goes on there
        already and is counted by the day."""
        soon = self() + timedelta(hours=1)
        if local_day(soon) != local_day(self()):
            self.turn(timedelta(hours=1))

    @contextlib.contextmanager
    def standing(self, moment: datetime) -> Iterator[None]:
        """It stands at a moment, however long that takes, and goes on from there."""
        self._stands_at = moment
        try:
            yield
        finally:
            self._stands_at = None
            self.turn_to(moment)


class County:
    """One installation in one folder."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root)
        self.turned = TurnedClock()
        self.told = StringIO()
        self._daemon: Daemon | None = None

    # --- founding

    @classmethod
    def found(
        cls,
        root: Path,
        *,
        plugins: dict[str, str] | None = None,
        rules: dict[str, dict[str, Any]] | None = None,
        hosted: Sequence[str] = HOSTED,
        roles: Sequence[str] = ("gateway", "edge"),
        alerts: dict[str, dict[str, Any]] | None = None,
        more: Sequence[MemberPlan] = (),
    ) -> County:
        """A new county. `plugins`: name → source of a single-file plugin beside the clinic's;
        `alerts`: tables of the configuration; `more`: members beside the usual ones, hosted."""
        root.mkdir(parents=True, exist_ok=True)
        county = cls(root)
        folder = county.plugins_dir
        folder.mkdir()
        (folder / "clinic").symlink_to(CLINIC_PLUGIN)
        for name, source in (plugins or {}).items():
            (folder / f"{name}.py").write_text(source, "utf-8")
        digest = catalogues.load_all(PluginHost(folder)).digest
        directory = found(
            county.home,
            region=REGION,
            name="测试县",
            plan=(*PLAN, *more),
            catalogue_digest=digest,
            now=machine_time(),
        )
        tables: dict[str, dict[str, Any]] = {
            "county": {"region": REGION, "name": "测试县"},
            "run": {"roles": list(roles), "members": [*hosted, *(one.id for one in more)]},
            "plugins": {"dir": "plugins"},
            "books": {"checkpoint_seconds": 3600},
        }
        for name, settings in (rules or {"clinic": CLINIC_RULES}).items():
            tables[f"rules.{name}"] = settings
        tables |= alerts or {}
        county.home.config.write_text(_toml(tables), "utf-8")
        county.publish(_spoilt(directory))
        return county

    @property
    def plugins_dir(self) -> Path:
        return self.home.root / "plugins"

    def publish(self, directory: Directory) -> None:
        """Have the authority sign this directory as the next version."""
        signer = read_key_file(self.home.keys / f"{AUTHORITY}.key").signer
        republish(self.home, directory, signer, machine_time())

    @property
    def directory(self) -> Directory:
        pinned = pinned_authority(self.home.authority_public)
        return read(self.home.directory.read_bytes(), pinned)

    @property
    def trust(self) -> Trust:
        return Trust(self.directory)

    def keys(self, member: str) -> MemberKeys:
        return read_key_file(self.home.keys / f"{member}.key")

    # --- running in this process

    @property
    def daemon(self) -> Daemon:
        assert self._daemon is not None, "the county does not run"
        return self._daemon

    @property
    def gateway(self) -> Gateway:
        assert self.daemon.gateway is not None
        return self.daemon.gateway

    async def start(self) -> None:
        """Bring the daemon up in this process."""
        teller = Teller("en", self.told)
        daemon = Daemon(self.home, read_config(self.home), teller=teller, clock=Clock(self.turned))
        await daemon.start()
        self._daemon = daemon

    async def stop(self) -> None:
        """Take it down in order."""
        if self._daemon is not None:
            daemon, self._daemon = self._daemon, None
            assert daemon.failed is None, daemon.failed
            try:
                async with asyncio.timeout(STOPS_WITHIN):
                    await daemon.stop()
            except TimeoutError:
                raise AssertionError("the daemon did not stop:\n" + _under_way()) from None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[County]:
        await self.start()
        try:
            yield self
        finally:
            await self.stop()

    async def ask(self, method: str, /, **params: Any) -> Any:
        """A command's answer; the events, where it gives events."""
        answer = handlers(self.daemon)[method](**params)
        if isinstance(answer, Awaitable):
            return await answer
        return [event async for event in answer]

    async def submit(
        self, member: str, type: str, records: list[dict[str, Any]], **more: Any
    ) -> list[str]:
        """Put good records into a member's outbox; the ids of the messages.

        As many persons approve them as the agreement wants, unless `approved_by` says otherwise.
        """
        needed = self.daemon.catalogue.sheets[type].approvers
        more = {"approved_by": APPROVERS[:needed]} | more
        answer = await self.ask("submit", member=member, type=type, records=records, **more)
        assert answer["refused"] == []
        return [message["id"] for message in answer["messages"]]

    async def verdicts(self, ids: list[str]) -> list[dict[str, Any]]:
        """The gateway's answers to these messages, in this order."""
        events = await self.ask("wait", ids=ids, timeout_s=WITHIN)
        assert not any("open" in event for event in events), events
        by_id = {event["id"]: event for event in events}
        return [by_id[id] for id in ids if id in by_id]

    async def push(
        self, member: str, type: str, records: list[dict[str, Any]], **more: Any
    ) -> list[dict[str, Any]]:
        """Submit and wait for the verdicts."""
        return await self.verdicts(await self.submit(member, type, records, **more))

    async def inbox(self, member: str, type: str | None = None) -> list[dict[str, Any]]:
        """What came for a member, oldest first, opened."""
        rows = await self.ask("inbox.list", member=member, limit=10_000)
        return [
            await self.ask("inbox.show", member=member, id=row["id"])
            for row in reversed(rows)
            if type is None or row["type"] == type
        ]

    async def records(self, member: str, type: str) -> list[dict[str, Any]]:
        """All records of a type that a member can read."""
        return [record for one in await self.inbox(member, type) for record in one["data"]]

    async def until(self, condition: Callable[[], Any], within: float = WITHIN) -> Any:
        """Wait for a condition; its value once it is true."""
        deadline = time.monotonic() + within
        while True:
            value = condition()
            if isinstance(value, Awaitable):
                value = await value
            if value:
                return value
            self.assert_alive()
            assert time.monotonic() < deadline, f"never came true: {condition}"
            await asyncio.sleep(0.02)

    def assert_alive(self) -> None:
        if self._daemon is not None:
            assert self._daemon.failed is None, self._daemon.failed

    async def quiet(self) -> None:
        """Wait until nothing is under way."""
        await self.until(self.still)

    async def still(self) -> bool:
        """Whether every delivery to a hosted member is receipted, every message answered."""
        status = await self.ask("status")
        return not status["open_deliveries"] and not any(
            member["outbox_open"] for member in status["members"]
        )

    async def books(self, work: Callable[[Any], T]) -> T:
        """`work` on the gateway's books."""
        return await self.gateway.run(work)

    async def leaves(self, about: str | None = None) -> list[dict[str, Any]]:
        """The ledger's entries, in order; those about one id."""
        from jdgate.store import ledger

        def work(conn: Any) -> list[dict[str, Any]]:
            rows = ledger.leaves_from(conn, 0, 1_000_000)
            return [msgspec.json.decode(row.body) for row in rows]

        found = await self.books(work)
        return [
            leaf for leaf in found if about is None or about in (leaf["id"], leaf.get("message"))
        ]

    async def assert_sound(self, *members: str) -> None:
        """The ledger holds and no number is missing in either direction."""

        def verify(conn: Any) -> None:
            for _ in proofs.recompute(conn):
                pass
            late = machine_time() + timedelta(days=3650)
            gaps = [gap.source for gap in sequences.gaps_older(conn, late)]
            assert not set(gaps) & set(members or HOSTED), gaps

        await self.books(verify)
        assert self.daemon.edge is not None
        await self.daemon.edge.run(lambda conn: _no_gaps(conn, set(members or HOSTED)))

    # --- running as a process of its own

    @contextlib.contextmanager
    def process(self, *args: str, lang: str = "en") -> Iterator[subprocess.Popen[bytes]]:
        """`jdgate run` as a child; killed at the end if it still runs."""
        child = self.spawn(*args, lang=lang)
        try:
            yield child
        finally:
            end(child)

    def spawn(self, *args: str, lang: str = "en") -> subprocess.Popen[bytes]:
        """Start `jdgate run` and return at once."""
        with (self.home.root / "daemon.log").open("ab") as log:
            return subprocess.Popen(
                [jdgate_command(), "run", "-c", str(self.home.config), "--lang", lang, *args],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.home.root,
            )

    def control(self, method: str, /, **params: Any) -> Any:
        """A command to the child. Raises: TransportFailed when it is not there."""
        with connect(self.home) as control:
            return control.call(method, **params)

    def patiently(self, method: str, /, within: float = WITHIN, **params: Any) -> Any:
        """As `control`, but wait for the daemon to come up."""
        deadline = time.monotonic() + within
        while True:
            try:
                return self.control(method, **params)
            except TransportFailed:
                assert time.monotonic() < deadline, self.log()
                time.sleep(0.05)

    def log(self) -> str:
        """The end of what the child printed."""
        return (self.home.root / "daemon.log").read_text("utf-8")[-4000:]


def _toml(tables: dict[str, dict[str, Any]]) -> str:
    # texts, numbers, truth values and lists of texts are written as in JSON
    return "\n".join(
        line
        for name, table in tables.items()
        for line in (f"[{name}]", *(f"{key} = {json.dumps(v)}" for key, v in table.items()))
    )


def _no_gaps(conn: Any, members: set[str]) -> None:
    late = machine_time() + timedelta(days=3650)
    gaps = [gap for gap in sequences.gaps_older(conn, late) if gap.member in members]
    assert not gaps, gaps


def _spoilt(directory: Directory) -> Directory:
    """The directory with the keys of cln-07 revoked, of cln-08 expired, all windows opened wide."""
    now = datetime.now(UTC)
    since = now - timedelta(days=100)
    members = []
    for member in directory.members:
        records = []
        for key in member.keys:
            key = msgspec.structs.replace(key, not_before=since)
            if member.id == "cln-07" and key.use == "sig":
                key = msgspec.structs.replace(key, revoked_at=now - timedelta(hours=1))
            if member.id == "cln-08" and key.use == "sig":
                key = msgspec.structs.replace(key, not_after=now - timedelta(hours=1))
            records.append(key)
        members.append(msgspec.structs.replace(member, keys=tuple(records)))
    return msgspec.structs.replace(directory, members=tuple(members))


def jdgate_command() -> str:
    """The installed command of this environment."""
    return str(Path(sys.executable).with_name("jdgate"))


@contextlib.contextmanager
def kept_port(port: int = 0) -> Iterator[int]:
    """A port (this one, or a free one) that nobody else is given meanwhile; a server that asks for
    this very one gets it."""
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", port))
        yield int(kept.getsockname()[1])


def end(child: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> int:
    """Send a signal to the daemon alone (its nats-server must follow by itself) and wait."""
    if child.poll() is None:
        os.kill(child.pid, number)
    return child.wait(STOPS_WITHIN)


def _under_way() -> str:
    """What every task of this loop waits for."""
    told = StringIO()
    for task in asyncio.all_tasks():
        task.print_stack(limit=6, file=told)
    return told.getvalue()
