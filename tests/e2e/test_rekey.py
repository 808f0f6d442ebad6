"""`jdgate member rekey`: a member whose keys lie with the authority's gets new ones, while it
exchanges messages, and whatever interrupts it."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.e2e.hostile import RawMember
from tests.e2e.kit import (
    CLINIC_PLUGIN,
    ENROL,
    ORDER,
    TOWN_1,
    WITHIN,
    County,
    enrolment,
    jdgate_command,
)
from tests.e2e.kit import person as patient

from jdgate import enrolling
from jdgate.clock import Clock, machine_time
from jdgate.config import Home, Run, read_config
from jdgate.core.enrolment import Welcome, read_request
from jdgate.core.keys import SMALL, make
from jdgate.daemon import Daemon
from jdgate.enrolling import authority_file, rekey, request_keys
from jdgate.errors import JdgateError, Refused, TransportFailed
from jdgate.keystore import read_key_file
from jdgate.serving import folder_lock
from jdgate.teller import Teller

pytestmark = pytest.mark.anyio
Own = Callable[..., County]
TRANSFER = "mmt.transfer.request.v1"


def kids(county: County, member: str) -> list[str]:
    """Ids of a member's keys in the directory that are not revoked."""
    return sorted(one.kid for one in county.trust.member(member).keys if one.revoked_at is None)


