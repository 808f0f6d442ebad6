"""Verifying evidence offline, with nothing but the authority's pinned public key. Pure.

The plan, in order; the first step that fails ends it, and nothing is believed before the step
that proves it:

     1 form          the file is the one canonical text of a closed document
     2 directory     every directory is signed by the authority, versions ascend
     3 seal          the gateway signed the file with a key valid at the checkpoint's moment
     4 checkpoint    the gateway signed the checkpoint of this county's ledger
     5 consistency   the ledger was only appended to since each older checkpoint
     6 sender        the sender signed the message with a key valid when signed and received
     7 receipt       the gateway's receipt is signed, for this message, for these very bytes
     8 leaf          the leaf opens to the sender's bytes and says the same of it
     9 inclusion     the leaf is in the ledger under the checkpoint
    10 disclosure    each: signed by the gateway, to whom, which fields, which basis; its leaf
                     opens to it and is included; its records are the original's, cut down to
                     exactly those fields; none that the leaf of 8 names is missing
    11 delivery      each: the recipient's signed receipt names the delivery and its bytes; its
                     leaf opens to it and is included; or: not yet delivered

A document about a message that had not come (`evidence_missed`) has the same first five steps, and
then: statement (what, from whom, by when; made after that), inclusion, arrival (what came later).

What is not there is said, not passed over: "not yet delivered" and "refused because" are
outcomes of their own. The plan proves what the gateway did and can't deny; that nobody else was
told is proven for what was sent out with the acceptance, whose leaf names those deliveries.

    report = verify(path.read_bytes(), pinned)
    report.ok, report.summary
    for step in report.steps:
        say(f"evidence.step.{step.name}", lang), say(step.code, lang, **step.params)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from jdgate.core import checkpoints, directory, evidence_missed, signing
from jdgate.core.checkpoints import Checkpoint
from jdgate.core.directory import AuthorityKey, Trust
from jdgate.core.encoding import unb64u
from jdgate.core.evidence import Evidence
from jdgate.core.evidence_chain import Chain
from jdgate.core.evidence_missed import Missed, Statement
from jdgate.core.evidence_report import Finding, Report, Step, passed, skipped
from jdgate.core.ledger import verify_consistency
from jdgate.core.message import show_time
from jdgate.errors import JdgateError, Refused

SKEW = timedelta(minutes=5)
"""How far the authority's clock may be ahead of the gateway's (design choice)."""


def verify(data: bytes, pinned: Iterable[AuthorityKey]) -> Report:
    """Run the plan on a file's bytes. Never raises for what the file holds."""
    steps: list[Step] = []
    plan = _Plan(data, tuple(pinned))
    for number, (name, check) in enumerate(plan.checks(), start=1):
        try:
            findings = check()
        except JdgateError as fault:
            steps.append(Step(number, name, "failed", fault.code, fault.params))
            return Report(False, tuple(steps), None)
        except (ValueError, TypeError, OverflowError, RecursionError):
            # Text that is no text, times without a zone, nesting without end: whatever gets
            # past the decoders is still only a bad document.
            steps.append(Step(number, name, "failed", "evidence.malformed", {}))
            return Report(False, tuple(steps), None)
        steps += [Step(number, name, *finding) for finding in findings]
    if plan.statement is not None:
        return Report(True, tuple(steps), None, plan.statement.summary())
    return Report(True, tuple(steps), plan.chain.summary(plan.checkpoint))


