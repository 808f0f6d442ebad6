"""Who may do what on the bus, written as a nats-server configuration.

Rules
- Every member is a user of its own, known by an nkey: the Ed25519 public key of its `bus` key
  in the directory. There is no password and no anonymous user.
- A member may publish to its own ingress subject, ask for the next messages of its own durable
  and settle those; it may subscribe under its own inbox prefix. Nothing else: above all never
  CONSUMER.CREATE, with which one member could rewrite another's durable.
- Acknowledgement subjects are granted at their exact length. An open-ended grant would also
  match the shorter form of another member's acknowledgement.
- Replies are the one thing permissions can't hold: a member may name any subject as the reply
  of a publish, and the server then writes its answer there. So inboxes hold a random part
  (see `jetstream`), and admission trusts only what is sealed and signed.
- TLS everywhere but on the loopback interface. No monitoring port at all.

    users = [BusUser("gateway", nkey_public(gw), "gateway"), BusUser("nco", nkey_public(nco))]
    text = render(ServerSettings(users=users, port=4222, store_dir=…, ports_dir=…, log_file=…))

The text is JSON, which nats-server reads as its own format.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from jdgate.bus.port import (
    GATEWAY_DURABLE,
    MAX_PAYLOAD,
    STREAM_BOX,
    STREAM_IN,
    SUBJECTS_BOX,
    check_member,
    subject_in,
)
from jdgate.errors import Misuse, UsageError

_PREFIX_USER = 20 << 3
_NKEY = re.compile(r"U[A-Z2-7]{55}")


class BusUser(msgspec.Struct, frozen=True):
    """One user of the bus: `name` is the member id, `nkey` its public key ("U…")."""

    name: str
    nkey: str
    role: Literal["gateway", "member"] = "member"


class Tls(msgspec.Struct, frozen=True):
    """The server's certificate and key, and the CA that clients must be signed by, if any."""

    cert: Path
    key: Path
    ca: Path | None = None


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a rendered configuration depends on. `port` -1 takes a free one."""

    users: Sequence[BusUser]
    port: int
    store_dir: Path
    ports_dir: Path
    log_file: Path
    host: str = "127.0.0.1"
    tls: Tls | None = None
    max_payload: int = MAX_PAYLOAD
    max_store: int | None = None


def crc16(data: bytes) -> int:
    """CRC-16/XMODEM (polynomial 0x1021, start 0), as nkeys use it."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
    return crc


def nkey_public(public: bytes) -> str:
    """The user nkey of a raw 32-byte Ed25519 public key.

    Raises:
        Misuse: `bus.nkey`: not 32 bytes.
    """
    if len(public) != 32:
        raise Misuse("bus.nkey", got=f"{len(public)} bytes")
    raw = bytes([_PREFIX_USER]) + public
    return base64.b32encode(raw + crc16(raw).to_bytes(2, "little")).decode().rstrip("=")


def check_nkey(nkey: str) -> str:
    """`nkey` as it came, when it is a user's public key with the right check sum.

    Raises:
        Misuse: `bus.nkey`: it is something else (a seed, an account, a typing error).
    """
    if _NKEY.fullmatch(nkey):
        raw = base64.b32decode(nkey)
        if raw[0] == _PREFIX_USER and crc16(raw[:-2]) == int.from_bytes(raw[-2:], "little"):
            return nkey
    # Never show what was given: a seed pasted by mistake would end up in a log.
    raise Misuse("bus.nkey", got=f"{len(nkey)} characters")


def inbox_prefix(name: str) -> str:
    """Where a user's answers go. Only that user may subscribe there."""
    return f"_INBOX_{check_member(name)}"


def is_loopback(host: str) -> bool:
    """Whether `host` can only be reached from this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _acks(stream: str, durable: str) -> list[str]:
    # $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>, and
    # the same behind <domain>.<account hash>, with or without a random last token (ADR-15).
    tail = f"{stream}.{durable}.*.*.*.*.*"
    return [f"$JS.ACK.{tail}", f"$JS.ACK.*.*.{tail}", f"$JS.ACK.*.*.{tail}.*"]


def permissions(user: BusUser) -> dict[str, dict[str, list[str]]]:
    """What `user` may publish and subscribe to, as nats-server writes it."""
    inbox = [f"{inbox_prefix(user.name)}.>"]
    if user.role == "member":
        publish = [
            subject_in(user.name),
            f"$JS.API.CONSUMER.MSG.NEXT.{STREAM_BOX}.{user.name}",
            *_acks(STREAM_BOX, user.name),
        ]
    else:
        publish = [SUBJECTS_BOX, "$JS.API.INFO", *_acks(STREAM_IN, GATEWAY_DURABLE)]
        for stream in (STREAM_IN, STREAM_BOX):
            publish += [
                f"$JS.API.STREAM.*.{stream}",
                f"$JS.API.STREAM.MSG.*.{stream}",
                f"$JS.API.CONSUMER.*.{stream}",
                f"$JS.API.CONSUMER.*.{stream}.>",
            ]
        publish.append(f"$JS.API.CONSUMER.MSG.NEXT.{STREAM_IN}.{GATEWAY_DURABLE}")
    return {"publish": {"allow": publish}, "subscribe": {"allow": inbox}}


def render(settings: ServerSettings) -> str:
    """The nats-server configuration for `settings`; the same settings give the same text.

    Raises:
        Misuse: `bus.member_name`, `bus.nkey`, `bus.user_twice`, `bus.config_path` (a path with
            a control character).
        UsageError: `bus.tls_required`: a host other than loopback without TLS.
    """
    if settings.tls is None and not is_loopback(settings.host):
        raise UsageError("bus.tls_required", host=settings.host)
    names = Counter(check_member(user.name) for user in settings.users)
    nkeys = Counter(check_nkey(user.nkey) for user in settings.users)
    for user in settings.users:
        if names[user.name] > 1 or nkeys[user.nkey] > 1:
            raise Misuse("bus.user_twice", name=user.name)
    jetstream: dict[str, object] = {
        "store_dir": _path(settings.store_dir),
        "sync_interval": "always",
        "limits": {"default_max_consumers": -1},
    }
    if settings.max_store is not None:
        jetstream["max_file_store"] = settings.max_store
    config: dict[str, object] = {
        "server_name": "jdgate",
        "host": settings.host,
        "port": settings.port,
        "ports_file_dir": _path(settings.ports_dir),
        "log_file": _path(settings.log_file),
        "logfile_size_limit": 4 * 1024 * 1024,
        "logfile_max_num": 3,
        "max_payload": settings.max_payload,
        "max_pending": 64 * 1024 * 1024,
        # A client that has gone must be noticed before its messages are: 2 pings of 20 s.
        "ping_interval": "20s",
        "ping_max": 2,
        "jetstream": jetstream,
        "authorization": {
            "timeout": 5,
            "users": [
                {"nkey": user.nkey, "permissions": permissions(user)} for user in settings.users
            ],
        },
    }
    if settings.tls is not None:
        tls: dict[str, object] = {
            "cert_file": _path(settings.tls.cert),
            "key_file": _path(settings.tls.key),
            "timeout": 5,
            "min_version": "1.3",
        }
        if settings.tls.ca is not None:
            tls |= {"ca_file": _path(settings.tls.ca), "verify": True}
        config["tls"] = tls
    return json.dumps(config, indent=1, ensure_ascii=False) + "\n"


def _path(path: Path) -> str:
    text = str(path)
    if any(ord(character) < 32 for character in text):
        raise Misuse("bus.config_path")
    return text
