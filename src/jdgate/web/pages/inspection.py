"""The monthly inspection of a precursor company, made for a phone that has no connection.

Rules:
- the page, once opened, opens without a connection: a service worker keeps an empty form and the
  files it needs. What it keeps has no name, no token and nothing that anybody typed;
- what is typed stays on the phone until it is sent (`static/inspection.js`): one draft each, by
  operator, gone when it was sent and when somebody signs out;
- a draft has an id of its own: however often it is posted, it is one message;
- problems found are handed to the authority whose matter they are, by the item's code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from sqlalchemy import Connection

from jdgate.core import calendar
from jdgate.people.credentials import form_token
from jdgate.store.people import OperatorRow
from jdgate.texts import Lang, say
from jdgate.web.pages.forms import FormDesk, own_id, typed
from jdgate.web.shaping.form_fields import record_of, tidied
from jdgate.web.shaping.form_view import INSPECTION
from jdgate.web.shaping.names import substance
from jdgate.web.site import Asked, Site, field

ITEMS = ("permit", "ledger", "storage", "filing", "payment", "staff", "other")
"""What is checked, by the code that is sent."""
HANDED = {"EMA": "findings_ema", "MPA": "findings_mpa", "SAMR": "findings_samr"}
"""Whose matter a problem may be, and the field that tells them."""
MOST_KNOWN = 300
"""Companies offered to choose from."""
WORKER = "inspection_worker.js"
HOME = "/inspection"


def pages(site: Site) -> list[HTTPRouteHandler]:
    """The form, what it is made of when there is no connection, and sending."""
    desk = FormDesk(site)

    def inspector(request: Asked) -> OperatorRow:
        who = desk.sender(request)
        desk.sheet(who, INSPECTION)
        return who

    @get(HOME)
    async def form_page(request: Asked) -> Response[Any]:
        who = inspector(request)
        return _page(request, known=await _known(site, who))

    @get(f"{HOME}/offline")
    async def shell(request: Asked) -> Response[Any]:
        inspector(request)
        lang = request.state.visit.lang
        html = site.renderer.page(
            "inspection.html", lang, operator=None, menu={}, form_token="", path=HOME,
            return_to=HOME, second_factor=site.second_factor, **_words(lang, {}, {}),
        )  # fmt: skip
        return Response(html, media_type="text/html")

    @post(HOME)
    async def send(request: Asked) -> Response[Any]:
        who, form = inspector(request), await request.form()
        sheet, own = desk.sheet(who, INSPECTION), own_id(form)
        posted, more, drop = typed(form), bool(field(form, "add")), field(form, "drop")
        posted = {n: v for n, v in posted.items() if not drop or not n.startswith(f"{drop}.")}
        values = tidied(desk.places(sheet), _without_lone_units(posted))
        if more or drop:
            return _page(request, known=await _known(site, who), values=values, own=own, more=more)
        values = _checked(values)
        answer = await desk.send(who, sheet, own, record_of(desk.places(sheet), values))
        by_script = request.headers.get("accept") == "application/json"
        if answer["messages"]:
            id = answer["messages"][0]["id"]
            return Response({"sent": id}) if by_script else site.go(f"/forms/sent/{id}")
        found = desk.faults(sheet, request.state.visit.lang, answer["refused"])
        faults = {_place(path, values): texts for path, texts in found.items()}
        if by_script:
            return Response({"faults": faults}, status_code=422)
        return _page(request, known=await _known(site, who), values=values, faults=faults, own=own)

    @get(f"{HOME}/fresh")
    async def fresh(request: Asked) -> dict[str, str]:
        who = inspector(request)
        return {"login": who.login, "form_token": form_token(request.state.visit.token)}

    @get(f"{HOME}/sent/{{id:str}}")
    async def verdict(request: Asked, id: FromPath[str]) -> dict[str, str]:
        who = inspector(request)
        row = await site.call("sent.show", member=who.member, id=id)
        anew = row["renewed_as"]
        return {"id": anew or id, "state": "open" if anew else row["state"]}

    @get(f"{HOME}/worker.js")
    async def worker(request: Asked) -> Response[bytes]:
        headers = {"service-worker-allowed": HOME, "cache-control": "no-cache"}
        data, kind = site.renderer.asset(WORKER)
        return Response(data, media_type=kind, headers=headers)

    @get(f"{HOME}/app.webmanifest")
    async def manifest(request: Asked) -> Response[Any]:
        lang = request.state.visit.lang
        icon = {"src": site.renderer.address("mark.svg"), "sizes": "any", "type": "image/svg+xml"}
        told = {
            "name": say("web.inspection", lang), "start_url": HOME, "scope": HOME,
            "display": "standalone", "icons": [icon],
        }  # fmt: skip
        return Response(told, media_type="application/manifest+json")

    def _page(
        request: Asked, *, known: list[dict[str, Any]], values: Mapping[str, str] | None = None,
        faults: Mapping[str, list[str]] | None = None, own: str | None = None, more: bool = False,
    ) -> Response[Any]:  # fmt: skip
        lang = request.state.visit.lang
        words = _words(lang, values or {}, faults or {}, own or str(uuid4()), known)
        words["rows"] += [len(words["rows"])] * more
        return site.page(request, "inspection.html", status=422 if faults else 200, **words)

    def _words(
        lang: Lang, values: Mapping[str, str], faults: Mapping[str, list[str]], own: str = "",
        known: list[dict[str, Any]] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        day = calendar.day_of(site.now())
        rows = sorted({int(n.split(".")[1]) for n in values if n.startswith("stocks.")}) or [0]
        return {
            "own": own, "known": known or [], "values": {"date": day, **values}, "faults": faults,
            "rows": rows, "today": day, "substances": _substances(site, lang), "items": ITEMS,
            "answers": _answers(values), "handed": HANDED,
            "unit": site.running.catalogue.sheet(INSPECTION).field_title("stocks.unit", lang),
        }  # fmt: skip

    return [form_page, shell, send, fresh, verdict, worker, manifest]


def _without_lone_units(posted: Mapping[str, str]) -> dict[str, str]:
    """What was posted without the units of rows that are otherwise blank: one is always chosen."""
    filled = {n.rpartition(".")[0] for n, v in posted.items() if v and not n.endswith(".unit")}
    return {
        n: v for n, v in posted.items() if not n.endswith(".unit") or n.rpartition(".")[0] in filled
    }


def _checked(values: Mapping[str, str]) -> dict[str, str]:
    """What was typed without the items that were not checked, and without findings where there is
    no problem; numbered anew."""
    kept, answers = dict[str, str](), _answers(values)
    done = [code for code, one in answers.items() if one.get("ok")]
    for at, code in enumerate(done):
        kept |= {f"items.{at}.{name}": text for name, text in answers[code].items()}
    for finding in HANDED.values():
        told = [v for n, v in values.items() if n.startswith(f"{finding}.")]
        wrong = [one for one in told if answers.get(one, {}).get("ok") == "false"]
        kept |= {f"{finding}.{at}": code for at, code in enumerate(wrong)}
    begins = ("items.", *(f"{finding}." for finding in HANDED.values()))
    return {n: v for n, v in values.items() if not n.startswith(begins)} | kept


def _answers(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What was said of each item, by its code."""
    rows: dict[str, dict[str, str]] = {}
    for name, text in values.items():
        top, _, rest = name.partition(".")
        if top == "items":
            row, _, part = rest.partition(".")
            rows.setdefault(row, {})[part] = text
    return {row["code"]: row for row in rows.values() if "code" in row}


