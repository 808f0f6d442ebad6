"""One file on its way: rows in portions to the daemon, receipts back into the account.

- Receipts are taken in while the file is still being read. When too many are open, the reading
  waits for the older half; when none come for a while, it goes on, and `rest` says so.
- Memory stays flat: an open message is its row numbers (and its records, if refused rows are to
  be written out); an answered one is three numbers.

    work = Push(session, account, importer, sheet, keep_refused=False, patience=30, region=None)
    for rows in portions(reading.rows):
        work.portion(control, rows)
    work.rest(control, bar)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jdgate.cli.progress import Progress
from jdgate.cli.push_account import Account, Reason, Sent
from jdgate.cli.session import Session

if TYPE_CHECKING:
    from jdgate.control import Control
    from jdgate.core.fault import Fault
    from jdgate.core.sheet import Sheet
    from jdgate.files import Importer, Row

OPEN_MESSAGES = 60
"""Messages without a receipt, above which reading waits for the older half."""


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
        approved_by: tuple[str, ...] = (),
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
        self._approved_by = approved_by
        self.list: list[Row] = []
        self.fields: set[str] = set()
        """Those that the list of refused rows shows: what the file has, and what was given."""

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
        account.handed = (good[0].number, good[-1].number, len(good))
        if account.dry_run:
            answer = control.call("check", **given)
        else:
            answer = control.call(
                "submit", **given, region=self._region, approved_by=self._approved_by
            )
        account.handed = None
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
        from jdgate.files.rows import by_record

        for index, found in by_record(faults).items():
            row, record = rows[index]
            reasons = [self._reason(one) for one in found]
            self.account.refuse(row, reasons)
            self._list(row, record, reasons)

    def _whole_refused(
        self, rows: list[tuple[int, dict[str, Any] | None]], verdict: dict[str, Any]
    ) -> None:
        """A refused message: one line for each unbroken run of its rows."""
        from jdgate.files.rows import fault_of

        reason = [self._reason(fault_of(verdict))]
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
        if self._keeps():
            self.list.append(row)

    def _keeps(self) -> bool:
        """Whether one more refused row is kept for the list."""
        from jdgate.files.rows import LISTED

        return self._keep and len(self.list) < LISTED

    def _reason(self, fault: Fault) -> Reason:
        return Reason(fault.code, fault.text(self.session.lang, self._sheet), fault.path)

    def _list(self, row: int, record: dict[str, Any] | None, reasons: list[Reason]) -> None:
        if self._keeps():
            from jdgate.files.rows import refused

            self.list.append(refused(row, record, (one.text for one in reasons)))

    def write_list(self, path: Path) -> None:
        """The refused rows as an XLSX that can be corrected and pushed again."""
        from jdgate.files import write_refused

        self.list.sort(key=lambda row: row.number)
        self.account.listed_there = write_refused(
            path, self.list, self._importer, self.session.lang, self.fields
        )
