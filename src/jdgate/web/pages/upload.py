"""Handing in a table: choose a file, see what each row is worth, send the good rows, take the
refused ones home to correct them.

Everything is decided by `jdgate.commands.uploads`; this shows it. Who may send opens these pages,
and finds what colleagues of the same member handed in; that they opened it is noted. Nothing that
was typed becomes a name: who sends what needs approval approves it as who they are signed in as.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from jdgate.commands.standing import Verdict, tally
from jdgate.commands.tables import MOST_BYTES, Line, Table
from jdgate.commands.uploads import Shown, Uploads
from jdgate.core.sheet import Sheet
from jdgate.errors import JdgateError, Refused
from jdgate.files import Importer
from jdgate.files.report import XLSX
from jdgate.people import rights
from jdgate.store.people import OperatorRow
from jdgate.texts import Lang
from jdgate.web.problems import status_of
from jdgate.web.site import Asked, Site, field

BODY_BYTES = MOST_BYTES + 64 * 1024
"""A form with a file: the file, and what stands around it."""
SMALL = 60
"""Rows of a table all of which are shown."""
FIRST, REFUSED = 10, 100
"""Of a larger one: its first good rows, and refused ones, at most."""
MOST_NOTED = 10_000
"""Looks remembered, so that they are not noted again."""
REFUSED_NAME = "refused-rows.xlsx"
"""What the list is called when it is saved: never what the file was called."""


class ShownRow(NamedTuple):
    """A row as the page shows it: with the words of its verdict and its cells by title."""

    number: int
    state: str
    reasons: list[str]
    cells: list[tuple[str, str]]


def pages(site: Site) -> list[HTTPRouteHandler]:
    """Handing in, and what became of it."""
    tables = site.tables
    uploads = Uploads(site.running, tables)
    site.at_closing.append(uploads.close)
    noted: set[tuple[str, str]] = set()

    @get("/upload")
    async def begin(request: Asked) -> Response[Any]:
        return await _begin(request, None)

    @post("/upload", request_max_body_size=BODY_BYTES)
    async def take(request: Asked) -> Response[Any]:
        who = _sender(request)
        form = await request.form()
        given, kind = form.get("file"), field(form, "type")
        try:
            if not isinstance(given, UploadFile) or not given.filename:
                raise Refused("upload.no_file")
            try:
                data = await given.read()
            finally:
                await given.close()
            id = await uploads.take(
                who.member, who.name, given.filename, data,
                kind or None, field(form, "sheet").strip() or None,
            )  # fmt: skip
        except Refused as reason:
            return await _begin(request, reason, kind)
        return site.go(f"/upload/{id}")

    async def _begin(request: Asked, error: JdgateError | None, kind: str = "") -> Response[Any]:
        who, lang = _sender(request), request.state.visit.lang
        kinds = tables.kinds(who.member) if site.reachable(who) else {}
        named = sorted((site.renderer.type_name(type, lang), type) for type in kinds)
        rows = await uploads.list(who.member) if kinds else []
        return site.page(
            request, "upload.html", status=_status(error), error=error, kinds=named, kind=kind,
            rows=rows, most=MOST_BYTES,
        )  # fmt: skip

    async def look(who: OperatorRow, id: str) -> None:
        """Who opens what a colleague handed in is noted, once: the page asks for news by itself."""
        head = await uploads.head(who.member, id)
        if head.by == who.name or (who.login, id) in noted:
            return
        await site.look(who, id)
        if len(noted) >= MOST_NOTED:
            noted.clear()
        noted.add((who.login, id))

    @get("/upload/{id:str}")
    async def one(request: Asked, id: FromPath[str]) -> Response[Any]:
        return await _one(request, id, None)

    async def _one(request: Asked, id: str, error: JdgateError | None) -> Response[Any]:
        who, lang = _sender(request), request.state.visit.lang
        await look(who, id)
        shown = await uploads.show(who.member, id)
        head, table = shown.head, shown.content.table
        sheet = site.renderer.sheet(head.type)
        importer = tables.importers.get(head.type or "")
        rows: list[ShownRow] = []
        left = 0
        if table is not None and importer is not None:
            rows, left = _shown(table, shown.verdicts, importer, sheet, lang)
        return site.page(
            request,
            "upload_one.html",
            status=_status(error),
            error=error,
            head=head,
            name=shown.content.name,
            fits=_fits(shown),
            table=table,
            becomes=_becomes(table, sheet, lang),
            count=tally(shown.verdicts),
            rows=rows,
            left=left,
            open=_is_open(shown),
            stopped=shown.stopped,
            busy=shown.busy,
            version=shown.version,
            needed=sheet.approvers if sheet is not None else 0,
            decides=rights.may(who.role, "decide"),
            agreed=who.name in head.approved_by,
        )

    @post("/upload/{id:str}/choose")
    async def choose(request: Asked, id: FromPath[str]) -> Response[Any]:
        who, form = _sender(request), await request.form()
        wanted = field(form, "choice")
        try:
            number = int(wanted) if wanted.isascii() and wanted.isdigit() else -1
            await uploads.choose(who.member, id, number)
        except Refused as reason:
            return await _again(request, id, reason)
        return site.go(f"/upload/{id}")

    @post("/upload/{id:str}/send")
    async def send(request: Asked, id: FromPath[str]) -> Response[Any]:
        who, form = _sender(request), await request.form()
        decides, version = rights.may(who.role, "decide"), field(form, "version")
        try:
            await uploads.send(who.member, id, who.name, decides=decides, version=version)
        except Refused as reason:
            return await _again(request, id, reason)
        return site.go(f"/upload/{id}")

    @post("/upload/{id:str}/erase")
    async def erase(request: Asked, id: FromPath[str]) -> Response[Any]:
        try:
            await uploads.erase(_sender(request).member, id)
        except Refused as reason:
            return await _again(request, id, reason)
        return site.go("/upload")

    async def _again(request: Asked, id: str, reason: Refused) -> Response[Any]:
        if reason.code == "upload.unknown":
            raise reason
        return await _one(request, id, reason)

    @get("/upload/{id:str}/refused.xlsx")
    async def refused(request: Asked, id: FromPath[str]) -> Response[bytes]:
        who = _sender(request)
        await look(who, id)
        data = await uploads.book(who.member, id, request.state.visit.lang)
        headers = {"content-disposition": f'attachment; filename="{REFUSED_NAME}"'}
        return Response(data, media_type=XLSX, headers=headers)

    def _fits(shown: Shown) -> list[dict[str, Any]]:
        """What the file may be, besides what it is read as."""
        table = shown.content.table
        read = (table.type, table.sheet) if table is not None else None
        return [
            {"number": number, "type": one.type, "sheet": one.sheet}
            for number, one in enumerate(shown.content.fits)
            if (one.type, one.sheet) != read
        ]

    return [begin, take, one, choose, send, erase, refused]


def _sender(request: Asked) -> OperatorRow:
    """The operator, if they may send."""
    who: OperatorRow = request.state.visit.who
    rights.require(who.role, "send")
    return who


def _status(error: JdgateError | None) -> int:
    return status_of(error) if error is not None else 200


def _is_open(shown: Shown) -> bool:
    """Whether the page has news to wait for."""
    waiting = any(one.state == "waiting" for one in shown.verdicts)
    return shown.busy or (waiting and shown.head.state == "sent")


def _becomes(table: Table | None, sheet: Sheet | None, lang: Lang) -> list[tuple[str, str]]:
    """Each column's title in the file, and what it is in the record."""
    if table is None:
        return []
    return [
        (title, sheet.field_title(field, lang) if sheet is not None else field)
        for field, title in table.columns.items()
    ]


