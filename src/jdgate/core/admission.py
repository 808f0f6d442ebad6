"""Admission: may this come in? One ordered, total decision over what arrived.

The order is fixed, and the first fault that concerns the whole message ends it:

     1 size, form of the id                 2 open (HPKE)
     3 signature header                     4 key: known, theirs, a signing key
     5 signature       6 JSON, envelope     7 sender is who the NATS user says, recipient is us
     8 key valid when signed and now        9 not from the future, not expired
    10 not a replay   11 agreement (type, sender's role, purpose, region, approval)
    12 sequence
    13 each record: schema, cross-field checks, the person is known where the sheet asks it

Steps 1–6 need the bytes and the keys alone (`open_arrival`); 7–13 need what the gateway knows
already (`judge`). `admit` is both. Nothing here raises for bad input: every arrival gets a
verdict, and a batch is accepted record by record. Key windows (8) come after decoding because
the moment of signing stands inside the message; the signature is checked before anything in it
is believed.

    verdict = admit(arrival, trust, catalogue, own_keys, past)
    verdict.outcome            # accepted | part | refused | duplicate
    verdict.reason             # for refused: Refused with code and parameters
    verdict.faults             # index → why that record was refused
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Literal, Protocol

import msgspec

from jdgate.core import approval, calendar
from jdgate.core.catalogue import Catalogue
from jdgate.core.directory import Member, Trust
from jdgate.core.keys import MemberKeys
from jdgate.core.message import MAX_BODY, MESSAGE_ID, Message, decode
from jdgate.core.regions import covers
from jdgate.core.schema import Fault, check_records
from jdgate.core.sealing import context, unseal
from jdgate.core.sheet import Sheet
from jdgate.core.signing import TYP_MESSAGE, payload_unverified, peek, verify
from jdgate.errors import Refused

MAX_SKEW = timedelta(minutes=5)
"""How far a sender's clock may be ahead of ours (design choice)."""

MAX_JUMP = 1_000_000
"""How many numbers a sender may leave out at once. A gateway whose books were lost still asks for
everything it once had; a number from nowhere opens no gap that could never be filled."""

Outcome = Literal["accepted", "part", "refused", "duplicate"]


class Arrival(msgspec.Struct, frozen=True):
    """One body as the bus gave it. `member` is the subject's, `id` the header's: both unproven."""

    member: str
    id: str
    kid: str
    body: bytes
    at: datetime


class Past(Protocol):
    """What the gateway knew before this message."""

    def digest_of(self, message_id: str) -> bytes | None:
        """SHA-256 of the JWS accepted or refused under this id before, if any."""
        ...

    def sequence_used(self, source: str, sequence: int) -> bool:
        """Whether another message of `source` already holds this sequence number."""
        ...

    def next_sequence(self, source: str) -> int:
        """One more than the highest sequence number seen of `source`."""
        ...

    def subject_of_alias(self, domain: str, member: str, alias: str) -> bytes | None:
        """The pseudonym behind a member's own reference (e.g. a clinic's patient number)."""
        ...

    def pseudonym(self, domain: str, id_no: str) -> bytes:
        """The keyed pseudonym of an identity number in one domain."""
        ...


class Opened(msgspec.Struct, frozen=True):
    """A message whose signature holds."""

    message: Message
    jws: bytes
    digest: bytes
    kid: str


class Verdict(msgspec.Struct, frozen=True):
    """What admission decided. `subjects` maps record index → pseudonym (16 bytes).

    `proven`: the signer was the sender and was allowed to sign, so the message's id and number
    are its own. Without it nothing that the message says of itself may be counted.
    """

    arrival: Arrival
    outcome: Outcome
    opened: Opened | None = None
    reason: Refused | None = None
    faults: dict[int, list[Fault]] = {}
    subjects: dict[int, bytes] = {}
    proven: bool = False

    @property
    def accepted(self) -> list[int]:
        """Indexes of the records that were let in."""
        if self.opened is None or self.outcome in ("refused", "duplicate"):
            return []
        return [i for i in range(len(self.opened.message.data)) if i not in self.faults]

    def refused(self, reason: Refused) -> Verdict:
        """This verdict turned into a refusal of the whole message. It stays as proven as it was."""
        return msgspec.structs.replace(self, outcome="refused", reason=reason, subjects={})

    def with_faults(self, faults: dict[int, list[Fault]]) -> Verdict:
        """This verdict with these faults of records; refused when they leave no record."""
        assert self.opened is not None
        found = msgspec.structs.replace(self, faults=faults)
        if len(faults) == len(self.opened.message.data):
            return found.refused(Refused("admission.no_record_left", records=len(faults)))
        return msgspec.structs.replace(found, outcome="part" if faults else "accepted")


