"""`jdgate key`: a department's own machine gets keys of its own, and takes part with them.

`request` makes the keys where they stay and writes the request that goes to the authority;
`accept` takes what the authority sends back. Both work without a daemon. Answers:
{member, file, key_file, fingerprint} and {member, dir, version, nats, fingerprint}.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jdgate.cli.help import Group
from jdgate.cli.session import F, Session, common, option, pass_session
from jdgate.cli.show import pairs

if TYPE_CHECKING:
    from jdgate.core.directory import AuthorityKey
    from jdgate.core.enrolment import Request


def folder_option(function: F) -> F:
    """The option `--dir DIR`: the machine's folder, the working directory by default."""
    return option(
        "--dir", "folder", default=".", metavar="DIR", help="cli.option.machine_dir",
        type=click.Path(file_okay=False, path_type=Path),
    )(function)  # fmt: skip


def compare(session: Session, document: Request | AuthorityKey, told: str | None) -> str:
    """See that somebody compared the fingerprint with the other side; the digits that were told.

    Raises:
        UsageError: `enrol.fingerprint_needed`. Refused: `enrol.fingerprint`.
    """
    from jdgate.core.enrolment import check_fingerprint
    from jdgate.errors import UsageError

    if told is None:
        if not session.interactive:
            raise UsageError("enrol.fingerprint_needed")
        told = click.prompt(session.say("cli.key.read_out"))
    check_fingerprint(document, str(told))
    return str(told)


@click.group("key", cls=Group)
@common
def key() -> None:
    pass


@key.command("request")
@click.argument("member", metavar="MEMBER")
@option("--name", required=True, metavar="NAME", help="cli.option.member_name")
@option("--role", "roles", required=True, multiple=True, metavar="ROLE", help="cli.option.role")
@option("--region", "regions", required=True, multiple=True, metavar="CODE",
        help="cli.option.member_region")  # fmt: skip
@option("--number", type=click.IntRange(2, 9999), metavar="N", help="cli.option.key_number")
@option("-o", "--output", metavar="FILE", help="cli.option.request_file",
        type=click.Path(dir_okay=False, path_type=Path))  # fmt: skip
@folder_option
@common
@pass_session
def request(
    session: Session,
    member: str,
    name: str,
    roles: tuple[str, ...],
    regions: tuple[str, ...],
    number: int | None,
    output: Path | None,
    folder: Path,
) -> None:
    from jdgate.config import Home, full_region
    from jdgate.core.enrolment import fingerprint, read_request
    from jdgate.enrolling import request_keys
    from jdgate.founding import write_file

    codes = [full_region(code) for code in regions]
    home = Home(folder)
    jws = request_keys(
        home,
        member,
        name=name,
        roles=roles,
        regions=codes,
        county=full_region(codes[0][:6]),
        number=number,
    )
    path = output or home.root / f"{member}.request"
    write_file(path, jws + b"\n")
    shown = fingerprint(read_request(jws))
    key_file = home.keys / f"{member}.key"
    told = {"member": member, "file": str(path), "key_file": str(key_file), "fingerprint": shown}
    session.answer(
        told,
        lambda _: [
            session.say("cli.key.made", file=key_file),
            session.say("cli.key.requested", file=path),
            "",
            f"    {shown}",
            "",
            session.say("cli.key.next"),
        ],
    )


@key.command("accept")
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@option("--fingerprint", "told", metavar="DIGITS", help="cli.option.fingerprint")
@folder_option
@common
@pass_session
def accept(session: Session, file: Path, told: str | None, folder: Path) -> None:
    from jdgate.config import Home
    from jdgate.core.enrolment import fingerprint, load_welcome
    from jdgate.enrolling import accept, read_text

    welcome = load_welcome(read_text(file).encode())
    shown = fingerprint(welcome.authority)
    facts: list[tuple[str, object]] = [
        ("county", welcome.county_name),
        ("member", welcome.member),
        ("nats", welcome.nats),
        ("authority_key", welcome.authority.kid),
    ]
    if not session.as_json:
        session.tell(pairs([(session.say(f"cli.title.{n}"), v) for n, v in facts], session.width))
    compare(session, welcome.authority, told)
    directory = accept(Home(folder), welcome)
    answer: dict[str, Any] = {
        "member": welcome.member,
        "dir": str(Home(folder).root),
        "version": directory.version,
        "nats": welcome.nats,
        "fingerprint": shown,
    }
    session.answer(
        answer,
        lambda _: ["", session.say("cli.key.accepted", version=directory.version, dir=folder)],
    )
