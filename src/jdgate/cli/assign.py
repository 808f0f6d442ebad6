"""`jdgate assign`: who cares for a person; at the machine of the office that runs the order.

A person is named by REF: the number of a message about them in the office's inbox (`ID`, or `ID:2`
for its second record), or the short reference that `list` shows. Rows are {ref, team{place:
{member, worker, on}}}; `show` adds {name}; `set` and `end` give {ref, message, answered}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from jdgate.cli.help import Group
from jdgate.cli.session import Session, as_member, common, option, pass_session
from jdgate.cli.show import pairs, table
from jdgate.core.places import PLACES
from jdgate.texts import Lang, say

Place = click.Choice(tuple(PLACES))


def _member_of(row: Mapping[str, Any], place: str) -> str:
    told = row["team"].get(place)
    if not told:
        return "—"
    return f"{told['member']} ({told['worker']})" if told.get("worker") else str(told["member"])


def team_lines(rows: list[dict[str, Any]], lang: Lang, width: int | None = None) -> list[str]:
    """The answer of `assign.list`."""
    if not rows:
        return [say("cli.assign.none", lang)]
    titles = [say("cli.title.ref", lang), *(say(f"cli.place.{place}", lang) for place in PLACES)]
    cells = [[row["ref"], *(_member_of(row, place) for place in PLACES)] for row in rows]
    return table(titles, cells, width)


def one_team_lines(row: dict[str, Any], lang: Lang, width: int | None = None) -> list[str]:
    """The answer of `assign.show`."""
    facts: list[tuple[str, object]] = [
        (say("cli.title.ref", lang), row["ref"]),
        (say("cli.title.person", lang), row["name"]),
        *((say(f"cli.place.{place}", lang), _member_of(row, place)) for place in PLACES),
    ]
    return pairs(facts, width)


def assigned_lines(reply: Mapping[str, Any], lang: Lang) -> list[str]:
    """What became of an assignment."""
    code = "cli.assign.done" if reply.get("answered") else "cli.assign.under_way"
    return [say(code, lang, ref=reply.get("ref"), id=reply.get("message"))]


@click.group("assign", cls=Group)
@common
def assign() -> None:
    pass


@assign.command("list")
@as_member
@common
@pass_session
def list_(session: Session, as_member: str | None) -> None:
    with session.connect() as control:
        member = session.member(control, as_member)
        rows = control.call("assign.list", member=member)
    session.answer(rows, lambda reply: team_lines(reply, session.lang, session.width))


@assign.command("show")
@click.argument("ref", metavar="REF")
@as_member
@common
@pass_session
def show(session: Session, ref: str, as_member: str | None) -> None:
    with session.connect() as control:
        member = session.member(control, as_member)
        row = control.call("assign.show", member=member, ref=ref)
    session.answer(row, lambda reply: one_team_lines(reply, session.lang, session.width))


@assign.command("set")
@click.argument("ref", metavar="REF")
@click.argument("place", type=Place, metavar="PLACE")
@option("--to", metavar="MEMBER", required=True, help="cli.option.assign_to")
@option("--worker", metavar="NAME", default="", help="cli.option.assign_worker")
@option("--by", metavar="NAME", required=True, help="cli.option.assign_by")
@as_member
@common
@pass_session
def set_(
    session: Session, ref: str, place: str, to: str, worker: str, by: str, as_member: str | None
) -> None:
    _set(session, as_member, ref=ref, place=place, to=to, worker=worker, by=by)


@assign.command("end")
@click.argument("ref", metavar="REF")
@click.argument("place", type=Place, metavar="PLACE")
@option("--by", metavar="NAME", required=True, help="cli.option.assign_by")
@as_member
@common
@pass_session
def end(session: Session, ref: str, place: str, by: str, as_member: str | None) -> None:
    _set(session, as_member, ref=ref, place=place, to=None, by=by)


def _set(session: Session, as_member: str | None, **given: Any) -> None:
    with session.connect() as control:
        member = session.member(control, as_member)
        reply = control.call("assign.set", member=member, **given)
    session.answer(reply, lambda told: assigned_lines(told, session.lang))