def open_arrival(
    arrival: Arrival, trust: Trust, keys: MemberKeys, *, sender: str | None = None
) -> Opened | Refused:
    """Steps 1–6: the message inside, if it was sealed to us and signed by the claimed sender.

    `sender` is whose signature is expected; by default the member that the subject names.
    """
    try:
        return read_signed(open_signed(arrival, trust, keys, sender=sender))
    except Refused as reason:
        return reason


def open_signed(
    arrival: Arrival, trust: Trust, keys: MemberKeys, *, sender: str | None = None
) -> bytes:
    """Steps 1–5: the JWS inside, its signature verified.

    Raises:
        Refused: `admission.*`, `sealing.*`, `signing.*`, `key.*`.
    """
    claimed = sender or arrival.member
    if len(arrival.body) > MAX_BODY:
        raise Refused("admission.too_large", got=len(arrival.body), most=MAX_BODY)
    if not MESSAGE_ID.fullmatch(arrival.id):
        raise Refused("admission.id")  # whoever may publish may write anything there
    info = context(claimed, keys.member, arrival.id)
    jws = unseal(arrival.body, keys.opener(arrival.kid), info)
    _, public = trust.claimed_key(peek(jws).kid, claimed)
    verify(jws, public, TYP_MESSAGE)
    return jws


def read_signed(jws: bytes) -> Opened:
    """Step 6: the message of a JWS that `open_signed` gave.

    Raises:
        Refused: `message.*`.
    """
    message = decode(payload_unverified(jws))
    return Opened(message, jws, hashlib.sha256(jws).digest(), peek(jws).kid)


def check_envelope(
    opened: Opened, arrival: Arrival, trust: Trust, recipient: str, sender: str
) -> None:
    """Steps 7–9, the same at the gateway and at an edge.

    Raises:
        Refused: as `check_proof` and `check_time`.
    """
    check_proof(opened, arrival, trust, recipient, sender)
    check_time(opened.message, arrival.at)


def check_proof(
    opened: Opened, arrival: Arrival, trust: Trust, recipient: str, sender: str
) -> None:
    """Steps 7 and 8: it is the sender's, meant for us, under this id, and the key is good.

    Raises:
        Refused: `admission.sender`, `admission.recipient`, `admission.id`, `key.*`.
    """
    message = opened.message
    if message.source != sender:
        raise Refused("admission.sender", got=message.source, expected=sender)
    if message.recipient != recipient:
        raise Refused("admission.recipient", got=message.recipient, expected=recipient)
    if message.id != arrival.id:
        raise Refused("admission.id")
    trust.signing_key(opened.kid, sender, min(message.time, arrival.at), arrival.at)


def proven_id(arrival: Arrival, trust: Trust, keys: MemberKeys) -> str | None:
    """The message id, once steps 1–8 show whose it is; None for anything else."""
    opened = open_arrival(arrival, trust, keys)
    if isinstance(opened, Refused):
        return None
    try:
        check_proof(opened, arrival, trust, keys.member, arrival.member)
    except Refused:
        return None
    return opened.message.id