def jdgate(county: County, *args: str, code: int = 0) -> Any:
    done = subprocess.run(
        [jdgate_command(), *args, "--json"],
        cwd=county.home.root, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == code, (args, done.stdout, done.stderr)
    return json.loads(done.stdout)


def refusal(home: Home, member: str, run: Run | None = None) -> Refused:
    with pytest.raises(Refused) as caught:
        rekey(home, run or Run(), member, machine_time())
    for lang in ("zh", "en"):
        assert caught.value.text(lang)  # type: ignore[arg-type]
    return caught.value


def admitted(county: County, home: Home, member: str, number: int) -> Welcome:
    """Its next keys are made in `home` and admitted at the authority."""
    known = county.trust.member(member)
    asked = request_keys(
        home, member, name=known.name, roles=known.roles, regions=known.regions,
        county=county.directory.county, number=number,
    )  # fmt: skip
    request = read_request(asked)
    return enrolling.admit(
        county.home, request, county_name="测试县", nats="nats://127.0.0.1:1", ca="",
        now=machine_time(),
    ).welcome  # fmt: skip


async def test_messages_before_during_and_after_go_through(own: Own) -> None:
    county = own()
    async with county.running():
        ids = await county.submit("cln-01", ENROL, [enrolment(1)])
        done = False

        async def goes_on() -> None:
            while not done:
                ids.extend(await county.submit("cln-01", ENROL, [enrolment(len(ids) + 1)]))

        sending = asyncio.create_task(goes_on())
        version = county.directory.version
        for turn, member in enumerate(("cln-01", "pol", "cln-01", "nco"), 1):
            told = await county.ask("member.rekey", id=member)
            assert (told["version"], told["adopted"]) == (version + turn, True)
            assert told["in_use"], "no restart is needed"
        done = True
        await sending
        ids += await county.submit("cln-01", ENROL, [enrolment(len(ids) + 1)])
        assert {one["verdict"] for one in await county.verdicts(ids)} == {"accepted"}

        async def all_came() -> bool:
            return len(await county.ask("inbox.list", member="pol", limit=10_000)) == len(ids)

        await county.until(all_came)
        await county.quiet()
        edge = county.daemon.the_edge
        for member, number in (("cln-01", 3), ("pol", 2), ("nco", 2)):
            assert edge.desk(member).signer.kid == f"{member}.sig.{number}"
            assert kids(county, member) == sorted(
                [f"{member}.bus.{number}"]
                + [f"{member}.{use}.{n}" for use in ("sig", "enc") for n in range(1, number + 1)]
            )
            await county.until(lambda: edge.healthy(member))  # noqa: B023
        acts = [(leaf["act"], leaf["target"]) for leaf in await county.leaves()
                if leaf["kind"] == "admin"]  # fmt: skip
        assert acts == [("member.rekeyed", one) for one in ("cln-01", "pol", "cln-01", "nco")]
        await county.assert_sound()


async def test_what_was_sealed_to_the_old_keys_still_opens(own: Own) -> None:
    county = own()
    request = patient(1) | {
        "transfer_no": "T-1", "site": "cln-01", "to": "cln-02", "valid_to": "2099-01-31",
        "sealed_clinical": "近三个月稳定",
    }  # fmt: skip
    order = patient(1) | {
        "town": TOWN_1, "measure": "community_treatment", "doc_no": "1号",
        "served_on": "2026-03-01",
    }  # fmt: skip
    async with county.running():
        await county.push("pol", ORDER, [order])
        await county.push("cln-01", TRANSFER, [request])
        await county.quiet()
        await county.ask("member.rekey", id="cln-02")
        assert await county.records("cln-02", TRANSFER) == [request]
    async with county.running():
        assert await county.records("cln-02", TRANSFER) == [request]


async def test_a_directory_that_is_not_taken_leaves_the_old_keys_at_work(
    own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    county = own()
    async with county.running():
        with monkeypatch.context() as broken:

            async def away(_: Any) -> None:
                raise TransportFailed("bus.unavailable")

            broken.setattr(county.gateway.bus, "ensure_members", away)
            told = await county.ask("member.rekey", id="cln-01")
        assert (told["adopted"], told["in_use"]) == (False, False)
        assert told["trouble"]["code"] == "bus.unavailable"
        [verdict] = await county.push("cln-01", ENROL, [enrolment(1)])
        assert verdict["verdict"] == "accepted"
        assert await county.daemon.reload() is True
        assert county.daemon.the_edge.desk("cln-01").signer.kid == "cln-01.sig.2"
        [verdict] = await county.push("cln-01", ENROL, [enrolment(2)])
        assert verdict["verdict"] == "accepted"
        # the same when its request goes to the authority's machine and comes back admitted
        admitted(county, county.home, "cln-01", number=3)
        assert await county.daemon.reload() is True
        assert county.daemon.the_edge.desk("cln-01").signer.kid == "cln-01.sig.3"
        [verdict] = await county.push("cln-01", ENROL, [enrolment(3)])
        assert verdict["verdict"] == "accepted"


async def test_interrupted_before_the_directory_it_goes_on_with_the_same_keys(
    own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    county = own()
    first, before = county.keys("cln-01"), county.home.directory.read_bytes()

    class Killed(BaseException):
        pass

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as broken:
        broken.setattr(enrolling, "republish", killed)
        with pytest.raises(Killed):
            rekey(county.home, Run(), "cln-01", machine_time())
    assert county.home.directory.read_bytes() == before, "it names no key that is nowhere"
    made = county.keys("cln-01")
    assert (made.signing[0], made.opening[0]) == (first.signing[0], first.opening[0])
    kept = county.home.keys / "cln-01.key.before-2"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert enrolling.formats.load(kept.read_bytes(), kept.name) == first

    async with county.running():
        assert (
            "if jdgate member rekey cln-01 was interrupted, run it again" in county.told.getvalue()
        )
        told = await county.ask("member.rekey", id="cln-01")
        assert (told["number"], told["adopted"], told["in_use"]) == (2, True, False)
    assert county.keys("cln-01") == made
    async with county.running():
        [verdict] = await county.push("cln-01", ENROL, [enrolment(1)])
        assert verdict["verdict"] == "accepted"


def test_by_command_it_is_done_on_the_files_or_by_the_daemon_that_runs(tmp_path: Path) -> None:
    county = County.found(tmp_path / "county")
    with folder_lock(county.home):  # a daemon that is starting would go by the old ones
        refused = jdgate(county, "member", "rekey", "cln-01", code=2)
    assert refused["error"]["code"] == "daemon.running"
    told = jdgate(county, "member", "rekey", "cln-01")
    version, keys = county.directory.version, county.home.keys
    assert told == {
        "member": "cln-01", "version": version, "adopted": False, "number": 2,
        "key_file": str(keys / "cln-01.key"), "old_file": str(keys / "cln-01.key.before-2"),
        "in_use": False,
    }  # fmt: skip
    with county.process():
        county.patiently("submit", member="cln-01", type=ENROL, records=[enrolment(1)])
        said = subprocess.run(
            [jdgate_command(), "member", "rekey", "pol", "--lang", "en"],
            cwd=county.home.root, capture_output=True, text=True, timeout=60, check=True,
        ).stdout  # fmt: skip
        assert f"directory version {version + 1} signed" in said
        assert "works with the new keys, without a restart" in said and "pol.key.before-2" in said
        until = time.monotonic() + WITHIN
        while not county.control("inbox.list", member="pol"):
            assert time.monotonic() < until, county.log()
            time.sleep(0.05)


async def test_the_gateway_gets_new_keys_while_it_stands_and_who_was_away_believes_it(
    own: Own,
) -> None:
    county = own()
    async with county.running():
        with pytest.raises(Refused) as caught:
            await county.ask("member.rekey", id="gateway")
        assert caught.value.code == "member.gateway_runs"
    away = county.trust
    rekey(county.home, read_config(county.home).run, "gateway", machine_time())
    async with county.running():
        assert county.gateway.ground.keys.signer.kid == "gateway.sig.2"
        [verdict] = await county.push("cln-01", ENROL, [enrolment(1)])
        assert verdict["verdict"] == "accepted"
        raw = await RawMember.open(county, "cln-09")
        raw.trust = away  # it knows the gateway's old key alone

        async def told() -> bool:
            return "sys.directory.v1" in [one.message.type for one in await raw.listen(0.2)]

        await county.until(told)
        await raw.close()


@asynccontextmanager
async def machine(folder: Path, county: County, member: str) -> AsyncIterator[Daemon]:
    """A machine that hosts one member, away from the gateway."""
    config = folder / "jdgate.toml"
    config.write_text(
        f'[county]\nregion = "{county.directory.county}"\nname = "测试县"\n'
        f'[run]\nroles = ["edge"]\nmembers = ["{member}"]\n[plugins]\ndir = "plugins"\n'
        f'[nats]\nurl = "{county.daemon.nats_url}"\n[web]\nenabled = false\n',
        "utf-8",
    )
    daemon = Daemon(Home(folder), read_config(Home(folder)), teller=Teller("en", StringIO()),
                    clock=Clock())  # fmt: skip
    await daemon.start()
    try:
        yield daemon
    finally:
        await daemon.stop()


async def test_away_from_the_gateway_the_old_keys_work_on_until_it_knows_the_new_ones(
    own: Own, tmp_path: Path
) -> None:
    from jdgate.commands import handlers

    county = own(hosted=("pol", "ps-01", "com-01"))
    office = tmp_path / "office"
    (office / "plugins").mkdir(parents=True)
    (office / "plugins" / "clinic").symlink_to(CLINIC_PLUGIN)
    shutil.copytree(county.home.keys, office / "keys")
    (office / "var").mkdir()
    shutil.copy(county.home.directory, office / "var")

    async def sends(daemon: Daemon, number: int) -> None:
        edge = daemon.the_edge
        made = await edge.submit("cln-01", ENROL, [enrolment(number)])
        async for answer in edge.answers([one.id for one in made.messages]):
            assert answer.verdict == "accepted", answer

    async with county.running():
        async with machine(office, county, "cln-01") as daemon:
            told = await handlers(daemon)["member.rekey"](id="cln-01")  # type: ignore[misc]
            assert (told["adopted"], told["in_use"]) == (False, False)
            assert told["trouble"]["code"] == "member.gateway_first"
            await sends(daemon, 1)
        shutil.copy(office / "var" / "directory.jws", county.home.directory)
        assert await county.daemon.reload() is True
        async with machine(office, county, "cln-01") as daemon:
            assert daemon.the_edge.desk("cln-01").signer.kid == "cln-01.sig.2"
            await sends(daemon, 2)
            # asked for from here, which works without a restart too
            welcome = admitted(county, Home(office), "cln-01", number=3)
            assert await county.daemon.reload() is True
            await county.until(lambda: not daemon.the_edge.healthy("cln-01"))
            enrolling.accept(Home(office), welcome)
            assert await daemon.reload() is True
            await county.until(lambda: daemon.the_edge.healthy("cln-01"))
            await sends(daemon, 3)


def test_elsewhere_it_says_what_to_do_there(tmp_path: Path) -> None:
    county = County.found(tmp_path / "county")
    run, folder = read_config(county.home).run, county.home.keys
    instead = "jdgate key request com-01 --name '甲镇社区戒毒办' --role COM --region 511623100000"
    before = county.home.directory.read_bytes()
    assert refusal(county.home, "nobody", run).code == "member.unknown"
    # no authority's key; then no key of the member, or one that it does not work with
    away = authority_file(county.home).rename(tmp_path / "away")
    refused = refusal(county.home, "com-01", run)
    assert refused.code == "enrol.no_authority_here"
    assert f"{instead} --number 2" in refused.text("en")
    assert refusal(county.home, "gateway", run).code == "enrol.both_here"
    away.rename(authority_file(county.home))
    played_elsewhere = msgspec.structs.replace(run, members=["pol"])
    assert refusal(county.home, "com-01", played_elsewhere).code == "enrol.keys_elsewhere"
    edge_alone = msgspec.structs.replace(run, roles=["edge"])
    assert refusal(county.home, "gateway", edge_alone).code == "enrol.both_here"
    file = folder / "com-01.key"
    kept = file.rename(tmp_path / "kept")
    assert refusal(county.home, "com-01", run).code == "enrol.keys_elsewhere"
    kept.rename(file)
    file.chmod(0o644)
    assert refusal(county.home, "com-01", run).code == "keys.permissions"
    file.chmod(0o600)
    assert county.home.directory.read_bytes() == before
    assert sorted(folder.glob("com-01*")) == [file]

    # its next keys were made on a machine of its own, and what is here is of the past
    admitted(county, Home(tmp_path / "elsewhere"), "com-01", number=2)
    refused = refusal(county.home, "com-01", run)
    assert refused.code == "enrol.keys_elsewhere"
    assert f"{instead} --number 3" in refused.text("zh")


def test_who_is_suspended_gets_no_keys_and_the_suites_stay_as_they_were(tmp_path: Path) -> None:
    county = County.found(tmp_path / "county")
    now = machine_time()
    enrolling.change(
        county.home, "com-01", lambda one, _: msgspec.structs.replace(one, status="suspended"), now
    )
    assert refusal(county.home, "com-01").code == "enrol.not_active"
    assert [path.name for path in county.home.keys.glob("com-01*")] == ["com-01.key"]

    other = make("com-02", lambda n: bytes(range(n)), alg="ML-DSA-65", kem=SMALL, number=2)
    file = county.home.keys / "com-02.key"
    both = other.beside(read_key_file(file))
    file.write_bytes(enrolling.formats.dump(both))
    # made here before and not in a directory yet: `key request` was not carried to its end
    assert rekey(county.home, Run(), "com-02", now).number == 2
    assert rekey(county.home, Run(), "com-02", now).number == 3
    newest = county.keys("com-02")
    assert (newest.signer.alg, newest.opening[-1].suite) == ("ML-DSA-65", SMALL)
    with pytest.raises(JdgateError):
        newest.opener("com-02.enc.4")
