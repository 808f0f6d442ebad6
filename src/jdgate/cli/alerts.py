"""`jdgate alerts`: what somebody has to see to, and what people did about it.

At a department's machine these are its own alerts, with what they say; at the gateway's machine
`list` without `--as` gives all alerts, with whose desk they lie on and what is due. Rows are {id,
rule, type, member, desk, state, urgent, level, repeats, raised_at, due_step, due_at, late, by,
outcome, note, title_code, params{}}; `show` adds {explains, basis[], outcomes{}, record{},
actions[]}. `ack`,
`resolve` and `reassign` give {id, member, step, message}: the message that reports it, null when
it was so already.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from jdgate.cli.help import Group
from jdgate.cli.offline import sheets
from jdgate.cli.record import basis_text, reason_text, record_lines
from jdgate.cli.session import Session, as_member, common, option, pass_session
from jdgate.cli.show import local, pairs, table
from jdgate.cli.usage import FILLED
from jdgate.texts import Lang, say

if TYPE_CHECKING:
    from jdgate.core.sheet import Sheet

STATES = ("raised", "delivered", "opened", "acknowledged", "resolved", "closed")


def state_text(row: Mapping[str, Any], lang: Lang) -> str:
    """How far an alert is; one that left this desk has been passed on."""
    if row.get("record", row.get("params")) is not None and row.get("desk") != row.get("member"):
        return say("cli.state.passed_on", lang)
    return say(f"cli.state.{row.get('state')}", lang)


def due_text(row: Mapping[str, Any], lang: Lang) -> str:
    """What is due and when, and whether that has passed."""
    if not row.get("due_at"):
        return "—"
    step = say(f"cli.due.{row.get('due_step')}", lang)
    code = "cli.alerts.late" if row.get("late") else "cli.alerts.due"
    return say(code, lang, step=step, at=local(row["due_at"]))


def _title(row: Mapping[str, Any], known: Mapping[str, Sheet], lang: Lang) -> str:
    """What it says; where that is sealed, what it is about."""
    if row.get("params") is not None:
        return reason_text(row.get("title_code"), row["params"], lang)
    sheet = known.get(str(row.get("type")))
    return sheet.title.get(lang) if sheet is not None else str(row.get("type"))


def alert_lines(
    rows: list[dict[str, Any]], known: Mapping[str, Sheet], lang: Lang, width: int | None = None
) -> list[str]:
    """The answer of `alerts.list`."""
    if not rows:
        return [say("cli.alerts.none", lang)]
    names = ("raised", "rule", "desk", "state", "due", "id", "what")
    cells = []
    for row in rows:
        rule = f"{row.get('rule')} !" if row.get("urgent") else row.get("rule")
        due, ident = due_text(row, lang), row.get("id")
        cells.append(
            [
                local(row.get("raised_at")), rule, row.get("desk"), state_text(row, lang), due,
                ident, _title(row, known, lang),
            ]
        )  # fmt: skip
    titles = [say(f"cli.title.{name}", lang) for name in names]
    return [*table(titles, cells, width), "", say("cli.alerts.next", lang)]


def one_alert_lines(
    row: dict[str, Any], known: Mapping[str, Sheet], lang: Lang, width: int | None = None
) -> list[str]:
    """The answer of `alerts.show`: what it says, why and on what basis, what is due, what one may
    do about it."""
    explains = row.get("explains")
    note = row.get("note")
    words = {
        "alert": row.get("id"),
        "step": row.get("state"),
        "desk": row.get("desk"),
        "outcome": row.get("outcome"),
        "expected": ", ".join(row.get("outcomes") or ()),
    }
    facts: list[tuple[str, object]] = [
        ("what", _title(row, known, lang)),
        ("rule", row.get("rule")),
        ("why", say(str(explains), lang) if explains else ""),
        ("basis", "; ".join(basis_text(str(one), lang) for one in row.get("basis") or ())),
        ("urgent", say("cli.yes", lang) if row.get("urgent") else ""),
        ("desk", row.get("desk")),
        ("level", row.get("level") or ""),
        ("state", state_text(row, lang)),
        ("due", due_text(row, lang)),
        ("repeats", row.get("repeats") or ""),
        ("by", row.get("by")),
        ("outcome", _outcome(row, lang)),
        ("remark", say(str(note), lang, **words) if note else ""),
        ("raised", local(row.get("raised_at"))),
        ("id", row.get("id")),
    ]
    lines = pairs([(say(f"cli.title.{label}", lang), value) for label, value in facts], width)
    if record := row.get("record"):
        sheet = known.get(str(row.get("delivered_type")))
        left = ("alert_id", "rule", "title_code", "params", "raised_at", "cause_ref")
        said = {name: value for name, value in record.items() if name not in left}
        if said:
            shown = record_lines(said, sheet, lang, width)
            lines += ["", say("cli.alerts.record", lang), *(f"  {line}" for line in shown)]
    if outcomes := row.get("outcomes"):
        lines += ["", say("cli.alerts.outcomes", lang)]
        picks = [(code, say(str(text), lang)) for code, text in outcomes.items()]
        lines += [f"  {line}" for line in pairs(picks, width)]
    if actions := row.get("actions"):
        lines += ["", say("cli.alerts.how", lang)]
        lines += [f"  {say(f'cli.alerts.how_{one}', lang, id=row.get('id'))}" for one in actions]
    return lines


def _outcome(row: Mapping[str, Any], lang: Lang) -> str:
    """What came of it, in words where the desk was told them."""
    code = row.get("outcome")
    words = (row.get("outcomes") or {}).get(code)
    return f"{say(str(words), lang)} ({code})" if words else str(code or "")


def stepped_lines(reply: Mapping[str, Any], lang: Lang) -> list[str]:
    """What became of an alert that somebody here just did something about."""
    code = f"cli.alerts.now_{reply.get('step')}" if reply.get("message") else "cli.alerts.already"
    return [say(code, lang, id=reply.get("id"))]


def _list(session: Session, member: str | None, state: str) -> None:
    wanted = None if state == "all" else state
    with session.connect() as control:
        rows = control.call("alerts.list", member=member, state=wanted)
    known = {} if session.as_json else sheets(session)
    session.answer(rows, lambda reply: alert_lines(reply, known, session.lang, session.width))


@click.group("alerts", cls=Group, invoke_without_command=True)
@common
@pass_session
@click.pass_context
def alerts(ctx: click.Context, session: Session) -> None:
    if ctx.invoked_subcommand is None:
        _list(session, None, "open")


@alerts.command("list")
@as_member
@option(
    "--state", type=click.Choice(("open", *STATES, "all")), default="open",
    help="cli.option.alert_state",
)  # fmt: skip
@common
@pass_session
def list_(session: Session, as_member: str | None, state: str) -> None:
    _list(session, as_member, state)


@alerts.command("show")
@click.argument("alert_id", metavar="ID")
@as_member
@common
@pass_session
def show(session: Session, alert_id: str, as_member: str | None) -> None:
    with session.connect() as control:
        row = control.call("alerts.show", id=alert_id, member=as_member)
    known = {} if session.as_json else sheets(session)
    session.answer(row, lambda reply: one_alert_lines(reply, known, session.lang, session.width))


def _step(session: Session, method: str, alert_id: str, **given: str) -> None:
    with session.connect() as control:
        reply = control.call(method, id=alert_id, **given)
    session.answer({"id": alert_id, **reply}, lambda told: stepped_lines(told, session.lang))


@alerts.command("ack")
@click.argument("alert_id", metavar="ID")
@option("--by", type=FILLED, metavar="NAME", required=True, help="cli.option.alert_by")
@common
@pass_session
def ack(session: Session, alert_id: str, by: str) -> None:
    _step(session, "alerts.ack", alert_id, by=by)


@alerts.command("resolve")
@click.argument("alert_id", metavar="ID")
@option("--by", type=FILLED, metavar="NAME", required=True, help="cli.option.alert_by")
@option("--outcome", metavar="CODE", required=True, help="cli.option.alert_outcome")
@common
@pass_session
def resolve(session: Session, alert_id: str, by: str, outcome: str) -> None:
    _step(session, "alerts.resolve", alert_id, by=by, outcome=outcome)


@alerts.command("reassign")
@click.argument("alert_id", metavar="ID")
@option("--by", type=FILLED, metavar="NAME", required=True, help="cli.option.alert_by")
@option("--to", metavar="MEMBER", required=True, help="cli.option.alert_to")
@common
@pass_session
def reassign(session: Session, alert_id: str, by: str, to: str) -> None:
    _step(session, "alerts.reassign", alert_id, by=by, to=to)
