"""Forms that wait for a person's approval before anything is sent.

A clerk fills in, an approver sends; where the agreement wants two, a second one does. Until then a
form is its member's own note, sealed in the edge's database: no message, and nothing of the
gateway's, unlike a draft.

Rules:
- what is kept was checked, and approving changes nothing in it but the names of who approved;
- who changes it sends it through the checks again and voids the approvals before. An approval
  names the version that was read;
- nobody approves twice; the last approval sends it, and it is gone with that very transaction;
- what nobody decided on in a month is forgotten (`jdgate.edge.forgetting`).
"""

from __future__ import annotations

import secrets
from typing import Any

from msgspec import Struct, convert, structs, to_builtins
from sqlalchemy import Connection

from jdgate.commands.forms import iso
from jdgate.core import approval
from jdgate.edge.desk import Desk
from jdgate.edge.forgetting import FORM, kept_forms
from jdgate.edge.outbox import Submission
from jdgate.errors import Refused
from jdgate.running import Running
from jdgate.store.register import Register

MOST = 200
"""Forms of one member that may wait."""
UNNAMED = "待批准"
"""Stands, while a form is checked, for whoever will approve it."""


class Form(Struct, kw_only=True):
    """`by`: who filled it in; `returned`: why it was given back; `version`: of what it says."""

    type: str
    record: dict[str, Any]
    by: str
    at: str
    version: str
    approvers: list[str] = []
    returned: str = ""
    returned_by: str = ""


class Waiting:
    """Forms of this machine's members that wait."""

    def __init__(self, running: Running) -> None:
        self._running = running

    async def form_keep(
        self, id: str, member: str, type: str, record: dict[str, Any], by: str, decides: bool
    ) -> dict[str, Any]:
        """Check a form and keep it under the id, over what was there. `decides`: who filled it in
        may approve, and has.

        Raises:
            Refused: `web.form_many`, `agreement.…`.
        """
        running, edge = self._running, self._running.the_edge
        sheet, now = running.catalogue.sheet(type), running.clock.now()
        names = [by, UNNAMED][: sheet.approvers] if decides else [UNNAMED, f"{UNNAMED}二"]
        whole = approval.signed(sheet, record, names)
        _, refused = await edge.check(member, type, [whole], None)
        if refused:
            return {"refused": [to_builtins(one) for one in refused]}
        form = Form(
            type=type, record=record, by=by, at=iso(now), version=secrets.token_hex(8),
            approvers=[by] if decides else [],
        )  # fmt: skip

        def keep(conn: Connection) -> None:
            notes = self._notes(conn, member)
            if notes.get(FORM, id) is None and notes.count(FORM) >= MOST:
                raise Refused("web.form_many", most=MOST)
            notes.put(FORM, id, to_builtins(form))

        await edge.run(keep)
        edge.bell.ring(member)
        return {"refused": []}

    async def form_count(self, member: str) -> int:
        """How many forms of a member wait, or were given back."""
        return await self._running.the_edge.run(lambda conn: self._notes(conn, member).count(FORM))

    async def form_list(self, member: str) -> list[dict[str, Any]]:
        """A member's forms that wait, newest first, without what they say."""

        def read(conn: Connection) -> list[dict[str, Any]]:
            found = self._notes(conn, member).find(FORM)
            forms = [{"id": id, **value} for id, value in found]
            for one in forms:
                del one["record"]
            return sorted(forms, key=lambda one: str(one["at"]), reverse=True)

        return await self._running.the_edge.run(read)

    async def form_show(self, member: str, id: str) -> dict[str, Any]:
        """One of them. Raises: Refused `web.not_found`."""
        form = await self._running.the_edge.run(lambda conn: self._get(conn, member, id))
        return {"id": id, **to_builtins(form)}

    async def form_approve(self, member: str, id: str, version: str, by: str) -> dict[str, Any]:
        """A named person approves what they read; with the last one it is sent.

        Raises:
            Refused: `web.not_found`, `web.form_changed`, `web.form_returned`, `web.form_twice`,
                `approval.…`, `agreement.…`.
        """
        running, edge = self._running, self._running.the_edge

        def approve(conn: Connection) -> Form:
            form = self._as_read(conn, member, id, version)
            if by in form.approvers:
                raise Refused("web.form_twice")
            names = [*approval.named([*form.approvers, by])]
            form = structs.replace(form, approvers=names)
            if len(names) < running.catalogue.sheet(form.type).approvers:
                self._notes(conn, member).put(FORM, id, to_builtins(form))
            return form

        form = await edge.run(approve)
        sheet = running.catalogue.sheet(form.type)
        edge.bell.ring(member)
        if len(form.approvers) < sheet.approvers:
            return {"messages": [], "refused": []}

        def noted(conn: Connection, made: Submission) -> None:
            self._as_read(conn, member, id, version)
            if made.messages:
                self._notes(conn, member).delete(FORM, id)

        record = approval.signed(sheet, form.record, form.approvers)
        made = await edge.submit(
            member, form.type, [record], approved_by=form.approvers, noted=noted
        )
        edge.bell.ring(member)
        return {
            "messages": [one.id for one in made.messages],
            "refused": [to_builtins(one) for one in made.refused],
        }

    async def form_return(self, member: str, id: str, reason: str, by: str) -> None:
        """Give a form back to who filled it in.

        Raises:
            Refused: `web.not_found`, `web.form_reason`.
        """
        if not reason.strip():
            raise Refused("web.form_reason")

        def give(conn: Connection) -> None:
            form = self._get(conn, member, id)
            form.returned, form.returned_by, form.approvers = reason.strip()[:2000], by, []
            self._notes(conn, member).put(FORM, id, to_builtins(form))

        await self._running.the_edge.run(give)
        self._running.the_edge.bell.ring(member)

    async def form_drop(self, member: str, id: str) -> None:
        """Forget a form. Raises: Refused `web.not_found`."""

        edge, desk = self._running.the_edge, self._running.the_edge.desk(member)
        await edge.run(lambda conn: take(conn, desk, id))
        self._running.the_edge.bell.ring(member)

    def _as_read(self, conn: Connection, member: str, id: str, version: str) -> Form:
        """One that still is as somebody read it, and was not given back."""
        form = self._get(conn, member, id)
        if form.version != version:
            raise Refused("web.form_changed")
        if form.returned:
            raise Refused("web.form_returned")
        return form

    def _get(self, conn: Connection, member: str, id: str) -> Form:
        value = self._notes(conn, member).get(FORM, id)
        if value is None:
            raise Refused("web.not_found")
        return convert(value, Form)

    def _notes(self, conn: Connection, member: str) -> Register:
        return kept_forms(conn, self._running.the_edge.desk(member))


def take(conn: Connection, desk: Desk, id: str) -> None:
    """Take a form from those that wait. Raises: Refused `web.not_found`, it does not."""
    notes = kept_forms(conn, desk)
    if notes.get(FORM, id) is None:
        raise Refused("web.not_found")
    notes.delete(FORM, id)
