"""Pages about members: the directory for everybody, and for those who keep it admitting a member,
suspending, resuming and revoking one and giving it new keys.

Rules:
- who keeps the directory are administrators of the authority; what they do is signed where the
  authority's key lies, and elsewhere the pages say which commands to give there;
- a request's fingerprint is shown to nobody before it was compared: who admits types what the
  department reads out, group by group, and can't copy it from the page;
- for each act people prove once more who they are, so that a browser left open is not enough; what
  can be seen to be wrong is said before.
"""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from jdgate.commands.membering import REASONS
from jdgate.core import enrolment
from jdgate.core.enrolment import DEPARTMENT_ROLES, GROUPS
from jdgate.errors import JdgateError, Refused
from jdgate.people import rights
from jdgate.store.people import OperatorRow
from jdgate.texts import Lang, say
from jdgate.web.again import Act
from jdgate.web.pages.again import once_more
from jdgate.web.site import Asked, Site, field
from jdgate.wording import local

ACTS = ("suspend", "resume", "revoke", "rekey")


def pages(site: Site) -> list[HTTPRouteHandler]:
    """The directory, one member, admission."""

    @get("/members")
    async def members(request: Asked) -> Response[Any]:
        return await _members(request)

    async def _members(
        request: Asked,
        *,
        error: JdgateError | None = None,
        trouble: dict[str, Any] | None = None,
    ) -> Response[Any]:
        visit = request.state.visit
        told = await site.call("member.directory")
        return site.page(
            request,
            "members.html",
            status=422 if error else 200,
            directory=told,
            rows=[_shown(site, one, visit.lang) for one in told["members"]],
            keeps=keeps(site, visit.who),
            error=error,
            trouble=trouble,
        )

    @post("/members")
    async def renew(request: Asked) -> Response[Any]:
        """Sign the directory for another year."""
        _require_keeper(site, request.state.visit.who)

        async def do(request: Asked, proof: str) -> Response[Any]:
            told = await site.call("member.renew", by=_keeper(request), proof=proof)
            if trouble := told.get("trouble"):
                return await _members(request, trouble=trouble)
            return site.go("/members")

        async def undone(request: Asked, error: JdgateError | None) -> Response[Any]:
            return await _members(request, error=error)

        version = str(site.running.trust.directory.version)
        about = (("web.members_version", version),)
        act = Act("web.members_renew", about, do, undone)
        return await once_more(site, request, await request.form(), act)

    @get("/members/{id:str}")
    async def member(request: Asked, id: FromPath[str]) -> Response[Any]:
        return await _member(request, id)

    @post("/members/{id:str}/{act:str}")
    async def change(request: Asked, id: FromPath[str], act: FromPath[str]) -> Response[Any]:
        visit, form = request.state.visit, await request.form()
        _require_keeper(site, visit.who)
        if act not in ACTS:
            raise Refused("web.not_found")
        found = site.running.trust.member(id)
        about = [("web.id", id), ("web.members_name", found.name)]
        given = {}
        if act == "revoke":
            given["reason"] = reason = field(form, "reason")
            if reason in REASONS:
                about.append(("web.members_reason", say(f"web.members_why.{reason}", visit.lang)))

        async def do(request: Asked, proof: str) -> Response[Any]:
            told = await site.call(
                f"member.{act}", id=id, by=_keeper(request), proof=proof, **given
            )
            if trouble := told.get("trouble"):
                return await _member(request, id, trouble=trouble)
            return site.go(f"/members/{id}")

        async def undone(request: Asked, error: JdgateError | None) -> Response[Any]:
            return await _member(request, id, error=error, chosen=given.get("reason", ""))

        if act == "revoke" and field(form, "confirm").strip() != id:
            return await undone(request, Refused("web.members_not_confirmed", member=id[:40]))
        grave = act == "revoke"
        asked = Act(f"web.members_do.{act}", tuple(about), do, undone, grave=grave)
        return await once_more(site, request, form, asked)

    async def _member(
        request: Asked,
        id: str,
        *,
        error: JdgateError | None = None,
        chosen: str = "",
        trouble: dict[str, Any] | None = None,
    ) -> Response[Any]:
        visit = request.state.visit
        told = await site.call("member.directory")
        found = next((one for one in told["members"] if one["id"] == id), None)
        if found is None:
            raise Refused("member.unknown", member=id[:40])
        keeps_it = keeps(site, visit.who)
        keeper = keeps_it and found["kind"] == "department"
        welcome = await site.call("member.welcome", id=id) if keeper else None
        return site.page(
            request,
            "member.html",
            status=422 if error else 200,
            row=_shown(site, found, visit.lang),
            ending=[one for one in told["ending"] if one["member"] == id],
            rotation=_rotation(site, found, told["signs_here"]) if keeps_it else None,
            keeper=keeper,
            signs_here=told["signs_here"],
            welcome=welcome,
            acts=_acts(found),
            reasons=REASONS,
            chosen=chosen,
            error=error,
            trouble=trouble,
        )

    @get("/members/{id:str}/welcome")
    async def welcome(request: Asked, id: FromPath[str]) -> Response[Any]:
        _require_keeper(site, request.state.visit.who)
        told = await site.call("member.welcome", id=id)
        if told is None:
            raise Refused("web.not_found")
        name = f'attachment; filename="{id}.welcome"'
        return Response(
            told["text"].encode(),
            media_type="application/octet-stream",
            headers={"content-disposition": name},
        )

    @get("/admission")
    async def admission(request: Asked) -> Response[Any]:
        _require_keeper(site, request.state.visit.who)
        return await _admission(request)

    @post("/admission")
    async def read(request: Asked) -> Response[Any]:
        _require_keeper(site, request.state.visit.who)
        form = await request.form()
        file, text = form.get("file"), str(form.get("request") or "")
        if isinstance(file, UploadFile):
            text = (await file.read()).decode("ascii", "replace") or text
        return await _admission(request, text.strip())

    @post("/admission/sign")
    async def sign(request: Asked) -> Response[Any]:
        form = await request.form()
        _require_keeper(site, request.state.visit.who)
        text, heard = str(form.get("request") or ""), _heard(form)
        typed = {name: str(form.get(name) or "") for name in ("name", "regions", "nats", "ca")}
        roles = [one for one in form.getall("role", []) if isinstance(one, str)]
        grant = {"name": typed["name"].strip(), "roles": roles, "regions": typed["regions"].split()}

        async def do(request: Asked, proof: str) -> Response[Any]:
            told = await site.call(
                "member.admit",
                request=text,
                fingerprint="".join(heard),
                nats=typed["nats"].strip(),
                ca=typed["ca"],
                by=_keeper(request),
                grant=None if asked["known"] else grant,
                proof=proof,
            )
            if trouble := told.get("trouble"):
                return await _admission(request, trouble=trouble)
            return site.go(f"/members/{told['member']}")

        async def undone(request: Asked, error: JdgateError | None) -> Response[Any]:
            return await _admission(
                request, text, error=error, typed={**typed, **grant}, heard=heard
            )

        try:
            asked = await site.call("member.request", request=text, heard="".join(heard))
        except JdgateError as reason:
            return await undone(request, reason)
        about = _granted(site, request, asked, asked if asked["known"] else grant)
        about += (
            ("web.members_nats", typed["nats"].strip()),
            ("web.members_compare", " ".join(heard)),
        )
        return await once_more(site, request, form, Act("web.members_admit", about, do, undone))

    async def _admission(
        request: Asked,
        text: str | None = None,
        *,
        error: JdgateError | None = None,
        typed: dict[str, Any] | None = None,
        heard: list[str] | None = None,
        trouble: dict[str, Any] | None = None,
    ) -> Response[Any]:
        """First the form that takes a request; with one, what it asks for and what to compare."""
        lang = request.state.visit.lang
        signs_here = (await site.call("member.directory"))["signs_here"]
        asked, wrong = None, []
        if text is not None:
            try:
                asked = await site.call("member.request", request=text)
                if error is not None and error.code == "enrol.fingerprint":
                    wrong = enrolment.misheard(enrolment.read_request(text.encode()), heard or [])
            except JdgateError as reason:
                error = reason
        return site.page(
            request,
            "admission.html",
            status=422 if error else 200,
            signs_here=signs_here,
            text=text,
            asked=asked,
            given={**(asked or {}), **(typed or {})},
            groups=GROUPS,
            wrong=wrong,
            heard=heard or [],
            roles=[(one, site.renderer.role_name(one, lang)) for one in sorted(DEPARTMENT_ROLES)],
            region=lambda code: region_name(site, code),
            error=error,
            trouble=trouble,
        )

    def _keeper(request: Asked) -> str:
        """Who does it: looked at again when it is done, which may be minutes later."""
        who: OperatorRow = request.state.visit.who
        _require_keeper(site, who)
        return who.login

    return [members, renew, member, change, welcome, admission, read, sign]


