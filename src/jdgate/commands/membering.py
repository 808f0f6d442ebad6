"""Commands on members: who takes part with which keys, and, where the authority's key lies,
admitting, suspending, resuming and revoking them and giving them new keys.

Each act signs the next directory, is written into the ledger with who did it (`by`) and how they
proved who they are (`proof`, where the console asked for it), and is taken into use at once.
`jdgate.cli.member` does the same on the files where no daemon runs (`admitted`, `changed`,
`rekeyed`, `renewed`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from jdgate import enrolling
from jdgate.commands.forms import iso
from jdgate.config import Config, Home
from jdgate.core import enrolment, expiry, leaves
from jdgate.core.calendar import day_of
from jdgate.core.directory import Directory, Member
from jdgate.core.message import show_time
from jdgate.errors import JdgateError, Refused
from jdgate.founding import write_file
from jdgate.running import Running
from jdgate.store import ledger

REASONS = ("lost", "leaked", "replaced", "left")
"""Why a member's keys are revoked: the machine is lost or stolen, somebody else may have the keys,
the machine is replaced, the member has left."""
_NAMED = 8
"""Members that a warning names."""


class Membering:
    """The directory and changes to it."""

    def __init__(self, running: Running) -> None:
        self._running = running

    async def member_list(self) -> list[dict[str, Any]]:
        """Everyone in the directory."""
        return [self._member(member) for member in self._running.trust.directory.members]

    async def member_show(self, id: str) -> dict[str, Any]:
        """One member with its public keys."""
        member = self._running.trust.member(id)
        return {**self._member(member), "keys": msgspec.to_builtins(member.keys)}

    async def member_directory(self) -> dict[str, Any]:
        """The directory as a whole: its own times, all members with the states of their keys, what
        runs out soon. `signs_here`: whether the authority's key lies on this machine."""
        running, now = self._running, self._running.clock.now()
        directory = running.trust.directory
        return {
            "version": directory.version,
            "issued": iso(directory.issued),
            "expires": iso(directory.expires),
            "step": expiry.step_of(directory.expires, now),
            "signs_here": enrolling.authority_file(running.home).exists(),
            "members": [
                {**self._member(member), "keys": _keys(member, now)} for member in directory.members
            ],
            "ending": [
                {**msgspec.structs.asdict(one), "until": iso(one.until)}
                for one in expiry.ending_keys(directory, now)
            ],
        }

    async def member_request(self, request: str, heard: str | None = None) -> dict[str, Any]:
        """What a request asks for. Its fingerprint is not told: somebody reads it out, and
        `member.admit` compares; with `heard`, what was read out, it is compared here already."""
        asked = enrolment.read_request(request.encode())
        if heard is not None:
            enrolment.check_fingerprint(asked, heard)
        running = self._running
        ca = running.config.nats.ca
        return {
            "member": asked.member,
            "name": asked.name,
            "roles": list(asked.roles),
            "regions": list(asked.regions),
            "known": asked.member in running.trust.members,
            "keys": [{"kid": one.kid, "use": one.use, "suite": one.suite} for one in asked.keys],
            # what is likely meant; an embedded server's own address is of use on this machine alone
            "nats": enrolling.without_password(running.nats_url),
            "ca": (running.home.root / ca).read_text("utf-8") if ca else "",
        }

    async def member_admit(
        self,
        request: str,
        fingerprint: str,
        nats: str,
        ca: str = "",
        by: str = "operator",
        grant: dict[str, Any] | None = None,
        output: str | None = None,
        proof: str = "",
    ) -> dict[str, Any]:
        """Admit whose request has the fingerprint that was read out. `grant`: {name, roles[],
        regions[]} in place of what was asked for; `output`: where the welcome goes."""
        running = self._running
        told = admitted(
            running.home, running.config, request=request, fingerprint=fingerprint, nats=nats,
            ca=ca, grant=grant, output=Path(output) if output else None, now=running.clock.now(),
        )  # fmt: skip
        return await self._published(told, "member.admitted", by, proof=proof)

    async def member_welcome(self, id: str) -> dict[str, Any] | None:
        """What goes back to a department that was admitted from here: {text,
        authority_fingerprint, nats}."""
        file = welcome_file(self._running.home, self._running.trust.member(id).id)
        if not file.exists():
            return None
        text = file.read_text("utf-8")
        welcome = enrolment.load_welcome(text.encode())
        told = enrolment.fingerprint(welcome.authority)
        return {"text": text, "authority_fingerprint": told, "nats": welcome.nats}

    async def member_suspend(
        self, id: str, by: str = "operator", proof: str = ""
    ) -> dict[str, Any]:
        """Keep a member out until it is resumed."""
        return await self._change(id, "suspend", "member.suspended", by, proof=proof)

    async def member_resume(self, id: str, by: str = "operator", proof: str = "") -> dict[str, Any]:
        """Let a suspended member take part again."""
        return await self._change(id, "resume", "member.resumed", by, proof=proof)

    async def member_revoke(
        self, id: str, by: str = "operator", reason: str | None = None, proof: str = ""
    ) -> dict[str, Any]:
        """Void all keys of a member. `reason`: one of `REASONS`."""
        if reason is not None and reason not in REASONS:
            raise Refused("member.no_such_reason", known=", ".join(REASONS))
        return await self._change(id, "revoke", "member.revoked", by, reason, proof)

    async def member_rekey(self, id: str, by: str = "operator", proof: str = "") -> dict[str, Any]:
        """Give a member its next keys. `in_use`: whether it works with them here by now."""
        running = self._running
        if running.gateway is not None and id == running.trust.gateway.id:
            raise Refused("member.gateway_runs", member=id)
        told = rekeyed(running.home, running.config, id, running.clock.now())
        if running.gateway is None:
            # what new keys sign is refused until the gateway knows them
            return {**told, "trouble": {"code": "member.gateway_first", "params": {}}}
        told = await self._published(told, "member.rekeyed", by, proof=proof)
        desk = running.edge.desks.get(id) if running.edge else None
        return {**told, "in_use": desk is not None and desk.keys.number == told["number"]}

    async def member_renew(self, by: str = "operator", proof: str = "") -> dict[str, Any]:
        """Have the directory signed for another year."""
        told = renewed(self._running.home, self._running.clock.now())
        return await self._published(told, "directory.renewed", by, proof=proof)

    async def _change(
        self, id: str, act: Act, done: str, by: str, reason: str | None = None, proof: str = ""
    ) -> dict[str, Any]:
        told = changed(self._running.home, id, act, self._running.clock.now())
        return await self._published(told, done, by, reason, proof)

    async def _published(
        self, told: dict[str, Any], act: str, by: str, reason: str | None = None, proof: str = ""
    ) -> dict[str, Any]:
        """Write down who had this directory signed, on which proof, and go by it. What is signed
        stays signed where this machine can't take it into use: `trouble` says why."""
        running, now = self._running, self._running.clock.now()
        if running.gateway is not None:
            about = str(told.get("member", told["version"]))
            target = f"{about} {reason}" if reason else about
            leaf = leaves.AdminLeaf(
                id=running.gateway.ground.new_id(), at=show_time(now), act=act, operator=by[:64],
                target=target, proof=proof[:32],
            )  # fmt: skip
            await running.gateway.run(
                lambda conn: ledger.append(conn, [(leaves.encode(leaf), None)])
            )
        try:
            await running.reload()
        except JdgateError as why:
            return {**told, "adopted": False, "trouble": {"code": why.code, "params": why.params}}
        return {**told, "adopted": True}

    def _member(self, member: Member) -> dict[str, Any]:
        hosted = self._running.edge.desks if self._running.edge else {}
        return {
            "id": member.id,
            "name": member.name,
            "kind": member.kind,
            "roles": list(member.roles),
            "regions": list(member.regions),
            "status": member.status,
            "hosted": member.id in hosted,
        }


