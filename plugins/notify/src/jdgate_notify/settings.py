"""The county's settings for notices: the tables `[rules.notify.smtp]` and `[rules.notify.webhook]`.

    [rules.notify.smtp]
    host = "mail.county.example"
    security = "starttls"            # "tls" from the first byte; "none" on this machine alone
    user = "jdgate"
    password_file = "keys/smtp.password"
    from = "jdgate@county.example"
    [rules.notify.smtp.to]
    ps-01 = ["duty@ps01.example"]

    [rules.notify.webhook]
    secret_file = "keys/webhook.secret"
    [rules.notify.webhook.to]
    ps-01 = "https://duty.ps01.example/jdgate"

Passwords and secrets stand in files that others can't read, never in the config. Paths begin in
the county's folder. What makes no sense is refused at the start, with the entry's name.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import ssl
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from jdgate.plugins import Refused

PLUGIN = "notify"
SECURITY = ("starttls", "tls", "none")
LANGUAGES = ("zh", "en")
PORTS = {"starttls": 587, "tls": 465, "none": 25}
SECRET_PREFIX = "whsec_"  # noqa: S105 - how Standard Webhooks marks one, no secret
LEAST_SECRET, MOST_SECRET = 24, 64

_MEMBER = re.compile(r"[a-z][a-z0-9-]{1,31}")
# one mailbox; what a mail header could be broken with has no place in it
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
)
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,252}[A-Za-z0-9])?")


class MailSettings(Struct, frozen=True):
    """Where mail is handed over, and each member's addresses. `tls` is None without security."""

    host: str
    port: int
    security: str
    tls: ssl.SSLContext | None
    user: str
    password: str
    sender: str
    to: Mapping[str, tuple[str, ...]]
    lang: str


class WebhookSettings(Struct, frozen=True):
    """Each member's URL, and the keys that sign: all of them, so that a receiver can change."""

    keys: tuple[bytes, ...]
    to: Mapping[str, str]
    tls: ssl.SSLContext


class Settings(Struct, frozen=True):
    """What the county uses."""

    mail: MailSettings | None = None
    webhook: WebhookSettings | None = None


def read(table: Mapping[str, Any], home: Path) -> Settings:
    """The settings of a table; nothing for what it does not speak of.

    Raises:
        Refused: `plugin.setting_unknown`, `notify.…`, naming the entry.
    """
    _known(table, "", ("smtp", "webhook"))
    mail = _mail(_table(table, "smtp"), home) if "smtp" in table else None
    webhook = _webhook(_table(table, "webhook"), home) if "webhook" in table else None
    return Settings(mail, webhook)


def _mail(table: Mapping[str, Any], home: Path) -> MailSettings:
    names = ("host", "port", "security", "ca", "user", "password_file", "from", "to", "lang")
    _known(table, "smtp.", names)
    security = _choice(table, "smtp.security", "starttls", SECURITY)
    host = _text(table, "smtp.host")
    if not _HOST.fullmatch(host):
        raise Refused("notify.setting_host", setting="smtp.host")
    if security == "none" and not _on_this_machine(host):
        raise Refused("notify.needs_tls", setting="smtp.security")
    user = _text(table, "smtp.user", "")
    password = _secret(table, "smtp.password_file", home) if user else ""
    return MailSettings(
        host=host,
        port=_port(table, PORTS[security]),
        security=security,
        tls=_tls(table, "smtp.ca", home) if security != "none" else None,
        user=user,
        password=password,
        sender=_address(table.get("from"), "smtp.from"),
        to={member: _addresses(value, f"smtp.to.{member}") for member, value in _to(table, "smtp")},
        lang=_choice(table, "smtp.lang", "zh", LANGUAGES),
    )


