"""What the API offers, written down: paths, what each takes, what it may answer. The document is
made from it, and a test compares it with what is served.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from jdgate.core.message import MESSAGE_ID
from jdgate.files.report import XLSX
from jdgate.web.api import examples
from jdgate.web.api.deliveries import MOST_AT_ONCE, MOST_WAIT_S
from jdgate.web.api.shapes import (
    Delivery,
    Judged,
    Jws,
    Sealed,
    Sending,
    Standing,
    State,
    TableSent,
    Taken,
)  # fmt: skip
from jdgate.web.api.tables import ANY, CSV, XLS

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


class Link(Struct, frozen=True):
    """What its answer is good for: an operation that takes a value of it as `id`."""

    to: str
    value: str


class Operation(Struct, frozen=True, kw_only=True):
    """One thing a system may ask for. `also`: the errors beside 401, 429, 500 and 503."""

    name: str
    tag: str
    method: str
    path: str
    given: tuple[Given, ...] = ()
    takes: tuple[Body, ...] = ()
    status: int = 200
    gives: tuple[Body, ...] = ()
    also: tuple[int, ...] = ()
    links: tuple[Link, ...] = ()

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
_FIRST_SENT = "$response.body#/messages/0/id"
_LIMIT = Given("limit", "query", _whole(1, MOST_AT_ONCE, 20))
_WAIT = Given("wait", "query", _whole(0, MOST_WAIT_S, 0))
_OWN_ID = {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"}
_TEXT = {"type": "string", "minLength": 1, "maxLength": 64}
_NAMES = {"type": "array", "items": _TEXT, "maxItems": 4}
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
        also=(400, 403, 404, 408, 409, 413, 415, 422),
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
        name="send_table", tag="sending", method="post", path="/tables", status=202,
        given=(
            Given("id", "query", _OWN_ID, "2026-11-21.table", required=True),
            Given("type", "query", _TEXT, "mmt.attendance.v1"),
            Given("sheet", "query", _TEXT),
            Given("approved_by", "query", _NAMES),
        ),
        takes=(
            Body(CSV, None, examples.CSV), Body(XLSX, binary=True), Body(XLS, binary=True),
            Body(ANY, binary=True),
        ),
        gives=(Body(JSON, TableSent, examples.TABLE), Body(XLSX, binary=True)),
        links=(Link("table", "$request.query.id"),),
        also=(400, 403, 404, 408, 409, 413, 415, 422),
    ),
    Operation(
        name="table", tag="sending", method="get", path="/tables/{id}",
        given=(Given("id", "path", _OWN_ID, "2026-11-21.table"),),
        gives=(Body(JSON, TableSent, examples.TABLE),), also=(404,),
    ),
    Operation(
        name="deliveries", tag="receiving", method="get", path="/deliveries",
        given=(_LIMIT, _WAIT), gives=(Body(JSON, list[Delivery], [examples.DELIVERY]),),
        links=(Link("acknowledge", "$response.body#/0/id"),),
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
        takes=(Body(JOSE, Jws, examples.JWS),), gives=(Body(JSON, Judged, examples.JUDGED),),
        links=(Link("message", "$response.body#/id"), Link("receipt", "$response.body#/id")),
        also=(400, 403, 404, 408, 409, 413, 415, 422),
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
