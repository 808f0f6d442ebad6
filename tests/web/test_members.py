"""Members and keys over HTTP: everybody reads the directory, the authority's administrators change
it, and a department that was admitted on the page exchanges messages from its own machine."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.e2e.kit import ENROL, REGION, County, enrolment
from tests.web.browsing import PASSWORD, Browser, token_of

from jdgate.clock import Clock
from jdgate.commands.membering import warnings
from jdgate.config import Home, read_config
from jdgate.core import directory as directories
from jdgate.core import enrolment as enrolling
from jdgate.daemon import Daemon
from jdgate.enrolling import accept, authority_file, request_keys
from jdgate.keystore import read_key_file
from jdgate.teller import Teller

pytestmark = pytest.mark.anyio
Browse = Callable[..., Browser]
HOSTILE = "<img src=x onerror=alert(1)>\"'{{7*7}}"


def asks(folder: Path, member: str = "cln-20", **more: Any) -> tuple[str, str]:
    """A department makes its keys; its request, and the fingerprint that it reads out."""
    given: dict[str, Any] = {
        "name": "镇卫生院门诊", "roles": ["CLN"], "regions": [REGION], "county": REGION, **more,
    }  # fmt: skip
    home, typed = Home(folder), {"00000", "00001"}
    while True:
        request = request_keys(home, member, **given).decode()
        heard = enrolling.fingerprint(enrolling.read_request(request.encode()))
        groups = {*heard.split()} - typed
        # pages are searched for single groups: each stands there at most as what was heard
        if len(groups) == 8 and not any(group in request + REGION for group in groups):
            return request, heard
        (home.keys / f"{member}.key").unlink()


def form(request: str, heard: str, county: County, **more: Any) -> dict[str, Any]:
    """What the administrator fills in."""
    groups = {f"group-{n}": digits for n, digits in enumerate(heard.split(), 1)}
    asked = enrolling.read_request(request.encode())
    return {
        "request": request, **groups, "name": asked.name, "role": list(asked.roles),
        "regions": "\n".join(asked.regions), "nats": county.daemon.nats_url, "ca": "",
        "password": PASSWORD, **more,
    }  # fmt: skip


@asynccontextmanager
async def machine(folder: Path, county: County) -> AsyncIterator[Daemon]:
    """The department's own machine, running."""
    home = Home(folder)
    text = home.config.read_text("utf-8")
    home.config.write_text(f'{text}\n[plugins]\ndir = "{county.plugins_dir}"\n', "utf-8")
    daemon = Daemon(home, read_config(home), teller=Teller("en", StringIO()), clock=Clock())
    await daemon.start()
    try:
        yield daemon
    finally:
        await daemon.stop()


async def acts(county: County) -> list[tuple[str, str, str]]:
    """What the ledger has of administrative acts."""
    return [
        (leaf["act"], leaf["operator"], leaf["target"])
        for leaf in await county.leaves()
        if leaf["kind"] == "admin" and leaf["act"].startswith(("member.", "directory."))
    ]


def member(county: County, id: str) -> Any:
    return county.daemon.trust.members.get(id)


@pytest.fixture
async def keeper(browse: Browse) -> Browser:
    """The authority's administrator."""
    browser = browse()
    await browser.sign_in("keeper")
    return browser


