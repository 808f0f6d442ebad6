"""`jdgate init`: make a county in a directory that is named.

jdgate init linshui --region 511623 --name 邻水县
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jdgate.cli.help import Command
from jdgate.cli.offline import load_catalogue, plugins_dir
from jdgate.cli.session import Session, common, option, pass_session
from jdgate.cli.show import local, table
from jdgate.cli.usage import FILLED
from jdgate.texts import Lang, say

if TYPE_CHECKING:
    from jdgate.config import Home
    from jdgate.core.directory import Directory

EXAMPLE_REGION = "511623000000"
EXAMPLE_NAME = "示例县"
ADMIN = "admin"


def found_starter(
    home: Home, region: str, name: str, plugins_dir: Path | None = None
) -> dict[str, Any]:
    """Found the smallest county in `home`; what was made, as a document. The directory signs the
    catalogue of the plugins at hand.

    Raises:
        UsageError: `config.region`, `config.exists`. Refused: `catalogue.…`, `plugin.…`.
    """
    from jdgate.clock import machine_time
    from jdgate.config import full_region
    from jdgate.founding import found, starter_members
    from jdgate.plugins.host import PluginHost

    code = full_region(region)
    plugins = PluginHost(plugins_dir)
    plugins.add_suites()  # a key file that is there already may be of one of them
    directory = found(
        home,
        region=code,
        name=name,
        plan=starter_members(code, name),
        catalogue_digest=load_catalogue(plugins).digest,
        now=machine_time(),
        # settings of a plugin that is not there would stop the start
        rules=None if "clinic" in plugins.names else "",
    )
    return {**_document(home, name, directory), "administrator": _first(home, directory)}


def _first(home: Home, directory: Directory) -> dict[str, Any]:
    """The first administrator of the console, at the authority, and the link that lets them in."""
    from jdgate.clock import machine_time
    from jdgate.commands import staffing
    from jdgate.core.directory import Trust
    from jdgate.people.house import House
    from jdgate.people.personnel import Machine

    trust, now = Trust(directory), machine_time()
    member = trust.authority.id
    who = {"login": ADMIN, "name": ADMIN, "member": member, "role": "administrator"}
    with House.open(home) as house:
        made = staffing.at_rest(house, Machine(trust), now, "operator.add", **who)
    return {**made, "member": member}


def _document(home: Home, name: str, directory: Directory) -> dict[str, Any]:
    return {
        "dir": str(home.root),
        "region": directory.county,
        "name": name,
        "config": str(home.config),
        "keys": str(home.keys),
        "members": [
            {"id": one.id, "name": one.name, "roles": list(one.roles)} for one in directory.members
        ],
    }


def founded_lines(made: dict[str, Any], lang: Lang, width: int | None = None) -> list[str]:
    """What a new county consists of and what to do next."""
    titles = [say(f"cli.title.{name}", lang) for name in ("member", "roles", "name")]
    rows = [[one["id"], " ".join(one["roles"]), one["name"]] for one in made["members"]]
    return [
        say("cli.init.made", lang, name=made["name"], region=made["region"], dir=made["dir"]),
        "",
        *table(titles, rows, width),
        "",
        say("cli.init.keys", lang, keys=made["keys"]),
        "",
        *_link_lines(made["administrator"], lang),
    ]


def _link_lines(first: dict[str, Any], lang: Lang) -> list[str]:
    until = local(first["expires_at"])
    return [
        say("cli.init.admin", lang, login=first["login"], member=first["member"], until=until),
        f"  {first['link']}",
        say("cli.operator.link_where", lang),
    ]


@click.command("init", cls=Command)
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@option("--region", required=True, metavar="CODE", help="cli.option.region")
@option("--name", type=FILLED, required=True, metavar="NAME", help="cli.option.county_name")
@plugins_dir
@common
@pass_session
def init(
    session: Session, directory: Path, region: str, name: str, plugins_dir: Path | None
) -> None:
    from jdgate.config import Home, full_region

    full_region(region)  # before anything is made
    directory.mkdir(parents=True, exist_ok=True)
    made = found_starter(Home(directory), region, name, plugins_dir)
    lines = [
        *founded_lines(made, session.lang, session.width),
        "",
        session.say("cli.init.next", dir=str(directory)),
    ]
    session.answer(made, lambda _: lines)
