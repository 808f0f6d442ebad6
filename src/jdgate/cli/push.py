"""`jdgate push`: send a file's rows as messages and say what came of every row.

- The file is read here, row by row; what the importer does not name never leaves this process.
- Rows go to the daemon in portions; it makes the messages and keeps them until they are
  receipted, so nothing submitted is lost when this command or the daemon ends.
- Receipts are taken in while the file is still being read. When too many are open, the reading
  waits for the oldest; when none come for a while, it goes on and says so at the end.
- A column for the place may be absent: the sending member itself stands for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jdgate.cli.help import Command
from jdgate.cli.offline import full_type, load_catalogue, load_plugins, plugins_dir
from jdgate.cli.progress import Progress
from jdgate.cli.push_account import Account, Reason, Sent, account_document, account_lines
from jdgate.cli.session import Session, as_member, common, option, pass_session
from jdgate.errors import JdgateError, UsageError

if TYPE_CHECKING:
    from jdgate.control import Control
    from jdgate.core.sheet import Sheet
    from jdgate.files import Importer, Reading, Row

PORTION = 1_000
"""Rows handed to the daemon at once."""
OPEN_MESSAGES = 60
"""Messages without a receipt, above which reading waits for the older half."""
LISTED = 20_000
"""Refused rows that `--refused-to` lists at most: more can't be corrected by hand."""


