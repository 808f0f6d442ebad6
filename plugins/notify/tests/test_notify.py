"""Mail and webhooks against real servers on this machine; settings that make no sense."""

from __future__ import annotations

import base64
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from plugins.notify.tests.servers import (
    KEYS,
    Postbox,
    Receiver,
    mail_server,
    secret,
    server_tls,
)

from jdgate import texts
from jdgate.errors import Refused, TransportFailed
from jdgate.kit import check_plugin
from jdgate.plugins import Notice
from jdgate_notify import plugin
from jdgate_notify.mail import Mail
from jdgate_notify.webhook import TOLERANCE, Webhook, verify

pytestmark = pytest.mark.anyio
texts.add_file(plugin.jdgate_texts()[0])
NOW = dt.datetime(2026, 11, 21, 8, tzinfo=dt.UTC)
NOTICE = Notice("ps-01", "M1", "clinic.absent", True, 3, NOW, "d-1:raised:notify.mail")


# --- settings


def smtp(home: Path, **more: Any) -> dict[str, Any]:
    secret(home, "password", "geheim\n")
    given = {
        "host": "127.0.0.1",
        "user": "jd",
        "password_file": "password",
        "from": "jdgate@county.example",
        "to": {"ps-01": ["duty@ps01.example", "chief@ps01.example"], "nco": "nobody@nco.example"},
    }
    return {"smtp": given | more}


def webhook(home: Path, url: str, **more: Any) -> dict[str, Any]:
    secret(home, "keys", "".join(f"whsec_{key}\n" for key in KEYS))
    return {"webhook": {"secret_file": "keys", "to": {"ps-01": url}} | more}


def channel(settings: dict[str, Any], home: Path) -> Any:
    (made,) = plugin.jdgate_channels(settings, home)
    return made


# --- mail


async def test_mail_goes_by_starttls_with_a_login_and_says_only_that_something_waits(
    postbox: tuple[Postbox, int], certificate: Path, tmp_path: Path
) -> None:
    box, port = postbox
    mail = channel(smtp(tmp_path, port=port, ca=str(certificate), lang="en"), tmp_path)
    assert isinstance(mail, Mail)
    assert (await mail.check()).ok
    assert box.taken == []
    await mail.notify(NOTICE)
    await mail.notify(NOTICE)
    (to, first), (_, again) = box.taken
    assert to == ["duty@ps01.example", "chief@ps01.example"]
    assert "Subject: County exchange: an urgent alert waits" in first
    assert "3 alerts wait at the desk of ps-01" in first
    assert not any(word in first for word in ("M1", "clinic", "absent", "d-1"))
    ids = [line for text in (first, again) for line in text.splitlines() if "Message-ID" in line]
    assert len(ids) == 2 and len(set(ids)) == 1


async def test_what_the_mail_server_refuses_and_what_may_come_later(
    postbox: tuple[Postbox, int], certificate: Path, tmp_path: Path
) -> None:
    box, port = postbox
    good = smtp(tmp_path, port=port, ca=str(certificate))
    for member, code in (("nco", "notify.mail_refused"), ("cln-01", "notify.no_address")):
        with pytest.raises(Refused) as refused:
            await channel(good, tmp_path).notify(Notice(member, "M1", "x.y", False, 1, NOW, "n"))
        assert refused.value.code == code
    unknown_authority = smtp(tmp_path, port=port)
    wrong_name = smtp(tmp_path, port=port, ca=str(certificate), user="other")
    nobody_there = smtp(tmp_path, port=1, ca=str(certificate))
    for settings, code in (
        (unknown_authority, "notify.mail_unavailable"),
        (wrong_name, "notify.mail_login"),
        (nobody_there, "notify.mail_unavailable"),
    ):
        mail = channel(settings, tmp_path)
        with pytest.raises(TransportFailed) as failed:
            await mail.notify(NOTICE)
        assert failed.value.code == code
        assert (await mail.check()).code == code
        assert "geheim" not in str(failed.value) and "duty@" not in str(failed.value)
    assert box.taken == []


async def test_mail_goes_by_tls_from_the_first_byte(certificate: Path, tmp_path: Path) -> None:
    box = Postbox()
    async with mail_server(box, ssl=server_tls(certificate)) as port:
        given = smtp(tmp_path, port=port, ca=str(certificate), security="tls", user="")
        await channel(given, tmp_path).notify(NOTICE)
    assert len(box.taken) == 1


# --- webhook


async def test_a_webhook_is_signed_with_every_key_and_names_nobody(
    receiver: tuple[Receiver, str], certificate: Path, tmp_path: Path
) -> None:
    server, url = receiver
    hook = channel(webhook(tmp_path, url, ca=str(certificate)), tmp_path)
    assert isinstance(hook, Webhook)
    assert (await hook.check()).ok
    await hook.notify(NOTICE)
    await hook.notify(NOTICE)
    (path, headers, body), (_, again, _) = server.got
    assert path == "/in?desk=1"
    assert body == (
        b'{"type":"alert.waiting","timestamp":"2026-11-21T08:00:00Z",'
        b'"data":{"member":"ps-01","urgent":true,"waiting":3}}'
    )
    assert headers["webhook-id"] == again["webhook-id"] != ""
    sent_at = dt.datetime.fromtimestamp(int(headers["webhook-timestamp"]), dt.UTC)
    for key in KEYS:
        raw = base64.b64decode(key)
        assert verify(headers, body, raw, sent_at + TOLERANCE)
        # outside the replay window, or with one bit changed, it is nothing
        assert not verify(headers, body, raw, sent_at + TOLERANCE + dt.timedelta(seconds=1))
        assert not verify(headers, body, raw, sent_at - TOLERANCE - dt.timedelta(seconds=1))
        assert not verify(headers, body + b" ", raw, sent_at)
        assert not verify(headers | {"webhook-id": "other"}, body, raw, sent_at)
    assert not verify(headers, body, bytes(32), sent_at)
    assert not verify({}, body, base64.b64decode(KEYS[0]), sent_at)


