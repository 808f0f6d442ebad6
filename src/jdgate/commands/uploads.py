"""Tables that a member's people hand in over the console: kept for a day, tried out, sent.

Rules:
- what is handed in is a member's own: nobody else's id finds it. The file and what was read of it
  are sealed on disk; the file goes when it is sent, the rest within a day;
- nothing is sent that nobody saw: what a table may be in two ways is asked first;
- sending is begun once. Which rows went is written in the transaction that sends them, so that
  after an interruption it goes on with the next one;
- where the agreement asks for persons, those who decide at the member send it, under their names:
  the second has to be another than the first;
- who sends names the version that was read: a file may be read as something else meanwhile.

    id = await uploads.take("cln-01", "王护士", "attendance.xlsx", data)
    shown = await uploads.show("cln-01", id)
    await uploads.send("cln-01", id, "王护士", decides=False, version=shown.version)
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from jdgate.commands.standing import Verdict, judge
from jdgate.commands.tables import Fitting, Table, Tables, refused_book
from jdgate.core import approval
from jdgate.edge.desk import Desk
from jdgate.edge.outbox import Submission
from jdgate.errors import JdgateError, Refused, UsageError
from jdgate.files.rows import PORTION
from jdgate.plainlog import broke
from jdgate.running import Running
from jdgate.store import outbox, uploads
from jdgate.store.outbox import Answer
from jdgate.store.uploads import UploadHead, UploadRow
from jdgate.texts import Lang

log = logging.getLogger(__name__)

MOST_KEPT = 10
"""Files of one member that are kept and not sent."""
LONGEST_NAME = 120
_KEY = "upload"
"""The data keys that seal uploads are of this type."""


class Content(Struct):
    """What is sealed of an upload. `fits`: what the file may be; `table`: what was read of it."""

    name: str
    fits: list[Fitting]
    table: Table | None


class Shown(NamedTuple):
    """An upload as it stands. `stopped`: why sending it broke off; `busy`: it is being sent;
    `version`: of what it says."""

    head: UploadHead
    content: Content
    verdicts: list[Verdict]
    stopped: JdgateError | None
    busy: bool
    version: str


class Uploads:
    """What the people of a daemon's members hand in."""

    def __init__(self, running: Running, tables: Tables) -> None:
        self._running = running
        self._tables = tables
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopped: dict[str, JdgateError] = {}
        self._coming: Counter[str] = Counter()

    async def take(
        self,
        member: str,
        by: str,
        name: str,
        data: bytes,
        type: str | None = None,
        sheet: str | None = None,
    ) -> str:
        """Keep a file and read it; its id. `name`: what it was called, shown to its people alone.

        Raises:
            Refused: `tables.…`, `files.…`, `upload.no_kind`, `upload.many`.
        """
        self._coming[member] += 1  # those that are being read lie in memory, and count too
        try:
            files = await self._running.the_edge.run(lambda conn: uploads.files(conn, member))
            if files + self._coming[member] > MOST_KEPT:
                raise Refused("upload.many", most=MOST_KEPT)
            return await self._take(member, by, name, data, type, sheet)
        finally:
            self._coming[member] -= 1

    async def _take(
        self, member: str, by: str, name: str, data: bytes, type: str | None, sheet: str | None
    ) -> str:
        edge, desk, now = self._running.the_edge, self._desk(member), self._running.clock.now()
        fits = await self._fits(member, data, type, sheet)
        choice = _clear(fits)
        table = await self._read(member, data, *choice) if choice else None
        content = Content(_plain(name), fits, table)
        body, id = await self._tables.aside(lambda: msgspec.json.encode(content)), _id()

        def keep(conn: Connection) -> None:
            file = desk.vault.seal(conn, _KEY, now.date(), data, _bound(id, "file"))
            read = desk.vault.seal(conn, _KEY, now.date(), body, _bound(id, "body"))
            row = UploadRow(
                id=id, member=member, by=by, at=now, type=table.type if table else None,
                state="ready" if table else "unclear", key_id=file.key_id,
                file=file.blob, body=read.blob, **_counts(table),
            )  # fmt: skip
            uploads.add(conn, row)

        await edge.run(keep)
        return id

    async def _fits(
        self, member: str, data: bytes, type: str | None, sheet: str | None
    ) -> list[Fitting]:
        fits = await self._tables.survey(member, data)
        if type is None:
            if not fits:
                raise Refused("upload.no_kind")
            return fits
        found = [one for one in fits if one.type == type and sheet in (None, one.sheet)]
        if not found:  # reading it says what lacks
            await self._tables.read(member, data, type, sheet)
            raise Refused("upload.no_kind")
        return found + [one for one in fits if one not in found]

    async def _read(self, member: str, data: bytes, type: str, sheet: str | None) -> Table:
        table = await self._tables.read(member, data, type, sheet)
        await self._tables.check(member, table)
        return table

    async def choose(self, member: str, id: str, choice: int) -> None:
        """Read a file as one of the things it may be. Approvals given before are void.

        Raises:
            Refused: `upload.unknown`, `upload.gone_on`, `files.…`.
        """
        edge, desk = self._running.the_edge, self._desk(member)
        row = await edge.run(lambda conn: _whole(conn, member, id))
        if row.file is None or row.state not in ("unclear", "ready"):
            raise Refused("upload.gone_on")
        content, file = await self._opened(desk, row), row.file
        if not 0 <= choice < len(content.fits):
            raise Refused("upload.unknown")
        data = await edge.run(
            lambda conn: desk.vault.open(conn, row.key_id, file, _bound(id, "file"))
        )
        fit = content.fits[choice]
        table = await self._read(member, data, fit.type, fit.sheet)
        fresh = Content(content.name, content.fits, table)
        body = await self._tables.aside(lambda: msgspec.json.encode(fresh))

        def keep(conn: Connection) -> None:
            if _head(conn, member, id).state not in ("unclear", "ready"):
                raise Refused("upload.gone_on")
            sealed = desk.vault.seal(conn, _KEY, row.at.date(), body, _bound(id, "body"))
            uploads.change(
                conn, id, state="ready", type=table.type, body=sealed.blob, approved_by=[],
                **_counts(table),
            )  # fmt: skip

        await edge.run(keep)

    async def list(self, member: str) -> list[UploadHead]:
        """A member's uploads, newest first; nothing is opened."""
        self._desk(member)
        return await self._running.the_edge.run(lambda conn: uploads.of_member(conn, member))

    async def head(self, member: str, id: str) -> UploadHead:
        """One upload; nothing is opened.

        Raises:
            Refused: `upload.unknown`.
        """
        self._desk(member)
        return await self._running.the_edge.run(lambda conn: _head(conn, member, id))

    async def show(self, member: str, id: str) -> Shown:
        """One upload with its rows and what became of each.

        Raises:
            Refused: `upload.unknown`.
        """
        desk = self._desk(member)
        busy = id in self._tasks  # before it is read: a sending that ends meanwhile is news

        def read(conn: Connection) -> tuple[UploadRow, list[Answer]]:
            row = _whole(conn, member, id)
            return row, outbox.answers_by_now(conn, row.messages)

        row, answers = await self._running.the_edge.run(read)
        content = await self._opened(desk, row)
        lines = content.table.lines if content.table else []
        verdicts = await self._tables.aside(lambda: judge(lines, row.refused, answers))
        head = msgspec.convert(row, UploadHead, from_attributes=True)
        return Shown(head, content, verdicts, self._stopped.get(id), busy, _version(row))

    async def book(self, member: str, id: str, lang: Lang) -> bytes:
        """The rows of an upload that were refused, with the reasons, as an XLSX.

        Raises:
            Refused: `upload.unknown`.
        """
        shown = await self.show(member, id)
        table = shown.content.table
        if table is None:
            raise Refused("upload.unknown")
        for line, verdict in zip(table.lines, shown.verdicts, strict=True):
            line.reasons = verdict.reasons
        importer = self._tables.importer(member, table.type)
        sheet = self._desk(member).sheet(table.type)
        return await self._tables.aside(lambda: refused_book(table, importer, sheet, lang, member))

    async def erase(self, member: str, id: str) -> None:
        """Erase an upload now. What was sent of it is sent.

        Raises:
            Refused: `upload.unknown`, `upload.gone_on`, it is being sent.
        """

        def drop(conn: Connection) -> None:
            _head(conn, member, id)
            if not uploads.drop(conn, member, id):
                raise Refused("upload.gone_on")

        await self._running.the_edge.run(drop)

    # --- sending

    async def send(self, member: str, id: str, by: str, *, decides: bool, version: str) -> bool:
        """Begin to send the good rows, or go on where it was interrupted; False when a second
        person has to agree first. `by`: who sends; `decides`: whether they may approve; `version`:
        what they read.

        Raises:
            Refused: `upload.unknown`, `upload.gone_on`, `upload.nothing`, `upload.approver`,
                `web.form_changed`, `approval.same_person`.
        """
        desk = self._desk(member)

        def begin(conn: Connection) -> bool:
            head = _head(conn, member, id)
            if head.state == "sending" and id not in self._tasks:
                return True
            if head.state != "ready" or id in self._tasks:
                raise Refused("upload.gone_on")
            if not head.good:
                raise Refused("upload.nothing")
            needed = desk.sheet(head.type or "").approvers
            names = list(head.approved_by)
            if needed:
                if not decides:
                    raise Refused("upload.approver")
                names = list(approval.named([*names, by]))
            if _version(_whole(conn, member, id)) != version:
                raise Refused("web.form_changed")
            if needed:
                uploads.change(conn, id, approved_by=names)
                if len(names) < needed:
                    return False
            uploads.change(conn, id, file=None)
            return uploads.step(conn, id, "ready", "sending")

        if not await self._running.the_edge.run(begin):
            return False
        if id not in self._tasks:
            self._stopped.pop(id, None)
            self._tasks[id] = asyncio.create_task(self._send(member, id), name="upload")
        return True

    async def _send(self, member: str, id: str) -> None:
        edge, desk = self._running.the_edge, self._desk(member)
        try:
            row = await edge.run(lambda conn: _whole(conn, member, id))
            table = (await self._opened(desk, row)).table
            good = table.good[row.sent :] if table is not None else []
            for at in range(0, len(good), PORTION):
                some = good[at : at + PORTION]

                def noted(conn: Connection, made: Submission) -> None:
                    refused = [
                        {"row": one.row, "code": one.code, "path": one.path, "params": one.params}
                        for one in made.refused
                    ]
                    ids = [one.id for one in made.messages]
                    uploads.went(conn, id, len(some), ids, refused)  # noqa: B023

                await self._tables.submit(
                    member, row.type or "", some, approved_by=row.approved_by, noted=noted
                )
                edge.bell.ring(member)
            await edge.run(lambda conn: uploads.step(conn, id, "sending", "sent"))
        except JdgateError as reason:
            self._stopped[id] = reason
        except Exception as error:
            broke(log, "an upload could not be sent", error=error)
            self._stopped[id] = UsageError("control.failed")
        finally:
            self._tasks.pop(id, None)
            edge.bell.ring(member)

    def close(self) -> None:
        """The daemon stops: what is being sent goes on when somebody says so after the start."""
        for task in list(self._tasks.values()):
            task.cancel()

    # --- what is sealed

    def _desk(self, member: str) -> Desk:
        return self._running.the_edge.desk(member)

    async def _opened(self, desk: Desk, row: UploadRow) -> Content:
        blob = row.body
        if blob is None:
            raise Refused("upload.unknown")
        data = await self._running.the_edge.run(
            lambda conn: desk.vault.open(conn, row.key_id, blob, _bound(row.id, "body"))
        )
        return await self._tables.aside(lambda: msgspec.json.decode(data, type=Content))


