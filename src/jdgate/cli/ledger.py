"""`jdgate ledger`: the gateway's append-only record, its head, and proofs out of it.

`prove` does not take the daemon's word: the inclusion proof of every leaf is computed here,
from the leaf's own text up to the root. The shapes are

    ledger.head()     {"size", "root", "checkpoint_size", "checkpoint_at", "messages"}
    ledger.verify()   events {"done", "total", "checkpoints"}; a fault of the ledger is an error
    ledger.prove(id)  {"checkpoint", "size", "root", "entries": [{"index", "leaf", "path": […]}]}

with roots and paths in base64url, `leaf` the leaf's exact text and `checkpoint` a JWS.
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
            (say("cli.title.size", lang), f"{int(reply.get('size') or 0):,}"),
            (say("cli.title.root", lang), reply.get("root")),
            (say("cli.title.messages", lang), _count(reply.get("messages"))),
            (say("cli.title.checkpoint", lang), _checkpoint(reply, lang)),
        ],
        width,
    )


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else ""


def _checkpoint(reply: dict[str, Any], lang: Lang) -> str:
    if not reply.get("checkpoint_at"):
        return "—"
    size, at = _count(reply.get("checkpoint_size")), local(reply["checkpoint_at"])
    return say("cli.ledger.checkpoint", lang, size=size, at=at)


def checked(reply: dict[str, Any]) -> dict[str, Any]:
    """The answer of `ledger.prove` with each entry's `kind`, `at` and whether its proof `holds`."""
    from jdgate.core import checkpoints
    from jdgate.core.encoding import b64u, unb64u
    from jdgate.core.ledger import leaf_hash, verify_inclusion
    from jdgate.errors import Refused

    head, entries = checkpoints.unverified(str(reply["checkpoint"]).encode()), []
    for one in reply["entries"]:
        text = str(one["leaf"])
        told = json.loads(text)
        try:
            path = [unb64u(each) for each in one["path"]]
            leaf, index = leaf_hash(text.encode()), int(one["index"])
            holds = verify_inclusion(leaf, index, head.size, path, head.root)
        except Refused:
            holds = False
        entries.append({**one, "kind": told.get("kind"), "at": told.get("at"), "holds": holds})
    return {
        **reply,
        "size": head.size,
        "root": b64u(head.root),
        "checkpoint_at": head.at.isoformat(),
        "entries": entries,
    }


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
        for one in reply["entries"]
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
    total = signed = 0
    with (
        session.connect() as control,
        Progress(session, session.say("cli.ledger.verifying")) as bar,
    ):
        for event in control.stream("ledger.verify"):
            total, signed = int(event["total"]), int(event["checkpoints"])
            bar.show(int(event["done"]), total)
    code = "cli.ledger.verified" if signed else "cli.ledger.verified_alone"
    session.answer(
        {"ok": True, "size": total, "checkpoints": signed},
        lambda _: [session.say(code, size=f"{total:,}", checkpoints=f"{signed:,}")],
    )


@ledger.command("prove")
@click.argument("message_id", metavar="ID")
@common
@pass_session
def prove(session: Session, message_id: str) -> int:
    with session.connect() as control:
        reply = {"id": message_id, **checked(control.call("ledger.prove", id=message_id))}
    session.answer(reply, lambda answer: proof_lines(answer, session.lang, session.width))
    good = bool(reply["entries"]) and all(one["holds"] for one in reply["entries"])
    return ALL_GOOD if good else FAILED