def test_the_signature_is_that_of_the_standards_own_example() -> None:
    # the example of the Standard Webhooks libraries
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert verify(headers, body, key, dt.datetime.fromtimestamp(1614265330, dt.UTC))


async def test_only_2xx_is_success_410_ends_it_and_no_redirect_is_followed(
    receiver: tuple[Receiver, str], certificate: Path, tmp_path: Path
) -> None:
    server, url = receiver
    hook = channel(webhook(tmp_path, url, ca=str(certificate)), tmp_path)
    for status in (302, 404, 503):
        server.status = status
        with pytest.raises(TransportFailed) as failed:
            await hook.notify(NOTICE)
        assert failed.value.code == "notify.webhook_status"
    server.status = 410
    with pytest.raises(Refused) as refused:
        await hook.notify(NOTICE)
    assert refused.value.code == "notify.webhook_gone"
    assert [path for path, _, _ in server.got] == ["/in?desk=1"] * 4


async def test_an_unknown_certificate_and_a_closed_port_are_tried_again(
    receiver: tuple[Receiver, str], tmp_path: Path
) -> None:
    server, url = receiver
    urls = ["http://127.0.0.1:1/"] + ([url] if url.startswith("https") else [])
    for one in urls:
        hook = channel(webhook(tmp_path, one), tmp_path)
        with pytest.raises(TransportFailed) as failed:
            await hook.notify(NOTICE)
        assert failed.value.code == "notify.webhook_unavailable"
        assert (await hook.check()).code == "notify.webhook_unavailable"
    with pytest.raises(Refused) as refused:
        await hook.notify(Notice("nco", "M1", "x.y", False, 1, NOW, "n"))
    assert refused.value.code == "notify.no_address"
    assert server.got == []


# --- settings that make no sense


def test_without_settings_the_plugin_rests(tmp_path: Path) -> None:
    assert plugin.jdgate_channels({}, tmp_path) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"hosts": "x"}, "plugin.setting_unknown"),
        ({"host": ""}, "notify.setting_text"),
        ({"host": "mail server"}, "notify.setting_host"),
        ({"port": 0}, "notify.setting_port"),
        ({"security": "ssl"}, "notify.setting_choice"),
        ({"host": "mail.example", "security": "none"}, "notify.needs_tls"),
        ({"ca": "no.pem"}, "notify.setting_ca"),
        ({"from": "a@b.example\nBcc: c@d.example"}, "notify.setting_address"),
        ({"to": {"ps-01": []}}, "notify.setting_address"),
        ({"to": {"PS 01": "a@b.example"}}, "notify.setting_member"),
        ({"to": "a@b.example"}, "notify.setting_table"),
        ({"password_file": "missing"}, "notify.secret_file"),
        ({"password_file": "open"}, "notify.secret_open"),
    ],
)
def test_a_wrong_mail_setting_is_named(change: dict[str, Any], code: str, tmp_path: Path) -> None:
    secret(tmp_path, "open", "geheim", 0o644)
    assert refusal(smtp(tmp_path, **change), tmp_path).code == code


@pytest.mark.parametrize(
    ("url", "change", "code"),
    [
        ("http://duty.example/", {}, "notify.needs_tls"),
        ("https://user:pw@duty.example/", {}, "notify.setting_url"),
        ("https://duty.example/#part", {}, "notify.setting_url"),
        ("https://du ty.example/", {}, "notify.setting_url"),
        ("https://duty.example:99999/", {}, "notify.setting_url"),
        ("ftp://duty.example/", {}, "notify.needs_tls"),
        ("https://duty.example/", {"secret_file": "short"}, "notify.secret_form"),
        ("https://duty.example/", {"secret_file": "plain"}, "notify.secret_form"),
        ("https://duty.example/", {"retry": 1}, "plugin.setting_unknown"),
    ],
)
def test_a_wrong_webhook_setting_is_named(
    url: str, change: dict[str, Any], code: str, tmp_path: Path
) -> None:
    secret(tmp_path, "short", "whsec_" + base64.b64encode(bytes(16)).decode())
    secret(tmp_path, "plain", KEYS[0])
    assert refusal(webhook(tmp_path, url, **change), tmp_path).code == code


def refusal(settings: dict[str, Any], home: Path) -> Refused:
    with pytest.raises(Refused) as refused:
        plugin.jdgate_channels(settings, home)
    for lang in ("zh", "en"):
        words = refused.value.text(lang)  # type: ignore[arg-type]
        assert "{" not in words and "geheim" not in words and str(home) not in words
    return refused.value


def test_the_plugin_conforms() -> None:
    report = check_plugin(Path(__file__).parents[1])
    assert report.passed, "\n".join(report.lines("en"))
