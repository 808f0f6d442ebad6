"""A client of the HTTP API, for departments' systems in Python. It needs nothing of the daemon.

A member that the gateway's machine hosts:

    with Client("https://desk.county.example", token) as api:
        taken = api.send("mmt.attendance.v1", records, id="2026-11-21.1")
        for one in api.deliveries():
            keep(one)                       # durably
            api.acknowledge(one.id)

A member with its own key (see `OwnKey`):

    with OwnKey(url, token, read_keys("cln-09.key"), read_authority("authority.pub")) as me:
        judged = me.hand_in(me.sign("mmt.attendance.v1", records, purpose="mmt.continuity"))

Rules:
- everything may be tried again: requests to send have the caller's id, messages their own. What the
  network lost, 429 and 503 are tried again, later and later, for `patience` seconds;
- an answer that says no is a `Problem`, with the problem's own words;
- what is verified is verified here, with keys that the authority's signature vouches for.
"""

from jdgate.client.answers import (
    Delivery,
    Judged,
    NotSent,
    RowState,
    Said,
    Sent,
    Standing,
    State,
    TableSent,
    Taken,
)
from jdgate.client.api import Client
from jdgate.client.calls import Problem, Unreachable
from jdgate.client.own_key import Opened, OwnKey, Signed, read_authority, read_keys

__all__ = [
    "Client",
    "Delivery",
    "Judged",
    "NotSent",
    "Opened",
    "OwnKey",
    "Problem",
    "RowState",
    "Said",
    "Sent",
    "Signed",
    "Standing",
    "State",
    "TableSent",
    "Taken",
    "Unreachable",
    "read_authority",
    "read_keys",
]
