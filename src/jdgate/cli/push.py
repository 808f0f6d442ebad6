"""`jdgate push`: send a file's rows as messages and say what came of every row.

- The file is read here, row by row; what the importer does not name never leaves this process.
- Rows go to the daemon in portions; it makes the messages and keeps them until they are
  receipted, so nothing submitted is lost when this command or the daemon ends.
- What came of every row is said at the end, also when it ends early (`push_work`,
  `push_account`).
- A column for the place may be absent: the sending member itself stands for it.
- A `.json` file holds ready records, also of types that no importer reads.
- Where the agreement wants a person's approval, `--by` names who gave it, and the name is signed
  with the message.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jdgate.cli.help import Command
from jdgate.cli.offline import full_type, load_catalogue, load_plugins, plugins_dir
from jdgate.cli.progress import Progress
from jdgate.cli.session import Session, as_member, common, option, pass_session
from jdgate.cli.usage import FILLED
from jdgate.errors import JdgateError, UsageError

if TYPE_CHECKING:
    from jdgate.cli.push_work import Push
    from jdgate.control import Control
    from jdgate.core.sheet import Sheet
    from jdgate.files import Importer, Reading, Row
    from jdgate.files.records import RecordFile


def defaults_for(importer: Importer, member: str, given: tuple[str, ...]) -> dict[str, object]:
    """Values for absent columns: those given (FIELD=VALUE), and the member for its place. A value
    is read as a cell of its column would be.

    Raises:
        UsageError: `cli.push.set_form`, `cli.push.set_field`, `cli.push.set_value`.
    """
    from jdgate.files.cells import CellFault, read_cell
    from jdgate.files.rows import own_values

    fields = [column.field for column in importer.columns]
    values = own_values(importer, member)
    for one in given:
        name, sign, value = one.partition("=")
        if not sign or not value:
            raise UsageError("cli.push.set_form", got=one[:40])
        if name not in fields:
            raise UsageError("cli.push.set_field", field=name[:40], fields=", ".join(fields))
        try:
            values[name] = read_cell(importer.column(name), value)
        except CellFault:
            raise UsageError("cli.push.set_value", field=name) from None
    return values


@click.command("push", cls=Command)
@click.argument("type_name", metavar="TYPE")
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@as_member
@option("--dry-run", is_flag=True, help="cli.option.dry_run")
@option("--no-wait", is_flag=True, help="cli.option.no_wait")
@option("--sheet", "sheet_name", metavar="NAME", help="cli.option.sheet")
@option("--set", "given", multiple=True, metavar="FIELD=VALUE", help="cli.option.set")
@option("--from-row", type=click.IntRange(min=1), metavar="N", help="cli.option.from_row")
@option("--region", metavar="CODE", help="cli.option.push_region")
@option("--by", "by", type=FILLED, multiple=True, metavar="NAME", help="cli.option.push_by")
@option(
    "--refused-to",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="cli.option.refused_to",
)
@option(
    "--wait-seconds", type=click.FloatRange(0, 3600), default=30.0, metavar="N",
    help="cli.option.wait_seconds",
)  # fmt: skip
@plugins_dir
@common
@pass_session
def push(
    session: Session,
    type_name: str,
    file: Path,
    as_member: str | None,
    dry_run: bool,
    no_wait: bool,
    sheet_name: str | None,
    given: tuple[str, ...],
    from_row: int | None,
    region: str | None,
    by: tuple[str, ...],
    refused_to: Path | None,
    wait_seconds: float,
    plugins_dir: Path | None,
) -> int:
    from jdgate.cli.push_account import Account
    from jdgate.cli.push_work import Push
    from jdgate.config import full_region
    from jdgate.files import Importer
    from jdgate.files.records import SUFFIX, RecordFile

    session.home()
    ready = file.suffix.lower() == SUFFIX
    if ready and (sheet_name or given or refused_to):
        raise UsageError("cli.push.ready_records")
    if refused_to is not None:
        _check_list(file, refused_to)
    full = full_region(region) if region else None
    host = load_plugins(session, plugins_dir)
    importers = {one.type: one for one in host.importers()}
    known = load_catalogue(host).sheets
    wanted = full_type(type_name, known)
    if wanted not in importers and not ready:
        raise UsageError(
            "cli.push.no_importer", type=wanted, types=", ".join(sorted(importers)) or "—"
        )
    importer = Importer(wanted, "", "", ()) if ready else importers[wanted]
    approved_by = _approvers(known[wanted], by, dry_run)
    with session.connect() as control:
        member = session.member(control, as_member)
        control.call("check", member=member, type=wanted, records=[], rows=[])  # may it send this?
        account = Account(
            file=file.name, type=wanted, member=member, dry_run=dry_run, no_wait=no_wait
        )
        account.refused_to = str(refused_to) if refused_to else None
        account.gateway_knows = known[wanted].alias is not None
        work = Push(
            session,
            account,
            importer,
            known[wanted],
            keep_refused=refused_to is not None,
            patience=wait_seconds,
            region=full,
            approved_by=approved_by,
        )
        error: JdgateError | None = None
        values = defaults_for(importer, member, given)
        try:
            opened = RecordFile(file) if ready else _open(file, importer, values, sheet_name)
            with opened as reading:
                _go_through(session, work, control, reading, from_row or 0, values)
        except JdgateError as stopped:
            if not (account.messages or account.accepted or account.refused):
                raise
            error = stopped
        except KeyboardInterrupt:
            _finish(session, work, refused_to, None)
            raise
    return _finish(session, work, refused_to, error)


def _approvers(sheet: Sheet, given: tuple[str, ...], dry_run: bool) -> tuple[str, ...]:
    """Who approved what is sent.

    Raises:
        UsageError: `cli.push.by_needed` when the agreement wants more of them.
        Refused: `approval.…`.
    """
    from jdgate.core import approval

    names = approval.named(given)
    if len(names) < sheet.approvers and not dry_run:
        raise UsageError(
            "cli.push.by_needed", type=sheet.type, needed=sheet.approvers, got=len(names)
        )
    return names


def _check_list(file: Path, target: Path) -> None:
    """See before anything is sent that the list of refused rows has a place and destroys nothing.

    Raises:
        UsageError: `cli.push.list_is_file`, `cli.push.list_exists`, `cli.push.list_suffix`,
            `cli.push.list_folder`.
    """
    if target.exists() and target.samefile(file):
        raise UsageError("cli.push.list_is_file", file=str(target))
    if target.exists():
        raise UsageError("cli.push.list_exists", file=str(target))
    if target.suffix.lower() != ".xlsx":
        raise UsageError("cli.push.list_suffix", file=str(target))
    if not os.access(target.absolute().parent, os.W_OK):
        raise UsageError("cli.push.list_folder", folder=str(target.absolute().parent))


def _open(
    file: Path, importer: Importer, defaults: dict[str, object], sheet_name: str | None
) -> Reading:
    from jdgate.files import open_file

    return open_file(file, importer, defaults=defaults, sheet=sheet_name)


def _go_through(
    session: Session,
    work: Push,
    control: Control,
    reading: Reading | RecordFile,
    from_row: int,
    given: Collection[str],
) -> None:
    from jdgate.files.rows import portions

    account = work.account
    account.sheet, account.encoding = reading.sheet, reading.encoding
    account.header_row = reading.header_row
    account.unknown, account.others = tuple(reading.unknown), tuple(reading.others)
    work.fields = {*reading.columns, *given}
    account.skipped = reading.skipped
    with Progress(session, session.say("cli.push.reading", file=account.file)) as bar:
        last = 0

        def wanted() -> Iterator[Row]:
            nonlocal last
            for row in reading.rows:
                last = row.number
                if row.number >= from_row:
                    yield row

        for rows in portions(wanted()):
            work.portion(control, rows)
            account.dropped = tuple(reading.dropped)
            bar.show(reading.position, reading.total_hint)
        if last < from_row:
            raise UsageError("cli.push.from_row_beyond", row=from_row, last=last)
        if not account.no_wait:
            work.rest(control, bar)


def _finish(
    session: Session, work: Push, refused_to: Path | None, error: JdgateError | None
) -> int:
    """Print the account; with an error, what had been reached when it came."""
    from jdgate.cli.push_account import account_document, account_lines

    account = work.account
    if refused_to is not None and work.list:
        work.write_list(refused_to)
    if session.as_json:
        told = None
        if error is not None:
            told = {
                "code": error.code,
                "params": error.params,
                "text": error.text(session.lang),
            }
        session.emit(account_document(account, told))
    else:
        session.tell(account_lines(account, session.lang, session.width))
        if error is not None:
            click.echo(session.say("cli.error", text=error.text(session.lang)), err=True)
    return error.exit_code if error is not None else account.exit_code
