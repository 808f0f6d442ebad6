"""What verifying evidence found: the steps, and a summary for people. Pure.

A summary exists only when every step held, so nothing unproven is ever printed as if it were.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from msgspec import Struct

State = Literal["passed", "pending", "skipped", "failed"]
Outcome = Literal["delivered", "failed", "pending"]


class Finding(NamedTuple):
    """What one check found: how it stands, and the code and parameters of its text."""

    state: State
    code: str
    params: dict[str, Any]


def passed(code: str, **params: object) -> Finding:
    """The check holds."""
    return Finding("passed", code, params)


def pending(code: str, **params: object) -> Finding:
    """There is nothing to check yet, and that is said."""
    return Finding("pending", code, params)


def skipped(code: str, **params: object) -> Finding:
    """The check does not apply to this message, and the text says why."""
    return Finding("skipped", code, params)


class Step(Struct, frozen=True):
    """One line of the report. `name` is `evidence.step.<name>` in the texts.

    A step that looks at several things (disclosures, deliveries) has a line for each.
    """

    number: int
    name: str
    state: State
    code: str
    params: dict[str, Any]

    @property
    def ok(self) -> bool:
        """Nothing speaks against the evidence here."""
        return self.state != "failed"


class Shown(Struct, frozen=True):
    """One disclosure: to whom, what, on which ground, and what came of it.

    `answered` is when the gateway wrote down the recipient's receipt, None while it is pending.
    Times are wire times (RFC 3339, UTC, milliseconds).
    """

    delivery: str
    recipient: str
    recipient_name: str
    role: str
    at: str
    fields: tuple[str, ...]
    basis: tuple[str, ...]
    purpose: str
    records: int
    outcome: Outcome
    answered: str | None


class Summary(Struct, frozen=True):
    """The proven story of one message, for printing.

    `verdict` is accepted, part, refused (for `reason`, a text code) or own: the gateway's.
    `approved_by` are the persons whom the sender names as having approved the message.
    """

    county: str
    message: str
    type: str
    sender: str
    sender_name: str
    sent: str
    verdict: Literal["accepted", "part", "refused", "own"]
    reason: str
    judged: str | None
    records: int
    refused: tuple[int, ...]
    disclosures: tuple[Shown, ...]
    ledger_size: int
    checkpoint_at: str
    approved_by: tuple[str, ...] = ()


class MissedSummary(Struct, frozen=True):
    """The proven story of a message that had not come. Times are wire times."""

    county: str
    statement: str
    type: str
    member: str
    rule: str
    about: str
    since: str
    due: str
    at: str
    size: int
    arrived: str | None
    message: str | None
    ledger_size: int
    checkpoint_at: str


class Report(Struct, frozen=True):
    """The outcome of a verification: `summary` is there exactly when `ok`, or `missed` when the
    document is about a message that had not come."""

    ok: bool
    steps: tuple[Step, ...]
    summary: Summary | None
    missed: MissedSummary | None = None

    @property
    def failed(self) -> Step | None:
        """The step that ended it, if one did."""
        return None if self.ok else self.steps[-1]