def keeps(site: Site, who: OperatorRow) -> bool:
    """Whether an operator keeps the directory: an administrator of the authority."""
    member = site.running.trust.members.get(who.member)
    return rights.may(who.role, "manage") and member is not None and member.kind == "authority"


def _require_keeper(site: Site, who: OperatorRow) -> None:
    if not keeps(site, who):
        raise Refused("people.not_allowed")


def region_name(site: Site, code: str) -> str:
    """A place by its name and code; one that no table has by its code alone."""
    name = site.running.references.divisions.name(code)
    return f"{name} {code}" if name else code


def _granted(
    site: Site, request: Asked, asked: dict[str, Any], grant: dict[str, Any]
) -> tuple[tuple[str, str], ...]:
    """Who is admitted as what, in words."""
    lang: Lang = request.state.visit.lang
    known = [one for one in grant["roles"] if one in DEPARTMENT_ROLES]
    words = {
        "web.id": [asked["member"]],
        "web.members_name": [grant["name"]],
        "web.members_roles": [site.renderer.role_name(one, lang) for one in known],
        "web.members_regions": [region_name(site, code) for code in grant["regions"]],
        "web.members_keys": [key["kid"] for key in asked["keys"]],
    }
    return tuple((label, " · ".join(said)) for label, said in words.items())