async def test_a_department_is_admitted_exchanges_and_is_cut_off_at_once(
    county: County, keeper: Browser, tmp_path: Path
) -> None:
    request, heard = asks(tmp_path)
    first = await keeper.open("/admission")
    token = {"form_token": token_of(first)}
    upload = {"file": ("cln-20.request", request.encode() + b"\n")}
    page = await keeper.client.post("/admission", data=token, files=upload)
    assert page.status_code == 200 and "镇卫生院门诊" in page.text
    # nobody can copy from the page what has to be heard
    assert not [group for group in heard.split() if f">{group}" in page.text]
    granted = form(request, heard, county, name="城关镇卫生院门诊")
    done = await keeper.send(page, "/admission/sign", **granted)
    assert (done.status_code, done.headers["location"]) == (303, "/members/cln-20"), done.text
    assert member(county, "cln-20").name == "城关镇卫生院门诊", "the authority names it"
    assert (await acts(county))[-1] == ("member.admitted", "keeper", "cln-20")

    page = await keeper.open("/members/cln-20")
    file = await keeper.open("/members/cln-20/welcome")
    assert file.headers["content-disposition"] == 'attachment; filename="cln-20.welcome"'
    welcome = enrolling.load_welcome(file.content)
    told = enrolling.fingerprint(welcome.authority)
    assert told in page.text, "it is read out to the department"
    accept(Home(tmp_path), welcome)
    async with machine(tmp_path, county) as clinic:
        records = [enrolment(1, site="cln-20")]
        made = await clinic.the_edge.submit("cln-20", ENROL, records)
        assert not made.refused

        async def come() -> bool:
            return any(one["origin"] == "cln-20" for one in await county.inbox("pol", ENROL))

        await county.until(come)
        await county.until(lambda: clinic.the_edge.healthy("cln-20"))

        wrong = await keeper.send(page, "/members/cln-20/suspend", password="not my password")
        assert wrong.status_code == 422 and member(county, "cln-20").status == "active"
        await keeper.send(page, "/members/cln-20/suspend", password=PASSWORD)
        assert member(county, "cln-20").status == "suspended"
        await county.until(lambda: not clinic.the_edge.healthy("cln-20"))
        page = await keeper.open("/members/cln-20")
        assert "已停用" in page.text and "/suspend" not in page.text
        await keeper.send(page, "/members/cln-20/resume", password=PASSWORD)
        await county.until(lambda: clinic.the_edge.healthy("cln-20"))

        revoke = {"password": PASSWORD, "reason": "lost"}
        unsure = await keeper.send(page, "/members/cln-20/revoke", **revoke, confirm="cln-2")
        assert unsure.status_code == 422
        assert not any(key.revoked_at for key in member(county, "cln-20").keys)
        done = await keeper.send(page, "/members/cln-20/revoke", **revoke, confirm="cln-20")
        assert done.status_code == 303
        assert all(key.revoked_at for key in member(county, "cln-20").keys)
        await county.until(lambda: not clinic.the_edge.healthy("cln-20"))
    assert (await acts(county))[-3:] == [
        ("member.suspended", "keeper", "cln-20"),
        ("member.resumed", "keeper", "cln-20"),
        ("member.revoked", "keeper", "cln-20 lost"),
    ]
    page = await keeper.open("/members/cln-20")
    assert "没有有效密钥" in page.text and "/revoke" not in page.text


async def test_what_was_not_heard_admits_nobody(
    county: County, keeper: Browser, tmp_path: Path
) -> None:
    request, heard = asks(tmp_path, "cln-21")
    other = asks(tmp_path / "other", "cln-21")[1]
    version = county.daemon.trust.directory.version
    page = await keeper.open("/admission")
    groups = heard.split()
    groups[2] = "00000" if groups[2] != "00000" else "00001"
    misheard = await keeper.send(page, "/admission/sign", **form(request, " ".join(groups), county))
    assert misheard.status_code == 422 and "不符的是第 3 组" in misheard.text
    right, elsewhere = heard.split()[2], misheard.text.replace(county.daemon.nats_url, "")
    assert f'value="{groups[1]}"' in misheard.text and right not in elsewhere
    changed = await keeper.send(page, "/admission/sign", **form(request, other, county))
    assert changed.status_code == 422 and "不要准入" in changed.text
    unheard = await keeper.send(page, "/admission/sign", **form(request, "", county))
    assert unheard.status_code == 422
    stranger = form(request, heard, county, password="somebody else's")
    assert (await keeper.send(page, "/admission/sign", **stranger)).status_code == 422
    assert member(county, "cln-21") is None
    assert county.daemon.trust.directory.version == version


