"""`jdgate drafts`: what rules prepared and a named person decides. No draft is ever sent by time.

`approve` needs the person's name and every check confirmed; at a terminal it asks for what was
not given, one check at a time, and the first "no" ends it. What nobody but the approver knows is
given with `--set`. Rows are {id, member, type, rule, reason_code, checks[], state, received_at,
decided_at, by, reason, message, approvers[], refused}; `refused` {code, path, params} is why the
gateway did not take what was approved: the draft waits again. `drafts.show` adds {params{},
prefill{}} and, while it waits, {record{}, lacking[]}: what approving it would send, and the fields
that it still lacks. `approve` gives {decision, message}, `reject` {decision}: ids of the messages
sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from jdgate.cli.help import Group
from jdgate.cli.offline import sheets
from jdgate.cli.record import reason_text, record_lines, type_title
from jdgate.cli.session import Session, as_member, common, option, pass_session
from jdgate.cli.show import local, pairs, table
from jdgate.cli.usage import FILLED
from jdgate.errors import UsageError
from jdgate.texts import Lang, say

if TYPE_CHECKING:
    from jdgate.core.sheet import Sheet

STATES = ("waiting", "refused", "approved", "rejected", "withdrawn", "sent")
UNDECIDED = ("waiting", "refused")
"""A person has yet to decide."""


def check_text(name: str, lang: Lang) -> str:
    """What a check asks."""
    return say(name if "." in name else f"check.{name}", lang)


def state_of(row: Mapping[str, Any]) -> str:
    """The draft's state."""
    return str(row.get("state") or "waiting")


def _reason(row: Mapping[str, Any], lang: Lang) -> str:
    """Why it was prepared. In a list the sealed parameters are not opened: the rule must do."""
    if row.get("params") is None:
        return str(row.get("rule"))
    return reason_text(row.get("reason_code"), row["params"], lang)


def _refusal(row: Mapping[str, Any], sheet: Sheet | None, lang: Lang) -> str:
    """Why the gateway did not take what was approved."""
    from jdgate.core.fault import Fault

    why = row.get("refused")
    if not why or state_of(row) not in UNDECIDED:
        return ""
    fault = Fault(str(why.get("code")), str(why.get("path") or ""), why.get("params") or {})
    return fault.text(lang, sheet)


def draft_lines(
    rows: list[dict[str, Any]],
    known: Mapping[str, Sheet],
    lang: Lang,
    width: int | None = None,
) -> list[str]:
    """The answer of `drafts.list`."""
    if not rows:
        return [say("cli.drafts.none", lang)]
    names = ("since", "member", "state", "id", "type", "reason")
    cells = []
    for row in rows:
        sheet = known.get(str(row.get("type")))
        title = sheet.title.get(lang) if sheet is not None else row.get("type")
        state = say(f"cli.state.{state_of(row)}", lang)
        since = local(row.get("received_at"))
        reason = _refusal(row, sheet, lang) or _reason(row, lang)
        cells.append([since, row.get("member"), state, row.get("id"), title, reason])
    titles = [say(f"cli.title.{name}", lang) for name in names]
    lines = table(titles, cells, width)
    if any(state_of(row) in UNDECIDED for row in rows):
        lines += ["", say("cli.drafts.next", lang)]
    return lines


def one_draft_lines(
    row: dict[str, Any],
    known: Mapping[str, Sheet],
    lang: Lang,
    width: int | None = None,
    *,
    how: bool = True,
) -> list[str]:
    """The answer of `drafts.show`: why it was prepared, what is filled in, what to check, and
    (`how`) by which commands it is decided."""
    name = str(row.get("type"))
    sheet = known.get(name)
    facts: list[tuple[str, object]] = [
        ("id", row.get("id")),
        ("type", type_title(name, sheet, lang)),
        ("member", row.get("member")),
        ("reason", _reason(row, lang)),
        ("rule", row.get("rule")),
        ("since", local(row.get("received_at"))),
        ("state", say(f"cli.state.{state_of(row)}", lang)),
        ("refusal", _refusal(row, sheet, lang)),
        ("approved_by", ", ".join(row.get("approvers") or ())),
        ("decided_by", row.get("by")),
        ("decided", local(row["decided_at"]) if row.get("decided_at") else ""),
        ("why", row.get("reason")),
        ("message", row.get("message")),
    ]
    lines = pairs([(say(f"cli.title.{label}", lang), value) for label, value in facts], width)
    for part in ("record", "sent", "prefill"):
        if content := row.get(part):
            shown = record_lines(content, sheet, lang, width, known)
            lines += ["", say(f"cli.drafts.{part}", lang), *(f"  {line}" for line in shown)]
            break
    if state_of(row) in UNDECIDED and how:
        if checks := row.get("checks"):
            lines += ["", say("cli.drafts.checks", lang)]
            lines += [f"  ☐ {check_text(str(check), lang)}  [{check}]" for check in checks]
        if sheet is not None and sheet.approval == "two":
            lines += ["", say("cli.drafts.two", lang)]
        if lacking := row.get("lacking"):
            lines += ["", say("cli.drafts.lacking", lang)]
            lines += [f"  {_field_title(sheet, field, lang)}  [{field}]" for field in lacking]
        lines += ["", say("cli.drafts.how", lang, id=row.get("id"), checks=_flags(row))]
    return lines