def _shown(site: Site, one: dict[str, Any], lang: Lang) -> dict[str, Any]:
    """A member as pages show it."""
    good = [key["not_after"] for key in one["keys"] if key["state"] == "good"]
    state = say(f"cli.state.{one['status']}", lang)
    if not good:
        state += say("web.members_no_key", lang)
    return {
        **one,
        "role_names": [site.renderer.role_name(role, lang) for role in one["roles"]],
        "region_names": [region_name(site, code) for code in one["regions"]],
        "state": state,
        "until": local(max(good))[:10] if good else None,
    }


def _acts(row: dict[str, Any]) -> list[str]:
    """What can be done with a member as it stands."""
    first = {"active": ["suspend"], "suspended": ["resume"]}.get(row["status"], [])
    alive = any(key["state"] in ("good", "future") for key in row["keys"])
    return [*first, "revoke"] if alive else first


def _rotation(site: Site, row: dict[str, Any], signs_here: bool) -> dict[str, str] | None:
    """How a member gets new keys: `way` and the `command` to copy. Here, where both keys lie;
    with the gateway stopped; there, on its own machine; or with the authority's key brought."""
    if row["status"] != "active":
        return None
    by_command = f"jdgate member rekey {row['id']}"
    if row["kind"] == "gateway":
        return {"way": "stopped", "command": by_command}
    if row["hosted"] and signs_here:
        return {"way": "here", "command": by_command}
    if row["kind"] == "department":
        member = site.running.trust.member(row["id"])
        return {"way": "there", "command": enrolment.request_command(member)}
    return {"way": "both", "command": by_command}


def _heard(form: Any) -> list[str]:
    return [field(form, f"group-{n}").strip() for n in range(1, GROUPS + 1)]
