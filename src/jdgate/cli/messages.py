"""`jdgate messages`: finding messages in the gateway's books, each with its chain of proof.

On the gateway's machine. Rows of `messages list` are {kind (message|delivery), id, at, type,
source, to[], recipient, verdict, state, records, accepted, code, message, alert, draft,
erased_at}; with `--json` the answer is {rows, next}, where `next` is what `--before` takes for the
following page. `messages show` gives {id, kind, type, source, message, letters[], entries[], alert,
draft, corrections[]}; each entry is {index, kind, holds, leaf}. Nothing of it says what a message
says.
"""

from __future__ import annotations

from typing import Any

import click

from jdgate.cli.help import Group
from jdgate.cli.session import Session, common, option, pass_session
from jdgate.cli.show import listed, local, pairs, table
from jdgate.texts import Lang, say

_WHO = ("operator", "source", "recipient")


def messages_lines(answer: dict[str, Any], lang: Lang, width: int | None = None) -> list[str]:
    """The answer of `messages.search`."""
    if not answer["rows"]:
        return [say("cli.messages.none", lang)]
    names = ("at", "from", "to", "state", "id", "type")
    cells = [
        [
            local(row["at"]),
            row["source"] or "—",
            " ".join(row["to"]) or "—",
            _state(row, lang),
            row["id"],
            row["type"] or "—",
        ]
        for row in answer["rows"]
    ]
    more = answer["next"]
    tail = ["", say("cli.messages.more", lang, before=more)] if more else []
    return [*table([say(f"cli.title.{name}", lang) for name in names], cells, width), *tail]


def _state(row: dict[str, Any], lang: Lang) -> str:
    if row["kind"] == "message":
        return say(f"cli.verdict.{row['verdict']}", lang)
    return say(f"cli.state.{row['state']}", lang)


def chain_lines(found: dict[str, Any], lang: Lang, width: int | None = None) -> list[str]:
    """The answer of `messages.show`."""
    told = found["message"] or {}
    verdict = say(f"cli.verdict.{told['verdict']}", lang) if told else ""
    if told.get("code"):
        verdict += f" ({say(told['code'], lang, **told['params'])})"
    shown: list[tuple[str, object]] = [
        ("id", found["id"]),
        ("kind", say(f"cli.messages.kind.{found['kind']}", lang)),
        ("type", found["type"]),
        ("from", found["source"]),
        ("sent", local(told["sent_at"]) if told else None),
        ("judged", local(told["received_at"]) if told else None),
        ("verdict", verdict),
        ("records", told.get("records")),
        ("to", listed(one["recipient"] for one in found["letters"]) if found["letters"] else None),
    ]
    marks = {True: "cli.ledger.holds", False: "cli.ledger.fails", None: "cli.messages.not_yet"}
    names = ("index", "at", "event", "proof", "who")
    cells = [
        [
            one["index"],
            local(one["leaf"]["at"]),
            say(f"cli.leaf.{one['kind']}", lang),
            say(marks[one["holds"]], lang),
            next((one["leaf"][name] for name in _WHO if one["leaf"].get(name)), "—"),
        ]
        for one in found["entries"]
    ]
    lines = pairs([(say(f"cli.title.{name}", lang), value) for name, value in shown], width)
    return [*lines, "", *table([say(f"cli.title.{name}", lang) for name in names], cells, width)]


@click.group("messages", cls=Group)
@common
def messages() -> None:
    pass


@messages.command("list")
@option("--member", metavar="MEMBER", help="cli.option.of_member")
@option("--type", "type_name", metavar="TYPE", help="cli.option.of_type")
@option("--verdict", type=click.Choice(("accepted", "part", "refused")), help="cli.option.verdict")
@option("--since", metavar="DAY", help="cli.option.since_day")
@option("--until", metavar="DAY", help="cli.option.until_day")
@option("--before", metavar="PLACE", help="cli.option.before")
@option("--limit", type=click.IntRange(1, 200), default=50, help="cli.option.limit")
@common
@pass_session
def list_(
    session: Session,
    member: str | None,
    type_name: str | None,
    verdict: str | None,
    since: str | None,
    until: str | None,
    before: str | None,
    limit: int,
) -> None:
    with session.connect() as control:
        answer = control.call(
            "messages.search", member=member, type=type_name, verdict=verdict, since=since,
            until=until, before=before, limit=limit,
        )  # fmt: skip
    session.answer(answer, lambda reply: messages_lines(reply, session.lang, session.width))


@messages.command("show")
@click.argument("id_", metavar="ID")
@common
@pass_session
def show(session: Session, id_: str) -> None:
    with session.connect() as control:
        found = control.call("messages.show", id=id_)
    session.answer(found, lambda reply: chain_lines(reply, session.lang, session.width))
