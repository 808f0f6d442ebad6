"""Pages of the catalogue: every type that may be exchanged, and its agreement in words.

For everybody who is signed in: what may be exchanged is no secret. Everything is taken from sheets
and schemas, so the pages say what the gateway does.
"""

from __future__ import annotations

from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from jdgate.core.agreement_words import (
    domain_order,
    form,
    found_by,
    limit_lines,
    with_parts,
)
from jdgate.core.sheet import Sheet
from jdgate.errors import Refused
from jdgate.texts import Lang, all_texts, say
from jdgate.web.site import Asked, Site


def pages(site: Site) -> list[HTTPRouteHandler]:
    """The list of types, and one type."""

    @get("/catalogue")
    async def catalogue(request: Asked) -> Response[Any]:
        visit = request.state.visit
        sheets = site.running.catalogue.sheets
        domains: dict[str, list[dict[str, Any]]] = {}
        for name in sorted(sheets, key=domain_order):
            row = _row(site, sheets[name], visit.who.member, visit.lang)
            domains.setdefault(sheets[name].domain, []).append(row)
        return site.page(
            request,
            "catalogue.html",
            domains=[(one, _domain(one, visit.lang), rows) for one, rows in domains.items()],
            digest=site.running.catalogue.digest,
            signed=site.running.trust.directory.catalogue == site.running.catalogue.digest,
        )

    @get("/catalogue/{type:str}")
    async def agreement(request: Asked, type: FromPath[str]) -> Response[Any]:
        visit = request.state.visit
        known = site.running.catalogue
        if type not in known.sheets:
            raise Refused("web.not_found")
        about = known.describe(type, visit.lang)
        titles = {one["name"]: one["title"] for one in about["fields"]}
        return site.page(
            request,
            "agreement.html",
            about=about,
            domain=_domain(about["domain"], visit.lang),
            recipients=[
                {
                    "role": one["role"]["title"],
                    "code": one["role"]["code"],
                    # its marks are those of the documents
                    "found_by": found_by(one, visit.lang).replace("`", ""),
                    "fields": [titles.get(name, name) for name in one["fields"]],
                }
                for one in about["recipients"]
            ],
            fields=[{**one, "form": _form(site, one, visit.lang)} for one in with_parts(about)],
            limits=list(limit_lines(about, visit.lang)),
            roles={one["role"]["code"]: one["role"]["title"] for one in about["recipients"]},
            **_mine(site, known.sheets[type], visit.who.member),
        )

    return [catalogue, agreement]


def _row(site: Site, sheet: Sheet, member: str, lang: Lang) -> dict[str, Any]:
    """A type in the list."""

    def named(roles: tuple[str, ...]) -> list[str]:
        return [site.renderer.role_name(role, lang) for role in dict.fromkeys(roles)]

    return {
        "type": sheet.type,
        "title": sheet.title.get(lang),
        "senders": named(sheet.senders),
        "recipients": named(tuple(route.role for route in sheet.routes)),
        "approval": sheet.approval,
        **_mine(site, sheet, member),
    }


def _mine(site: Site, sheet: Sheet, member: str) -> dict[str, bool]:
    """Whether an operator's member may send a type, and get it."""
    known = site.running.trust.members.get(member)
    roles = known.roles if known is not None else ()
    return {
        "sends": sheet.may_send(roles),
        "gets": any(sheet.fields_for(role) for role in roles),
    }


def _form(site: Site, field: dict[str, Any], lang: Lang) -> str:
    """What a field may hold, formats and rules in words."""
    code = f"web.form_format.{field['format']}"
    said = dict(field)
    if field["format"] and not field["sealed_to"] and code in all_texts():
        said["format"] = say(code, lang)
    if field["needed_by"]:
        said["needed_by"] = site.renderer.rule_named(field["needed_by"], lang)
    return form(said, lang)


def _domain(domain: str, lang: Lang) -> str:
    """A domain in words; that of a plugin we do not know by its name."""
    code = f"web.domain.{domain}"
    return say(code, lang) if code in all_texts() else domain
