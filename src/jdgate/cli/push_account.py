"""The account of one pushed file: every row's verdict, counted, and shown to its owner.

Rules:
- memory stays flat: rows are counted, not kept. Kept are the first refused rows (to show them),
  and every row while the file is so small that all can be shown;
- a row is told by the number the spreadsheet program shows;
- no cell's content is in it; the words of a fault name column and form only.

    account = Account(file="a.xlsx", type="mmt.attendance.v1", member="cln-01")
    account.read += 1
    account.refuse(row, Reason(code, text, path))
    account.settle(message_id, "part", accepted=[5, 6])
    account_lines(account, "zh", width=80)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct, field

from jdgate.cli.session import ALL_GOOD, FAILED, PART_REFUSED
from jdgate.cli.show import listed, table
from jdgate.texts import Lang, say

SHOWN = 50
"""Rows shown on a terminal at most."""
KEPT = 1_000
"""Refused rows kept for `--json` at most."""
IDS_SHOWN = 3


class Reason(Struct, frozen=True):
    """Why a row was refused: its code, the sentence, and where in the record."""

    code: str
    text: str
    path: str = ""


class RefusedRow(Struct, frozen=True):
    """A row, or several in a row that share one reason (`last`)."""

    row: int
    last: int
    reasons: tuple[Reason, ...]


class Sent(Struct):
    """One message of the file. `verdict` is None while no receipt has come."""

    id: str
    records: int
    verdict: str | None = None
    accepted: int = 0
    refused: int = 0


class Account(Struct, kw_only=True):
    """What became of a file so far. `waiting` counts rows stored and not answered yet; `handed`
    is (first row, last row, count) of what the daemon was given and has not answered for."""

    file: str
    type: str
    member: str
    dry_run: bool = False
    no_wait: bool = False
    sheet: str | None = None
    encoding: str | None = None
    header_row: int | None = None
    read: int = 0
    accepted: int = 0
    refused: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    messages: dict[str, Sent] = field(default_factory=dict)
    refused_rows: list[RefusedRow] = field(default_factory=list)
    accepted_rows: list[int] = field(default_factory=list)
    handed: tuple[int, int, int] | None = None
    refused_to: str | None = None
    gateway_knows: bool = False
    """Whether only the gateway can tell that a person is known (an enrolment was filed)."""
    listed_there: int = 0

    @property
    def waiting(self) -> int:
        """Rows stored whose receipt has not come."""
        return sum(one.records for one in self.messages.values() if one.verdict is None)

    def refuse(self, row: int, reasons: Sequence[Reason], last: int | None = None) -> None:
        """Count a row (or the rows up to `last`) as refused."""
        last = row if last is None else last
        self.refused += last - row + 1
        if len(self.refused_rows) < KEPT:
            self.refused_rows.append(RefusedRow(row, last, tuple(reasons)))

    def accept(self, rows: Iterable[int]) -> None:
        """Count rows as accepted."""
        numbers = list(rows)
        self.accepted += len(numbers)
        if len(self.accepted_rows) <= SHOWN:
            self.accepted_rows += numbers[: SHOWN + 1 - len(self.accepted_rows)]

    @property
    def exit_code(self) -> int:
        """0 all good; 3 part refused; 1 all refused, or no answer although it was waited for."""
        if self.refused:
            return PART_REFUSED if self.accepted or self.waiting else FAILED
        return FAILED if self.waiting and not self.no_wait else ALL_GOOD


def rows_text(row: int, last: int) -> str:
    """`5` or `5–204`."""
    return str(row) if row == last else f"{row}–{last}"


def account_lines(account: Account, lang: Lang, width: int | None = None) -> list[str]:
    """The table of rows, then what was read, what came of it, and what to do next."""
    lines = _rows(account, lang, width)
    if lines:
        lines.append("")
    lines += [*_source(account, lang), *_outcome(account, lang)]
    if account.handed is not None:
        first, last, count = account.handed
        rows = rows_text(first, last)
        lines.append(say("cli.push.stopped", lang, rows=rows, count=f"{count:,}", first=first))
    return [*lines, *_next(account, lang)]


def _rows(account: Account, lang: Lang, width: int | None) -> list[str]:
    """The refused rows, as many as can be looked through; of a small file every row."""
    if not account.refused:
        return []
    refused = sorted(account.refused_rows, key=lambda one: one.row)
    rows: list[tuple[int, str, str, str]] = [
        (
            one.row,
            rows_text(one.row, one.last),
            say("cli.verdict.refused", lang),
            "; ".join(reason.text for reason in one.reasons),
        )
        for one in refused[:SHOWN]
    ]
    if account.read <= SHOWN:
        good = say("cli.verdict.good" if account.dry_run else "cli.verdict.accepted", lang)
        rows += [(row, str(row), good, "") for row in account.accepted_rows]
    titles = [say(f"cli.title.{name}", lang) for name in ("row", "verdict", "reason")]
    lines = table(titles, [row[1:] for row in sorted(rows)], width)
    return lines if len(refused) <= SHOWN else [*lines, "", _more(account, refused, lang)]


def _more(account: Account, refused: Sequence[RefusedRow], lang: Lang) -> str:
    more = account.refused - sum(one.last - one.row + 1 for one in refused[:SHOWN])
    code = "cli.push.more_listed" if account.refused_to else "cli.push.more"
    return say(code, lang, more=f"{more:,}", file=account.refused_to or "")


def _source(account: Account, lang: Lang) -> list[str]:
    where = []
    if account.sheet:
        where.append(say("cli.push.sheet", lang, sheet=account.sheet))
    if account.encoding:
        where.append(account.encoding)
    if account.header_row:
        where.append(say("cli.push.header", lang, row=account.header_row))
    lines = [
        say(
            "cli.push.read",
            lang,
            file=account.file,
            where=(" · " + " · ".join(where)) if where else "",
            rows=f"{account.read:,}",
        )
    ]
    kinds = {name: account.skipped.get(name, 0) for name in ("blank", "total", "note", "header")}
    if any(kinds.values()):
        lines.append(say("files.rows_skipped", lang, **kinds))
    if same := account.skipped.get("same"):
        lines.append(say("files.rows_same", lang, count=f"{same:,}"))
    if account.others:
        lines.append(say("files.sheets_other", lang, sheets=listed(account.others)))
    if account.dropped:
        lines.append(say("files.columns_dropped", lang, titles=listed(account.dropped)))
    if account.unknown:
        lines.append(say("files.columns_unknown", lang, titles=listed(account.unknown)))
    return lines


def _outcome(account: Account, lang: Lang) -> list[str]:
    counts = {
        "accepted": f"{account.accepted:,}",
        "refused": f"{account.refused:,}",
        "waiting": f"{account.waiting:,}",
        "member": account.member,
        "type": account.type,
    }
    if account.dry_run:
        later = [say("cli.push.gateway_knows", lang)] if account.gateway_knows else []
        return [say("cli.push.would", lang, **counts), *later]
    if account.no_wait:
        return [say("cli.push.stored", lang, **counts)]
    code = "cli.push.outcome_waiting" if account.waiting else "cli.push.outcome"
    return [say(code, lang, **counts)]


def _next(account: Account, lang: Lang) -> list[str]:
    lines = []
    if account.refused_to and account.listed_there:
        lines.append(
            say(
                "cli.push.listed",
                lang,
                file=account.refused_to,
                rows=f"{account.listed_there:,}",
            )
        )
    elif account.refused and not account.dry_run:
        part = account.accepted or account.waiting
        code = "cli.push.correct" if part else "cli.push.correct_all"
        lines.append(say(code if account.header_row else "cli.push.correct_records", lang))
    ids = list(account.messages)
    if ids:
        shown = ids if account.no_wait else ids[:IDS_SHOWN]
        more = len(ids) - len(shown)
        rest = say("cli.push.more_ids", lang, more=f"{more:,}") if more else ""
        lines.append(say("cli.push.ids", lang, ids=", ".join(shown) + rest))
    proven = [one.id for one in account.messages.values() if one.verdict in ("accepted", "part")]
    if proven:
        lines.append(say("cli.push.prove", lang, id=proven[0]))
    return lines


def account_document(account: Account, error: dict[str, Any] | None = None) -> dict[str, Any]:
    """The account as JSON."""
    told = sum(one.last - one.row + 1 for one in account.refused_rows)
    document: dict[str, Any] = {
        "file": account.file,
        "type": account.type,
        "member": account.member,
        "dry_run": account.dry_run,
        "sheet": account.sheet,
        "encoding": account.encoding,
        "header_row": account.header_row,
        "read": account.read,
        "accepted": account.accepted,
        "refused": account.refused,
        "waiting": account.waiting,
        "stopped_at_row": account.handed[0] if account.handed else None,
        "skipped": account.skipped,
        "columns_not_sent": list(account.dropped),
        "columns_unknown": list(account.unknown),
        "sheets_not_read": list(account.others),
        "messages": [
            {
                "id": one.id,
                "records": one.records,
                "verdict": one.verdict,
                "accepted": one.accepted,
                "refused": one.refused,
            }
            for one in account.messages.values()
        ],
        "rows": [
            {
                "row": one.row,
                "last": one.last,
                "verdict": "refused",
                "reasons": [
                    {"code": reason.code, "path": reason.path, "text": reason.text}
                    for reason in one.reasons
                ],
            }
            for one in sorted(account.refused_rows, key=lambda one: one.row)
        ],
        "rows_left_out": account.refused - told,
        "refused_to": account.refused_to,
    }
    if error is not None:
        document["error"] = error
    return document
