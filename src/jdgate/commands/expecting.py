"""Commands on what is due by days: a month as a calendar has it, a day, and what is late.

Who asks gives a member to see what is expected of that one alone. Where the gateway is not on this
machine, only the deadlines of alerts on the member's own desk are known.

Rows are those of `expect.list` (`kind`, `rule`, `what`, `member`, `due_at`, `late`, `alert`,
`statement`) with `since`, `count` (alike ones are one row) and `explains` (the text of the rule).
A page that is not the last has a `next`, to be given as `after`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Literal

from sqlalchemy import Connection

from jdgate.commands.alerting import Alerting, owed_row
from jdgate.commands.forms import iso
from jdgate.core.alerts import AlertLife
from jdgate.core.calendar import local_day
from jdgate.core.months import Month, bounds, day_of_text
from jdgate.errors import Refused
from jdgate.gateway.explained import text_of, texts_of
from jdgate.gateway.gateway import Gateway
from jdgate.running import Running
from jdgate.store import agenda
from jdgate.store.agenda import Awaited, Day
from jdgate.store.columns import from_ms, to_ms
from jdgate.store.expectations import ExpectationRow

Part = Literal["awaited", "missed", "owed"]
PARTS: tuple[Part, ...] = ("awaited", "missed", "owed")
_APART = "~"


class Expecting:
    """What the county waits for, looked at by days."""

    def __init__(self, running: Running) -> None:
        self._running = running

    async def expect_month(self, month: str, member: str | None = None) -> list[dict[str, Any]]:
        """The days of a month on which something is due: {day, open, came, late, missed, owed}.

        Raises:
            Refused: `web.bad_request`, no month.
        """
        named = Month.read(month)
        if named is None:
            raise Refused("web.bad_request")
        begin, end = bounds(named.first, named.last)
        gateway = self._running.gateway
        if gateway is None:
            days = await self._own_days(member, begin, end)
        else:
            days = await gateway.read(lambda conn: agenda.by_day(conn, begin, end, member))
        return [
            {"day": day.isoformat(), "open": one.open, "came": one.came, "late": one.late,
             "missed": one.missed, "owed": one.owed}
            for day, one in days.items()
        ]  # fmt: skip

    async def expect_day(
        self,
        day: str,
        part: Part,
        member: str | None = None,
        after: str = "",
        limit: int = 50,
    ) -> dict[str, Any]:
        """One part of what is due on a day: {rows, next}.

        Raises:
            Refused: `web.bad_request`, no day, part or place.
        """
        span = bounds(*[_date(day)] * 2)
        return await self._part(part, span[0], span[1], member, after, limit)

    async def expect_late(
        self, part: Part, member: str | None = None, after: str = "", limit: int = 50
    ) -> dict[str, Any]:
        """What is late by now: missing messages (`missed`) or alerts whose next step is (`owed`):
        {rows, next}; as {by: [{what, member, count}]} how many are missing of what from whom.

        Raises:
            Refused: `web.bad_request`, no part or place.
        """
        now = self._running.clock.now()
        answer = await self._part(part, None, now, member, after, limit)
        gateway = self._running.gateway
        if part == "missed" and not after:
            counted = (
                await gateway.read(lambda conn: agenda.missed_by(conn, member))
                if gateway is not None
                else []
            )
            answer["by"] = [
                {"what": what, "member": of or None, "count": count} for what, of, count in counted
            ]
        return answer

    async def _part(
        self,
        part: Part,
        begin: datetime | None,
        end: datetime,
        member: str | None,
        after: str,
        limit: int,
    ) -> dict[str, Any]:
        now, gateway = self._running.clock.now(), self._running.gateway
        if part not in PARTS:
            raise Refused("web.bad_request")
        past = _place(after, {"awaited": 4, "missed": 2, "owed": 2}[part]) if after else None
        if gateway is None:
            own = await self._own_rows(part, member, begin, end)
            seen = (iso(past[0]), past[1]) if past is not None else ("", "")
            own = [row for row in own if (row["due_at"], row["alert"]) > seen]
            last = own[limit - 1] if len(own) > limit else None
            place = (datetime.fromisoformat(last["due_at"]), last["alert"]) if last else None
            return {"rows": own[:limit], "next": _cursor(place) if place else None}
        explains = _explaining(gateway)

        def read(conn: Connection) -> dict[str, Any]:
            most = limit + 1
            if part == "awaited":
                groups = agenda.awaited(conn, begin, end, of=member, after=past or (), limit=most)
                places = [(one.due_at, one.awaits, one.of, one.rule) for one in groups]
                rows = [_awaited(one, now, explains) for one in groups]
            elif part == "missed":
                found = agenda.missed(
                    conn, begin, end, of=member, before=(past[0], past[1]) if past else None,
                    limit=most,
                )  # fmt: skip
                places = [(one.due_at, one.statement or "") for one in found]  # type: ignore[misc]
                rows = [_missed(one, explains) for one in found]
            else:
                lives = agenda.owed(
                    conn, begin, end, of=member, after=(past[0], past[1]) if past else None,
                    limit=most,
                )  # fmt: skip
                places = [(one.deadline_at, one.id) for one in lives]  # type: ignore[misc]
                rows = [_owed(gateway, one, now) for one in lives]
            more = len(rows) == most
            return {"rows": rows[:limit], "next": _cursor(places[limit - 1]) if more else None}

        return await gateway.read(read)

    # --- where the gateway is elsewhere

    async def _own_alerts(
        self, member: str | None, begin: datetime | None, end: datetime
    ) -> list[dict[str, Any]]:
        """Open alerts on a member's own desk with a deadline in this time, the first due first."""
        rows = await Alerting(self._running).alerts_list(
            member=member or "", state="open", content=False
        )
        due = [row for row in rows if row["due_at"] is not None]
        due.sort(key=lambda row: (row["due_at"], row["id"]))
        return [
            row
            for row in due
            if (begin is None or begin < datetime.fromisoformat(row["due_at"]))
            and datetime.fromisoformat(row["due_at"]) <= end
        ]

    async def _own_rows(
        self, part: Part, member: str | None, begin: datetime | None, end: datetime
    ) -> list[dict[str, Any]]:
        if part != "owed":
            return []
        return [
            {
                "kind": "alert",
                "rule": row["rule"],
                "what": row["due_step"],
                "type": row["type"],
                "member": row["desk"],
                "since": row["raised_at"],
                "due_at": row["due_at"],
                "late": row["late"],
                "urgent": row["urgent"],
                "alert": row["id"],
                "statement": None,
                "count": 1,
                "explains": [row["explains"]] if row["explains"] else [],
            }
            for row in await self._own_alerts(member, begin, end)
        ]

    async def _own_days(
        self, member: str | None, begin: datetime, end: datetime
    ) -> dict[date, Day]:
        counted = Counter(
            local_day(datetime.fromisoformat(row["due_at"]) - timedelta(milliseconds=1))
            for row in await self._own_alerts(member, begin, end)
        )
        return {day: Day(owed=count) for day, count in sorted(counted.items())}