# --- on the files. They await nothing: in a daemon, no other act comes in between


def admitted(
    home: Home,
    config: Config,
    *,
    request: str,
    fingerprint: str,
    nats: str,
    ca: str,
    now: datetime,
    grant: dict[str, Any] | None = None,
    output: Path | None = None,
) -> dict[str, Any]:
    """Publish the directory with the request's keys, and write the department's welcome.

    Raises:
        Refused: `enrol.…`, `keys.missing`, `directory.…`. UsageError: `bus.url`,
            `bus.tls_required`.
    """
    asked = enrolment.read_request(request.strip().encode())
    enrolment.check_fingerprint(asked, fingerprint)
    given = enrolment.granted(asked, **grant) if grant is not None else asked
    done = enrolling.admit(
        home, given, county_name=config.county.name, nats=nats, ca=ca, now=now
    )  # fmt: skip
    file = output or welcome_file(home, asked.member)
    write_file(file, enrolment.dump_welcome(done.welcome))
    return {
        "member": asked.member,
        "version": done.directory.version,
        "adopted": False,
        "fingerprint": enrolment.fingerprint(asked),
        "authority_fingerprint": enrolment.fingerprint(done.welcome.authority),
        "file": str(file),
    }


def welcome_file(home: Home, member: str) -> Path:
    """Where the file lies that goes back to an admitted department."""
    return home.root / f"{member}.welcome"


