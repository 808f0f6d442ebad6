"""`jdgate subject`: reports on one person under dual control, on the gateway's machine.

Who acts proves it: `--login` names an auditor of the authority; password and code are asked for,
then the identity number and the name of who asks, or all are read from standard input line by line
in that order. None of them stands on the command line, where others on the machine could see it.

Rows are {id, state, ground, basis, asked_at, asked_by, asked_name, until, decided_…, details};
`report` gives the whole report.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from jdgate.cli.help import Group
from jdgate.cli.session import Session, common, option, pass_session
from jdgate.cli.show import local, pairs, table
from jdgate.cli.usage import FILLED
from jdgate.texts import Lang, say

ID_TYPES = ("ric", "passport", "hk-mo-permit", "tw-permit", "foreign-residence")
GROUNDS = ("access", "audit")


def _by(session: Session, login: str) -> dict[str, str]:
    """Who acts, proven."""
    password = _read(session, "cli.subject.password", hidden=True)
    return {"login": login, "password": password, "code": _read(session, "cli.subject.code")}


def _read(session: Session, question: str, *, hidden: bool = False) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    asked = session.say(question)
    told = click.prompt(asked, default="", show_default=False, hide_input=hidden, err=True)
    return str(told).strip()


def request_lines(rows: list[dict[str, Any]], lang: Lang, width: int | None) -> list[str]:
    """The answer of `subject.list`."""
    if not rows:
        return [say("web.subject_none", lang)]
    titles = ("web.id", "web.state", "web.subject_asked", "web.subject_until", "web.subject_for")
    cells = [
        [
            row["id"],
            say(f"web.subject_state.{row['state']}", lang),
            row["asked_name"],
            local(row["until"]),
            row["details"]["reference"] if row["details"] else say("web.subject_erased", lang),
        ]
        for row in rows
    ]
    return table([say(one, lang) for one in titles], cells, width)


def report_lines(report: dict[str, Any], lang: Lang, width: int | None) -> list[str]:
    """The answer of `subject.report`."""
    from jdgate.commands.subject_words import basis_of, sections, withheld

    request = report["request"]
    details = request["details"] or {}
    made = f"{report['made_by']} {local(report['made_at'])}"
    head = say("web.subject_head", lang, size=report["size"], root=report["root"])
    cover = [
        ("web.subject_name", details.get("name")),
        ("web.subject_reference", details.get("reference")),
        ("web.basis", basis_of(request, lang)),
        ("web.subject_asked", f"{request['asked_name']} {local(request['asked_at'])}"),
        ("web.subject_approved", f"{request['decided_name']} {local(request['decided_at'])}"),
        ("web.subject_made", made),
        ("web.subject_ledger", head),
    ]
    lines = [say("web.subject_report", lang), ""]
    lines += pairs([(say(code, lang), value) for code, value in cover], width)
    for section in sections(report, lang):
        lines += ["", f"{section.title} ({len(section.rows)})"]
        if section.rows:
            rows = [[cell.replace("\n", "; ") for cell in row] for row in section.rows]
            lines += table(section.columns, rows, width)
    lines += ["", say("web.subject_not_here", lang), *withheld(report, lang)]
    lines += [say("web.subject_not_bodies", lang), say("web.subject_not_theirs", lang)]
    return lines


@click.group("subject", cls=Group)
@common
def subject() -> None:
    pass


LOGIN = option("--login", type=FILLED, metavar="LOGIN", required=True, help="cli.option.subject_by")


@subject.command("ask")
@LOGIN
@option("--reference", type=FILLED, metavar="TEXT", required=True, help="cli.option.subject_ref")
@option("--ground", type=click.Choice(GROUNDS), default="access", help="cli.option.subject_ground")
@option("--id-type", type=click.Choice(ID_TYPES), default="ric", help="cli.option.subject_id_type")
@common
@pass_session
def ask(session: Session, login: str, reference: str, ground: str, id_type: str) -> None:
    by = _by(session, login)
    id_no = _read(session, "web.subject_id_no")
    name = _read(session, "web.subject_name")
    with session.connect() as control:
        made = control.call(
            "subject.ask", by=by, id_type=id_type, id_no=id_no, name=name, ground=ground,
            reference=reference,
        )  # fmt: skip
    session.answer(
        made,
        lambda told: [session.say("cli.subject.asked", id=told["id"], until=local(told["until"]))],
    )


@subject.command("approve")
@click.argument("request_id", metavar="ID")
@LOGIN
@common
@pass_session
def approve(session: Session, request_id: str, login: str) -> None:
    by = _by(session, login)
    id_no = _read(session, "web.subject_id_again")
    with session.connect() as control:
        done = control.call("subject.decide", by=by, id=request_id, approve=True, id_no=id_no)
    session.answer(done, lambda told: [session.say("cli.subject.approved", id=told["id"])])


@subject.command("reject")
@click.argument("request_id", metavar="ID")
@LOGIN
@option("--reason", type=FILLED, metavar="TEXT", required=True, help="cli.option.subject_reason")
@common
@pass_session
def reject(session: Session, request_id: str, login: str, reason: str) -> None:
    by = _by(session, login)
    with session.connect() as control:
        done = control.call("subject.decide", by=by, id=request_id, approve=False, reason=reason)
    session.answer(done, lambda _: [session.say("cli.subject.refused")])


@subject.command("list")
@LOGIN
@common
@pass_session
def list_(session: Session, login: str) -> None:
    by = _by(session, login)
    with session.connect() as control:
        rows = control.call("subject.list", by=by)
    session.answer(rows, lambda told: request_lines(told, session.lang, session.width))


@subject.command("report")
@click.argument("request_id", metavar="ID")
@LOGIN
@common
@pass_session
def report(session: Session, request_id: str, login: str) -> None:
    by = _by(session, login)
    with session.connect() as control:
        made = control.call("subject.report", by=by, id=request_id)
    session.answer(made, lambda told: report_lines(told, session.lang, session.width))
