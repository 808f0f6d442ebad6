"""Tables over HTTP: a CSV or Excel file in, and what became of each of its rows.

The file is read as the console reads one (`jdgate.commands.tables`); its good rows are sent in one
transaction. The caller's id makes it once: the same file under the same id again is answered with
how its rows stand by now. Of the file itself nothing is kept but the numbers of its refused rows
and why; asked for as a workbook, they are read anew out of what is posted.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, Parameter
from msgspec import Struct
from sqlalchemy import Connection

from jdgate.commands.once import Key, answered, digest_of, keep
from jdgate.commands.standing import Verdict, judge
from jdgate.commands.tables import MOST_BYTES, Line, Reason, Table, refused_book
from jdgate.core.sheet import Sheet
from jdgate.edge.outbox import Submission
from jdgate.errors import Refused
from jdgate.files.report import XLSX
from jdgate.store import outbox
from jdgate.store.outbox import Answer
from jdgate.store.web_sessions import TokenRow
from jdgate.texts import LANGUAGES
from jdgate.web.api.asking import Guard, system_of
from jdgate.web.api.messages import hosted, may_send
from jdgate.web.api.shapes import ROW_STATES, RowReason, RowState, TableSent
from jdgate.web.gate import language
from jdgate.web.site import Site

CSV = "text/csv"
XLS = "application/vnd.ms-excel"
ANY = "application/octet-stream"
PREFIX = "table/"
"""Ids of tables and of other requests are apart: a caller's own has no such stroke."""

