"""Commands that look things up in the books: messages, each with its chain of proof, and entries
of the ledger.

`member`: answer with what concerns that member alone; None, with everything (for the authority, and
at the machine's own command line). Searches read beside the gateway's work and never hold it up.
What notes who searched, or proves under a checkpoint of this moment, writes: it takes its turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection

from jdgate.commands.forms import iso
from jdgate.core import checkpoints, evidence_verify, leaves, signing
from jdgate.core.calendar import at_local
from jdgate.core.encoding import b64u
from jdgate.core.ledger import leaf_hash
from jdgate.core.message import MESSAGE_ID, read_time
from jdgate.core.oversight import as_told, concerns
from jdgate.errors import Refused
from jdgate.founding import pinned_authority
from jdgate.gateway import chains, checkpointer, person_search, proofs
from jdgate.gateway.person_search import Sought
from jdgate.running import Running
from jdgate.store import ledger, search, witness
from jdgate.store.columns import from_ms, to_ms
from jdgate.store.ledger import StoredLeaf
from jdgate.store.search import Found, Place, Wanted

MOST = 200
"""Rows of one answer."""
SIDES = ("any", "sent", "received")
VERDICTS = ("accepted", "part", "refused")


class Searching:
    """Looking up messages and entries of the ledger, on the gateway's machine."""

    def __init__(self, running: Running) -> None:
        self._running = running

    async def messages_search(
        self,
        member: str | None = None,
        side: str = "any",
        type: str | None = None,
        verdict: str | None = None,
        since: str | None = None,
        until: str | None = None,
        before: str | None = None,
        limit: int = 50,
        told: bool = True,
    ) -> dict[str, Any]:
        """Messages that match, newest first: {rows, next}. `next` is where the following page
        begins (`before`), None at the end.

        `member` is the sender or the recipient; `since` and `until` are moments, or local days
        that belong to it. With a verdict only what was sent is searched: a verdict is what a
        sender was answered. `told`: each message with its recipients (`to`), for the authority.
        """
        wanted = Wanted(
            member=member or None,
            type=type or None,
            verdict=_one_of("verdict", verdict, VERDICTS) if verdict else None,
            since=_moment(since, 0),
            until=_moment(until, 1),
        )
        side = _one_of("side", side, SIDES) if wanted.member is not None else "any"
        below, limit = _place(before), max(1, min(limit, MOST))

        def look(conn: Connection) -> tuple[list[Found], dict[str, list[str]]]:
            found: list[Found] = []
            if side != "received":
                found += search.sent(conn, wanted, below=below, limit=limit + 1)
            if wanted.verdict is None and side != "sent":
                # of everybody's, what came from a message is there already
                own = wanted.member is None
                found += search.made(conn, wanted, below=below, limit=limit + 1, own=own)
            found.sort(key=lambda row: (row.at, row.id), reverse=True)
            ids = [row.id for row in found[:limit] if row.kind == "message"]
            return found, search.told(conn, ids) if told else {}

        found, recipients = await self._running.the_gateway.read(look)
        rows = [_row(row, recipients.get(row.id, ())) for row in found[:limit]]
        following = _cursor(found[limit - 1]) if len(found) > limit else None
        return {"rows": rows, "next": following}

    async def messages_person(
        self, id_type: str, id_no: str, by: str, limit: int = MOST
    ) -> dict[str, Any]:
        """The latest messages about a person, once the search is in the ledger."""
        gateway, now = self._running.the_gateway, self._running.clock.now()
        sought = Sought(id_type, id_no)

        def look(conn: Connection) -> tuple[list[Found], dict[str, list[str]]]:
            return person_search.find(
                conn, gateway.ground, sought, by=by, now=now, limit=min(limit, MOST)
            )

        found, recipients = await gateway.run(look)
        return {"rows": [_row(row, recipients.get(row.id, ())) for row in found], "next": None}

    async def messages_show(
        self, id: str, member: str | None = None, own: str | None = None
    ) -> dict[str, Any]:
        """The chain of proof that an id of a message, delivery, alert or draft belongs to. `own`:
        whose evidence file it may be.

        Raises:
            Refused: `message.unknown`.
        """
        gateway = self._running.the_gateway
        _is_id(id)
        return await gateway.read(
            lambda conn: chains.chain(conn, gateway.ground, id, member, own or member)
        )

    async def messages_verify(
        self, id: str, member: str | None = None, own: str | None = None
    ) -> dict[str, Any]:
        """The chain, verified anew under a checkpoint of this moment; with the numbered `report`
        on the evidence, where the reader may know all that it tells. Without one, `why` not."""
        gateway, now = self._running.the_gateway, self._running.clock.now()
        _is_id(id)

        def prove(conn: Connection) -> tuple[dict[str, Any], bytes | None, str | None]:
            checkpointer.current(conn, gateway.ground, now)
            found = chains.chain(conn, gateway.ground, id, member, own or member)
            about = found["evidence"] or (chains.evidence_id(found) if member is None else None)
            if about is None:
                return found, None, "search.part"
            try:
                return found, proofs.export(conn, gateway.ground, about, now), None
            except Refused as reason:  # erased by retention, or nothing was ever sent
                return found, None, reason.code

        found, data, why = await gateway.run(prove)
        report = None
        if data is not None:
            pinned = pinned_authority(self._running.home.authority_public)
            verified = await asyncio.to_thread(evidence_verify.verify, data, pinned)
            report = {"ok": verified.ok, "steps": msgspec.to_builtins(verified.steps)}
        return {**found, "report": report, "why": why}

    async def ledger_entry(
        self, index: int | None = None, id: str | None = None, member: str | None = None
    ) -> dict[str, Any]:
        """Entries of the ledger, by place or by what they are about, under the latest checkpoint.

        Raises:
            Refused: `ledger.unknown`, there is none that concerns the member.
        """

        def look(conn: Connection) -> dict[str, Any]:
            if index is not None:
                at = ledger.leaf(conn, index) if 0 <= index < 2**53 else None
                found = [at] if at is not None else []
            else:
                found = ledger.find(conn, id or "")[:MOST]
            read = [(one, leaves.decode(one.body)) for one in found]
            shown = [(one, leaf) for one, leaf in read if member is None or concerns(leaf, member)]
            if not shown:
                raise Refused("ledger.unknown")
            holds = chains.standing(conn, [one for one, _ in shown])
            return {
                "entries": [
                    {
                        "index": one.index,
                        "kind": one.kind,
                        "holds": holds[one.index],
                        "leaf": as_told(leaf, member, False),
                        **(_exactly(one) if member is None else {}),
                    }
                    for one, leaf in shown
                ]
            }

        return await self._running.the_gateway.read(look)

    async def ledger_checkpoint(self) -> dict[str, Any] | None:
        """The latest checkpoint and whether its signature holds; None before the first."""
        jws = await self._running.the_gateway.read(ledger.latest_checkpoint)
        if jws is None:
            return None
        claimed, kid = checkpoints.unverified(jws), signing.peek(jws).kid
        trust = self._running.trust
        try:
            key = trust.signing_key(kid, trust.gateway.id, claimed.at, claimed.at)
            signed = checkpoints.verify(jws, key) == claimed
        except Refused:
            signed = False
        return {
            "size": claimed.size,
            "root": b64u(claimed.root),
            "at": iso(claimed.at),
            "kid": kid,
            "signed": signed,
        }

    async def ledger_witnesses(self, members: list[str] | None = None) -> list[dict[str, Any]]:
        """Which checkpoint each member of this machine holds, and whether the ledger still had
        that root at that size (None: this machine has no ledger)."""
        edge = self._running.the_edge
        wanted = [id for id in edge.desks if members is None or id in members]
        held = await edge.run(
            lambda conn: [row for id in wanted if (row := witness.latest(conn, id)) is not None]
        )
        roots: dict[int, bytes] = {}
        if self._running.gateway is not None:
            sizes = {row.size for row in held}

            def look(conn: Connection) -> dict[int, bytes]:
                size = ledger.head(conn).size
                return {each: ledger.root_of(conn, each) for each in sizes if 0 < each <= size}

            roots = await self._running.the_gateway.read(look)
        return [
            {
                "member": row.member,
                "size": row.size,
                "root": b64u(row.root),
                "at": iso(row.at),
                "same": roots.get(row.size) == row.root if self._running.gateway else None,
            }
            for row in held
        ]