async def test_hostile_requests_are_refused_and_run_nothing(
    county: County, keeper: Browser, tmp_path: Path
) -> None:
    page = await keeper.open("/admission")
    known, heard = asks(tmp_path / "known", "cln-01", name="第一门诊")
    _, payload, signature = known.split(".")
    garbled = [
        "", "{}", '{"format": "jd-key-request.v1"}', "a.b.c", "\x00\x01", HOSTILE, "甲乙丙",
        f"{known[:-4]}AAAA", f"{payload}.{payload}.{signature}", json.dumps({"keys": "x" * 9_000}),
    ]  # fmt: skip
    for text in garbled:
        answer = await keeper.send(page, "/admission", request=text)
        assert answer.status_code == 422, text
        assert "<img" not in answer.text and 'name="group-1"' not in answer.text, text
    huge = {"file": ("huge.request", b"A" * 200_000)}
    token = {"form_token": token_of(page)}
    answer = await keeper.client.post("/admission", data=token, files=huge)
    assert answer.status_code == 413

    # a name is text, wherever it is shown
    request, heard_20 = asks(tmp_path / "hostile", "cln-22", name=HOSTILE)
    shown = await keeper.send(page, "/admission", request=request)
    assert "<img" not in shown.text and "&lt;img" in shown.text and "7*7" in shown.text
    done = await keeper.send(page, "/admission/sign", **form(request, heard_20, county))
    assert done.status_code == 303
    for path in ("/members", "/members/cln-22"):
        text = (await keeper.open(path)).text
        assert "<img" not in text and "&lt;img" in text
    one = await keeper.open("/members/cln-22")
    assert "&#39;&lt;img src=x" in one.text, "a command to copy quotes the name"

    # who is there already does not become somebody else
    answer = await keeper.send(page, "/admission/sign", **form(known, heard, county))
    assert answer.status_code == 422 and "cln-01.sig.1" in answer.text
    second, heard = asks(tmp_path / "second", "cln-01", name="别的门诊", number=2)
    answer = await keeper.send(page, "/admission/sign", **form(second, heard, county))
    assert answer.status_code == 422 and member(county, "cln-01").name == "第一门诊"
    # what is granted keeps to the same rules
    request, heard = asks(tmp_path / "more", "cln-23")
    wrong: tuple[dict[str, Any], ...] = (
        {"role": "GW"}, {"role": []}, {"regions": "110000000000"}, {"name": ""},
        {"nats": "http://x"}, {"nats": "nats://10.1.1.1:4222"}, {"ca": "no certificate"},
    )  # fmt: skip
    for more in wrong:
        answer = await keeper.send(page, "/admission/sign", **form(request, heard, county, **more))
        assert answer.status_code == 422, more
    assert member(county, "cln-23") is None


async def test_everybody_sees_the_directory_and_only_its_keepers_change_it(
    county: County, browse: Browse, keeper: Browser, tmp_path: Path
) -> None:
    request, heard = asks(tmp_path, "cln-24")
    posts: dict[str, dict[str, Any]] = {
        "/members/com-02/suspend": {"password": PASSWORD},
        "/members/com-02/resume": {"password": PASSWORD},
        "/members/com-02/rekey": {"password": PASSWORD},
        "/members/com-02/revoke": {"password": PASSWORD, "confirm": "com-02", "reason": "lost"},
        "/admission": {"request": request},
        "/admission/sign": form(request, heard, county),
    }
    stranger = browse()
    assert (await stranger.open("/members")).status_code == 303
    assert (await stranger.client.post("/members/com-02/suspend")).status_code == 403
    for login in ("clerk", "auditor", "admin", "office", "checker"):
        browser = browse()
        await browser.sign_in(login)
        page = await browser.open("/members")
        assert page.status_code == 200 and "甲镇社区戒毒办" in page.text
        assert "/admission" not in page.text
        one = await browser.open("/members/com-02")
        assert "com-02.sig.1" in one.text and "/suspend" not in one.text
        for path, fields in posts.items():
            assert (await browser.send(page, path, **fields)).status_code == 403, (login, path)
        for path in ("/admission", "/members/com-02/welcome"):
            assert (await browser.open(path)).status_code == 403, (login, path)
    for path, fields in posts.items():  # from another site
        assert (await keeper.client.post(path, data=fields)).status_code == 403, path
    page = await keeper.open("/members")
    unknown = ("/members/nobody", "/members/../nobody", "/members/..%2f..%2fjdgate.toml",
               "/members/com-02/welcome", "/members/..%2fjdgate/welcome")  # fmt: skip
    for path in unknown:
        assert (await keeper.open(path)).status_code == 404, path
    assert (await keeper.send(page, "/members/com-02/remove")).status_code == 404
    answer = await keeper.send(page, "/members/nobody/suspend", password=PASSWORD)
    assert answer.status_code == 404
    for own in ("nco", "gateway"):
        answer = await keeper.send(page, f"/members/{own}/suspend", password=PASSWORD)
        assert answer.status_code == 422, own
    answer = await keeper.send(
        page, "/members/com-02/revoke", password=PASSWORD, confirm="com-02", reason="fun"
    )
    assert answer.status_code == 422
    assert member(county, "com-02").status == "active"
    assert not any(key.revoked_at for key in member(county, "com-02").keys)


