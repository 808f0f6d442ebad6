"""The demo's story, told by driving the real daemon: nothing in it is acted.

A clinic files its patients with the police, the police's registry tells townships of their orders,
somebody tries what is not allowed, sixty days of attendance come in, some patients stop coming, a
(simulated) clinician decides one draft, and the notice is proven offline and then tampered with.
Then the other departments have their say (`departments.py`), and alerts lie on desks.

Every chapter notes that it is done in the transaction that sends its messages. Started again, it
does what is left: after an interruption the rest of the story, later the days since.

    story = asyncio.create_task(tell(daemon))
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from jdgate.core import evidence_verify
from jdgate.core.calendar import add_days, day_of
from jdgate.core.evidence_report import Step
from jdgate.demo import registry
from jdgate.demo.county import CLINIC, office
from jdgate.demo.departments import Departments, Sending
from jdgate.demo.next_steps import next_steps
from jdgate.demo.people import (
    ALERT,
    ATTENDANCE,
    DAYS,
    ENROLMENT,
    NOTICE,
    ORDER,
    PATIENTS,
    SITES,
    Event,
    People,
    enrolment,
    order_notice,
)
from jdgate.demo.stage import Stage
from jdgate.edge.judged import Answered
from jdgate.errors import Refused
from jdgate.founding import pinned_authority
from jdgate.store import draft_box
from jdgate.texts import say

if TYPE_CHECKING:
    from jdgate.running import Running

STRETCH = 10
"""Days of attendance that are sent and told together. An absence that ends in the stretch in
which it became an alert may be judged as one with its end, and then nobody is alerted."""
STRANGER = "P0999"
"""A patient number that the clinic never enrolled."""
INTRUDER = office(2)
"""A township office that tries to send what only a clinic may send."""
EXPECTED = {"C1", "K1", "L2", "P1", "P2"}
"""Alerts that the other departments' chapters lead to."""
FIRST_DAY, TOLD = "demo.first_day", "demo.told"


async def tell(daemon: Running) -> None:
    """Tell the story, or what is left of it, and end with three commands to try.

    Raises:
        JdgateError: what the daemon's own parts raise when they can't work.
    """
    if daemon.gateway is None or daemon.edge is None:
        daemon.teller.say("demo.needs_both")
        return
    stage = Stage(daemon, daemon.gateway, daemon.edge)
    yesterday = add_days(day_of(stage.now()), -1)
    first_day = await stage.noted(FIRST_DAY)
    begun = first_day is not None
    if first_day is None:
        first_day = add_days(yesterday, 1 - DAYS)
        await stage.note(FIRST_DAY, first_day)
    story = Story(stage, People(first_day), yesterday)
    if await stage.noted(TOLD) is not None:
        await story.again()
    else:
        await story.first_time(begun)
    story.invite()