def _webhook(table: Mapping[str, Any], home: Path) -> WebhookSettings:
    _known(table, "webhook.", ("secret_file", "ca", "to"))
    lines = _secret(table, "webhook.secret_file", home).split()
    return WebhookSettings(
        keys=tuple(_key(line) for line in lines),
        to={member: _url(value, f"webhook.to.{member}") for member, value in _to(table, "webhook")},
        tls=_tls(table, "webhook.ca", home),
    )


def _key(line: str) -> bytes:
    """A key as Standard Webhooks writes it: whsec_ and 24 to 64 bytes in base64."""
    try:
        key = base64.b64decode(line.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not line.startswith(SECRET_PREFIX) or not LEAST_SECRET <= len(key) <= MOST_SECRET:
        raise Refused("notify.secret_form", setting="webhook.secret_file")
    return key


def _known(table: Mapping[str, Any], where: str, names: tuple[str, ...]) -> None:
    for name in table:
        if name not in names:
            raise Refused(
                "plugin.setting_unknown",
                plugin=PLUGIN,
                setting=f"{where}{name}"[:60],
                expected=", ".join(names),
            )


def _table(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    got = table.get(name.rpartition(".")[2])
    if not isinstance(got, Mapping):
        raise Refused("notify.setting_table", setting=name)
    return got


def _to(table: Mapping[str, Any], where: str) -> list[tuple[str, Any]]:
    """Members and where each is told."""
    given = _table(table, f"{where}.to")
    for member in given:
        if not isinstance(member, str) or not _MEMBER.fullmatch(member):
            raise Refused("notify.setting_member", setting=f"{where}.to")
    return list(given.items())


def _text(table: Mapping[str, Any], setting: str, default: str | None = None) -> str:
    got = table.get(setting.rpartition(".")[2], default)
    if not isinstance(got, str) or (default is None and not got) or not got.isprintable():
        raise Refused("notify.setting_text", setting=setting)
    return got


def _choice(table: Mapping[str, Any], setting: str, default: str, choices: tuple[str, ...]) -> str:
    got = table.get(setting.rpartition(".")[2], default)
    if got not in choices:
        raise Refused("notify.setting_choice", setting=setting, choices=", ".join(choices))
    return str(got)


def _port(table: Mapping[str, Any], default: int) -> int:
    got = table.get("port", default)
    if isinstance(got, bool) or not isinstance(got, int) or not 1 <= got <= 65535:
        raise Refused("notify.setting_port", setting="smtp.port")
    return got


def _addresses(value: object, setting: str) -> tuple[str, ...]:
    given = value if isinstance(value, list) else [value]
    if not given:
        raise Refused("notify.setting_address", setting=setting)
    return tuple(_address(one, setting) for one in given)


def _address(value: object, setting: str) -> str:
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise Refused("notify.setting_address", setting=setting)
    return value


def _url(value: object, setting: str) -> str:
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    good = isinstance(value, str) and value.isascii() and value.isprintable() and " " not in value
    if not good or not _HOST.fullmatch(host) or parts.username or parts.fragment or port == 0:
        raise Refused("notify.setting_url", setting=setting)
    if parts.scheme != "https" and not (parts.scheme == "http" and _on_this_machine(host)):
        raise Refused("notify.needs_tls", setting=setting)
    return str(value)


def _on_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _tls(table: Mapping[str, Any], setting: str, home: Path) -> ssl.SSLContext:
    """Trust in the system's authorities, or in those of one PEM file; TLS 1.2 or newer."""
    ca = _text(table, setting, "")
    try:
        context = ssl.create_default_context(cafile=home / ca if ca else None)
    except (OSError, ssl.SSLError):
        raise Refused("notify.setting_ca", setting=setting) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _secret(table: Mapping[str, Any], setting: str, home: Path) -> str:
    """What stands in a file that only its owner can read."""
    path = home / _text(table, setting)
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise Refused("notify.secret_open", setting=setting)
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise Refused("notify.secret_file", setting=setting) from None
    if not text or len(text) > 4096:
        raise Refused("notify.secret_file", setting=setting)
    return text