def _field_title(sheet: Sheet | None, field: str, lang: Lang) -> str:
    return sheet.field_title(field, lang) if sheet is not None else field


def _flags(row: Mapping[str, Any]) -> str:
    """The options that an approval of this draft needs."""
    checks = [f"--check {check}" for check in row.get("checks") or []]
    return " ".join([*checks, *(f"--set {field}=…" for field in row.get("lacking") or [])])


def decided_lines(reply: dict[str, Any], lang: Lang) -> list[str]:
    """What became of a draft that was just decided. An approval without a message needs more."""
    done = "sent" if reply.get("message") else "half"
    code = (
        "cli.drafts.now_rejected" if reply.get("state") == "rejected" else f"cli.drafts.now_{done}"
    )
    return [say(code, lang, id=reply.get("id"), message=reply.get("message"))]


def _list(session: Session, member: str | None, state: str | None) -> None:
    wanted = None if state == "all" else state
    with session.connect() as control:
        rows = control.call("drafts.list", member=member, state=wanted)
    known = {} if session.as_json else sheets(session)
    session.answer(rows, lambda reply: draft_lines(reply, known, session.lang, session.width))


@click.group("drafts", cls=Group, invoke_without_command=True)
@common
@pass_session
@click.pass_context
def drafts(ctx: click.Context, session: Session) -> None:
    if ctx.invoked_subcommand is None:
        _list(session, None, "waiting")


@drafts.command("list")
@as_member
@option("--state", type=click.Choice((*STATES, "all")), default="waiting", help="cli.option.state")
@common
@pass_session
def list_(session: Session, as_member: str | None, state: str) -> None:
    _list(session, as_member, state)


@drafts.command("show")
@click.argument("draft_id", metavar="ID")
@common
@pass_session
def show(session: Session, draft_id: str) -> None:
    with session.connect() as control:
        row = control.call("drafts.show", id=draft_id)
    known = {} if session.as_json else sheets(session)
    session.answer(row, lambda reply: one_draft_lines(reply, known, session.lang, session.width))


@drafts.command("approve")
@click.argument("draft_id", metavar="ID")
@option("--by", type=FILLED, metavar="NAME", help="cli.option.by")
@option("--check", "checks", multiple=True, metavar="NAME", help="cli.option.check")
@option("--set", "given", multiple=True, metavar="FIELD=VALUE", help="cli.option.set_draft")
@common
@pass_session
def approve(
    session: Session, draft_id: str, by: str | None, checks: tuple[str, ...], given: tuple[str, ...]
) -> None:
    filled = dict(_pair(one) for one in given)
    with session.connect() as control:
        row = control.call("drafts.show", id=draft_id, by=by or "")
        wanted = [str(check) for check in row.get("checks") or []]
        if unknown := [check for check in checks if check not in wanted]:
            raise UsageError(
                "cli.drafts.check_unknown",
                id=draft_id,
                check=unknown[0][:40],
                checks=", ".join(wanted) or "—",
            )
        missing = [check for check in wanted if check not in checks]
        lacking = [field for field in row.get("lacking") or [] if field not in filled]
        if (by is None or missing or lacking) and not session.interactive:
            raise UsageError("cli.drafts.incomplete", id=draft_id, checks=_flags(row))
        if by is None or missing or lacking:
            known = sheets(session)
            session.tell([*one_draft_lines(row, known, session.lang, session.width, how=False), ""])
            by = by or session.ask(session.say("cli.drafts.ask_name"))
            confirm(session, missing)
            for field in lacking:
                sheet = known.get(str(row.get("type")))
                filled[field] = session.ask(_field_title(sheet, field, session.lang))
        reply = control.call("drafts.approve", id=draft_id, by=by, checked=wanted, filled=filled)
    session.answer(
        {"id": draft_id, **(reply or {})}, lambda told: decided_lines(told, session.lang)
    )


def _pair(text: str) -> tuple[str, str]:
    field, equals, value = text.partition("=")
    if not (field and equals and value.strip()):
        raise UsageError("cli.push.set_form", got=field[:40])
    return field, value.strip()


def confirm(session: Session, checks: Sequence[str]) -> None:
    """Ask for each check; the first that is not confirmed ends the command.

    Raises:
        Abort: after saying that nothing was sent.
    """
    for check in checks:
        if not session.confirmed(check_text(check, session.lang)):
            session.note(session.say("cli.drafts.stopped"))
            raise click.Abort


@drafts.command("reject")
@click.argument("draft_id", metavar="ID")
@option("--by", type=FILLED, metavar="NAME", help="cli.option.by")
@option("--reason", type=FILLED, metavar="TEXT", help="cli.option.reason")
@common
@pass_session
def reject(session: Session, draft_id: str, by: str | None, reason: str | None) -> None:
    with session.connect() as control:
        if (by is None or reason is None) and not session.interactive:
            raise UsageError("cli.drafts.reject_incomplete", id=draft_id)
        by = by or session.ask(session.say("cli.drafts.ask_name"))
        reason = reason or session.ask(session.say("cli.drafts.ask_reason"))
        reply = control.call("drafts.reject", id=draft_id, by=by, reason=reason)
    session.answer(
        {"id": draft_id, "state": "rejected", **(reply or {})},
        lambda told: decided_lines(told, session.lang),
    )
