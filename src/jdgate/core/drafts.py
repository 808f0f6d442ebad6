"""The life of a draft, as a state machine: the gateway drafts, a named person decides.

    waiting → approved → sent → accepted
    waiting → rejected
    waiting, approved, rejected → withdrawn     (its rule settled the cause)
    sent → waiting                              (the gateway refused what was approved)

- Nothing here happens by time. Only `approve`, with a name and every check confirmed, lets a
  draft go on.
- One draft per cause. While it waits, a repeat renews its content; once decided it stays as
  decided. Only a withdrawn draft lets its cause start a new life.
- Where the sheet asks for two, two different people must approve.
- The text of a check is `check.<name>`.

    draft, new = raise_draft(latest, effect, id=id, rule="clinic.absence", key=key, at=now)
    draft = approve(draft, at=now, by="…", checked=draft.checks)
    draft = sent(draft, message_id=id)
    draft = answered(draft, accepted=True)
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from jdgate.core.effects import Draft, Role
from jdgate.errors import Refused

DraftStep = Literal["waiting", "approved", "rejected", "withdrawn", "sent", "accepted"]


class DraftLife(Struct, frozen=True, kw_only=True):
    """One draft. `needs` is how many different people must approve (the sheet's `approval`).

    `refused_code` says why the gateway refused what was approved, when it did.
    """

    id: str
    rule: str
    key: str
    cause: str
    type: str
    to: str | Role
    reason_code: str
    prefill: dict[str, Any]
    params: dict[str, Any]
    checks: tuple[str, ...]
    needs: int = 1
    step: DraftStep = "waiting"
    raised_at: datetime
    approvers: tuple[str, ...] = ()
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str | None = None
    message_id: str | None = None
    refused_code: str | None = None
    repeats: int = 0


def raise_draft(
    latest: DraftLife | None,
    draft: Draft,
    *,
    id: str,
    rule: str,
    key: str,
    at: datetime,
    needs: int = 1,
) -> tuple[DraftLife, bool]:
    """The life of a draft just emitted, and whether it is a new one (then it is to be sent).

    While it waits its content is renewed; once decided it stays as it was decided. Only a
    withdrawn draft lets its cause start a new life.
    """
    if latest is None or latest.step == "withdrawn":
        life = DraftLife(
            id=id,
            rule=rule,
            key=key,
            cause=draft.cause,
            type=draft.type,
            to=draft.to,
            reason_code=draft.reason_code,
            prefill=draft.prefill,
            params=draft.params,
            checks=draft.checks,
            needs=needs,
            raised_at=at,
        )
        return life, True
    renewed = msgspec.structs.replace(latest, repeats=latest.repeats + 1)
    if latest.step == "waiting":
        renewed = msgspec.structs.replace(renewed, prefill=draft.prefill, params=draft.params)
    return renewed, False


def approve(draft: DraftLife, *, at: datetime, by: str, checked: Iterable[str]) -> DraftLife:
    """The draft with one more approval; approved when it has as many as it needs.

    Raises:
        Refused: `draft.person_needed` without a name, `draft.decided` when it does not wait,
            `draft.checks_missing` naming the checks not confirmed, `draft.same_person` when
            this person approved before.
    """
    _must_wait(draft, by)
    done = set(checked)
    missing = [check for check in draft.checks if check not in done]
    if missing:
        raise Refused("draft.checks_missing", draft=draft.id, missing=", ".join(missing))
    if by in draft.approvers:
        raise Refused("draft.same_person", draft=draft.id)
    approvers = (*draft.approvers, by)
    if len(approvers) < draft.needs:
        return msgspec.structs.replace(draft, approvers=approvers)
    return msgspec.structs.replace(
        draft, step="approved", approvers=approvers, decided_by=by, decided_at=at
    )


def reject(draft: DraftLife, *, at: datetime, by: str, reason: str) -> DraftLife:
    """The draft rejected by a person; the cause does not bring it up again.

    Raises:
        Refused: `draft.person_needed`, `draft.decided`, or `draft.reason_needed`.
    """
    _must_wait(draft, by)
    if not reason.strip():
        raise Refused("draft.reason_needed", draft=draft.id)
    return msgspec.structs.replace(
        draft, step="rejected", decided_by=by, decided_at=at, reason=reason
    )


def withdraw(draft: DraftLife, *, at: datetime) -> DraftLife:
    """The draft withdrawn because its cause is gone.

    What was sent stays sent. A rejected draft is marked withdrawn too, so that its cause may
    start anew; who rejected it and why is kept.
    """
    if draft.step in ("sent", "accepted", "withdrawn"):
        return draft
    return msgspec.structs.replace(
        draft, step="withdrawn", decided_at=draft.decided_at if draft.decided_by else at
    )


def sent(draft: DraftLife, *, message_id: str) -> DraftLife:
    """The approved draft on its way as a message.

    Raises:
        Refused: `draft.not_approved` when nobody approved it.
    """
    if draft.step in ("sent", "accepted") and draft.message_id == message_id:
        return draft
    if draft.step != "approved":
        raise Refused("draft.not_approved", draft=draft.id, step=draft.step)
    return msgspec.structs.replace(draft, step="sent", message_id=message_id, refused_code=None)


def answered(draft: DraftLife, *, accepted: bool, code: str | None = None) -> DraftLife:
    """The draft after the gateway's receipt. Refused, it waits again with the reason.

    Raises:
        Refused: `draft.not_approved` when it was never sent.
    """
    if draft.step == "accepted":
        return draft
    if draft.step != "sent":
        raise Refused("draft.not_approved", draft=draft.id, step=draft.step)
    if accepted:
        return msgspec.structs.replace(draft, step="accepted")
    return msgspec.structs.replace(
        draft,
        step="waiting",
        approvers=(),
        decided_by=None,
        decided_at=None,
        message_id=None,
        refused_code=code or "draft.refused",
    )


def _must_wait(draft: DraftLife, by: str) -> None:
    if not by.strip():
        raise Refused("draft.person_needed", draft=draft.id)
    if draft.step != "waiting":
        raise Refused("draft.decided", draft=draft.id, step=draft.step)
