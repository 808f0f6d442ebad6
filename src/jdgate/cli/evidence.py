"""`jdgate evidence`: take one message's proof out, and verify it anywhere.

`verify` is offline: it needs the file and the authority's public key, and shows the plan step by
step. It trusts no daemon, no directory on disk and no network.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jdgate.cli.help import Group
from jdgate.cli.offline import load_plugins
from jdgate.cli.record import basis_text
from jdgate.cli.session import ALL_GOOD, FAILED, Session, common, option, pass_session
from jdgate.cli.show import listed, local, pairs, wrap
from jdgate.texts import Lang, say
from jdgate.wording import params_text

if TYPE_CHECKING:
    from jdgate.core.evidence_report import MissedSummary, Report, Shown, Summary

_MARKS = {"passed": "✓", "pending": "…", "skipped": "–", "failed": "✗"}


def report_lines(report: Report, lang: Lang, width: int | None = None) -> list[str]:
    """The numbered plan with what became of each step, and the story it proves."""
    lines: list[str] = []
    for step in report.steps:
        head = f"{_MARKS[step.state]} {step.number:>2}  {say(f'evidence.step.{step.name}', lang)}"
        lines.append(head)
        text = say(step.code, lang, **params_text(step.params, lang))
        lines += [f"      {part}" for part in (wrap(text, width - 6) if width else [text])]
    lines += ["", say("cli.evidence.times", lang), ""]
    if report.missed is not None:
        told = missed_lines(report.missed, lang, width)
        return [*lines, say("cli.evidence.good", lang), "", *told]
    if report.summary is None:
        return [*lines, say("cli.evidence.bad", lang)]
    return [*lines, say("cli.evidence.good", lang), "", *summary_lines(report.summary, lang, width)]


def missed_lines(missed: MissedSummary, lang: Lang, width: int | None = None) -> list[str]:
    """What had not come, from whom, by when, and what came after all."""

    def label(name: str) -> str:
        return say(f"cli.title.{name}", lang)

    arrived = local(missed.arrived) if missed.arrived else say("cli.expect.not_arrived", lang)
    return pairs(
        [
            (label("statement"), missed.statement),
            (label("what"), missed.type),
            (label("from"), missed.member or "—"),
            (label("rule"), missed.rule),
            (label("about_hash"), missed.about),
            (label("expected_since"), local(missed.since)),
            (label("due"), local(missed.due)),
            (label("written"), local(missed.at)),
            (label("arrived"), arrived),
            (label("message"), missed.message or ""),
            (label("ledger"), f"{missed.county} · {missed.ledger_size:,}"),
            (label("checkpoint"), local(missed.checkpoint_at)),
        ],
        width,
    )


def summary_lines(summary: Summary, lang: Lang, width: int | None = None) -> list[str]:
    """Who sent what, what the gateway said of it, who was shown what and answered."""

    def label(name: str) -> str:
        return say(f"cli.title.{name}", lang)

    verdict = say(f"cli.verdict.{summary.verdict}", lang)
    if summary.reason:
        verdict += f" ({say(summary.reason, lang)})"
    lines = pairs(
        [
            (label("message"), summary.message),
            (label("type"), summary.type),
            (label("from"), f"{summary.sender_name} ({summary.sender})"),
            (label("sent"), local(summary.sent)),
            (label("approved_by"), ", ".join(summary.approved_by)),
            (label("verdict"), verdict),
            (label("judged"), local(summary.judged)),
            (label("records"), f"{summary.records:,}"),
            (label("refused"), f"{len(summary.refused):,}" if summary.refused else ""),
            (label("ledger"), f"{summary.county} · {summary.ledger_size:,}"),
            (label("checkpoint"), local(summary.checkpoint_at)),
        ],
        width,
    )
    for shown in summary.disclosures:
        lines += ["", *_disclosure(shown, lang, width)]
    return lines


def _disclosure(shown: Shown, lang: Lang, width: int | None) -> list[str]:
    def label(name: str) -> str:
        return say(f"cli.title.{name}", lang)

    outcome = say(f"cli.outcome.{shown.outcome}", lang)
    if shown.answered:
        outcome += f" · {local(shown.answered)}"
    return pairs(
        [
            (label("to"), f"{shown.recipient_name} ({shown.recipient}, {shown.role})"),
            (label("at"), local(shown.at)),
            (label("sees"), listed(shown.fields)),
            (label("basis"), "; ".join(basis_text(one, lang) for one in shown.basis)),
            (label("purpose"), shown.purpose),
            (label("records"), f"{shown.records:,}"),
            (label("outcome"), outcome),
        ],
        width,
    )


def report_document(report: Report, lang: Lang) -> dict[str, Any]:
    """The report as JSON, each step with its text."""
    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(report)
    for step in plain["steps"]:
        step["title"] = say(f"evidence.step.{step['name']}", lang)
        step["text"] = say(step["code"], lang, **step["params"])
    return plain


@click.group("evidence", cls=Group)
@common
def evidence() -> None:
    pass


@evidence.command("export")
@click.argument("message_id", metavar="ID")
@option(
    "-o", "--output", required=True, metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path), help="cli.option.output",
)  # fmt: skip
@common
@pass_session
def export(session: Session, message_id: str, output: Path) -> None:
    with session.connect() as control:
        data = str(control.call("evidence.export", id=message_id)["evidence"]).encode()
    write_for_owner(output, data)
    told = {"id": message_id, "file": str(output), "bytes": len(data)}
    session.answer(
        told,
        lambda _: [
            session.say("cli.evidence.written", file=output, bytes=f"{len(data):,}"),
            session.say("cli.evidence.next", file=output),
        ],
    )


def write_for_owner(path: Path, data: bytes) -> None:
    """Replace a file with one that only its owner can read: evidence holds the records."""
    import os

    partial = path.with_name(path.name + ".new")
    partial.unlink(missing_ok=True)
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _authority_here(session: Session) -> Path:
    """The authority's key of this installation.

    Raises:
        UsageError: `cli.evidence.which_authority` where there is none, `config.…`.
    """
    from jdgate.errors import UsageError

    try:
        return session.home().authority_public
    except UsageError:
        if session.config_file is not None:
            raise
        raise UsageError("cli.evidence.which_authority") from None


@evidence.command("verify")
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@option(
    "--authority", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="cli.option.authority",
)  # fmt: skip
@common
@pass_session
def verify(session: Session, file: Path, authority: Path | None) -> int:
    from jdgate.core.evidence import MAX_BYTES
    from jdgate.core.evidence_verify import verify as run_plan
    from jdgate.errors import Refused
    from jdgate.founding import pinned_authority

    load_plugins(session, None).add_suites()
    pinned = pinned_authority(authority or _authority_here(session))
    if file.stat().st_size > MAX_BYTES:
        raise Refused("evidence.too_large", got=file.stat().st_size, most=MAX_BYTES)
    report = run_plan(file.read_bytes(), pinned)
    session.answer(
        report_document(report, session.lang),
        lambda _: report_lines(report, session.lang, session.width),
    )
    if any(step.name == "directory" and step.state == "failed" for step in report.steps):
        session.note(session.say("cli.evidence.other_authority"))
    return ALL_GOOD if report.ok else FAILED