class _Plan:
    """The plan's steps and what each one established for the next."""

    def __init__(self, data: bytes, pinned: tuple[AuthorityKey, ...]) -> None:
        self._data = data
        self._pinned = pinned
        self._document: Evidence | Missed
        self._trusts: dict[int, Trust] = {}
        self._latest: Trust
        self.checkpoint: Checkpoint
        self.chain: Chain
        self.statement: Statement | None = None

    def checks(self) -> Iterator[tuple[str, Callable[[], list[Finding]]]]:
        """The steps in order; which ones follow the fifth, the form of the document decides."""
        yield "form", self._form
        yield "directory", self._directory
        yield "seal", self._seal
        yield "checkpoint", self._checkpoint
        yield "consistency", self._consistency
        if self.statement is not None:
            yield "statement", self.statement.statement
            yield "inclusion", self.statement.inclusion
            yield "arrival", self.statement.arrival
            return
        yield "sender", self.chain.sender
        yield "receipt", self.chain.receipt
        yield "leaf", self.chain.leaf
        yield "inclusion", self.chain.inclusion
        yield "disclosure", self.chain.disclosures
        yield "delivery", self.chain.deliveries

    def _form(self) -> list[Finding]:
        self._document = evidence_missed.unverified(self._data)
        return [passed("evidence.form", size=len(self._data))]

    def _directory(self) -> list[Finding]:
        trusted = list(self._pinned)
        for text in self._document.directories:
            read = directory.read(text.encode(), trusted)
            if self._trusts:
                before = self._latest.directory
                if read.version <= before.version:
                    raise Refused(
                        "evidence.directory_order", got=read.version, after=before.version
                    )
                if read.county != before.county:
                    raise Refused("evidence.county", got=read.county, expected=before.county)
            self._latest = self._trusts[read.version] = Trust(read)
            trusted += read.authority
        if not self._trusts:
            raise Refused("evidence.no_directory")
        return [
            passed(
                "evidence.directory",
                county=self._latest.directory.county,
                versions=", ".join(str(version) for version in self._trusts),
            )
        ]

    def _gateway_key(self, jws: bytes, at: datetime) -> signing.PublicKey:
        # A directory newer than the moment knows more about the key (a revocation), never
        # less: only that it had run out counts against it.
        if at >= self._latest.directory.expires:
            raise Refused(
                "evidence.directory_expired",
                version=self._latest.directory.version,
                expired=show_time(self._latest.directory.expires),
                at=show_time(at),
            )
        return self._latest.signing_key(signing.peek(jws).kid, self._latest.gateway.id, at, at)

    def _seal(self) -> list[Finding]:
        claimed = checkpoints.unverified(self._document.checkpoint.encode())
        key = self._gateway_key(self._data, claimed.at)
        signing.verify(self._data, key, signing.TYP_EVIDENCE)
        return [passed("evidence.seal", gateway=self._latest.gateway.id, kid=key.kid)]

    def _signed_checkpoint(self, text: str) -> Checkpoint:
        jws = text.encode()
        key = self._gateway_key(jws, checkpoints.unverified(jws).at)
        found = checkpoints.verify(jws, key)
        county = self._latest.directory.county
        if found.ledger != county:
            raise Refused("evidence.county", got=found.ledger[:40], expected=county)
        return found

    def _checkpoint(self) -> list[Finding]:
        self.checkpoint = self._signed_checkpoint(self._document.checkpoint)
        if isinstance(self._document, Missed):
            self.statement = Statement(self._document, self._trust_of, self.checkpoint)
        else:
            self.chain = Chain(self._document, self._trust_of, self.checkpoint)
        at = show_time(self.checkpoint.at)
        return [passed("evidence.checkpoint", size=self.checkpoint.size, at=at)]

    def _trust_of(self, version: int, at: datetime) -> Trust:
        """The directory a leaf names, in force at the leaf's moment."""
        trust = self._trusts.get(version)
        if trust is None:
            given = ", ".join(str(known) for known in self._trusts)
            raise Refused("evidence.directory_missing", version=version, given=given)
        named = trust.directory
        if at >= named.expires:
            raise Refused(
                "evidence.directory_expired",
                version=version,
                expired=show_time(named.expires),
                at=show_time(at),
            )
        if at + SKEW < named.issued:
            raise Refused(
                "evidence.directory_early",
                version=version,
                issued=show_time(named.issued),
                at=show_time(at),
            )
        return trust

    def _consistency(self) -> list[Finding]:
        findings: list[Finding] = []
        before = 0
        for older in self._document.older:
            found = self._signed_checkpoint(older.checkpoint)
            if found.size <= before:
                raise Refused("evidence.checkpoint_order", got=found.size, after=before)
            path = [unb64u(entry) for entry in older.path]
            if not verify_consistency(
                found.size, self.checkpoint.size, path, found.root, self.checkpoint.root
            ):
                raise Refused("evidence.inconsistent", old=found.size, new=self.checkpoint.size)
            before = found.size
            findings.append(
                passed(
                    "evidence.consistency",
                    old=found.size,
                    new=self.checkpoint.size,
                    at=show_time(found.at),
                )
            )
        return findings or [skipped("evidence.consistency_none")]