def check_time(message: Message, at: datetime) -> None:
    """Step 9, first half.

    Raises:
        Refused: `admission.from_future`, `admission.expired`.
    """
    if message.time > at + MAX_SKEW:
        ahead = int((message.time - at).total_seconds() // 60)
        raise Refused("admission.from_future", minutes=ahead, most=MAX_SKEW.seconds // 60)
    if message.expires is not None and message.expires <= at:
        raise Refused("admission.expired", expired=message.expires.date())


def _check_agreement(message: Message, sheet: Sheet | None, trust: Trust) -> Sheet:
    """Step 11. A missing sheet is a missing agreement: without one nothing moves."""
    if sheet is None:
        raise Refused("agreement.no_type", type=message.type)
    sender = trust.member(message.source)
    if not sheet.may_send(sender.roles):
        raise Refused(
            "agreement.sender_role",
            type=message.type,
            got="/".join(sender.roles),
            expected="/".join(sheet.senders),
        )
    if message.purpose != sheet.purpose:
        raise Refused("agreement.purpose", type=message.type, expected=sheet.purpose)
    check_place(message.region, sheet, sender, trust.directory.county)
    approval.require(sheet, message.approvedby)
    return sheet


def check_place(region: str | None, sheet: Sheet, sender: Member, county: str) -> None:
    """Whether a sender may speak for a place: one of its own, unless the sheet takes any.

    Raises:
        Refused: `agreement.cross_region`, `agreement.region`.
    """
    if region is None:
        return
    if not region.startswith(county[:6]):
        raise Refused("agreement.cross_region", expected=county[:6])
    if sheet.region == "own" and not any(covers(own, region) for own in sender.regions):
        raise Refused("agreement.region", type=sheet.type, own=", ".join(sender.regions))


def _check_age(message: Message, sheet: Sheet, at: datetime) -> None:
    """Step 9, second half: the sheet bounds the age of what names no expiry of its own."""
    if message.expires is None and message.time + timedelta(days=sheet.expires_days) <= at:
        raise Refused("admission.too_old", days=sheet.expires_days)


def _check_sequence(message: Message, sheet: Sheet, past: Past) -> None:
    """Step 12."""
    if sheet.tracked != (message.sequence is not None):
        raise Refused("message.envelope", attribute="sequence")
    number = message.sequence
    if number is None:
        return
    following = past.next_sequence(message.source)
    if number < 1 or past.sequence_used(message.source, number):
        raise Refused("admission.sequence_used", got=number, next=following)
    if number >= following + MAX_JUMP:
        raise Refused("admission.sequence_jump", got=number, next=following)


def find_subject(
    record: dict[str, object], sheet: Sheet, source: str, past: Past, defined: dict[str, bytes]
) -> tuple[bytes | None, Fault | None]:
    """Whom a record is about, by the identity number or by the sender's own reference.

    `defined` collects the references that earlier records of the same batch defined.
    """
    subject = None
    if sheet.subject is not None:
        id_no = record.get(sheet.subject.field)
        if isinstance(id_no, str):
            subject = past.pseudonym(sheet.domain, id_no)
    alias = sheet.alias
    if alias is None:
        return subject, None
    value = record.get(alias.field)
    if not isinstance(value, str):
        return subject, None
    known = defined.get(value) or past.subject_of_alias(sheet.domain, source, value)
    if alias.defines:
        if known is not None and subject is not None and known != subject:
            # a number given to somebody else must never move one person's records to another
            return None, Fault("record.reference_taken", f"/{alias.field}", {"field": alias.field})
        if subject is not None:
            defined[value] = subject
        return subject, None
    if known is None and alias.required:
        return None, Fault("record.not_enrolled", f"/{alias.field}", {"field": alias.field})
    return known if subject is None else subject, None


def judge(
    opened: Opened, arrival: Arrival, trust: Trust, catalogue: Catalogue, recipient: str, past: Past
) -> Verdict:
    """Steps 7–13 for a message whose signature holds."""
    message = opened.message
    try:
        check_proof(opened, arrival, trust, recipient, arrival.member)
    except Refused as reason:
        return Verdict(arrival, "refused", opened, reason)
    try:
        check_time(message, arrival.at)
        known = past.digest_of(message.id)
        if known is not None:
            if known == opened.digest:
                return Verdict(arrival, "duplicate", opened, proven=True)
            raise Refused("admission.id_reused")
        sheet = _check_agreement(message, catalogue.sheets.get(message.type), trust)
        _check_age(message, sheet, arrival.at)
        _check_sequence(message, sheet, past)
    except Refused as reason:
        return Verdict(arrival, "refused", opened, reason, proven=True)

    faults = check_records(
        catalogue.validator(message.type), sheet, message.data, calendar.local_day(arrival.at)
    )
    subjects: dict[int, bytes] = {}
    defined: dict[str, bytes] = {}
    for index, record in enumerate(message.data):
        if index in faults:
            continue
        subject, fault = find_subject(record, sheet, message.source, past, defined)
        if fault is not None:
            faults[index] = [fault]
        elif subject is not None:
            subjects[index] = subject
    let_in = Verdict(arrival, "accepted", opened, subjects=subjects, proven=True)
    return let_in.with_faults(faults)


def admit(
    arrival: Arrival, trust: Trust, catalogue: Catalogue, keys: MemberKeys, past: Past
) -> Verdict:
    """The whole decision for one arrival at the gateway. Total: it never raises for bad input."""
    opened = open_arrival(arrival, trust, keys)
    if isinstance(opened, Refused):
        return Verdict(arrival, "refused", None, opened)
    return judge(opened, arrival, trust, catalogue, keys.member, past)