def _clear(fits: list[Fitting]) -> tuple[str, str | None] | None:
    """What a file is, where that is beyond doubt: one type knows more of its columns than all
    others, on one sheet alone."""
    best = [one for one in fits if one.known == fits[0].known or one.type == fits[0].type]
    return (best[0].type, best[0].sheet) if len(best) == 1 else None


def _whole(conn: Connection, member: str, id: str) -> UploadRow:
    found = uploads.get(conn, member, id)
    if found is None:
        raise Refused("upload.unknown")
    return found


def _head(conn: Connection, member: str, id: str) -> UploadHead:
    found = uploads.head(conn, member, id)
    if found is None:
        raise Refused("upload.unknown")
    return found


def _version(row: UploadRow) -> str:
    """What an upload says: sealed anew, with another nonce, whenever it is read as something."""
    return sha256(row.body or b"").hexdigest()[:16]


def _counts(table: Table | None) -> dict[str, Any]:
    good = len(table.good) if table else 0
    return {"good": good, "bad": len(table.lines) - good if table else 0}


def _plain(name: str) -> str:
    """A file's name without the path some browsers give, and without what does not print."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(one for one in last if one.isprintable())[:LONGEST_NAME] or "—"


def _bound(id: str, part: str) -> bytes:
    return f"upload {id} {part}".encode()


def _id() -> str:
    return secrets.token_urlsafe(18)
