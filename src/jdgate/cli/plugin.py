"""`jdgate plugin`: list those of the running daemon, write a new one, check one for conformance.

`new` and `check` need no daemon; `check --as` needs the member's key on this machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jdgate.cli.help import Group
from jdgate.cli.session import ALL_GOOD, FAILED, Session, common, option, pass_session
from jdgate.cli.show import listed, table
from jdgate.texts import Lang, say

if TYPE_CHECKING:
    from jdgate.kit.report import Report


def plugin_lines(rows: list[dict[str, Any]], lang: Lang, width: int | None = None) -> list[str]:
    """The answer of `plugin.list`: [{name, version, origin, hooks, condition{state, failures,
    places, retry_in}}]."""
    if not rows:
        return [say("cli.plugin.none", lang)]
    titles = [
        say(f"cli.title.{name}", lang) for name in ("plugin", "version", "state", "origin", "hooks")
    ]
    cells = [
        [
            one.get("name"),
            one.get("version") or "—",
            say(f"cli.state.{_condition(one).get('state', 'running')}", lang),
            one.get("origin") or "—",
            listed(str(hook).removeprefix("jdgate_") for hook in one.get("hooks") or []),
        ]
        for one in rows
    ]
    lines = table(titles, cells, width)
    for one in rows:
        for place, error in (_condition(one).get("places") or {}).items():
            lines.append(
                say(
                    "cli.plugin.trouble",
                    lang,
                    plugin=one.get("name"),
                    place=place,
                    error=error,
                    failures=_condition(one).get("failures", 0),
                    seconds=round(float(_condition(one).get("retry_in") or 0)),
                )
            )
    return lines


def _condition(one: dict[str, Any]) -> dict[str, Any]:
    found = one.get("condition") or one
    return found if isinstance(found, dict) else {}


@click.group("plugin", cls=Group)
@common
def plugin() -> None:
    pass


@plugin.command("list")
@common
@pass_session
def list_(session: Session) -> None:
    with session.connect() as control:
        rows = control.call("plugin.list")
    session.answer(rows, lambda reply: plugin_lines(reply, session.lang, session.width))


@plugin.command("new")
@click.argument("name")
@option(
    "-o",
    "--to",
    "where",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="DIR",
    help="cli.option.plugin_where",
)
@common
@pass_session
def new(session: Session, name: str, where: Path) -> None:
    from jdgate.plugins.scaffold import write_plugin

    folder = write_plugin(name, where)
    told = {
        "plugin": name,
        "folder": str(folder),
        "files": sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()),
    }
    session.answer(
        told,
        lambda reply: [
            session.say("cli.plugin.made", plugin=name, folder=folder),
            *(f"  {file}" for file in reply["files"]),
            session.say("cli.plugin.made_next", folder=folder),
        ],
    )


@plugin.command("check")
@click.argument("target", metavar="PLUGIN")
@option(
    "-o",
    "--report",
    "report_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="cli.option.plugin_report",
)
@option("--as", "signer", metavar="MEMBER", help="cli.option.plugin_signer")
@common
@pass_session
def check(session: Session, target: str, report_file: Path | None, signer: str | None) -> int:
    import msgspec

    from jdgate.cli.progress import Progress
    from jdgate.kit import check_plugin

    key = _signer(session, signer) if signer else None  # before the work, not after it
    done = 0
    with Progress(session, target) as bar:

        def told(finding: Any) -> None:
            nonlocal done
            done += 1
            bar.show(done, done + 10, finding.check)

        report = check_plugin(target, told)
    if report_file is not None:
        report_file.write_bytes(report.sign(key) if key else report.encode())
    session.answer(
        msgspec.to_builtins(report),
        lambda _: report_lines(report, session.lang, session.width, report_file),
    )
    return ALL_GOOD if report.passed else FAILED


def report_lines(
    report: Report, lang: Lang, width: int | None = None, file: Path | None = None
) -> list[str]:
    """A table of the checks, what to do about those that failed, and the sum."""
    titles = [say(f"cli.title.{name}", lang) for name in ("outcome", "check", "subject", "about")]
    count = {one: sum(line.outcome == one for line in report.checks)
             for one in ("ok", "failed", "none")}  # fmt: skip
    code = "cli.plugin.passed" if report.passed else "cli.plugin.not_passed"
    lines = [*table(titles, report.rows(lang), width), ""]
    lines += [*report.advice(lang), ""] if not report.passed else []
    lines.append(say(code, lang, plugin=report.plugin, version=report.version, **count))
    if file is not None:
        lines.append(say("cli.plugin.reported", lang, file=file))
    return lines


def _signer(session: Session, member: str) -> Any:
    """The member's newest signing key, from this installation."""
    from jdgate.keystore import SUFFIX, read_key_file
    from jdgate.plugins.host import PluginHost

    PluginHost().add_suites()
    return read_key_file(session.home().keys / f"{member}{SUFFIX}").signer
