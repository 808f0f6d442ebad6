"""Commands on care teams, at the machine of the office that runs the orders."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import Connection

from jdgate.core.calendar import day_of
from jdgate.core.care import ASSIGN
from jdgate.edge import teams
from jdgate.edge.desk import Desk
from jdgate.errors import Refused
from jdgate.running import Running

PATIENCE_S = 60.0


class Teaming:
    """The teams that hosted members assigned. No answer but `show` names a person."""

    def __init__(self, running: Running) -> None:
        self._running = running

    async def assign_list(self, member: str) -> list[dict[str, Any]]:
        """The teams of an office, by the office's own reference of each person."""
        edge, desk = self._running.the_edge, self._running.the_edge.desk(member)

        def read(conn: Connection) -> list[dict[str, Any]]:
            return [{"ref": ref, "team": team} for ref, team in teams.teams(conn, desk)]

        return await edge.run(read)

    async def assign_show(self, member: str, ref: str) -> dict[str, Any]:
        """One person's team, and who that person is."""
        edge, desk = self._running.the_edge, self._running.the_edge.desk(member)

        def read(conn: Connection) -> dict[str, Any]:
            person = teams.person(conn, desk, ref)
            return {
                "ref": teams.reference(conn, desk, person["id_no"]),
                "name": person["name"],
                "team": teams.team(conn, desk, person["id_no"]),
            }

        return await edge.run(read)

    async def assign_set(
        self, member: str, ref: str, place: str, to: str | None, by: str, worker: str = ""
    ) -> dict[str, Any]:
        """Give a place to a member, or end it (`to` None); a named person decides that.

        Waits for the gateway: the office's own note follows what was accepted.
        """
        edge, desk = self._running.the_edge, self._running.the_edge.desk(member)
        today = day_of(self._running.clock.now())

        def write(conn: Connection) -> tuple[dict[str, str], list[dict[str, Any]]]:
            person = teams.person(conn, desk, ref)
            current = teams.team(conn, desk, person["id_no"])
            return person, teams.records(person, current, place, to, worker.strip(), today)

        person, records = await edge.run(write)
        submission = await edge.submit(member, ASSIGN, records, approved_by=[by])
        if submission.refused:
            fault = submission.refused[0]
            raise Refused("team.not_sendable", code=fault.code, path=fault.path)
        id = submission.messages[0].id
        verdict = await self._answer(id)
        if verdict is not None:
            _raise_refusal(verdict)
            await edge.run(lambda conn: teams.note(conn, desk, person, records))
        return await self._told(desk, person, id, verdict is not None)

    async def _told(
        self, desk: Desk, person: dict[str, str], id: str, answered: bool
    ) -> dict[str, Any]:
        ref = await self._running.the_edge.run(
            lambda conn: teams.reference(conn, desk, person["id_no"])
        )
        return {"ref": ref, "message": id, "answered": answered}

    async def _answer(self, id: str) -> dict[str, Any] | None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                async for answered in self._running.the_edge.answers([id]):
                    if answered.renewed_as is None:
                        return {"verdict": answered.verdict, **answered.record}
        except TimeoutError:
            pass
        return None


def _raise_refusal(verdict: dict[str, Any]) -> None:
    """All records are about one person and one place: one refused is all refused."""
    if verdict["verdict"] == "accepted":
        return
    faults = verdict.get("refused") or ()
    if faults:
        raise Refused(faults[0]["code"], field=faults[0].get("params", {}).get("field", ""))
    raise Refused(verdict.get("code") or "team.not_sendable", **verdict.get("params", {}))
