"""From arrivals to commitments: everything a group of messages brings about, in one transaction.

     open → judge → references and relations → rules → desks → deliveries → ledger → receipts

The transaction commits the messages, their verdicts, rule states, expectations, alerts, drafts,
deliveries, ledger leaves and receipts together, or nothing of it. Only then is anything
published and the bus told to forget the arrivals. A group is processed at once because one disk
sync and a dozen statements then serve all of it; a message that makes the group fail (a fault of
ours or a plugin's) is found by taking the messages one at a time, and set aside.

    processed = process(conn, ground, arrivals, now)       # inside `books.transaction()`
    await dispatcher.send(processed.outbound)              # after it
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from jdgate.core import leaves, rules
from jdgate.core.admission import (
    Arrival,
    Opened,
    Verdict,
    find_subject,
    judge,
    open_arrival,
    read_signed,
)
from jdgate.core.fault import Fault
from jdgate.core.message import Message
from jdgate.core.projection import project
from jdgate.core.routing import Desk, NoDesk, desks, relations_needed, subject_value
from jdgate.core.rules import Fact, Failure, Rule
from jdgate.errors import Refused
from jdgate.gateway import answers, system, tallying, traces
from jdgate.gateway.answers import Entry
from jdgate.gateway.compose import Outbound, Plan, compose, store
from jdgate.gateway.effects import GAP, Effects
from jdgate.gateway.ground import Ground
from jdgate.gateway.guards import Guards
from jdgate.gateway.notices import Notice
from jdgate.gateway.past import PastView, counts
from jdgate.store import ledger, messages, meta, rulestate, sequences
from jdgate.store.messages import MessageRow


class Processed(msgspec.Struct, frozen=True):
    """What a committed group leads to. `dead` names messages that were set aside."""

    outbound: list[Outbound]
    notices: list[Notice]


def process(
    conn: Connection,
    ground: Ground,
    arrivals: Sequence[Arrival],
    now: datetime,
    opened: Sequence[bytes | None] = (),
) -> Processed:
    """Judge a group of arrivals and write all that follows. Raises only for faults of ours.

    `opened` holds the verified JWS of each arrival that a worker opened under this ground.
    """
    meta.raise_clock(conn, now)
    attempts = [
        open_arrival(arrival, ground.trust, ground.keys) if jws is None else _read(jws)
        for arrival, jws in zip(arrivals, opened or [None] * len(arrivals), strict=True)
    ]
    guards = Guards(conn, ground, now)
    verdicts, past = _judge_all(conn, ground, arrivals, attempts, guards, now)
    effects = Effects(conn, ground, now)
    guards.tell(effects)
    entries = answers.enter(ground, verdicts, past)
    let_in = [entry.verdict for entry in entries if entry.verdict.accepted]
    for verdict in let_in:
        system.take(conn, ground, verdict, effects, now)
    for entry in entries:
        system.draft_refused(conn, entry.verdict)
    ordinary = [verdict for verdict in let_in if not _is_system(verdict)]
    run_rules(conn, ground, _facts(ground, ordinary), effects, now)
    plans_of = _route(ground, past, ordinary, effects)
    _note_sequences(conn, entries, effects, now)
    effects.flush()

    plans = [plan for group in plans_of.values() for plan in group] + effects.plans
    composed = compose(conn, ground, plans, now)
    first_leaf = traces.write_ledger(conn, ground, entries, plans_of, composed, effects, now)
    store(conn, composed, first_leaf)
    rows = {
        entry.row_id: answers.message_row(conn, ground, entry, now)
        for entry in entries
        if entry.leaf is not None
    }
    duplicates = [verdict for verdict in verdicts if verdict.outcome == "duplicate"]
    answered = answers.receipts(conn, ground, entries, rows, duplicates, past, now)
    messages.add_many(conn, list(rows.values()))
    traces.note_people(conn, ordinary, plans_of)
    tallying.came(conn, ground, entries, now)
    notices = [*traces.told(ground, entries, plans_of), *effects.notices]
    return Processed([*answered, *composed.outbound, *effects.outbound], notices)


def _read(jws: bytes) -> Opened | Refused:
    try:
        return read_signed(jws)
    except Refused as reason:
        return reason


def _judge_all(
    conn: Connection,
    ground: Ground,
    arrivals: Sequence[Arrival],
    attempts: Sequence[Opened | Refused],
    guards: Guards,
    now: datetime,
) -> tuple[list[Verdict], PastView]:
    past = PastView(conn, ground, [one for one in attempts if isinstance(one, Opened)])
    verdicts = []
    for arrival, attempt in zip(arrivals, attempts, strict=True):
        if isinstance(attempt, Refused):
            verdict = Verdict(arrival, "refused", None, attempt)
        else:
            verdict = judge(attempt, arrival, ground.trust, ground.catalogue, ground.me, past)
        verdict = guards.check(past.corrections.judge(verdict))
        past.note(verdict)
        verdicts.append(verdict)
    past.write(now)
    return verdicts, past


def _is_system(verdict: Verdict) -> bool:
    return verdict.opened is not None and verdict.opened.message.type.startswith("sys.")


def _facts(ground: Ground, verdicts: Iterable[Verdict]) -> list[Fact]:
    found: list[Fact] = []
    for verdict in verdicts:
        assert verdict.opened is not None
        message = verdict.opened.message
        region = message.region or ground.regions.region_of(message.source)
        subject = verdict.subjects.get
        found.extend(
            Fact(
                message.type,
                message.source,
                subject(index),
                message.data[index],
                message.id,
                index,
                region,
            )
            for index in verdict.accepted
        )
    return found


def facts_again(conn: Connection, ground: Ground, message: Message, row: MessageRow) -> list[Fact]:
    """The facts of a message that was accepted before, for a rule that failed on them.

    Which records were let in is what the ledger says, whatever catalogue and county say by now.
    """
    entry = ledger.leaf(conn, row.leaf_index) if row.leaf_index is not None else None
    leaf = leaves.decode(entry.body) if entry is not None else None
    assert isinstance(leaf, leaves.AcceptedLeaf)
    sheet = ground.catalogue.sheets[message.type]
    arrival = Arrival(message.source, message.id, "", b"", row.received_at)
    opened = Opened(message, b"", row.digest, "")
    past = PastView(conn, ground, [opened])
    refused: dict[int, list[Fault]] = {index: [] for index in leaf.refused}
    found = {
        index: find_subject(record, sheet, message.source, past, {})[0]
        for index, record in enumerate(message.data)
        if index not in refused
    }
    known = {index: subject for index, subject in found.items() if subject is not None}
    verdict = Verdict(arrival, "part", opened, None, refused, known, proven=True)
    return _facts(ground, [past.corrections.judge(verdict)])


def run_rules(
    conn: Connection,
    ground: Ground,
    facts: list[Fact],
    effects: Effects,
    now: datetime,
    only: tuple[Rule, ...] | None = None,
) -> list[Failure]:
    """Put facts through every rule that reads them (or `only` these), and carry out what follows.

    A rule that breaks on a key is reported to the authority and its facts are kept.
    """
    types = {fact.type for fact in facts}
    failures: list[Failure] = []
    for rule in ground.rules if only is None else only:
        if types.isdisjoint(rule.types):
            continue
        states = load_states(conn, ground, rule, rules.keys(rule, facts))
        outcome = rules.run(rule, states, facts, now)
        save_states(conn, ground, rule, outcome.states, now)
        effects.apply(outcome.effects)
        failures.extend(outcome.failures)
    if only is None:
        for failure in failures:
            effects.rule_failed(failure)
            system.keep_failure(conn, failure, now)
    return failures


def load_states(
    conn: Connection, ground: Ground, rule: Rule, keys: Iterable[str]
) -> dict[str, Any]:
    """The states of these keys, opened and decoded."""
    opened = ground.vault.open_state
    blobs = rulestate.load(conn, rule.name, keys)
    return rules.decode_states(
        rule, {key: opened(conn, rule.name, key, blob) for key, blob in blobs.items()}
    )


def save_states(
    conn: Connection, ground: Ground, rule: Rule, states: dict[str, Any], now: datetime
) -> None:
    """Seal and keep these states, and what they add to charts."""
    if states:
        tallying.note_points(conn, rule, states.values())
        sealed = {
            key: ground.vault.seal_state(conn, rule.name, key, blob)
            for key, blob in rules.encode_states(rule, states).items()
        }
        rulestate.save(conn, rule.name, sealed, version=rule.version, now=now)


def _route(
    ground: Ground, past: PastView, verdicts: Sequence[Verdict], effects: Effects
) -> dict[str, list[Plan]]:
    """Message id → what is to be delivered because of it. One delivery per desk and message."""
    _load_relations(ground, past, verdicts)
    plans_of: dict[str, list[Plan]] = {}
    for verdict in verdicts:
        assert verdict.opened is not None
        message = verdict.opened.message
        sheet = ground.catalogue.sheets[message.type]
        if not sheet.routes:
            continue
        grouped: dict[Desk, list[int]] = defaultdict(list)
        nobody: dict[NoDesk, None] = {}
        for index in verdict.accepted:
            for item in desks(
                sheet,
                message.data[index],
                sender=message.source,
                message_region=message.region,
                index=ground.regions,
                relations=past.relation,
                origin=message.origin,
                relation_key=past.relation_key,
                past=past.corrections.past(message),
            ):
                if isinstance(item, Desk):
                    grouped[item].append(index)
                else:
                    nobody[item] = None
        for missing in nobody:
            effects.no_desk(message.type, missing)
        plans_of[message.id] = [
            Plan(
                id=ground.new_id(),
                recipient=desk.member,
                type=message.type,
                records=[
                    project(past.corrections.told(message, index, desk.member), desk.fields)
                    for index in indexes
                ],
                role=desk.role,
                fields=desk.fields,
                basis=desk.basis,
                message_id=message.id,
                origin=message.source,
                inreplyto=message.id,
                region=message.region,
                approvedby=message.approvedby if sheet.names_approvers_to(desk.fields) else (),
                source_indexes=tuple(indexes),
                partial=indexes != verdict.accepted,
            )
            for desk, indexes in grouped.items()
        ]
    return plans_of


def _load_relations(ground: Ground, past: PastView, verdicts: Iterable[Verdict]) -> None:
    wanted: set[tuple[str, str]] = set()
    for verdict in verdicts:
        assert verdict.opened is not None
        message = verdict.opened.message
        sheet = ground.catalogue.sheets[message.type]
        for name in relations_needed(sheet):
            for index in verdict.accepted:
                id_no = subject_value(sheet, message.data[index])
                if id_no is not None:
                    wanted.add((name, id_no))
    past.load_relations(wanted)


def _note_sequences(
    conn: Connection, entries: Iterable[Entry], effects: Effects, now: datetime
) -> None:
    """Count sequence numbers in; a number that fills a gap ends the alert about it."""
    came: dict[str, list[int]] = defaultdict(list)
    for entry in entries:
        verdict = entry.verdict
        if verdict.opened is not None and counts(verdict):
            message = verdict.opened.message
            if message.sequence is not None:
                came[message.source].append(message.sequence)
    for source, numbers in came.items():
        report = sequences.note(conn, source, numbers, now)
        where = sequences.position(conn, source)
        if report.filled and where.contiguous == where.highest:
            effects.settle_own(f"{GAP}:{source}")
