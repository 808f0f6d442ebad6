"""The command `jdgate`: one file per command group. Commands import what is heavy when they run,
so that `jdgate --help` answers at once.

    jdgate run                      # the daemon
    jdgate push TYPE FILE --as M    # a command that talks to it
"""

from __future__ import annotations

import click

from jdgate import __version__
from jdgate.cli import (
    alerts,
    assign,
    catalogue,
    correct,
    county,
    dead,
    drafts,
    evidence,
    expect,
    inbox,
    key,
    ledger,
    member,
    messages,
    people,
    plugin,
    push,
    queries,
    refdata,
    run,
    sent,
    status,
    subject,
)
from jdgate.cli.session import Root, common, option


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"jdgate {__version__}")
        ctx.exit()


@click.group("jdgate", cls=Root)
@common
@option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="cli.option.version",
)
def main() -> None:
    pass


for _command in (
    county.init,
    run.run,
    push.push,
    sent.sent,
    inbox.inbox,
    drafts.drafts,
    alerts.alerts,
    assign.assign,
    expect.expect,
    correct.correct,
    queries.queries,
    status.status,
    member.member,
    key.key,
    people.operator,
    people.token,
    catalogue.catalogue,
    messages.messages,
    ledger.ledger,
    evidence.evidence,
    subject.subject,
    dead.dead,
    refdata.refdata,
    plugin.plugin,
):
    main.add_command(_command)
