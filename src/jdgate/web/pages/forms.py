"""Forms: a record typed by hand, for every type that an operator's member may send.

Rules:
- whoever may send sees the types of their member's roles and no others; another type is not found;
- what is typed goes through the checks of every other record; what is wrong stands at its field and
  nothing typed is lost;
- a form carries an id of its own: sent twice, it is one message;
- where the agreement wants approval, an approver's form goes out under their name, or waits for
  the second; a clerk's waits. Names under an approval are those of who is signed in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from jdgate.core import approval
from jdgate.core.fault import Fault
from jdgate.core.sheet import OPEN_DOMAINS, Sheet
from jdgate.errors import JdgateError, Refused
from jdgate.people import rights
from jdgate.store.people import OperatorRow
from jdgate.texts import Lang, all_texts, say
from jdgate.web.problems import status_of
from jdgate.web.shaping.form_fields import Place, path_of, places_of, record_of, tidied, values_of
from jdgate.web.shaping.form_view import INSPECTION, Words
from jdgate.web.site import Asked, Site, field

OWN_ID = re.compile(r"[A-Za-z0-9-]{16,64}")
"""The id that a form carries."""


def pages(site: Site) -> list[HTTPRouteHandler]:
    """The list, a form, what came of it, and the forms that wait."""
    desk = FormDesk(site)

    @get("/forms")
    async def listed(request: Asked) -> Response[Any]:
        who = desk.sender(request)
        waiting = await site.call("form.list", member=who.member)
        return site.page(
            request, "forms.html", domains=desk.domains(who), waiting=waiting, own=INSPECTION,
            domain_name=lambda domain: _domain(domain, request.state.visit.lang),
        )  # fmt: skip

    @get("/forms/{type:str}")
    async def form_page(request: Asked, type: FromPath[str]) -> Response[Any]:
        who = desk.sender(request)
        sheet = desk.sheet(who, type)
        again = request.query_params.get("waiting")
        values = {"site": who.member} if "site" in sheet.fields else {}
        if again:
            kept = await desk.waiting(who, again)
            if kept["type"] != type:
                raise Refused("web.not_found")
            values = values_of(desk.places(sheet), kept["record"])
        return desk.page(request, sheet, values, own=again or str(uuid4()), again=bool(again))

    @post("/forms/{type:str}")
    async def form_sent(request: Asked, type: FromPath[str]) -> Response[Any]:
        who, form = desk.sender(request), await request.form()
        sheet, own = desk.sheet(who, type), own_id(form)
        again = field(form, "again") == "1"
        posted, extra = typed(form), field(form, "add")
        if dropped := field(form, "drop"):
            posted = {n: v for n, v in posted.items() if not f"{n}.".startswith(f"{dropped}.")}
        values = tidied(desk.places(sheet), posted)
        if extra or dropped:
            return desk.page(request, sheet, values, own=own, again=again, extra=extra)
        record = record_of(desk.places(sheet), values)
        if again:  # it still waits, and at this member
            await desk.waiting(who, own)
        try:
            answer, onward = await desk.hand_over(who, sheet, own, record, again=again)
        except JdgateError as error:  # nothing that was typed is lost by it
            told = {"": [error.text(request.state.visit.lang)]}
            fresh = str(uuid4()) if error.code == "web.same_id" else own
            return desk.page(
                request, sheet, values, own=fresh, again=again, faults=told, status=status_of(error)
            )
        if answer["refused"]:
            faults = desk.faults(sheet, request.state.visit.lang, answer["refused"])
            return desk.page(request, sheet, values, own=own, again=again, faults=faults)
        return site.go(onward)

    @get("/forms/sent/{id:str}")
    async def sent(request: Asked, id: FromPath[str]) -> Response[Any]:
        who = desk.sender(request)
        row = await site.call("sent.show", member=who.member, id=id)
        if row["renewed_as"]:
            return site.go(f"/forms/sent/{row['renewed_as']}")
        onward = "/inspection" if row["type"] == INSPECTION else f"/forms/{row['type']}"
        return site.page(request, "form_sent.html", row=row, onward=onward)

    @get("/forms/waiting/{id:str}")
    async def waiting_page(request: Asked, id: FromPath[str]) -> Response[Any]:
        return await _waiting(request, id, None)

    @post("/forms/waiting/{id:str}/{act:str}")
    async def decided(request: Asked, id: FromPath[str], act: FromPath[str]) -> Response[Any]:
        who, form = desk.sender(request), await request.form()
        named: dict[str, Any] = {"member": who.member, "id": id}
        if act not in ("approve", "return", "drop"):
            raise Refused("web.not_found")
        if act != "drop":
            rights.require(who.role, "decide")
            named["by"] = who.name
        given = {"approve": {"version": field(form, "version")},
                 "return": {"reason": str(form.get("reason") or "")[:2000]}}  # fmt: skip
        try:
            answer = await site.call(f"form.{act}", **named, **given.get(act, {}))
        except Refused as reason:
            if reason.code == "web.not_found":
                raise
            return await _waiting(request, id, reason)
        if act == "approve" and answer["messages"]:
            return site.go(f"/forms/sent/{answer['messages'][0]}")
        if act == "approve" and answer["refused"]:
            first = answer["refused"][0]
            return await _waiting(request, id, Refused(first["code"], **first["params"]))
        return site.go("/forms" if act == "drop" else f"/forms/waiting/{id}")

    async def _waiting(request: Asked, id: str, error: Refused | None) -> Response[Any]:
        visit = request.state.visit
        who = desk.sender(request)
        row = await desk.waiting(who, id)
        sheet = desk.sheet(who, row["type"])
        words, mine = desk.words(who, sheet, visit.lang), who.name in row["approvers"]
        decides = rights.may(who.role, "decide") and not row["returned"]
        names = [*row["approvers"], *([who.name] if decides and not mine else [])]
        record = approval.signed(sheet, row["record"], names)
        return site.page(
            request, "form_waiting.html", status=422 if error else 200, row=row, error=error,
            lines=words.lines(desk.places(sheet), record), two=sheet.approvers == 2,
            decides=decides, mine=mine,
            basis_list=list(dict.fromkeys(one.cite() for one in sheet.basis)),
        )  # fmt: skip

    return [listed, form_page, form_sent, sent, waiting_page, decided]


class FormDesk:
    """What pages with forms share: who may send what, the fields of a type, sending once."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._places: dict[str, tuple[Place, ...]] = {}

    def sender(self, request: Asked) -> OperatorRow:
        """Who is signed in and may send for a member of this machine.

        Raises:
            Refused: `people.not_allowed`. UsageError: `member.not_hosted`.
        """
        who: OperatorRow = request.state.visit.who
        rights.require(who.role, "send")
        self._site.running.the_edge.desk(who.member)
        return who

    def sheet(self, who: OperatorRow, type: str) -> Sheet:
        """The agreement of a type that the operator's member may send.

        Raises:
            Refused: `web.not_found`.
        """
        if not self._site.may_send(who, type):
            raise Refused("web.not_found")
        return self._site.running.catalogue.sheets[type]

    def domains(self, who: OperatorRow) -> dict[str, list[Sheet]]:
        """The types that the operator's member may send, by domain; last what any member may."""
        found: dict[str, list[Sheet]] = {}
        for type, sheet in sorted(self._site.running.catalogue.sheets.items()):
            if self._site.may_send(who, type):
                found.setdefault(sheet.domain, []).append(sheet)
        return dict(sorted(found.items(), key=lambda one: one[0] in OPEN_DOMAINS))

    def places(self, sheet: Sheet) -> tuple[Place, ...]:
        """The fields of a type's form."""
        if sheet.type not in self._places:
            schema = self._site.running.catalogue.schema(sheet.type)
            self._places[sheet.type] = places_of(schema, sheet)
        return self._places[sheet.type]

    def words(self, who: OperatorRow, sheet: Sheet, lang: Lang) -> Words:
        """What a form's words are taken from."""
        signer = who.name if sheet.approvers and rights.may(who.role, "decide") else ""
        members = [one for one in self._site.running.trust.active() if one.id != who.member]
        return Words(sheet=sheet, lang=lang, members=members, signer=signer)

    def goes_at_once(self, who: OperatorRow, sheet: Sheet) -> bool:
        """Whether all whose approval is wanted stand behind what this operator sends."""
        return sheet.approvers == 0 or (sheet.approvers == 1 and rights.may(who.role, "decide"))

    async def hand_over(
        self, who: OperatorRow, sheet: Sheet, own: str, record: dict[str, Any], *, again: bool
    ) -> tuple[dict[str, Any], str]:
        """Send a record, or keep it for those who have to approve it: the answer, and the page that
        tells of it. `again`: it waits already, under this id."""
        if self.goes_at_once(who, sheet):
            answer = await self.send(who, sheet, own, record, instead_of=own if again else None)
            made = answer["messages"]
            return answer, f"/forms/sent/{made[0]['id']}" if made else ""
        answer = await self._site.call(
            "form.keep", id=own, member=who.member, type=sheet.type, record=record, by=who.name,
            decides=rights.may(who.role, "decide"),
        )  # fmt: skip
        return answer, f"/forms/waiting/{own}"

    async def send(
        self, who: OperatorRow, sheet: Sheet, own: str, record: Mapping[str, Any],
        instead_of: str | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Send a record, once for each id of a form; in place of one that waits."""
        names = [who.name][: sheet.approvers]
        answer: dict[str, Any] = await self._site.call(
            "submit.once", system=f"@{who.login}", id=own, member=who.member, type=sheet.type,
            records=[approval.signed(sheet, record, names)], approved_by=names,
            instead_of=instead_of,
        )  # fmt: skip
        return answer

    async def waiting(self, who: OperatorRow, id: str) -> dict[str, Any]:
        """A form that waits, once it is noted that it is looked at.

        Raises:
            Refused: `web.not_found`.
        """
        row: dict[str, Any] = await self._site.call("form.show", member=who.member, id=id[:64])
        await self._site.look(who, id)
        return row

    def faults(
        self, sheet: Sheet, lang: Lang, refused: list[dict[str, Any]]
    ) -> dict[str, list[str]]:
        """What is wrong, in words, by place."""
        found: dict[str, list[str]] = {}
        for one in refused:
            fault = Fault(one["code"], one.get("path", ""), one.get("params", {}))
            path = path_of(fault.path) or str(fault.params.get("field", ""))
            found.setdefault(path, []).append(fault.text(lang, sheet, there=True))
        return found

    def page(
        self, request: Asked, sheet: Sheet, values: Mapping[str, str], *, own: str, again: bool,
        faults: Mapping[str, list[str]] | None = None, extra: str = "", status: int = 422,
    ) -> Response[Any]:  # fmt: skip
        """A form with what was typed into it; with `status` where something is wrong with it."""
        visit = request.state.visit
        words = self.words(visit.who, sheet, visit.lang)
        fields, others = words.form(self.places(sheet), values, faults or {}, extra)
        return self._site.page(
            request, "form.html", status=status if faults else 200, sheet=sheet, fields=fields,
            faults=faults or {}, others=others, own=own, again=again,
            at_once=self.goes_at_once(visit.who, sheet),
            basis_list=list(dict.fromkeys(one.cite() for one in sheet.basis)),
            own_page=sheet.type == INSPECTION,
        )  # fmt: skip


def _domain(domain: str, lang: Lang) -> str:
    """A domain in words; one of a plugin by its name."""
    code = f"web.form_domain.{domain}"
    return say(code, lang) if code in all_texts() else domain


def own_id(form: Any) -> str:
    """The id that a form carries. Raises: Refused `web.bad_request`."""
    own = field(form, "own")
    if not OWN_ID.fullmatch(own):
        raise Refused("web.bad_request")
    return own


def typed(form: Any) -> dict[str, str]:
    """The texts of a form; of several under one name, the last."""
    return {name: value for name, value in form.multi_items() if isinstance(value, str)}
