"""How the console is served: over TLS, beside no gateway, and until the daemon stops."""

from __future__ import annotations

import json
import shutil
import ssl
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from tests.e2e.kit import ENROL, County, enrolment
from tests.e2e.test_alerts import RULES
from tests.web.browsing import Browser, hire
from tests.web.test_desk import looked

from jdgate.clock import Clock
from jdgate.config import read_config
from jdgate.core.calendar import day_of
from jdgate.errors import UsageError

pytestmark = pytest.mark.anyio
SERVED = {"web": {"enabled": True}}


async def test_a_desk_far_from_the_gateway_tells_it_who_looked(tmp_path: Path) -> None:
    """The station's machine plays the edge alone; its looks are leaves all the same."""
    quiet = {"digests": {"daily": False, "weekly": False, "monthly": False}}
    others = ("nco", "pol", "cln-01", "com-01")
    center = County.found(
        tmp_path / "center", plugins={"telling": RULES}, hosted=others, alerts=quiet
    )
    async with center.running():
        station = County(tmp_path / "station")
        shutil.copytree(center.plugins_dir, station.plugins_dir, symlinks=True)
        for name in ("keys/ps-01.key", "keys/authority.pub", "var/directory.jws"):
            (station.home.root / name).parent.mkdir(mode=0o700, exist_ok=True)
            shutil.copy(center.home.root / name, station.home.root / name)
        text = center.home.config.read_text("utf-8")
        text = text.replace('["gateway", "edge"]', '["edge"]')
        text = text.replace(json.dumps(list(others)), '["ps-01"]')
        text += f'\n[nats]\nurl = "{center.daemon.nats_url}"\n[web]\nenabled = true\n'
        station.home.config.write_text(text, "utf-8")
        async with station.running():
            await hire(station, "clerk", "clerk")
            await center.push("cln-01", ENROL, [enrolment(1, patient_ref="PS1")])
            rows = await station.until(lambda: station.ask("inbox.list", member="ps-01"))
            browser = Browser(station)
            await browser.sign_in("clerk")
            assert (await browser.open(f"/inbox/{rows[0]['id']}")).status_code == 200
            (found,) = await center.until(lambda: looked(center, rows[0]["id"]))
            assert found == ("ps-01", "clerk", "work")
            (row, *_) = await station.until(lambda: station.ask("alerts.list", member="ps-01"))
            page = await browser.open(f"/alerts/{row['id']}")
            assert page.status_code == 200 and "发出提醒" in page.text
            # pages that are looked at show what is known here, and say what is not
            day = day_of(datetime.fromisoformat(row["due_at"]))
            for path, text in (
                ("/expectations", "这里只有本单位提醒的期限"),
                (f"/expectations?month={day[:7]}", "办 1"),
                ("/flows", "这台机器上没有网关"),
                ("/charts", "这台机器上没有网关"),
                ("/system", "连接正常"),
            ):
                page = await browser.open(path)
                assert page.status_code == 200 and text in page.text, path
            assert (await browser.open("/flows/live")).text == "retry: 3000\n\n"
            owed = await station.ask("expect.late", part="owed", member="ps-01")
            assert owed == {"rows": [], "next": None}, "its deadline has not passed"
            await browser.close()


async def test_over_tls_cookies_never_leave_it(tmp_path: Path) -> None:
    county = County.found(
        tmp_path / "county",
        alerts={"web": {"enabled": True, "cert": "desk.pem", "key": "desk.key"}},
    )
    certificate(county.home.root)
    async with county.running():
        url = county.daemon.web_url
        assert url is not None and url.startswith("https://")
        trust = ssl.create_default_context(cafile=county.home.root / "desk.pem")
        async with httpx.AsyncClient(base_url=url, verify=trust, timeout=60) as client:
            answer = await client.get("/sign-in")
        assert answer.headers["set-cookie"].startswith("__Host-jdgate=")
        assert "secure" in answer.headers["set-cookie"].lower()
        assert "strict-transport-security" in answer.headers


def test_other_machines_are_served_over_tls_alone(tmp_path: Path) -> None:
    county = County.found(tmp_path / "county", alerts={"web": {"enabled": True, "host": "0.0.0.0"}})
    with pytest.raises(UsageError) as refused:
        read_config(county.home)
    assert refused.value.code == "config.web_tls"


async def test_a_page_that_listens_does_not_keep_the_daemon_from_stopping(
    tmp_path: Path,
) -> None:
    county = County.found(tmp_path / "county", alerts=SERVED)
    async with county.running():
        await hire(county, "clerk", "clerk")
        browser = Browser(county)
        await browser.sign_in("clerk")
        async with browser.client.stream("GET", "/live") as stream:
            lines = stream.aiter_lines()
            assert await anext(lines) == "retry: 3000"
            await county.stop()
            assert [line async for line in lines if line] == []
        await browser.close()


def certificate(folder: Path) -> None:
    """A certificate of this machine's own, as an operator would make one."""
    import ipaddress
    from datetime import timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "desk")])
    now = Clock().now()
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "desk.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "desk.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
