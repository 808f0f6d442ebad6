"""Real servers on this machine: one that takes mail, one that receives webhooks."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

KEYS = tuple(base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))


def secret(home: Path, name: str, text: str, mode: int = 0o600) -> None:
    path = home / name
    path.write_text(text)
    path.chmod(mode)


def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


class Postbox:
    """What a mail server took. It refuses mail for nobody@…."""

    def __init__(self) -> None:
        self.taken: list[tuple[list[str], str]] = []

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address.startswith("nobody@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.taken.append((envelope.rcpt_tos, envelope.content.decode()))
        return "250 taken"


def allow(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"jd", b"geheim")
    return AuthResult(success=good, handled=good)  # unhandled: answered with 535


@contextlib.asynccontextmanager
async def mail_server(handler: Postbox, **options: Any) -> AsyncIterator[int]:
    """A mail server on a free port."""
    tls = options.pop("ssl", None)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, hostname="localhost", **options), "127.0.0.1", 0, ssl=tls
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class Receiver(ThreadingHTTPServer):
    """A webhook's receiver; it answers with `status`."""

    status = 204

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[str, dict[str, str], bytes]] = []


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.got.append((self.path, headers, body))
        self.send_response(self.server.status)
        self.send_header("location", "/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass
