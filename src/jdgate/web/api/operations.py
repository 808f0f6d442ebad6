"""What the API offers, written down: paths, what each takes, what it may answer. The document is
made from it, and a test compares it with what is served.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from jdgate.core.message import MAX_BODY, MESSAGE_ID
from jdgate.web.api import examples
from jdgate.web.api.deliveries import MOST_AT_ONCE, MOST_WAIT_S
from jdgate.web.api.shapes import (
    Delivery,
    Judged,
    Sealed,
    Sending,
    Standing,
    State,
    Taken,
)  # fmt: skip

JSON, JOSE, EVENTS = "application/json", "application/jose", "text/event-stream"


class Body(Struct, frozen=True):
    """Content of one media type: JSON of a `kind`, else text, or bytes if `binary`."""

    media: str
    kind: Any = None
    example: Any = None
    binary: bool = False


class Given(Struct, frozen=True):
    """A parameter."""

    name: str
    where: str
    schema: dict[str, Any]
    example: Any = None
    required: bool = False


class Operation(Struct, frozen=True, kw_only=True):
    """One thing a system may ask for. `fails`: the errors beside 401, 429 and 503."""

    name: str
    tag: str
    method: str
    path: str
    given: tuple[Given, ...] = ()
    takes: tuple[Body, ...] = ()
    status: int = 200
    gives: tuple[Body, ...] = ()
    also: tuple[int, ...] = ()

    @property
    def fails(self) -> tuple[int, ...]:
        """The statuses of all its errors."""
        return tuple(sorted({401, 429, 500, 503, *self.also}))

    @property
    def bodies(self) -> tuple[Body, ...]:
        """All that it takes and gives."""
        return self.takes + self.gives


def _whole(low: int, high: int, usual: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": low, "maximum": high, "default": usual}


_ID = Given(
    "id", "path", {"type": "string", "pattern": f"^{MESSAGE_ID.pattern}$"}, examples.MESSAGE
)
_LIMIT = Given("limit", "query", _whole(1, MOST_AT_ONCE, 20))
_WAIT = Given("wait", "query", _whole(0, MOST_WAIT_S, 0))
_LAST = Given("Last-Event-ID", "header", {"type": "string"})

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        name="status", tag="member", method="get", path="/status",
        gives=(Body(JSON, Standing, examples.STANDING),), also=(404,),
    ),
    Operation(
        name="directory", tag="member", method="get", path="/directory",
        gives=(Body(JOSE, None, examples.JWS),),
    ),
    Operation(
        name="send", tag="sending", method="post", path="/messages", status=202,
        takes=(Body(JSON, Sending, examples.SENDING),), gives=(Body(JSON, Taken, examples.TAKEN),),
        also=(400, 403, 404, 409, 413, 415, 422),
    ),
    Operation(
        name="message", tag="sending", method="get", path="/messages/{id}", given=(_ID,),
        gives=(Body(JSON, State, examples.STATE),), also=(404,),
    ),
    Operation(
        name="receipt", tag="sending", method="get", path="/messages/{id}/receipt", given=(_ID,),
        gives=(Body(JOSE, None, examples.JWS),), also=(404, 409),
    ),
    Operation(
        name="deliveries", tag="receiving", method="get", path="/deliveries",
        given=(_LIMIT, _WAIT), gives=(Body(JSON, list[Delivery], [examples.DELIVERY]),),
        also=(400, 403, 404),
    ),
    Operation(
        name="deliveries_stream", tag="receiving", method="get", path="/deliveries/stream",
        given=(_LAST,), gives=(Body(EVENTS, None, examples.EVENTS),), also=(403, 404),
    ),
    Operation(
        name="acknowledge", tag="receiving", method="post", path="/deliveries/{id}/acknowledge",
        given=(_ID,), status=204, also=(403, 404),
    ),
    Operation(
        name="hand_in", tag="own_key", method="post", path="/messages/signed",
        takes=(Body(JOSE, None, examples.JWS),), gives=(Body(JSON, Judged, examples.JUDGED),),
        also=(403, 409, 413, 415, 422),
    ),
    Operation(
        name="mailbox", tag="own_key", method="get", path="/mailbox", given=(_LIMIT, _WAIT),
        gives=(Body(JSON, list[Sealed], [examples.SEALED]),), also=(400, 403, 409, 422),
    ),
    Operation(
        name="mailbox_stream", tag="own_key", method="get", path="/mailbox/stream", given=(_LAST,),
        gives=(Body(EVENTS, None, examples.SEALED_EVENTS),), also=(403, 409, 422),
    ),
)  # fmt: skip

MOST_SIGNED = MAX_BODY
