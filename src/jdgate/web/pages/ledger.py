"""Pages about the ledger: its head, who holds which checkpoint, verifying all of it, one entry.

A department sees the entries that concern it; the authority all. Verifying is begun by the
authority's people, one at a time, and goes on while nobody looks.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Any

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from jdgate.errors import JdgateError, Refused, UsageError
from jdgate.plainlog import broke
from jdgate.web.shaping import leaf_words
from jdgate.web.site import Asked, Site
from jdgate.wording import clean

log = logging.getLogger(__name__)

LONGEST_INDEX = 15
"""Digits of an entry's number that is looked up."""


class Verification(Struct):
    """The verification of the whole ledger that runs, or ran last."""

    by: str
    done: int = 0
    total: int = 0
    checkpoints: int = 0
    ended_at: datetime | None = None
    fault: JdgateError | None = None


class Verifier:
    """Runs one verification at a time."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._task: asyncio.Task[None] | None = None
        self.last: Verification | None = None
        site.at_closing.append(self._stop)

    @property
    def running(self) -> bool:
        """Whether one is under way."""
        return self._task is not None and not self._task.done()

    def begin(self, by: str) -> None:
        """Begin one.

        Raises:
            Refused: `web.ledger_busy`.
        """
        if self.running:
            raise Refused("web.ledger_busy")
        self.last = Verification(by)
        self._task = asyncio.create_task(self._run(self.last), name="web ledger verify")

    async def _run(self, run: Verification) -> None:
        try:
            async for step in self._site.ask["ledger.verify"]():  # type: ignore[union-attr]
                run.done, run.total = step["done"], step["total"]
                run.checkpoints = step["checkpoints"]
        except JdgateError as fault:
            run.fault = fault
        except Exception as error:
            broke(log, "verifying the ledger broke off", error=error)
            run.fault = UsageError("control.failed")
        run.ended_at = self._site.now()

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()


def pages(site: Site) -> list[HTTPRouteHandler]:
    """The ledger, and verifying it."""
    verifier = Verifier(site)

    @get("/ledger")
    async def ledger(request: Asked) -> Response[Any]:
        return await _ledger(request, clean(request.query_params.get("q", "")).strip()[:64], None)

    @post("/ledger/verify")
    async def verify(request: Asked) -> Response[Any]:
        who = request.state.visit.who
        if not site.oversees(who):
            raise Refused("people.not_allowed")
        try:
            verifier.begin(who.name)
        except Refused as reason:
            return await _ledger(request, "", reason)
        return site.go("/ledger#verify")

    async def _ledger(request: Asked, q: str, error: JdgateError | None) -> Response[Any]:
        visit, who = request.state.visit, request.state.visit.who
        member, here = site.seen_by(who), site.running.gateway is not None
        found: list[dict[str, Any]] = []
        status = 409 if error else 200
        if q and here:
            numbered = q.isascii() and q.isdecimal() and len(q) <= LONGEST_INDEX
            wanted = {"index": int(q)} if numbered else {"id": q.lower()}
            try:
                found = (await site.call("ledger.entry", **wanted, member=member))["entries"]
            except Refused as reason:
                error, status = reason, 404
        witnesses = []
        if site.running.edge is not None:
            seen = None if member is None else [member]
            witnesses = await site.call("ledger.witnesses", members=seen)
        return site.page(
            request,
            "ledger.html",
            status=status,
            error=error,
            q=q,
            here=here,
            head=await site.call("ledger.head") if here else None,
            checkpoint=await site.call("ledger.checkpoint") if here else None,
            witnesses=_alike(witnesses),
            found=[
                (leaf_words.tell(site.renderer, one, visit.lang), one.get("text"), one.get("hash"))
                for one in found
            ],
            oversees=site.oversees(who),
            run=verifier.last if site.oversees(who) else None,
            running=verifier.running,
        )

    return [ledger, verify]


def _alike(witnesses: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Who holds the same checkpoint, together; the largest first."""
    held: dict[tuple[int, str], dict[str, Any]] = {}
    for one in witnesses:
        row = held.setdefault((one["size"], one["root"]), {**one, "members": []})
        row["members"].append(one["member"])
    return [held[key] for key in sorted(held, reverse=True)]
