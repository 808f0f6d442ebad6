"""`jdgate ledger`: the gateway's append-only record, its head, and proofs out of it.

`prove` does not take the daemon's word: the inclusion proof of every leaf is computed here,
from the leaf's own text up to the root. The shapes are

    ledger.head()     {"ledger", "size", "root", "checkpoint_at", "checkpoint"}
    ledger.verify()   events {"done", "total"}; a fault of the ledger is an error
    ledger.prove(id)  {"id", "size", "root", "checkpoint_at",
                       "leaves": [{"index", "leaf", "path": […]}]}

with roots and paths in base64url and `leaf` the leaf's exact text.
"""

from __future__ import annotations

import json
from typing import Any

import click

from jdgate.cli.help import Group
from jdgate.cli.progress import Progress
from jdgate.cli.session import ALL_GOOD, FAILED, Session, common, pass_session
from jdgate.cli.show import local, pairs, table
from jdgate.texts import Lang, say


def head_lines(reply: dict[str, Any], lang: Lang, width: int | None = None) -> list[str]:
    """The answer of `ledger.head`."""
    return pairs(
        [
            (say("cli.title.ledger", lang), reply.get("ledger")),
            (say("cli.title.size", lang), f"{int(reply.get('size') or 0):,}"),
            (say("cli.title.root", lang), reply.get("root")),
            (say("cli.title.checkpoint", lang), local(reply.get("checkpoint_at"))),
        ],
        width,
    )


def checked(reply: dict[str, Any]) -> dict[str, Any]:
    """The answer of `ledger.prove` with each leaf's `kind`, `at` and whether its proof `holds`."""
    from jdgate.core.encoding import unb64u
    from jdgate.core.ledger import leaf_hash, verify_inclusion
    from jdgate.errors import Refused

    size, leaves = int(reply["size"]), []
    for one in reply["leaves"]:
        text = str(one["leaf"])
        told = json.loads(text)
        try:
            path = [unb64u(each) for each in one["path"]]
            root = unb64u(reply["root"])
            holds = verify_inclusion(leaf_hash(text.encode()), int(one["index"]), size, path, root)
        except Refused:
            holds = False
        leaves.append({**one, "kind": told.get("kind"), "at": told.get("at"), "holds": holds})
    return {**reply, "leaves": leaves}


def proof_lines(reply: dict[str, Any], lang: Lang, width: int | None = None) -> list[str]:
    """What `checked` gives, for a person."""
    titles = [say(f"cli.title.{name}", lang) for name in ("index", "at", "event", "proof")]
    cells = [
        [
            one["index"],
            local(one["at"]),
            say(f"cli.leaf.{one['kind']}", lang),
            say("cli.ledger.holds" if one["holds"] else "cli.ledger.fails", lang),
        ]
        for one in reply["leaves"]
    ]
    return [
        *table(titles, cells, width),
        "",
        say(
            "cli.ledger.under",
            lang,
            size=f"{int(reply['size']):,}",
            root=reply["root"],
            at=local(reply.get("checkpoint_at")),
        ),
        say("cli.ledger.export_hint", lang, id=reply.get("id")),
    ]


@click.group("ledger", cls=Group)
@common
def ledger() -> None:
    pass


@ledger.command("head")
@common
@pass_session
def head(session: Session) -> None:
    with session.connect() as control:
        reply = control.call("ledger.head")
    session.answer(reply, lambda answer: head_lines(answer, session.lang, session.width))


@ledger.command("verify")
@common
@pass_session
def verify(session: Session) -> None:
    total = 0
    with (
        session.connect() as control,
        Progress(session, session.say("cli.ledger.verifying")) as bar,
    ):
        for event in control.stream("ledger.verify"):
            total = int(event["total"])
            bar.show(int(event["done"]), total)
    session.answer(
        {"ok": True, "size": total},
        lambda _: [session.say("cli.ledger.verified", size=f"{total:,}")],
    )


@ledger.command("prove")
@click.argument("message_id", metavar="ID")
@common
@pass_session
def prove(session: Session, message_id: str) -> int:
    with session.connect() as control:
        reply = checked(control.call("ledger.prove", id=message_id))
    session.answer(reply, lambda answer: proof_lines(answer, session.lang, session.width))
    good = bool(reply["leaves"]) and all(one["holds"] for one in reply["leaves"])
    return ALL_GOOD if good else FAILED
