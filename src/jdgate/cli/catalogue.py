"""`jdgate catalogue`: which types may be exchanged, by whom, who sees what, and on which ground.

All of it works without a daemon. `check` loads jdgate's own types and those of the plugins and
compares the result with the signed directory; `sign` is for the authority: it publishes the
directory again with the digest of the catalogue in place.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jdgate.cli.catalogue_docs import docs, law
from jdgate.cli.help import Group
from jdgate.cli.offline import full_type, load_catalogue, load_plugins, plugins_dir
from jdgate.cli.session import ALL_GOOD, FAILED, Session, common, option, pass_session
from jdgate.cli.show import listed, local, pairs, table
from jdgate.core.agreement_words import found_by, limit_lines, with_parts
from jdgate.texts import Lang, say

if TYPE_CHECKING:
    from jdgate.config import Home
    from jdgate.core.catalogue import Catalogue
    from jdgate.core.directory import Directory

SYSTEM = "sys."


def list_lines(rows: list[dict[str, Any]], lang: Lang, width: int | None = None) -> list[str]:
    """A line for each type: {type, title, senders[], recipients[], approval}."""
    titles = [
        say(f"cli.title.{name}", lang)
        for name in ("type", "title", "senders", "recipients", "approval")
    ]
    cells = [
        [
            one["type"],
            one["title"],
            " ".join(one["senders"]),
            " ".join(one["recipients"]) or "—",
            say(f"catalogue.approval.{one['approval']}", lang),
        ]
        for one in rows
    ]
    return [*table(titles, cells, width), "", say("cli.catalogue.more", lang)]


def show_lines(about: dict[str, Any], lang: Lang, width: int | None = None) -> list[str]:
    """The answer of `Catalogue.describe`, for a person."""

    def label(name: str) -> str:
        return say(f"cli.title.{name}", lang)

    def days(count: Any) -> str:
        return say("cli.days", lang, days=count) if count is not None else ""

    lines = [
        f"{about['title']} · {about['type']}",
        "",
        *pairs(
            [
                (label("about"), about["about"]),
                (label("senders"), listed(_role(one) for one in about["senders"])),
                (label("share"), about["share"]["title"]),
                (label("purpose"), about["purpose"]),
                (label("approval"), about["approval"]["title"]),
                (label("expires"), days(about["expires_days"])),
                (label("retention"), days(about["retention_days"])),
                (label("answer"), days(about["answer_days"])),
                (label("basis"), "; ".join(_basis(one) for one in about["basis"])),
            ],
            width,
        ),
        "",
        *table(
            [label(name) for name in ("field", "title", "form", "required", "personal", "seen_by")],
            [_field(one, lang) for one in with_parts(about)],
            width,
        ),
        "",
    ]
    if about["recipients"]:
        cells = [
            [_role(one["role"]), found_by(one, lang), listed(one["fields"])]
            for one in about["recipients"]
        ]
        lines += table([label(name) for name in ("recipient", "found_by", "sees")], cells, width)
    else:
        lines.append(say("cli.catalogue.no_recipient", lang))
    limits = list(limit_lines(about, lang))
    return [*lines, "", *limits] if limits else lines


def _role(one: dict[str, str]) -> str:
    return f"{one['title']} ({one['code']})"


def _basis(one: dict[str, Any]) -> str:
    roles = f" → {' '.join(one['roles'])}" if one["roles"] else ""
    return f"{one['law']} {one['article']} [{one['tag']['title']}]{roles}"


def _field(one: dict[str, Any], lang: Lang) -> list[object]:
    form = str(one["format"] or one["kind"])
    if one["values"]:
        form = " / ".join(value["value"] for value in one["values"])
    elif one["most"] and not one["format"]:
        form += f" ≤{one['most']}"
    seen = listed(one["shown_to"])
    if not one["shown_to"] and one["needed_by"]:
        seen = say("catalogue.rule_only", lang, rule=one["needed_by"])
    yes = say("cli.yes", lang)
    return [
        one["name"],
        one["title"],
        form,
        yes if one["required"] else "",
        yes if one["personal"] else "",
        seen,
    ]


def check_lines(found: dict[str, Any], lang: Lang) -> list[str]:
    """{types, digest, directory: {version, catalogue, expires}|None, same: bool|None}."""
    lines = [say("cli.catalogue.good", lang, types=found["types"], digest=found["digest"])]
    directory = found["directory"]
    if directory is None:
        lines.append(say("cli.catalogue.no_directory", lang))
    elif found["same"]:
        lines.append(
            say(
                "cli.catalogue.signed",
                lang,
                version=directory["version"],
                expires=local(directory["expires"]),
            )
        )
    else:
        lines.append(say("cli.catalogue.not_signed", lang, version=directory["version"]))
    return lines


@click.group("catalogue", cls=Group)
@common
def catalogue() -> None:
    pass


@catalogue.command("list")
@option("--all", "with_system", is_flag=True, help="cli.option.all_types")
@plugins_dir
@common
@pass_session
def list_(session: Session, with_system: bool, plugins_dir: Path | None) -> None:
    loaded = load_catalogue(load_plugins(session, plugins_dir))
    rows = [
        {
            "type": sheet.type,
            "title": sheet.title.get(session.lang),
            "senders": list(sheet.senders),
            "recipients": list(dict.fromkeys(route.role for route in sheet.routes)),
            "approval": sheet.approval,
        }
        for name, sheet in sorted(loaded.sheets.items())
        if with_system or not name.startswith(SYSTEM)
    ]
    session.answer(rows, lambda reply: list_lines(reply, session.lang, session.width))


@catalogue.command("show")
@click.argument("type_name", metavar="TYPE")
@plugins_dir
@common
@pass_session
def show(session: Session, type_name: str, plugins_dir: Path | None) -> None:
    loaded = load_catalogue(load_plugins(session, plugins_dir))
    about = loaded.describe(full_type(type_name, loaded.sheets), session.lang)
    session.answer(about, lambda reply: show_lines(reply, session.lang, session.width))


@catalogue.command("check")
@plugins_dir
@common
@pass_session
def check(session: Session, plugins_dir: Path | None) -> int:
    loaded = load_catalogue(load_plugins(session, plugins_dir))
    directory = _directory_here(session)
    found = {
        "types": len(loaded.sheets),
        "digest": loaded.digest,
        "directory": None
        if directory is None
        else {
            "version": directory.version,
            "catalogue": directory.catalogue,
            "expires": directory.expires.isoformat(),
        },
        "same": None if directory is None else directory.catalogue == loaded.digest,
    }
    session.answer(found, lambda reply: check_lines(reply, session.lang))
    return FAILED if found["same"] is False else ALL_GOOD


@catalogue.command("sign")
@plugins_dir
@common
@pass_session
def sign(session: Session, plugins_dir: Path | None) -> None:
    loaded = load_catalogue(load_plugins(session, plugins_dir))
    home = session.home()
    directory = read_directory(home)
    if directory.catalogue == loaded.digest:
        told = {"version": directory.version, "digest": loaded.digest, "changed": False}
        code = "cli.catalogue.same"
    else:
        newer = _publish(home, directory, loaded)
        told = {"version": newer.version, "digest": loaded.digest, "changed": True}
        code = "cli.catalogue.published"
    session.answer(told, lambda reply: [session.say(code, version=reply["version"])])


catalogue.add_command(docs)
catalogue.add_command(law)


def read_directory(home: Home) -> Directory:
    """The signed directory of an installation.

    Raises:
        Refused: `directory.*`, `keys.*`, `signing.*`.
    """
    from jdgate.core.directory import read
    from jdgate.errors import Refused
    from jdgate.founding import pinned_authority

    try:
        jws = home.directory.read_bytes()
    except FileNotFoundError:
        raise Refused("directory.missing", file=home.directory.name) from None
    return read(jws, pinned_authority(home.authority_public))


def _directory_here(session: Session) -> Directory | None:
    from jdgate.errors import UsageError

    try:
        home = session.home()
    except UsageError:
        if session.config_file is not None:
            raise
        return None
    return read_directory(home)


def _publish(home: Home, directory: Directory, loaded: Catalogue) -> Directory:
    import msgspec

    from jdgate.clock import machine_time
    from jdgate.founding import AUTHORITY, republish
    from jdgate.keystore import SUFFIX, read_key_file

    keys = read_key_file(home.keys / f"{AUTHORITY}{SUFFIX}")
    renewed = msgspec.structs.replace(directory, catalogue=loaded.digest)
    return republish(home, renewed, keys.signer, machine_time())