OwnId = FromQuery[Annotated[str, Parameter(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]]
Type = FromQuery[Annotated[str | None, Parameter(max_length=64)]]
SheetName = FromQuery[Annotated[str | None, Parameter(max_length=64)]]
Names = FromQuery[Annotated[list[str] | None, Parameter(max_items=4)]]


class Kept(Struct):
    """What is kept of a table: which rows are in which message, and why the others are not."""

    type: str
    sheet: str | None
    sent: dict[str, list[int]]
    refused: list[Verdict]


def handlers(site: Site, guard: Guard) -> list[HTTPRouteHandler]:
    """Send a table; look at what became of its rows."""
    tables, doing = site.tables, asyncio.Lock()

    @post("/tables", status_code=202, request_max_body_size=MOST_BYTES)
    async def send(
        request: Request[Any, Any, Any],
        id: OwnId,
        type: Type = None,
        sheet: SheetName = None,
        approved_by: Names = None,
    ) -> Response[Any]:
        system = hosted(request)
        with guard.bringing(system):
            return await handed_in(request, system, id, type, sheet, tuple(approved_by or ()))

    async def handed_in(
        request: Request[Any, Any, Any],
        system: TokenRow,
        id: str,
        type: str | None,
        sheet: str | None,
        names: tuple[str, ...],
    ) -> Response[Any]:
        data = await guard.body(request, CSV, XLSX, XLS, ANY)
        if not data:
            raise Refused("web.no_file")
        digest = digest_of(sha256(data).hexdigest(), type, sheet, names)
        async with doing:  # two requests of one id at once are one; one file is read at a time
            kept = await known(system, id, digest)
            table: Table | None = None
            if kept is None or _as_book(request):
                kind, page = await kind_of(system, data, type, sheet)
                table = await tables.read(system.member, data, kind, page)
            if kept is None:
                assert table is not None
                kept = await sent(system, id, digest, table, names)
        if table is not None and _as_book(request):
            return Response(await book(request, system, table, kept), status_code=202,
                            media_type=XLSX)  # fmt: skip
        return Response(await told(id, kept), status_code=202)

    @get("/tables/{id:str}")
    async def show(request: Request[Any, Any, Any], id: FromPath[str]) -> TableSent:
        kept = await known(system_of(request), id, None)
        if kept is None:
            raise Refused("web.not_found")
        return await told(id, kept)

    async def known(system: TokenRow, id: str, digest: bytes | None) -> Kept | None:
        answer = await site.running.the_edge.run(
            lambda conn: answered(conn, _key(system, id), digest)
        )
        return msgspec.convert(answer, Kept) if answer is not None else None

    async def kind_of(
        system: TokenRow, data: bytes, type: str | None, sheet: str | None
    ) -> tuple[str, str | None]:
        """The type and the sheet of a file: as told, else what alone it can be."""
        if type is not None:
            may_send(system, type)
            return type, sheet
        fits = [one for one in await tables.survey(system.member, data) if one.type in system.types]
        fits = [one for one in fits if sheet in (None, one.sheet)]
        if not fits:
            raise Refused("web.table_none")
        best = [one for one in fits if one.known == max(each.known for each in fits)]
        if len(best) != 1:
            raise Refused("web.table_kind", types=", ".join(sorted({one.type for one in fits})))
        return best[0].type, best[0].sheet

    async def sent(
        system: TokenRow, id: str, digest: bytes, table: Table, names: Sequence[str]
    ) -> Kept:
        """Send the good rows, and keep what became of all of them in the same transaction."""
        now, lines = site.now(), table.good
        made: list[Kept] = []

        def noted(conn: Connection, submission: Submission) -> None:
            made.append(_kept(table, lines, submission))
            keep(conn, _key(system, id), digest, msgspec.to_builtins(made[-1]), now)

        await tables.submit(system.member, table.type, lines, approved_by=names, noted=noted)
        return made[-1]

    async def stand(kept: Kept) -> list[Answer]:
        return await site.running.the_edge.run(lambda conn: outbox.answers_by_now(conn, kept.sent))

    async def told(id: str, kept: Kept) -> TableSent:
        answers = await stand(kept)
        words = site.renderer.sheet(kept.type)
        return await tables.aside(lambda: _told(id, kept, answers, words))

    async def book(
        request: Request[Any, Any, Any], system: TokenRow, table: Table, kept: Kept
    ) -> bytes:
        """The rows that were refused, with the reasons known by now, to be put right and posted
        again under another id."""
        answers = await stand(kept)
        verdicts = judge(table.lines, [], answers)
        why = {one.number: one.reasons for one in kept.refused}
        for line, one in zip(table.lines, verdicts, strict=True):
            line.reasons = why.get(line.number) or one.reasons
        importer = tables.importer(system.member, table.type)
        words, lang = site.renderer.sheet(table.type), language(request)
        return await tables.aside(lambda: refused_book(table, importer, words, lang, system.member))

    return [send, show]


def _key(system: TokenRow, id: str) -> Key:
    return Key(system.member, system.id, PREFIX + id)


def _as_book(request: Request[Any, Any, Any]) -> bool:
    return XLSX in request.headers.get("accept", "")


def _kept(table: Table, lines: Sequence[Line], made: Submission) -> Kept:
    sent = {one.id: [lines[index].number for index in one.indexes] for one in made.messages}
    faults = [{**msgspec.to_builtins(one), "row": lines[one.index].number} for one in made.refused]
    verdicts = judge(table.lines, faults, ())
    return Kept(table.type, table.sheet, sent, [one for one in verdicts if one.state == "refused"])


def _told(id: str, kept: Kept, answers: Sequence[Answer], sheet: Sheet | None) -> TableSent:
    """How each row stands."""
    numbers = sorted(number for rows in kept.sent.values() for number in rows)
    sent = judge([Line(number, {}) for number in numbers], [], answers)
    verdicts = sorted([*sent, *kept.refused], key=lambda one: one.number)
    found = [_row(one, sheet) for one in verdicts]
    counted = Counter(one.state for one in found)
    counts = {state: counted[state] for state in ROW_STATES}
    return TableSent(id, kept.type, kept.sheet, list(kept.sent), counts, found)


def _row(one: Verdict, sheet: Sheet | None) -> RowState:
    state = "waiting" if one.state == "good" else one.state
    return RowState(one.number, state, [_reason(each, sheet) for each in one.reasons])


def _reason(one: Reason, sheet: Sheet | None) -> RowReason:
    texts: dict[str, str] = {lang: one.text(lang, sheet) for lang in LANGUAGES}
    return RowReason(one.code, one.path, one.params, texts)