def _is_id(given: str) -> None:
    if not MESSAGE_ID.fullmatch(given):
        raise Refused("message.unknown", id=given[:64])


def _exactly(one: StoredLeaf) -> dict[str, Any]:
    return {"text": one.body.decode(), "hash": b64u(leaf_hash(one.body))}


def _row(row: Found, to: Iterable[str]) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(row)
    return {
        **told,
        "to": [row.recipient] if row.recipient else list(to),
        "at": iso(row.at),
        "erased_at": iso(row.erased_at) if row.erased_at is not None else None,
    }


def _cursor(row: Found) -> str:
    return f"{to_ms(row.at)}.{row.id}"


def _place(before: str | None) -> Place | None:
    if not before:
        return None
    at, _, id_ = before.partition(".")
    if not at.isdecimal() or not at.isascii() or len(at) > 14 or len(id_) > 64:
        raise Refused("search.place")
    return Place(from_ms(int(at)), id_)


def _moment(given: str | None, days: int) -> datetime | None:
    """A moment (RFC 3339), or where a local day begins, and `days` after it."""
    if not given:
        return None
    try:
        day = date.fromisoformat(given) + timedelta(days=days)
        return at_local(day.isoformat(), time(0))
    except OverflowError:  # the calendar begins after it, or ends before
        raise Refused("message.time", attribute="at") from None
    except ValueError:
        return read_time(given, "at")


def _one_of(name: str, given: str, known: tuple[str, ...]) -> str:
    if given not in known:
        raise Refused("search.choice", name=name, known=", ".join(known))
    return given