async def test_where_the_key_is_not_the_page_names_the_commands(
    county: County, keeper: Browser, tmp_path: Path
) -> None:
    request, heard = asks(tmp_path, "cln-25")
    file = authority_file(county.home)
    away = file.rename(tmp_path / "away")
    try:
        page = await keeper.open("/admission")
        assert "jdgate member admit" in page.text and 'type="file"' not in page.text
        one = await keeper.open("/members/com-02")
        assert "jdgate member suspend com-02" in one.text and "<form method" in one.text
        assert "jdgate key request com-02" in one.text and "--number 2" in one.text
        office = await keeper.open("/members/nco")
        assert "放进 keys/" in office.text and "jdgate member rekey nco" in office.text
        assert 'action="/members' not in one.text
        refused = await keeper.send(one, "/members/com-02/suspend", password=PASSWORD)
        assert refused.status_code == 422
        signed = await keeper.send(page, "/admission/sign", **form(request, heard, county))
        assert signed.status_code == 422
    finally:
        away.rename(file)
    assert member(county, "com-02").status == "active" and member(county, "cln-25") is None


async def test_what_runs_out_is_said_in_time(county: County, keeper: Browser) -> None:
    now = county.daemon.clock.now()
    directory = county.directory
    members = tuple(
        msgspec.structs.replace(
            one,
            keys=tuple(
                msgspec.structs.replace(key, not_after=now + timedelta(days=20)) for key in one.keys
            ),
        )
        if one.id == "com-01"
        else one
        for one in directory.members
    )
    county.publish(msgspec.structs.replace(directory, members=members))
    assert await county.daemon.reload()
    page = await keeper.open("/members")
    assert "com-01.sig.1" in page.text and "不到 30 天" in page.text
    one = await keeper.open("/members/com-01")
    assert "还没有接替的新密钥" in one.text
    status = await county.ask("status")
    (said,) = [each for each in status["warnings"] if each["code"] == "status.keys_end"]
    assert "com-01" in said["params"]["members"]
    ends = datetime(2026, 12, 1, 20, tzinfo=UTC)  # in the county it is the second already
    ending = msgspec.structs.replace(directory, expires=ends, members=())
    (warned,) = warnings(ending, ends - timedelta(days=9))
    assert warned == {"code": "status.directory_ends", "params": {"until": "2026-12-02"}}

    # its keys lie here: it gets new ones by the command that the page says, or on the page
    assert "<code>jdgate member rekey com-01</code>" in one.text
    path = "/members/com-01/rekey"
    assert (await keeper.send(one, path, password="not mine")).status_code == 422
    assert member(county, "com-01").keys[-1].kid == "com-01.bus.1"
    done = await keeper.send(one, path, password=PASSWORD)
    assert (done.status_code, done.headers["location"]) == (303, "/members/com-01")
    assert county.daemon.the_edge.desk("com-01").signer.kid == "com-01.sig.2"
    assert (await acts(county))[-1] == ("member.rekeyed", "keeper", "com-01")
    one = await keeper.open("/members/com-01")
    assert "com-01.sig.2" in one.text and "还没有接替的新密钥" not in one.text
    gateway = await keeper.open("/members/gateway")
    assert "要停下服务再换" in gateway.text and "jdgate member rekey gateway" in gateway.text
    assert 'action="/members' not in gateway.text
    running = await keeper.send(gateway, "/members/gateway/rekey", password=PASSWORD)
    assert running.status_code == 422 and "先停下服务" in running.text


async def test_a_directory_that_ends_is_signed_for_another_year(
    county: County, browse: Browse, keeper: Browser
) -> None:
    now, signer = county.daemon.clock.now(), read_key_file(authority_file(county.home)).signer
    ending = msgspec.structs.replace(
        county.directory, version=county.directory.version + 1, expires=now + timedelta(days=5)
    )
    county.home.directory.write_bytes(directories.publish(ending, signer))
    assert await county.daemon.reload()
    desk = await keeper.open("/")
    assert "之前须由主管单位重新签发" in desk.text
    page = await keeper.open("/members")
    assert "不到 7 天" in page.text
    clerk = browse()
    await clerk.sign_in("clerk")
    theirs = await clerk.open("/members")
    assert "不到 7 天" in theirs.text and 'name="password"' not in theirs.text
    assert (await clerk.send(theirs, "/members", password=PASSWORD)).status_code == 403
    assert (await keeper.send(page, "/members", password="not it")).status_code == 422
    assert county.daemon.trust.directory.version == ending.version
    assert (await keeper.send(page, "/members", password=PASSWORD)).status_code == 303
    renewed = county.daemon.trust.directory
    assert renewed.version == ending.version + 1 and renewed.expires > now + timedelta(days=365)
    assert renewed.members == ending.members
    assert (await acts(county))[-1] == ("directory.renewed", "keeper", str(renewed.version))