Act = Literal["suspend", "resume", "revoke"]
_ACTS: dict[Act, Callable[[Member, datetime], Member]] = {
    "suspend": lambda member, now: msgspec.structs.replace(member, status="suspended"),
    "resume": lambda member, now: msgspec.structs.replace(member, status="active"),
    "revoke": enrolment.revoked,
}


def changed(home: Home, member: str, act: Act, now: datetime) -> dict[str, Any]:
    """Publish the directory with one member changed.

    Raises:
        Refused: `member.unknown`, `enrol.not_department`, `keys.missing`, `directory.…`.
    """
    directory = enrolling.change(home, member, _ACTS[act], now)
    return {"member": member, "version": directory.version, "adopted": False}


def rekeyed(home: Home, config: Config, member: str, now: datetime) -> dict[str, Any]:
    """Make a member's next keys and publish the directory with them.

    Raises:
        Refused: as `enrolling.rekey`.
    """
    done = enrolling.rekey(home, config.run, member, now)
    old = enrolling.old_file(done.file, done.number)
    return {
        "member": member,
        "version": done.directory.version,
        "adopted": False,
        "number": done.number,
        "key_file": str(done.file),
        "old_file": str(old) if old.exists() else None,
        "in_use": False,
    }


def renewed(home: Home, now: datetime) -> dict[str, Any]:
    """Publish the directory as it is for another year.

    Raises:
        Refused: `keys.missing`, `directory.…`.
    """
    directory = enrolling.renew(home, now)
    return {"version": directory.version, "expires": iso(directory.expires), "adopted": False}


# --- shaping


def warnings(directory: Directory, now: datetime) -> list[dict[str, Any]]:
    """What of the directory runs out, as `status` warns of it: all members' keys in one warning."""
    found: list[dict[str, Any]] = []
    end = day_of(directory.expires)
    step = expiry.step_of(directory.expires, now)
    if step == 0:
        params: dict[str, Any] = {"version": directory.version, "expired": end}
        found.append({"code": "directory.expired", "params": params})
    elif step is not None:
        found.append({"code": "status.directory_ends", "params": {"until": end}})
    keys = expiry.ending_keys(directory, now)
    if keys:
        names = list(dict.fromkeys(one.member for one in keys))
        more = ", …" if len(names) > _NAMED else ""
        params = {
            "count": len(names),
            "members": ", ".join(names[:_NAMED]) + more,
            "until": day_of(keys[0].until),
        }
        found.append({"code": "status.keys_end", "params": params})
    return found


def _keys(member: Member, now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "kid": key.kid,
            "use": key.use,
            "suite": key.suite,
            "not_before": iso(key.not_before),
            "not_after": iso(key.not_after),
            "revoked_at": iso(key.revoked_at) if key.revoked_at else None,
            "state": expiry.key_state(key, now),
        }
        for key in member.keys
    ]