class Push:
    """One file on its way. Unanswered messages map to the rows of their records."""

    def __init__(
        self,
        session: Session,
        account: Account,
        importer: Importer,
        sheet: Sheet,
        *,
        keep_refused: bool,
        patience: float,
        region: str | None,
    ) -> None:
        self.session = session
        self.account = account
        self._importer = importer
        self._sheet = sheet
        self._open: dict[str, list[tuple[int, dict[str, Any] | None]]] = {}
        self._keep = keep_refused
        self._patience = patience
        self._patient = True
        self._region = region
        self.list: list[Row] = []

    def portion(self, control: Control, rows: list[Row]) -> None:
        """Check or submit some rows, and take in what has been answered."""
        account = self.account
        account.read += len(rows)
        good = [row for row in rows if row.record is not None]
        for row in rows:
            if row.record is None:
                self._refused_in_file(row)
        if good:
            self._hand_over(control, good)
        if not account.no_wait and self._patient and len(self._open) > OPEN_MESSAGES:
            self._patient = self.collect(control, list(self._open)[: OPEN_MESSAGES // 2])

    def _hand_over(self, control: Control, good: list[Row]) -> None:
        account = self.account
        given: dict[str, Any] = {
            "member": account.member,
            "type": account.type,
            "records": [row.record for row in good],
            "rows": [row.number for row in good],
        }
        if account.dry_run:
            answer = control.call("check", **given)
        else:
            answer = control.call("submit", **given, region=self._region)
        refused = {int(one["index"]) for one in answer["refused"]}
        self._faults(answer["refused"], [(row.number, row.record) for row in good])
        if account.dry_run:
            account.accept(row.number for i, row in enumerate(good) if i not in refused)
            return
        for message in answer["messages"]:
            name, indexes = str(message["id"]), message["indexes"]
            account.messages[name] = Sent(name, len(indexes))
            if not account.no_wait:
                self._open[name] = [
                    (good[i].number, good[i].record if self._keep and self._patient else None)
                    for i in indexes
                ]

    def collect(self, control: Control, ids: list[str]) -> bool:
        """Take in receipts of these messages; whether all came in time."""
        pending = set(ids)
        for verdict in control.stream("wait", ids=ids, timeout_s=self._patience):
            name = verdict.get("id")
            if name not in pending:
                continue  # the last event names what is still open: known here
            pending.discard(name)
            if renewed := verdict.get("renewed_as"):
                self._renewed(name, str(renewed))
                pending.add(str(renewed))
            else:
                self._receipt(verdict)
        return not pending

    def _renewed(self, name: str, newer: str) -> None:
        """The member had to sign the same records anew, under another id."""
        self._open[newer] = self._open.pop(name)
        self.account.messages.pop(name)
        self.account.messages[newer] = Sent(newer, len(self._open[newer]))

    def rest(self, control: Control, bar: Progress) -> None:
        """Wait for everything still open, as long as receipts keep coming."""
        total = len(self._open)
        while self._open:
            before = len(self._open)
            bar.show(total - before, total, self.session.say("cli.push.awaiting"))
            self.collect(control, list(self._open)[:OPEN_MESSAGES])
            if len(self._open) == before:
                return

    def _receipt(self, verdict: dict[str, Any]) -> None:
        name = str(verdict["id"])
        rows = self._open.pop(name, [])
        sent = self.account.messages[name]
        sent.verdict = str(verdict["verdict"])
        faults = verdict.get("refused") or []
        if sent.verdict == "refused" and not faults:
            self._whole_refused(rows, verdict)
            sent.refused = len(rows)
            return
        refused = {int(one["index"]) for one in faults}
        self._faults(faults, rows)
        self.account.accept(row for i, (row, _) in enumerate(rows) if i not in refused)
        sent.refused, sent.accepted = len(refused), len(rows) - len(refused)

    def _faults(
        self, faults: list[dict[str, Any]], rows: list[tuple[int, dict[str, Any] | None]]
    ) -> None:
        """Record faults, those of one record together."""
        by_index: dict[int, list[Reason]] = {}
        for one in faults:
            by_index.setdefault(int(one["index"]), []).append(self._reason(one))
        for index, reasons in by_index.items():
            row, record = rows[index]
            self.account.refuse(row, reasons)
            self._list(row, record, reasons)

    def _whole_refused(
        self, rows: list[tuple[int, dict[str, Any] | None]], verdict: dict[str, Any]
    ) -> None:
        """A refused message: one line for each unbroken run of its rows."""
        reason = [self._reason(verdict)]
        runs: list[list[int]] = []
        for row, record in rows:
            if runs and row == runs[-1][1] + 1:
                runs[-1][1] = row
            else:
                runs.append([row, row])
            self._list(row, record, reason)
        for first, last in runs:
            self.account.refuse(first, reason, last)

    def _refused_in_file(self, row: Row) -> None:
        lang = self.session.lang
        reasons = [Reason(fault.code, fault.text(lang)) for fault in row.faults]
        self.account.refuse(row.number, reasons)
        if self._keep and len(self.list) < LISTED:
            self.list.append(row)

    def _reason(self, fault: dict[str, Any]) -> Reason:
        from jdgate.core.fault import Fault

        code, path = str(fault.get("code") or "cli.push.no_reason"), str(fault.get("path") or "")
        words = Fault(code, path, fault.get("params") or {})
        return Reason(code, words.text(self.session.lang, self._sheet), path)

    def _list(self, row: int, record: dict[str, Any] | None, reasons: list[Reason]) -> None:
        if not self._keep or len(self.list) >= LISTED:
            return
        from jdgate.files import Row, RowFault

        faults = tuple(RowFault("cli.push.as_said", "", {"text": one.text}) for one in reasons)
        self.list.append(Row(row, record, faults))

    def write_list(self, path: Path) -> None:
        """The refused rows as an XLSX that can be corrected and pushed again."""
        from jdgate.files import write_refused

        self.list.sort(key=lambda row: row.number)
        self.account.listed_there = write_refused(
            path, self.list, self._importer, self.session.lang
        )


def portions(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Rows in lists of at most PORTION."""
    while portion := list(islice(rows, PORTION)):
        yield portion


def defaults_for(importer: Importer, member: str, given: tuple[str, ...]) -> dict[str, object]:
    """Values for absent columns: those given (FIELD=VALUE), and the member for its place.

    Raises:
        UsageError: `cli.push.set_form`, `cli.push.set_field`.
    """
    fields = [column.field for column in importer.columns]
    values: dict[str, object] = {"site": member} if "site" in fields else {}
    for one in given:
        name, sign, value = one.partition("=")
        if not sign or not value:
            raise UsageError("cli.push.set_form", got=one[:40])
        if name not in fields:
            raise UsageError("cli.push.set_field", field=name[:40], fields=", ".join(fields))
        values[name] = value
    return values


@click.command("push", cls=Command)
@click.argument("type_name", metavar="TYPE")
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@as_member
@option("--dry-run", is_flag=True, help="cli.option.dry_run")
@option("--no-wait", is_flag=True, help="cli.option.no_wait")
@option("--sheet", "sheet_name", metavar="NAME", help="cli.option.sheet")
@option("--set", "given", multiple=True, metavar="FIELD=VALUE", help="cli.option.set")
@option("--region", metavar="CODE", help="cli.option.push_region")
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
    region: str | None,
    refused_to: Path | None,
    wait_seconds: float,
    plugins_dir: Path | None,
) -> int:
    from jdgate.config import full_region

    session.home()
    full = full_region(region) if region else None
    host = load_plugins(session, plugins_dir)
    importers = {one.type: one for one in host.importers()}
    known = load_catalogue(host).sheets
    wanted = full_type(type_name, known)
    if wanted not in importers:
        raise UsageError(
            "cli.push.no_importer", type=wanted, types=", ".join(sorted(importers)) or "—"
        )
    importer = importers[wanted]
    with session.connect() as control:
        member = session.member(control, as_member)
        account = Account(
            file=file.name, type=wanted, member=member, dry_run=dry_run, no_wait=no_wait
        )
        account.refused_to = str(refused_to) if refused_to else None
        work = Push(
            session,
            account,
            importer,
            known[wanted],
            keep_refused=refused_to is not None,
            patience=wait_seconds,
            region=full,
        )
        error: JdgateError | None = None
        values = defaults_for(importer, member, given)
        try:
            with _open(file, importer, values, sheet_name) as reading:
                _go_through(session, work, control, reading)
        except JdgateError as stopped:
            if not (account.messages or account.accepted or account.refused):
                raise
            error = stopped
        except KeyboardInterrupt:
            _finish(session, work, refused_to, None)
            raise
    return _finish(session, work, refused_to, error)


def _open(
    file: Path, importer: Importer, defaults: dict[str, object], sheet_name: str | None
) -> Reading:
    from jdgate.errors import Refused
    from jdgate.files import open_file

    reading = open_file(file, importer, defaults=defaults)
    if sheet_name is not None and reading.sheet != sheet_name:
        reading.close()
        raise Refused("cli.push.other_sheet", wanted=sheet_name, got=reading.sheet or "—")
    return reading


def _go_through(session: Session, work: Push, control: Control, reading: Reading) -> None:
    account = work.account
    account.sheet, account.encoding = reading.sheet, reading.encoding
    account.header_row = reading.header_row
    account.dropped, account.unknown = tuple(reading.dropped), tuple(reading.unknown)
    account.skipped = reading.skipped
    with Progress(session, session.say("cli.push.reading", file=account.file)) as bar:
        for rows in portions(reading.rows):
            work.portion(control, rows)
            bar.show(reading.position, reading.total_hint)
        if not account.no_wait:
            work.rest(control, bar)


def _finish(
    session: Session, work: Push, refused_to: Path | None, error: JdgateError | None
) -> int:
    """Print the account; with an error, what had been reached when it came."""
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
