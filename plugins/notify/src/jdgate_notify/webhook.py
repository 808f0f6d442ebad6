"""Webhooks, signed as Standard Webhooks 1.0.0 says: an alert waits, and nothing of it.

    POST /jdgate
    webhook-id: nudge_7f…           the same when it is sent again
    webhook-timestamp: 1795248000   seconds since 1970, when this try was made
    webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4= (one for each key)

    {"type": "alert.waiting", "timestamp": "…Z", "data": {"member": …, "urgent": …, "waiting": …}}

- Signed is `id.timestamp.body` by HMAC-SHA-256. A receiver takes what `verify` takes: a good
  signature, not older or newer than five minutes, and an id it has not seen in that time.
- Only 2xx is success; redirects are not followed. 410 says to stop. Everything else is tried
  again, later and later.

    await Webhook(settings).notify(notice)
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import http.client
import json
import ssl
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from jdgate.clock import machine_time
from jdgate.plugins import Health, Notice, Refused, TransportFailed

from .settings import WebhookSettings

TIMEOUT_S = 20.0
TOLERANCE = timedelta(minutes=5)
"""How far a timestamp may lie from the receiver's clock: the replay window."""


class Webhook:
    """A channel that posts to a URL for each member."""

    name = "notify.webhook"

    def __init__(
        self, settings: WebhookSettings, clock: Callable[[], datetime] = machine_time
    ) -> None:
        """`clock` gives the moment that is signed: the machine's own, as receivers compare it
        with theirs."""
        self._settings = settings
        self._clock = clock

    async def notify(self, notice: Notice) -> None:
        """Post the notice.

        Raises:
            Refused: `notify.no_address`, `notify.webhook_gone`.
            TransportFailed: `notify.webhook_unavailable`, `notify.webhook_status`.
        """
        url = self._settings.to.get(notice.member)
        if url is None:
            raise Refused("notify.no_address", member=notice.member)
        body = written(notice)
        headers = signed(message_id(notice), self._clock(), body, self._settings.keys)
        status = await asyncio.to_thread(self._post, url, body, headers)
        host = urlsplit(url).hostname
        if status == 410:
            raise Refused("notify.webhook_gone", host=host)
        if not 200 <= status < 300:
            raise TransportFailed("notify.webhook_status", host=host, status=status)

    async def check(self) -> Health:
        """Whether every receiver can be reached; nothing is sent."""
        for url in dict.fromkeys(self._settings.to.values()):
            try:
                await asyncio.to_thread(self._reach, url)
            except TransportFailed as reason:
                return Health(ok=False, code=reason.code, params=reason.params)
        return Health(ok=True)

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = self._connection(url)
        try:
            connection.request("POST", path, body, dict(headers))
            return connection.getresponse().status
        except (OSError, http.client.HTTPException, ssl.SSLError) as error:
            raise _unavailable(url, error) from None
        finally:
            connection.close()

    def _reach(self, url: str) -> None:
        connection = self._connection(url)
        try:
            connection.connect()
        except (OSError, ssl.SSLError) as error:
            raise _unavailable(url, error) from None
        finally:
            connection.close()

    def _connection(self, url: str) -> http.client.HTTPConnection:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme == "https":
            return http.client.HTTPSConnection(
                host, parts.port, timeout=TIMEOUT_S, context=self._settings.tls
            )
        return http.client.HTTPConnection(host, parts.port, timeout=TIMEOUT_S)


def written(notice: Notice) -> bytes:
    """The body."""
    moment = notice.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    data = {"member": notice.member, "urgent": notice.urgent, "waiting": notice.waiting}
    told = {"type": "alert.waiting", "timestamp": moment, "data": data}
    return json.dumps(told, separators=(",", ":")).encode()


def message_id(notice: Notice) -> str:
    """Of the notice, the same each time; it says nothing of the alert."""
    return "nudge_" + hashlib.sha256(f"{notice.id}\n{notice.member}".encode()).hexdigest()[:32]


def signed(id: str, at: datetime, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """The headers of a message."""
    seconds = str(int(at.timestamp()))
    signatures = " ".join(f"v1,{_mac(key, id, seconds, body)}" for key in keys)
    return {
        "content-type": "application/json",
        "user-agent": "jdgate-notify",
        "webhook-id": id,
        "webhook-timestamp": seconds,
        "webhook-signature": signatures,
    }


def verify(headers: Mapping[str, str], body: bytes, key: bytes, now: datetime) -> bool:
    """What a receiver checks, beside not having seen the id within the window."""
    seconds = headers.get("webhook-timestamp", "")
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 12):
        return False
    if abs(now - datetime.fromtimestamp(int(seconds), UTC)) > TOLERANCE:
        return False
    expected = _mac(key, headers.get("webhook-id", ""), seconds, body).encode()
    offered = headers.get("webhook-signature", "").split(" ")
    return any(
        one.startswith("v1,") and hmac.compare_digest(one[3:].encode(), expected) for one in offered
    )


def _mac(key: bytes, id: str, seconds: str, body: bytes) -> str:
    text = f"{id}.{seconds}.".encode() + body
    return base64.b64encode(hmac.digest(key, text, "sha256")).decode()


def _unavailable(url: str, error: Exception) -> TransportFailed:
    # the URL's path may be a secret of the receiver's: only its host is told
    return TransportFailed(
        "notify.webhook_unavailable", host=urlsplit(url).hostname, error=type(error).__name__
    )
