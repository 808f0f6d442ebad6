"""`jdgate member`: who takes part, in which roles and regions, with which keys.

`list` and `show` ask the daemon. `admit`, `suspend`, `resume`, `revoke`, `rekey` and `renew` work
where the authority's key lies: each publishes the next signed directory and has a daemon that runs
there take it into use. They answer {member, version, adopted}, `admit` also {fingerprint,
authority_fingerprint, file}, `rekey` {number, key_file, old_file, in_use}, `renew` {version,
expires, adopted}.

Rows are {id, name, kind, roles[], regions[], status, hosted, keys[{kid, use, suite, not_before,
not_after, revoked_at}]}.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jdgate.cli.help import Group
from jdgate.cli.session import Session, common, option, pass_session
from jdgate.cli.show import listed, local, pairs, table
from jdgate.texts import Lang, say

if TYPE_CHECKING:
    from jdgate.commands.membering import Act


def member_lines(rows: list[dict[str, Any]], lang: Lang, width: int | None = None) -> list[str]:
    """The answer of `member.list`."""
    names = ("member", "roles", "regions", "state", "hosted", "name")
    cells = [
        [
            one.get("id"),
            " ".join(one.get("roles") or []),
            listed(one.get("regions") or []),
            say(f"cli.state.{one.get('status', 'active')}", lang),
            say("cli.yes", lang) if one.get("hosted") else "",
            one.get("name") or "",
        ]
        for one in rows
    ]
    return table([say(f"cli.title.{name}", lang) for name in names], cells, width)


def one_member_lines(row: dict[str, Any], lang: Lang, width: int | None = None) -> list[str]:
    """The answer of `member.show`."""
    shown: list[tuple[str, object]] = [
        ("member", row.get("id")),
        ("name", row.get("name")),
        ("kind", say(f"cli.kind.{row.get('kind', 'department')}", lang)),
        ("roles", listed(row.get("roles") or [])),
        ("regions", listed(row.get("regions") or [])),
        ("state", say(f"cli.state.{row.get('status', 'active')}", lang)),
        ("hosted", say("cli.yes" if row.get("hosted") else "cli.no", lang)),
    ]
    lines = pairs([(say(f"cli.title.{name}", lang), value) for name, value in shown], width)
    if keys := row.get("keys"):
        names = ("key", "use", "suite", "from", "until", "revoked")
        cells = [
            [
                key.get("kid"),
                say(f"cli.use.{key.get('use')}", lang),
                key.get("suite"),
                local(key.get("not_before")),
                local(key.get("not_after")),
                local(key.get("revoked_at")),
            ]
            for key in keys
        ]
        lines += ["", *table([say(f"cli.title.{name}", lang) for name in names], cells, width)]
    return lines


@click.group("member", cls=Group)
@common
def member() -> None:
    pass


@member.command("list")
@common
@pass_session
def list_(session: Session) -> None:
    with session.connect() as control:
        rows = control.call("member.list")
    session.answer(rows, lambda reply: member_lines(reply, session.lang, session.width))


@member.command("show")
@click.argument("member_id", metavar="MEMBER")
@common
@pass_session
def show(session: Session, member_id: str) -> None:
    with session.connect() as control:
        row = control.call("member.show", id=member_id)
    session.answer(row, lambda reply: one_member_lines(reply, session.lang, session.width))


def _told(
    session: Session,
    answer: dict[str, Any],
    *lines: str,
    adopted: str = "cli.member.adopted",
    not_adopted: str = "cli.member.not_adopted",
) -> None:
    """The answer of a command that published a directory, and what is left to do."""
    taken = session.say(adopted if answer["adopted"] else not_adopted)
    if trouble := answer.get("trouble"):
        taken = session.say(
            "daemon.not_reloaded", reason=session.say(trouble["code"], **trouble["params"])
        )
    version = session.say("cli.member.published", version=answer["version"])
    session.answer(answer, lambda _: [*lines, version, taken])


def _asked(session: Session, method: str, beside: Callable[[], Any], **params: Any) -> Any:
    """The daemon's answer, or that of `beside` where none runs."""
    from jdgate.errors import TransportFailed

    try:
        control = session.connect()
    except TransportFailed:
        return beside()
    with control:
        return control.call(method, **params)


