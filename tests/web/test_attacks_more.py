"""More that was tried against the console: what others know, what somebody has not read, what one
person can use up."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.e2e.kit import ENROL, County
from tests.web.browsing import Browser

from jdgate.store import traffic
from jdgate.store.traffic import GATEWAY, Tally

pytestmark = pytest.mark.anyio
Browse = Callable[..., Browser]


async def test_a_sender_does_not_learn_from_the_picture_who_knows_a_person(
    county: County,
) -> None:
    now, known, plain = county.daemon.clock.now(), "comm.test.result.v1", ENROL
    legs = [
        (("ps-01", recipient, type), Tally(1, 1))
        for recipient in (GATEWAY, "com-01")
        for type in (known, plain)
    ]
    await county.books(lambda conn: traffic.add(conn, legs, now))

    async def told(member: str | None) -> set[str]:
        flows = await county.ask("flows.show", span="hour", member=member)
        return {one["type"] for one in flows["legs"] if one["source"] == "ps-01"}

    assert await told(None) == {known, plain}, "the authority"
    assert await told("com-01") == {known, plain}, "who got it"
    assert await told("ps-01") == {plain}, "found by what others know of a person"
