"""Mail servers and receivers for the tests, with a certificate of their own."""

from __future__ import annotations

import datetime as dt
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from plugins.notify.tests.servers import Postbox, Receiver, allow, mail_server, server_tls


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    encoded = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(encoded + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
async def postbox(certificate: Path) -> AsyncIterator[tuple[Postbox, int]]:
    """A mail server that wants STARTTLS and a login."""
    handler = Postbox()
    wants = {"require_starttls": True, "auth_required": True, "authenticator": allow}
    async with mail_server(handler, tls_context=server_tls(certificate), **wants) as port:
        yield handler, port


@pytest.fixture
def serving() -> Iterator[Callable[..., tuple[Receiver, str]]]:
    """Start a receiver; its URL comes with it."""
    running: list[tuple[Receiver, threading.Thread]] = []

    def start(tls: ssl.SSLContext | None = None) -> tuple[Receiver, str]:
        server = Receiver()
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        running.append((server, thread))
        scheme = "http" if tls is None else "https"
        return server, f"{scheme}://127.0.0.1:{server.server_address[1]}/in?desk=1"

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(params=["http", "https"])
def receiver(
    request: pytest.FixtureRequest,
    certificate: Path,
    serving: Callable[..., tuple[Receiver, str]],
) -> tuple[Receiver, str]:
    return serving(server_tls(certificate) if request.param == "https" else None)
