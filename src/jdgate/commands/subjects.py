"""Commands on subject reports, on the gateway's machine: what the exchange holds about one person,
asked for by one auditor of the authority and approved by another.

Who acts is proven: in the console by their session, on the command line by their password and
code. A name that is typed would be no second person.
"""

from __future__ import annotations

from typing import Any

import msgspec

from jdgate.commands.forms import iso
from jdgate.core.sheet import Title
from jdgate.errors import Refused, UsageError
from jdgate.gateway import subject_books, subject_report
from jdgate.gateway.subject_books import GROUNDS, Asked, Request, Who
from jdgate.people import rights
from jdgate.running import Running
from jdgate.store import people
from jdgate.store.people import OperatorRow

PAGE = 50
By = OperatorRow | dict[str, str]
"""An operator who is signed in here; or, from outside, {login, password, code}."""


class Subjects:
    """Requests for subject reports, and the reports."""

    def __init__(self, running: Running) -> None:
        self._running = running

    async def subject_ask(
        self, by: By, id_type: str, id_no: str, name: str, ground: str, reference: str
    ) -> dict[str, Any]:
        """An auditor asks for a report; the id of the request."""
        who, now = await self._who(by), self._running.clock.now()
        gateway = self._running.the_gateway
        asked = Asked(id_type=id_type, id_no=id_no, name=name, ground=ground, reference=reference)
        id = await gateway.run(
            lambda conn: subject_books.ask(conn, gateway.ground, asked, who, now)
        )
        return {"id": id, "until": iso(now + subject_books.DECIDED_WITHIN)}

    async def subject_decide(
        self, by: By, id: str, approve: bool, id_no: str = "", reason: str = ""
    ) -> dict[str, Any]:
        """Another auditor approves, with the identity number typed again, or refuses.

        Raises:
            Refused: `subject.other_number`, which stays noted; as `subject_books.decide`.
        """
        who, now = await self._who(by), self._running.clock.now()
        gateway = self._running.the_gateway
        left = await gateway.run(
            lambda conn: subject_books.decide(
                conn, gateway.ground, id, approve=approve, id_no=id_no, reason=reason, who=who,
                now=now,
            )
        )  # fmt: skip
        if left is not None:
            raise Refused("subject.other_number", left=left)
        return {"id": id, "state": "approved" if approve else "refused"}

    async def subject_list(self, by: By, before: str | None = None) -> list[dict[str, Any]]:
        """Requests, the latest first; those before the one named."""
        await self._who(by)
        gateway, now = self._running.the_gateway, self._running.clock.now()
        found = await gateway.run(
            lambda conn: subject_books.page(conn, gateway.ground, now, before, PAGE)
        )
        return [_listed(one) for one in found]

    async def subject_show(self, by: By, id: str) -> dict[str, Any]:
        """One request with its steps. `tries`: how many more numbers who asks may type."""
        who = await self._who(by)
        gateway, now = self._running.the_gateway, self._running.clock.now()
        found, steps = await gateway.read(
            lambda conn: (
                subject_books.get(conn, gateway.ground, id, now),
                subject_books.steps(conn, id),
            )
        )
        return {
            **_listed(found),
            "tries": subject_books.WRONG_NUMBERS - subject_books.mistyped(steps, who.login),
            "steps": [{"at": one.at, "act": one.act, "operator": one.operator} for one in steps],
        }

    async def subject_report(self, by: By, id: str) -> dict[str, Any]:
        """The report, for the two who asked and approved. Opening it is noted first."""
        who, now = await self._who(by), self._running.clock.now()
        gateway = self._running.the_gateway
        ground = gateway.ground
        request, tokens = await gateway.run(
            lambda conn: subject_books.open_report(conn, ground, id, who, now)
        )
        found = await gateway.read(lambda conn: subject_report.read(conn, tokens))
        days = {sheet.type: sheet.retention_days for sheet in ground.catalogue.sheets.values()}
        report = subject_report.shape(found, days)
        told: dict[str, Any] = msgspec.to_builtins(report)
        return {
            "request": _listed(request),
            "made_at": iso(now),
            "made_by": who.name,
            **told,
            "words": self._words(told),
        }

    def _words(self, told: dict[str, Any]) -> dict[str, Any]:
        """Titles of the types and fields that a report names, and names of members."""
        listed = ("messages", "corrections", "disclosures", "looks", "alerts", "drafts")
        types = {one["type"] for name in listed for one in told[name]}
        sheets = self._running.catalogue.sheets
        known = {type: sheets[type] for type in sorted(types) if type in sheets}
        return {
            "types": {type: _both(sheet.title) for type, sheet in known.items()},
            "fields": {
                type: {name: _both(field.title) for name, field in sheet.fields.items()}
                for type, sheet in known.items()
            },
            "members": {one.id: one.name for one in self._running.trust.directory.members},
        }

    async def _who(self, by: By) -> Who:
        """An auditor of the authority, on the gateway's machine.

        Raises:
            UsageError: `daemon.no_gateway`, `people.not_served`.
            Refused: `people.not_allowed`, `people.wrong`, `people.resting`.
        """
        running = self._running
        _ = running.the_gateway
        row = by if isinstance(by, OperatorRow) else await self._proven(dict(by))
        member = running.trust.members.get(row.member)
        rights.require(row.role, "audit")
        if member is None or member.kind != "authority":
            raise Refused("people.not_allowed")
        return Who(row.login, row.name, row.member)

    async def _proven(self, given: dict[str, str]) -> OperatorRow:
        house = self._running.house
        if house is None:
            raise UsageError("people.not_served")
        login, password, code = (str(given.get(key, "")) for key in ("login", "password", "code"))
        await house.prove(login, password, code, self._running.clock.now())
        row = await house.run(lambda conn: people.get(conn, login))
        if row is None:
            raise Refused("people.wrong")
        return row


def _both(title: Title) -> dict[str, str]:
    return {"zh": title.zh, "en": title.en}


def _listed(request: Request) -> dict[str, Any]:
    row, details = request.row, request.details
    return {
        "id": row.id,
        "state": request.state,
        "ground": row.ground,
        "basis": list(GROUNDS.get(row.ground, ())),
        "asked_at": iso(row.asked_at),
        "asked_by": row.asked_by,
        "asked_name": row.asked_name,
        "until": iso(row.until),
        "decided_at": iso(row.decided_at) if row.decided_at else None,
        "decided_by": row.decided_by,
        "decided_name": row.decided_name,
        "details": None if details is None else msgspec.to_builtins(details),
    }
