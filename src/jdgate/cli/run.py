"""`jdgate run`: play the roles the configuration names, after making a county if there is none.

- A configuration in place is used as it is.
- An empty directory becomes a one-machine county; it is said first what will be made.
- `--demo` makes the demo county beside whatever the directory holds.
- Any other directory without a configuration is left alone (`config.not_empty`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from jdgate.cli.county import EXAMPLE_NAME, EXAMPLE_REGION, found_starter, founded_lines
from jdgate.cli.help import Command
from jdgate.cli.offline import plugins_dir
from jdgate.cli.session import Session, common, option, pass_session
from jdgate.errors import UsageError

if TYPE_CHECKING:
    from jdgate.config import Home


@click.command("run", cls=Command)
@option("--demo", is_flag=True, help="cli.option.demo")
@option("--nats", "nats_url", metavar="URL", help="cli.option.nats")
@plugins_dir
@common
@pass_session
def run(session: Session, demo: bool, nats_url: str | None, plugins_dir: Path | None) -> int:
    from jdgate.config import CONFIG_NAME, Home, find_home, read_config

    if session.config_file is None and not Path(CONFIG_NAME).exists():
        home = _make_county(session, Home(Path()), plugins_dir, demo=demo)
    else:
        home = find_home(session.config_file)
    config = read_config(home)
    if demo and not config.county.demo:
        raise UsageError("cli.run.not_demo", file=home.config.name)
    if demo and not _is_demo(home):
        raise UsageError("config.demo_by_hand", file=home.config.name)

    from jdgate import serving

    return serving.run(
        home,
        config,
        demo=demo,
        nats_url=nats_url,
        plugins_dir=plugins_dir,
        lang=session.lang,
    )


def _is_demo(home: Home) -> bool:
    from jdgate.cli.catalogue import read_directory
    from jdgate.demo.county import is_demo

    return is_demo(read_directory(home))


def _make_county(session: Session, home: Home, plugins_dir: Path | None, *, demo: bool) -> Home:
    from jdgate.clock import machine_time
    from jdgate.founding import is_empty

    if demo:
        session.note(session.say("cli.run.makes_demo", dir=str(home.root)))
        from jdgate.demo import county

        county.found_demo(home, machine_time(), plugins_dir)
        return home
    if not is_empty(home.root):
        raise UsageError("config.not_empty", dir=str(home.root))
    session.note(
        session.say(
            "cli.run.makes_county", dir=str(home.root), name=EXAMPLE_NAME, region=EXAMPLE_REGION
        )
    )
    made = found_starter(home, EXAMPLE_REGION, EXAMPLE_NAME, plugins_dir)
    session.answer(made, lambda reply: founded_lines(reply, session.lang, session.width))
    return home
