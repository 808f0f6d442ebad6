"""The connection to NATS. This is the only file that imports `nats`.

Rules
- A user is known by its nkey: the server's nonce is signed with the Ed25519 key. Nothing is
  signed before TLS stands, where TLS is required (every host but loopback).
- One connection is one `nats` client. When it ends, for whatever reason, a new client is made:
  the library's own reconnection would stop for good at an authorisation error (a member that is
  admitted again must get back in), resend what we already gave up, and hang on half-open ones.
- A watchdog asks for a pong every two seconds and drops the connection when none comes in three.
- The inbox has a random part per connection. A member may name any subject as the reply of a
  publish, so whoever could guess an inbox could have the server write there.
- Exceptions and API errors become ours in `failure` and `api_failure`, nowhere else.
- Logs hold codes and our own member id, never a payload and never a subject of someone else.

    bus = await connect_member("nats://127.0.0.1:4222", "nco", private)
    await bus.start()
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import logging
import re
import secrets
import ssl
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nats import errors as e
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import errors as js

from jdgate.bus.access import inbox_prefix, is_loopback, nkey_public
from jdgate.bus.port import MAX_PAYLOAD
from jdgate.bus.streams import ApiRefused, GatewayStreams, MemberStreams, Quota
from jdgate.bus.wire import Answer, Frame
from jdgate.ending import end
from jdgate.errors import JdgateError, Misuse, TransportFailed, UsageError

log = logging.getLogger(__name__)

_AWAY = (TransportFailed, "bus.unavailable")
_BUG = (Misuse, "bus.misused")
_SILENT = (TransportFailed, "bus.unconfirmed")

FAILURES: dict[type[BaseException], tuple[type[JdgateError], str]] = {
    **dict.fromkeys(
        (
            e.Error, e.NoRespondersError, e.StaleConnectionError, e.OutboundBufferLimitError,
            e.UnexpectedEOF, e.FlushTimeoutError, e.ConnectionClosedError, e.SecureConnFailedError,
            e.NoServersError, e.DrainTimeoutError, e.ConnectionDrainingError,
            e.ConnectionReconnectingError, e.ProtocolError, e.JsonParseError, e.SlowConsumerError,
            js.Error, js.APIError, js.ServiceUnavailableError, js.ServerError, js.NotFoundError,
            js.NoStreamResponseError, js.TooManyStalledMsgsError,
            js.ConsumerSequenceMismatchError, OSError,
        ),
        _AWAY,
    ),
    **dict.fromkeys((e.TimeoutError, js.FetchTimeoutError, TimeoutError), _SILENT),
    **dict.fromkeys(
        (e.AuthorizationError, e.InvalidUserCredentialsError), (TransportFailed, "bus.denied")
    ),
    **dict.fromkeys(
        (e.SecureConnRequiredError, e.SecureConnWantedError, ssl.SSLError),
        (TransportFailed, "bus.insecure"),
    ),
    e.MaxPayloadError: (Misuse, "bus.too_large"),
    **dict.fromkeys(
        (
            e.BadSubscriptionError, e.BadSubjectError, e.BadHeaderError, e.BadTimeoutError,
            e.InvalidCallbackTypeError, e.ServerNotInPoolError, e.NotJSMessageError,
            e.MsgAlreadyAckdError, js.BadRequestError, js.ConsumerInvalidResetError,
            # We use neither key-value nor object stores: any of these is a bug of ours.
            js.BucketNotFoundError, js.BadBucketError, js.KeyValueError, js.KeyDeletedError,
            js.KeyNotFoundError, js.KeyWrongLastSequenceError, js.NoKeysError,
            js.KeyHistoryTooLargeError, js.InvalidKeyError, js.InvalidBucketNameError,
            js.InvalidObjectNameError, js.BadObjectMetaError, js.LinkIsABucketError,
            js.DigestMismatchError, js.ObjectNotFoundError, js.ObjectDeletedError,
            js.ObjectAlreadyExists, js.KeyValueLimitMarkerTTLNotSupportedError,
        ),
        _BUG,
    ),
}  # fmt: skip
"""Every exception of the library → ours. A test holds that none is missing."""

# 10002 account resources, 10023 server resources, 10026 consumers, 10027 streams, 10028 memory,
# 10047 storage, 10077 the store refused the message (its limits, or the disk's).
_FULL = frozenset({10002, 10023, 10026, 10027, 10028, 10047, 10077})
_TOO_LARGE = 10054
_REFUSED_LOGIN = re.compile(r"authori[sz]ation violation|authentication|account")
_DENIED_PUBLISH = re.compile(r'permissions violation for publish to "([^"]+)"')


def failure(error: BaseException) -> JdgateError:
    """Our error for an exception of the library, of the socket or of TLS."""
    if isinstance(error, JdgateError):
        return error
    for kind in type(error).__mro__:
        if kind in FAILURES:
            family, code = FAILURES[kind]
            if code == "bus.unavailable" and _REFUSED_LOGIN.search(str(error).lower()):
                code = "bus.denied"
            return _too_large() if code == "bus.too_large" else family(code)
    return Misuse("bus.misused")


def _too_large() -> Misuse:
    """The server found a message too large that passed our own check: its limit was lowered."""
    return Misuse("bus.too_large", size="?", limit=MAX_PAYLOAD)


def api_failure(error: dict[str, Any]) -> JdgateError:
    """Our error for the `error` object of a JetStream answer."""
    number, status = error.get("err_code"), error.get("code")
    if number in _FULL:
        return TransportFailed("bus.full")
    if number == _TOO_LARGE:
        return _too_large()
    return ApiRefused(
        "bus.unavailable" if status in (404, 500, 503) else "bus.rejected",
        number=number,
        status=status,
    )


class Link:
    """A `Wire` over NATS."""

    def __init__(
        self,
        servers: Sequence[str],
        name: str,
        private: Ed25519PrivateKey,
        *,
        tls: ssl.SSLContext | None = None,
        watch_every: float = 2.0,
        watch_patience: float = 3.0,
        confirm: float = 5.0,
    ) -> None:
        self._servers = [_checked(server, tls) for server in servers]
        self._must_encrypt = tls is not None or any(s.startswith("tls://") for s in self._servers)
        self._name, self._private, self._tls = name, private, tls
        self._watch_every, self._watch_patience = watch_every, watch_patience
        self._confirm = confirm
        self._listeners: dict[str, Callable[[Frame], None]] = {"r": self._on_reply}
        self._on_change: list[Callable[[], None]] = []
        self._waiting: dict[str, tuple[asyncio.Future[Answer], str]] = {}
        self._tokens = itertools.count(1)
        self._client: Client | None = None
        self._inbox = ""
        self._epoch = 0
        self._healthy = self._closing = False
        self._lost, self._changed = asyncio.Event(), asyncio.Event()
        self._trouble: JdgateError = TransportFailed("bus.unavailable")
        self._task: asyncio.Task[None] | None = None

    epoch = property(lambda self: self._epoch)
    connected = property(lambda self: self._client is not None)
    healthy = property(lambda self: self._client is not None and self._healthy)

    @property
    def limit(self) -> int:
        """Bytes that the server takes in one message."""
        return self._client.max_payload if self._client else MAX_PAYLOAD

    def log_in_with(self, private: Ed25519PrivateKey) -> None:
        """See `Wire.log_in_with`."""
        self._private = private

    def listen(self, name: str, on_frame: Callable[[Frame], None]) -> None:
        """See `Wire.listen`."""
        self._listeners[name] = on_frame

    def on_change(self, callback: Callable[[], None]) -> None:
        """See `Wire.on_change`."""
        self._on_change.append(callback)

    def inbox(self, name: str, token: str) -> str:
        """See `Wire.inbox`."""
        return f"{self._inbox}.{name}.{token}"

    async def open(self, patience: float) -> None:
        """Connect, and keep trying for ever after.

        Raises:
            TransportFailed: not connected within `patience` seconds and given up; with a
                patience of 0 it goes on trying in the background and never raises.
        """
        self._task = asyncio.create_task(self._keep())
        if patience > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    while not self.connected:
                        self._changed.clear()
                        await self._changed.wait()
            if not self.connected:
                await self.close()
                raise self._trouble

    async def close(self) -> None:
        """See `Wire.close`."""
        self._closing = True
        if self._client is not None:
            with contextlib.suppress(Exception):
                await self._client.rtt(timeout=1)  # what is buffered gets out, or it is lost
        await end(self._task)

    # -- keeping a connection --------------------------------------------------------------

    async def _keep(self) -> None:
        pause = 0.05
        while not self._closing:
            client = Client()
            orderly = False
            try:
                await self._dial(client)
                pause = 0.05
                await self._watch(client)
            except asyncio.CancelledError:
                orderly = True
                raise
            except Exception as error:
                self._report(failure(error))
            finally:
                self._drop()
                await _bury(client, abort=not orderly)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)

    # The library's annotations take whole seconds only, hence `Any`.
    async def _dial(self, client: Any) -> None:
        self._lost.clear()
        private = self._private  # another may come in the middle of a login
        # The library keeps the public nkey in a private attribute next to `signature_cb`.
        client._public_nkey = nkey_public(private.public_key().public_bytes_raw())
        await client.connect(
            servers=self._servers,
            name=self._name,
            error_cb=self._on_error,
            closed_cb=self._on_closed,
            disconnected_cb=self._on_closed,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0.05,
            connect_timeout=3,
            ping_interval=20,
            pending_size=8 * 1024 * 1024,
            inbox_prefix=inbox_prefix(self._name),
            signature_cb=lambda nonce: self._sign(client, private, nonce),
            tls=self._tls,
        )
        inbox = f"{inbox_prefix(self._name)}.{secrets.token_hex(16)}"
        for name, on_frame in self._listeners.items():
            await client.subscribe(f"{inbox}.{name}.*", cb=_hearing(on_frame))
        await client.rtt(timeout=self._watch_patience)
        self._client, self._inbox = client, inbox
        self._epoch += 1
        self._healthy = True
        log.info("bus: %s connected", self._name)
        self._tell()

    def _sign(self, client: Any, private: Ed25519PrivateKey, nonce: str) -> bytes:
        writer = client._transport._io_writer
        if self._must_encrypt and writer.get_extra_info("ssl_object") is None:
            raise e.SecureConnRequiredError
        return base64.b64encode(private.sign(nonce.encode()))

    async def _watch(self, client: Any) -> None:
        while client.is_connected:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._watch_every):
                    await self._lost.wait()
            if self._lost.is_set():
                return
            self._healthy = False
            await client.rtt(timeout=self._watch_patience)
            self._healthy = True

    def _drop(self) -> None:
        was, self._client, self._healthy = self._client, None, False
        waiting, self._waiting = list(self._waiting.values()), {}
        for future, _ in waiting:
            if not future.done():
                future.set_result(TransportFailed("bus.unavailable"))
        if was is not None and not self._closing:
            log.warning("bus: %s lost its connection", self._name)
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        for callback in self._on_change:
            callback()

    def _report(self, trouble: JdgateError) -> None:
        if trouble.code != self._trouble.code:
            log.warning("bus: %s can't connect: %s", self._name, trouble.code)
        self._trouble = trouble
        self._changed.set()

    async def _on_closed(self) -> None:
        self._lost.set()

    async def _on_error(self, error: Exception) -> None:
        text = str(error).lower()
        log.debug("bus: %s: %s", self._name, type(error).__name__)
        denied = _DENIED_PUBLISH.search(text)
        if denied is None:
            return
        # The server answers a publish that is not allowed with an error that names the subject
        # and nothing else: fail what waits on that subject now and not at its deadline.
        for future, subject in list(self._waiting.values()):
            if subject.lower() == denied[1] and not future.done():
                future.set_result(TransportFailed("bus.denied"))

    # -- asking and answering --------------------------------------------------------------

    def _on_reply(self, frame: Frame) -> None:
        waiting = self._waiting.get(frame.subject.rpartition(".")[2])
        if waiting is not None and not waiting[0].done():
            waiting[0].set_result(frame)

    async def send(
        self,
        subject: str,
        data: bytes = b"",
        reply: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        """See `Wire.send`."""
        if self._client is None:
            raise TransportFailed("bus.unavailable")
        try:
            await self._client.publish(subject, data, reply=reply, headers=headers)
        except Exception as error:
            raise failure(error) from error

    async def post(
        self, subject: str, data: bytes = b"", headers: dict[str, str] | None = None
    ) -> asyncio.Future[Answer]:
        """See `Wire.post`."""
        token = str(next(self._tokens))
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        # counted from here: many that wait for a silent server all give up together
        patience = loop.call_later(self._confirm, _unconfirmed, future)

        def over(_: object) -> None:
            patience.cancel()
            self._waiting.pop(token, None)

        future.add_done_callback(over)
        self._waiting[token] = (future, subject)
        try:
            await self.send(subject, data, self.inbox("r", token), headers)
        except BaseException:
            future.cancel()
            raise
        return future

    async def answer(self, future: asyncio.Future[Answer]) -> Answer:
        """See `Wire.answer`."""
        return await future

    async def request(self, subject: str, body: object = None) -> dict[str, Any]:
        """See `Wire.request`."""
        data = b"" if body is None else msgspec.json.encode(body)
        answer = await self.answer(await self.post(f"$JS.API.{subject}", data))
        if isinstance(answer, JdgateError):
            raise answer
        if answer.status:
            raise TransportFailed("bus.unavailable")
        found = msgspec.json.decode(answer.data, type=dict[str, Any])
        if "error" in found:
            raise api_failure(found["error"])
        return found

    def stored(self, answer: Answer) -> JdgateError | None:
        """See `Wire.stored`."""
        if isinstance(answer, JdgateError):
            return answer
        if answer.status:
            return TransportFailed("bus.unavailable")
        if not answer.data:
            return None  # the first message of a batch is answered with nothing
        found = msgspec.json.decode(answer.data, type=dict[str, Any])
        return api_failure(found["error"]) if "error" in found else None


def _hearing(on_frame: Callable[[Frame], None]) -> Callable[[Msg], Any]:
    async def heard(message: Msg) -> None:
        headers = message.headers or {}
        on_frame(
            Frame(
                message.subject,
                message.reply,
                message.data,
                headers,
                # Only the server can set a status, and then there is no body.
                headers.get("Status", "") if not message.data else "",
                headers.get("Description", ""),
            )
        )

    return heard


def _unconfirmed(future: asyncio.Future[Answer]) -> None:
    if not future.done():
        future.set_result(TransportFailed("bus.unconfirmed"))


def _checked(server: str, tls: ssl.SSLContext | None) -> str:
    parts = urlsplit(server if "://" in server else f"nats://{server}")
    if parts.scheme not in ("nats", "tls") or not parts.hostname:
        raise UsageError("bus.url")
    if tls is None and parts.scheme != "tls" and not is_loopback(parts.hostname):
        raise UsageError("bus.tls_required", host=parts.hostname)
    return parts.geturl()


async def _bury(client: Client, *, abort: bool) -> None:
    """End a client and everything it started. It may be broken in any way."""
    writer = getattr(client._transport, "_io_writer", None)
    subscriptions = list(client._subs.values())
    if abort and writer is not None:
        writer.transport.abort()  # a half-open socket would make `close` wait for its buffer
    with contextlib.suppress(Exception):
        async with asyncio.timeout(2):
            await client.close()
    if writer is not None:
        writer.transport.abort()
    tasks = [client._reading_task, client._ping_interval_task, client._flusher_task]
    tasks += [subscription._wait_for_msgs_task for subscription in subscriptions]
    await end(*tasks)


async def connect_gateway(
    servers: str | Sequence[str],
    private: Ed25519PrivateKey,
    *,
    name: str = "gateway",
    quota: Quota | None = None,
    reclaim: bool = True,
    tls: ssl.SSLContext | None = None,
    patience: float = 5.0,
    **link: float,
) -> GatewayStreams:
    """The gateway's bus, connected as the user `name` whose nkey is of `private`.

    `patience` (seconds) and the errors are those of `Link.open`; `link` holds the watchdog's
    and confirmation times of `Link`.

    Raises:
        TransportFailed: `bus.unavailable`, `bus.denied`, `bus.insecure`.
        UsageError: `bus.url`, `bus.tls_required`.
    """
    wire = Link(_several(servers), name, private, tls=tls, **link)
    bus = GatewayStreams(wire, quota or Quota(), reclaim=reclaim)
    await wire.open(patience)
    return bus


async def connect_member(
    servers: str | Sequence[str],
    member: str,
    private: Ed25519PrivateKey,
    *,
    tls: ssl.SSLContext | None = None,
    patience: float = 5.0,
    **link: float,
) -> MemberStreams:
    """`member`'s bus. Parameters and errors as `connect_gateway`."""
    wire = Link(_several(servers), member, private, tls=tls, **link)
    bus = MemberStreams(wire, member)
    await wire.open(patience)
    return bus


def _several(servers: str | Sequence[str]) -> list[str]:
    return servers.split(",") if isinstance(servers, str) else list(servers)