Explaining = Callable[[str], list[str]]


def _explaining(gateway: Gateway) -> Explaining:
    """Rule → the texts that say what its alerts are about."""
    return partial(texts_of, gateway.ground.rules)


def _awaited(one: Awaited, now: datetime, explains: Explaining) -> dict[str, Any]:
    late = one.due_at <= now
    return {**_message(one, explains), "late": late, "count": one.count}


def _missed(row: ExpectationRow, explains: Explaining) -> dict[str, Any]:
    return {**_message(row, explains), "since": iso(row.set_at), "statement": row.statement}


def _message(one: Awaited | ExpectationRow, explains: Explaining) -> dict[str, Any]:
    return {
        "kind": "message",
        "rule": one.rule,
        "what": one.awaits,
        "type": one.awaits,
        "member": one.of or None,
        "since": None,
        "due_at": iso(one.due_at),
        "late": True,
        "urgent": False,
        "alert": None,
        "statement": None,
        "count": 1,
        "explains": explains(one.rule),
    }


def _owed(gateway: Gateway, life: AlertLife, now: datetime) -> dict[str, Any]:
    told = text_of(gateway.ground.rules, life.rule, life.rule_id)
    return {
        **owed_row(gateway, life, now),
        "type": life.type,
        "since": iso(life.desk_at),
        "urgent": life.urgent,
        "statement": None,
        "count": 1,
        "explains": [told] if told else [],
    }


def _date(text: str) -> date:
    day = day_of_text(text)
    if day is None:
        raise Refused("web.bad_request")
    return day


def _cursor(place: tuple[Any, ...]) -> str:
    """Where a page ended, as it may stand in an address: types, members and rules alone."""
    return _APART.join([str(to_ms(place[0])), *map(str, place[1:])])


def _place(text: str, length: int) -> tuple[Any, ...]:
    parts = text.split(_APART)
    number = parts[0]
    if len(parts) != length or not (number.isascii() and number.isdecimal() and len(number) < 15):
        raise Refused("web.bad_request")
    return (from_ms(int(parts[0])), *parts[1:])