class Story:
    """The chapters. `last` is the last day that attendance exists for."""

    def __init__(self, stage: Stage, people: People, yesterday: str) -> None:
        self._stage = stage
        self._people = people
        self._departments = Departments(people, day_of(stage.now()))
        self._last = people.number(yesterday)
        self._say = stage.teller.say
        self._evidence = stage.daemon.home.var / "demo-evidence.jws"

    async def first_time(self, begun: bool) -> None:
        """The whole story, or the rest of one that was interrupted."""
        started = time.monotonic()
        people = self._people
        first, last = people.first_day, people.day(self._last)
        self._say("demo.begin", patients=PATIENTS, sites=len(SITES) - 1, first=first, last=last)
        if begun:
            self._say("demo.goes_on")
            await self._stage.answers(await self._stage.left_open())
        await self._enrol()
        await self._checkins()
        await self._orders()
        await self._forbidden()
        await self._days()
        await self._outcome()
        message_id = await self._approve()
        if message_id is not None:
            await self._prove(message_id)
        await self._others()
        await self._desks()
        await self._stage.note(TOLD, day_of(self._stage.now()))
        await self._totals(time.monotonic() - started)

    async def again(self) -> None:
        """A later start: only the days that have passed since."""
        self._say("demo.again", told=await self._stage.noted(TOLD))
        await self._stage.answers(await self._stage.left_open())
        if not await self._days():
            self._say("demo.nothing_missing", last=self._people.day(self._last))

    def invite(self) -> None:
        """What to try next."""
        daemon = self._stage.daemon
        self._say("demo.next", dir=Path.cwd())
        steps = next_steps(daemon.home, daemon.teller.lang, self._evidence)
        for number, (code, command) in enumerate(steps, start=1):
            what = say(code, daemon.teller.lang)
            print(f"\n  {number}. {what}\n     {command}", flush=True)
        print(flush=True)
        self._say("demo.stays")

    # --- chapters

    async def _once(self, member: str, type: str, records: list[dict[str, object]]) -> None:
        """Send what was not sent in an earlier run, and wait until all have signed for it."""
        mark = f"demo.sent.{type}"
        if await self._stage.noted(mark) is not None:
            return
        with self._stage.teller.together():
            ids = await self._stage.send(member, type, records, (mark, "1"))
            await self._stage.answers(ids)
            await self._stage.quiet()

    async def _enrol(self) -> None:
        self._say("demo.enrol", patients=PATIENTS)
        await self._once(CLINIC, ENROLMENT, [enrolment(one) for one in self._people.patients])

    async def _checkins(self) -> None:
        sendings = self._departments.checkins()
        self._say("demo.checkins", people=sum(len(one.records) for one in sendings))
        await self._send("checkins", [sendings])

    async def _orders(self) -> None:
        """The police enter decisions in their own system; the plugin finds them there."""
        stage, orders = self._stage, [order_notice(one) for one in self._people.ordered]
        towns = {one["town"] for one in orders}
        self._say("demo.orders", orders=len(orders))
        home = stage.daemon.home
        await asyncio.to_thread(registry.decide, home, orders, stage.now())

        async def everywhere() -> bool:
            return sum(box[ORDER] for box in (await stage.mail()).values()) >= len(towns)

        with stage.teller.together():
            await stage.until(everywhere)
            await stage.quiet()
        self._say("demo.registry", rows=await asyncio.to_thread(registry.received, home))

    async def _others(self) -> None:
        for chapter in self._departments.chapters():
            self._say(f"demo.chapter_{chapter.name}", **chapter.params)
            await self._send(chapter.name, chapter.steps)

    async def _send(self, chapter: str, steps: list[list[Sending]]) -> None:
        """Send what was not sent in an earlier run; each step is answered before the next."""
        stage = self._stage
        with stage.teller.together(but="story.delivered"):
            for number, sendings in enumerate(steps):
                ids: list[str] = []
                for one in sendings:
                    mark = f"demo.{chapter}.{number}.{one.member}.{one.type}"
                    if await stage.noted(mark) is None:
                        ids += await stage.send(
                            one.member, one.type, one.records, (mark, "1"), one.approved_by
                        )
                await stage.answers(ids)
                await stage.quiet()

    async def _desks(self) -> None:
        """Which alerts lie on whose desk now: each is a person's task, and none has acted."""
        stage = self._stage

        async def all_told() -> bool:
            return {alert.rule for alert in await stage.alerts()} >= EXPECTED

        await stage.until(all_told, 15.0)
        self._say("demo.desks")
        for alert in await stage.alerts():
            if alert.member != CLINIC:
                desk = stage.teller.name(alert.member)
                self._say("demo.desk", member=desk, rule=alert.rule, text=alert.text)

    async def _forbidden(self) -> None:
        mark = "demo.tried"
        if await self._stage.noted(mark) is not None:
            return
        self._say("demo.forbidden")
        record = self._people.attendance(CLINIC, 0)[0]
        reason = await self._stage.refused_at_once(INTRUDER, ATTENDANCE, record)
        self._say("demo.tried_township", member=INTRUDER, reason=self._words(reason))
        dosed = {**record, "dose": 60}
        reason = await self._stage.refused_at_once(CLINIC, ATTENDANCE, dosed)
        self._say("demo.tried_dose", member=CLINIC, reason=self._words(reason))
        self._say("demo.tried_force", member=INTRUDER)
        with self._stage.teller.together():
            forced = await self._stage.force(INTRUDER, ATTENDANCE, record, (mark, "1"))
            await self._stage.answers([forced])
            await self._stage.quiet()

    async def _days(self) -> bool:
        """Attendance that was not sent yet, some days at a time; whether there was any."""
        stage, people = self._stage, self._people
        sent = {site: int(await stage.noted(_day_mark(site)) or -1) for site in SITES}
        first = min(sent.values()) + 1
        if first > self._last:
            return False
        if first == 0:
            self._say("demo.days", days=DAYS, sites=len(SITES))
        else:
            self._say("demo.days_missing", first=people.day(first), last=people.day(self._last))
        for stretch in range(first // STRETCH, self._last // STRETCH + 1):
            begin = max(stretch * STRETCH, first)
            end = min(stretch * STRETCH + STRETCH - 1, self._last)
            stage.teller.say("demo.stretch", first=people.day(begin), last=people.day(end))
            with stage.teller.together():
                answered = await self._stretch(begin, end, sent)
                await stage.quiet()
            self._refusals(answered)
        return True

    async def _stretch(self, begin: int, end: int, sent: dict[str, int]) -> list[Answered]:
        stage, people = self._stage, self._people
        ids: list[str] = []
        events = list(people.events())
        for number in range(begin, end + 1):
            for event in events:
                if event.day == number:
                    await self._happen(event)
            for site in SITES:
                if number <= sent[site]:
                    continue
                records = people.attendance(site, number)
                if number == 0 and site == CLINIC:
                    records.append({**records[0], "patient_ref": STRANGER})
                mark = (_day_mark(site), str(number))
                ids += await stage.send(CLINIC, ATTENDANCE, records, mark)
        return await stage.answers(ids)

    async def _happen(self, event: Event) -> None:
        """It is judged before the attendance of its day: two senders' messages may overtake
        each other, which changes no outcome but what is told on the way to it."""
        mark = f"demo.event.{event.name}"
        if await self._stage.noted(mark) is None:
            sent = await self._stage.send(event.member, event.type, [event.record], (mark, "1"))
            await self._stage.answers(sent)

    def _refusals(self, answered: list[Answered]) -> None:
        for one in answered:
            for fault in one.record.get("refused", ()):
                reason = self._stage.reason(ATTENDANCE, fault)
                self._say("demo.refused_record", place=fault["index"] + 1, reason=reason)

    async def _outcome(self) -> None:
        """What the clinic was told, what nobody else was, and why some cases led to nothing."""
        stage, people = self._stage, self._people
        mail = await stage.mail()
        others = [member for member in mail if member != CLINIC]
        self._say("demo.outcome")
        self._say(
            "demo.outcome_alerts",
            alerts=mail[CLINIC][ALERT],
            others=len(others),
            elsewhere=sum(mail[member][ALERT] for member in others),
        )
        reached = sum(box[ATTENDANCE] for box in mail.values())
        self._say("demo.outcome_attendance", members=len(mail), reached=reached)
        waiting = await stage.drafts(CLINIC, draft_box.WAITING)
        refs = ", ".join(sorted(draft.ref for draft in waiting))
        self._say("demo.outcome_drafts", drafts=len(waiting), refs=refs or "—")
        back = ", ".join(patient.ref for patient in people.came_back)
        self._say("demo.outcome_custody", ref=people.in_custody.ref)
        self._say("demo.outcome_transferred", ref=people.transferred.ref)
        self._say("demo.outcome_back", refs=back)

    async def _approve(self) -> str | None:
        """The simulated clinician decides one draft; the id of the notice, if there is one."""
        stage, patient = self._stage, self._people.approved
        found = [one for one in await stage.drafts(CLINIC, None) if one.ref == patient.ref]
        if not found:
            return None
        draft = found[0].row
        if draft.state not in (draft_box.WAITING, draft_box.SENT):
            return None
        lang = stage.teller.lang
        person = say("demo.clinician", lang)
        self._say("demo.approve", person=person, ref=patient.ref)
        for check in draft.checks:
            self._say("demo.checked", check=say(f"check.{check}", lang))
        message_id = draft.message_id
        if draft.state == draft_box.WAITING:
            await stage.sign_head()  # for the proof: the ledger was only appended to since
            with stage.teller.together():
                message_id = await stage.approve(draft, person)
                await stage.quiet()
        assert message_id is not None
        seen = await stage.seen_of(message_id)
        for member in sorted(seen):
            self._say("demo.saw", member=member, fields=stage.field_titles(NOTICE, seen[member]))
        self._say("demo.saw_nothing", members=len(stage.edge.desks) - len(seen))
        return message_id

    async def _prove(self, message_id: str) -> None:
        """Evidence of the notice: verified offline, and once more after a byte was changed."""
        data = await self._stage.evidence(message_id)
        _write_private(self._evidence, data)
        self._say("demo.prove", bytes=f"{len(data):,}")
        pinned = pinned_authority(self._stage.daemon.home.authority_public)
        report = evidence_verify.verify(data, pinned)
        for step in report.steps:
            self._step(step)
        self._say("demo.proven" if report.ok else "demo.not_proven")
        at = len(data) // 2
        spoilt = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        failed = evidence_verify.verify(spoilt, pinned).failed
        if failed is None:
            self._say("demo.flip_unnoticed")
            return
        self._say("demo.flip", at=f"{at:,}")
        self._step(failed)

    def _step(self, step: Step) -> None:
        """One line for one step; what it found is for `jdgate evidence verify` to tell."""
        lang = self._stage.teller.lang
        name = say(f"evidence.step.{step.name}", lang)
        if step.name in ("disclosure", "delivery") and "member" in step.params:
            name += f" → {step.params['member']}"
        if step.ok:
            self._say(f"demo.step_{step.state}", number=step.number, name=name)
        else:
            text = say(step.code, lang, **step.params)
            self._say("demo.step_failed", number=step.number, name=name, text=text)

    async def _totals(self, seconds: float) -> None:
        tally = self._stage.tally
        self._say(
            "demo.totals",
            seconds=f"{seconds:.1f}",
            messages=f"{tally.messages:,}",
            records=f"{tally.records:,}",
            accepted=f"{tally.accepted:,}",
            refused=f"{tally.refused:,}",
            leaves=f"{await self._stage.ledger_size():,}",
        )

    def _words(self, reason: object) -> str:
        lang = self._stage.teller.lang
        if isinstance(reason, Refused):
            return reason.text(lang)
        fault = {name: getattr(reason, name) for name in ("code", "path", "params")}
        return self._stage.reason(ATTENDANCE, fault)


def _day_mark(site: str) -> str:
    return f"demo.day.{site}"


def _write_private(path: Path, data: bytes) -> None:
    """Evidence holds the records, so its owner alone may read it."""
    partial = path.with_name(path.name + ".new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    partial.replace(path)
