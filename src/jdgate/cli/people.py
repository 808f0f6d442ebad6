"""`jdgate operator` and `jdgate token`: who may sign in to the console of this machine, and which
systems may call its HTTP API.

Through the daemon where it serves the console; where none runs, on `people.db` itself. Nobody is
given a password: `add` and `reset` print a link, good once and for a day, and print it only then.
"""

from __future__ import annotations

from typing import Any

import click

from jdgate.cli.help import Group
from jdgate.cli.session import Session, common, option, pass_session
from jdgate.cli.show import listed, local, table
from jdgate.cli.usage import FILLED
from jdgate.errors import TransportFailed, UsageError
from jdgate.texts import Lang, say

ROLES = ("clerk", "approver", "auditor", "administrator")


def link_lines(made: dict[str, Any], lang: Lang) -> list[str]:
    """The link that lets somebody in."""
    url = made.get("web_url")
    return [
        say("cli.operator.link", lang, login=made["login"], until=local(made["expires_at"])),
        f"  {url or ''}{made['link']}",
        *([] if url else [say("cli.operator.link_where", lang)]),
    ]


def operator_lines(rows: list[dict[str, Any]], lang: Lang, width: int | None) -> list[str]:
    """The answer of `operator.list`."""
    if not rows:
        return [say("cli.operator.none", lang)]
    names = ("member", "login", "name", "role", "state", "second_factor")
    cells = [
        [
            row["member"],
            row["login"],
            row["name"],
            say(f"role.{row['role']}", lang),
            say(f"cli.state.{row['state']}", lang),
            say("cli.yes" if row["second_factor"] else "cli.no", lang),
        ]
        for row in rows
    ]
    return table([say(f"cli.title.{name}", lang) for name in names], cells, width)


def token_lines(rows: list[dict[str, Any]], lang: Lang, width: int | None) -> list[str]:
    """The answer of `token.list`."""
    if not rows:
        return [say("cli.token.none", lang)]
    names = ("id", "member", "name", "types", "receives", "until")
    own = say("cli.token.own_key", lang)
    cells = [
        [
            row["id"],
            row["member"],
            row["name"],
            own if row["own_key"] else listed(row["types"]),
            say("cli.yes" if row["receives"] else "cli.no", lang),
            say("cli.token.revoked", lang) if row["revoked_at"] else local(row["expires_at"]),
        ]
        for row in rows
    ]
    return table([say(f"cli.title.{name}", lang) for name in names], cells, width)


def _call(session: Session, method: str, **given: Any) -> Any:
    """The daemon's answer, or that of `people.db` itself where no daemon has it.

    Raises:
        JdgateError: what either raises.
    """
    try:
        with session.connect() as control:
            return control.call(method, **given)
    except TransportFailed as reason:
        if reason.code != "control.no_daemon":
            raise
    except UsageError as reason:
        if reason.code != "people.not_served":
            raise
    from jdgate.cli.catalogue import read_directory
    from jdgate.clock import machine_time
    from jdgate.commands.staffing import at_rest
    from jdgate.core.directory import Trust
    from jdgate.people.house import House
    from jdgate.people.personnel import Machine

    home, issuer = session.home(), session.config().web.oidc.issuer
    machine = Machine(Trust(read_directory(home)), issuer=issuer)
    with House.open(home) as house:
        return at_rest(house, machine, machine_time(), method, **given)


@click.group("operator", cls=Group)
@common
def operator() -> None:
    pass


@operator.command("add")
@click.argument("login", metavar="LOGIN")
@option("--name", type=FILLED, metavar="NAME", required=True, help="cli.option.operator_name")
@option("--as", "member", metavar="MEMBER", required=True, help="cli.option.operator_member")
@option("--role", type=click.Choice(ROLES), required=True, help="cli.option.operator_role")
@common
@pass_session
def add(session: Session, login: str, name: str, member: str, role: str) -> None:
    made = _call(session, "operator.add", login=login, name=name, member=member, role=role)
    session.answer(made, lambda told: link_lines(told, session.lang))


@operator.command("reset")
@click.argument("login", metavar="LOGIN")
@common
@pass_session
def reset(session: Session, login: str) -> None:
    made = _call(session, "operator.reset", login=login)
    session.answer(made, lambda told: link_lines(told, session.lang))


@operator.command("disable")
@click.argument("login", metavar="LOGIN")
@common
@pass_session
def disable(session: Session, login: str) -> None:
    done = _call(session, "operator.disable", login=login)
    session.answer(done, lambda _: [session.say("cli.operator.now_disabled", login=login)])


@operator.command("role")
@click.argument("login", metavar="LOGIN")
@click.argument("role", metavar="ROLE", type=click.Choice(ROLES))
@common
@pass_session
def role(session: Session, login: str, role: str) -> None:
    done = _call(session, "operator.role", login=login, role=role)
    session.answer(
        done,
        lambda _: [
            session.say("cli.operator.now_role", login=login, role=session.say(f"role.{role}"))
        ],
    )


@operator.command("link")
@click.argument("login", metavar="LOGIN")
@option("--subject", metavar="SUBJECT", help="cli.option.operator_subject")
@option("--none", "nobody", is_flag=True, help="cli.option.operator_no_subject")
@common
@pass_session
def link(session: Session, login: str, subject: str | None, nobody: bool) -> None:
    if nobody == (subject is not None):
        raise UsageError("cli.operator.link_which")
    done = _call(session, "operator.link", login=login, subject=subject)
    code = "cli.operator.now_unlinked" if nobody else "cli.operator.now_linked"
    session.answer(done, lambda _: [session.say(code, login=login)])


@operator.command("list")
@option("--as", "member", metavar="MEMBER", help="cli.option.as")
@common
@pass_session
def list_(session: Session, member: str | None) -> None:
    rows = _call(session, "operator.list", member=member)
    session.answer(rows, lambda told: operator_lines(told, session.lang, session.width))


@click.group("token", cls=Group)
@common
def token() -> None:
    pass


@token.command("add")
@click.argument("name", metavar="NAME", type=FILLED)
@option("--as", "member", metavar="MEMBER", required=True, help="cli.option.operator_member")
@option("--type", "types", multiple=True, metavar="TYPE", help="cli.option.token_type")
@option("--receives", is_flag=True, help="cli.option.token_receives")
@option("--own-key", is_flag=True, help="cli.option.token_own_key")
@option("--days", type=click.IntRange(1, 366), default=365, help="cli.option.token_days")
@common
@pass_session
def token_add(
    session: Session, name: str, member: str, types: tuple[str, ...], receives: bool,
    own_key: bool, days: int,
) -> None:  # fmt: skip
    made = _token(session, "token.add", name=name, member=member, types=list(types),
                  receives=receives, own_key=own_key, days=days)  # fmt: skip
    session.answer(
        made,
        lambda told: [
            session.say("cli.token.made", id=told["id"], until=local(told["expires_at"])),
            f"  {told['token']}",
        ],
    )


@token.command("list")
@common
@pass_session
def token_list(session: Session) -> None:
    rows = _token(session, "token.list")
    session.answer(rows, lambda told: token_lines(told, session.lang, session.width))


@token.command("revoke")
@click.argument("token_id", metavar="ID")
@common
@pass_session
def token_revoke(session: Session, token_id: str) -> None:
    done = _token(session, "token.revoke", id=token_id)
    session.answer(done, lambda _: [session.say("cli.token.now_revoked", id=token_id)])


def _token(session: Session, method: str, **params: Any) -> Any:
    """Tokens are of use only where the daemon serves the API, and it knows the catalogue."""
    with session.connect() as control:
        return control.call(method, **params)