@member.command("admit")
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@option("--fingerprint", "told", metavar="DIGITS", help="cli.option.fingerprint")
@option("--nats", metavar="URL", required=True, help="cli.option.nats_for_member")
@option("--ca", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
        help="cli.option.nats_ca")  # fmt: skip
@option("-o", "--output", metavar="FILE", help="cli.option.welcome_file",
        type=click.Path(dir_okay=False, path_type=Path))  # fmt: skip
@common
@pass_session
def admit(
    session: Session,
    file: Path,
    told: str | None,
    nats: str,
    ca: Path | None,
    output: Path | None,
) -> None:
    from jdgate.cli.key import compare
    from jdgate.clock import machine_time
    from jdgate.core import enrolment
    from jdgate.enrolling import read_text

    text = read_text(file)
    request = enrolment.read_request(text.strip().encode())
    facts: list[tuple[str, object]] = [
        ("member", request.member),
        ("name", request.name),
        ("roles", " ".join(request.roles)),
        ("regions", listed(list(request.regions))),
    ]
    if not session.as_json:
        session.tell(pairs([(session.say(f"cli.title.{n}"), v) for n, v in facts], session.width))
        session.tell([""])
    given: dict[str, Any] = {
        "request": text,
        "fingerprint": compare(session, request, told),
        "nats": nats,
        "ca": read_text(ca) if ca else "",
    }

    def beside() -> dict[str, Any]:
        from jdgate.commands.membering import admitted

        home, config, now = session.home(), session.config(), machine_time()
        return admitted(home, config, **given, output=output, now=now)

    where = str(output.absolute()) if output else None
    answer = _asked(session, "member.admit", beside, **given, output=where)
    said = session.say("cli.member.admitted", member=answer["member"], file=answer["file"])
    _told(session, answer, said, "", f"    {answer['authority_fingerprint']}", "")


def _changing(act: Act) -> None:
    """A command that publishes a directory with one member changed."""

    @member.command(act)
    @click.argument("member_id", metavar="MEMBER")
    @common
    @pass_session
    def command(session: Session, member_id: str) -> None:
        from jdgate.clock import machine_time

        def beside() -> dict[str, Any]:
            from jdgate.commands.membering import changed

            return changed(session.home(), member_id, act, machine_time())

        _told(session, _asked(session, f"member.{act}", beside, id=member_id))


@member.command("rekey")
@click.argument("member_id", metavar="MEMBER")
@common
@pass_session
def rekey(session: Session, member_id: str) -> None:
    from jdgate.clock import machine_time

    def beside() -> dict[str, Any]:
        from jdgate.commands.membering import rekeyed
        from jdgate.serving import folder_lock

        home, config = session.home(), session.config()
        with folder_lock(home):  # a daemon that starts meanwhile would begin with the old keys
            return rekeyed(home, config, member_id, machine_time())

    answer = _asked(session, "member.rekey", beside, id=member_id)
    lines = [session.say("cli.member.rekeyed", **answer)]
    if answer["old_file"]:
        lines.append(session.say("cli.member.old_keys", file=answer["old_file"]))
    in_use = "cli.member.keys_in_use" if answer["in_use"] else "cli.member.keys_not_in_use"
    _told(session, answer, *lines, adopted=in_use, not_adopted="cli.member.keys_later")


@member.command("renew")
@common
@pass_session
def renew(session: Session) -> None:
    from jdgate.clock import machine_time

    def beside() -> dict[str, Any]:
        from jdgate.commands.membering import renewed

        return renewed(session.home(), machine_time())

    _told(session, _asked(session, "member.renew", beside))


_changing("suspend")
_changing("resume")
_changing("revoke")