def _shown(
    table: Table,
    verdicts: list[Verdict],
    importer: Importer,
    sheet: Sheet | None,
    lang: Lang,
) -> tuple[list[ShownRow], int]:
    """The rows that the page has room for, refused ones first, and how many it leaves out."""
    pairs = list(zip(table.lines, verdicts, strict=True))
    bad = [pair for pair in pairs if pair[1].state == "refused"]
    good = [pair for pair in pairs if pair[1].state != "refused"]
    small = len(pairs) <= SMALL
    picked = [*bad, *good] if small else [*bad[:REFUSED], *good[:FIRST]]
    rows = [
        ShownRow(
            line.number,
            verdict.state,
            list(dict.fromkeys(one.text(lang, sheet) for one in verdict.reasons)),
            _cells(line, table, importer),
        )
        for line, verdict in picked
    ]
    return rows, len(pairs) - len(rows)


def _cells(line: Line, table: Table, importer: Importer) -> list[tuple[str, str]]:
    """A row's cells as they were understood, or as they stand where they could not be."""
    record, raw = line.record or {}, line.raw or {}
    shown = []
    for name, title in table.columns.items():
        value = (
            importer.column(name).written(record.get(name)) if line.raw is None else raw.get(name)
        )
        shown.append((title, "" if value is None else str(value)[:200]))
    return shown
