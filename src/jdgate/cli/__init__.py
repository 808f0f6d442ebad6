"""The command `jdgate`: one file per command group. Commands import what is heavy when they run,
so that `jdgate --help` answers at once.

    jdgate run                      # the daemon
    jdgate push TYPE FILE --as M    # a command that talks to it
"""

from __future__ import annotations

import click

from jdgate import __version__
from jdgate.cli.catalogue import catalogue
from jdgate.cli.county import init
from jdgate.cli.dead import dead
from jdgate.cli.drafts import drafts
from jdgate.cli.evidence import evidence
from jdgate.cli.inbox import inbox
from jdgate.cli.ledger import ledger
from jdgate.cli.member import member
from jdgate.cli.plugin import plugin
from jdgate.cli.push import push
from jdgate.cli.run import run
from jdgate.cli.session import Root, common, option
from jdgate.cli.status import status


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
    init, run, push, inbox, drafts, status, member, catalogue, ledger, evidence, dead, plugin,
):  # fmt: skip
    main.add_command(_command)
