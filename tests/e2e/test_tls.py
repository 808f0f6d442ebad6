"""The embedded bus over TLS, as departments on machines of their own reach it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.bus.test_link import _certificate
from tests.e2e.kit import ENROL, County, enrolment

from jdgate.errors import UsageError

pytestmark = pytest.mark.anyio
Own = Callable[..., County]


async def test_the_county_exchanges_over_tls(own: Own) -> None:
    county = own()
    _certificate(county.home.root)
    text = county.home.config.read_text("utf-8")
    nats = '\n[nats]\ncert = "cert.pem"\nkey = "key.pem"\nca = "cert.pem"\n'
    county.home.config.write_text(text + nats, "utf-8")
    async with county.running():
        assert county.daemon.nats_url.startswith("tls://")
        [verdict] = await county.push("cln-01", ENROL, [enrolment(1)])
        assert verdict["verdict"] == "accepted"


async def test_other_machines_are_not_served_without_tls(own: Own) -> None:
    county = own()
    text = county.home.config.read_text("utf-8")
    county.home.config.write_text(text + '\n[nats]\nhost = "0.0.0.0"\n', "utf-8")
    with pytest.raises(UsageError) as caught:
        await county.start()
    assert caught.value.code == "bus.tls_required"