def _place(path: str, values: Mapping[str, str]) -> str:
    """Where a fault stands on the page: items stand there in their own order."""
    top, _, rest = path.partition(".")
    row, _, part = rest.partition(".")
    code = values.get(f"items.{row}.code", "")
    if top != "items" or code not in ITEMS:
        return path
    return f"items.{ITEMS.index(code)}.{part}"


def _substances(site: Site, lang: Lang) -> dict[int, list[tuple[str, str]]]:
    """What is listed today, by category: CAS number and name."""
    found: dict[int, list[tuple[str, str]]] = {1: [], 2: [], 3: []}
    for item in site.running.references.precursors.listed_on(calendar.local_day(site.now())):
        found[item.category] += [(one.number, substance(item, one.what, lang)) for one in item.cas]
    return found


async def _known(site: Site, who: OperatorRow) -> list[dict[str, Any]]:
    """The companies that this station's accepted inspections were about, as the precursor plugin
    noted them: uscc, day of the last one, and the substances it found; the latest first."""
    edge = site.running.the_edge
    desk = edge.desk(who.member)

    def read(conn: Connection) -> list[dict[str, Any]]:
        noted = desk.register(conn, INSPECTION).find("company")
        return [{"uscc": key, **value} for key, value in noted]

    found = await edge.run(read)
    return sorted(found, key=lambda one: str(one["last"]), reverse=True)[:MOST_KNOWN]
