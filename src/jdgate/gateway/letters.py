"""Dead letters put to work again, by a person who has mended what stood in the way."""

from __future__ import annotations

from sqlalchemy import Connection

from jdgate.core import leaves
from jdgate.core.admission import Arrival
from jdgate.core.message import decode, show_time
from jdgate.core.rules import Fact
from jdgate.core.signing import payload_unverified
from jdgate.errors import Refused
from jdgate.gateway import pipeline, redelivery
from jdgate.gateway.compose import Outbound, compose, store
from jdgate.gateway.effects import Effects
from jdgate.gateway.gateway import Gateway
from jdgate.gateway.system import RULE_FAILED
from jdgate.store import dead, deliveries, ledger, messages
from jdgate.store.dead import DeadRow


async def retry(gateway: Gateway, letter_id: str, by: str) -> str:
    """Try a dead letter again; what was done, as a text code.

    Raises:
        Refused: `dead.unknown`, `dead.decided`, or what still stands in the way.
    """
    letter = await gateway.run(lambda conn: dead.get(conn, letter_id))
    if letter is None:
        raise Refused("dead.unknown", id=letter_id[:64])
    if letter.state != dead.OPEN:
        raise Refused("dead.decided", id=letter_id, state=letter.state)
    if letter.direction == "out":
        return await _send_again(gateway, letter, by)
    if letter.code == RULE_FAILED:
        return await _rule_again(gateway, letter, by)
    return await _judge_again(gateway, letter, by)


def _decided(conn: Connection, gateway: Gateway, letter: DeadRow, by: str) -> None:
    now = gateway.clock.now()
    dead.decide(conn, letter.id, "retried", by=by, at=now)
    leaf = leaves.AdminLeaf(
        id=gateway.ground.new_id(), at=show_time(now), act="dead.retried", operator=by,
        target=letter.id,
    )  # fmt: skip
    ledger.append(conn, [(leaves.encode(leaf), None)])


async def _send_again(gateway: Gateway, letter: DeadRow, by: str) -> str:
    ground = gateway.ground

    def work(conn: Connection) -> None:
        row = deliveries.get(conn, letter.id)
        if row is None or redelivery.kept(conn, ground, row) is None:
            raise Refused("dead.body_erased", id=letter.id)
        if redelivery.absence(ground, row.recipient, row.role) is not None:
            raise Refused("dead.recipient_away", id=letter.id, member=row.recipient)
        deliveries.revive(conn, [letter.id], gateway.clock.now())
        _decided(conn, gateway, letter, by)

    await gateway.run(work)
    return "dead.sent_again"


async def _judge_again(gateway: Gateway, letter: DeadRow, by: str) -> str:
    """The very bytes that arrived, through admission once more."""
    ground, now = gateway.ground, gateway.clock.now()

    def work(conn: Connection) -> pipeline.Processed:
        if letter.key_id is None or letter.body is None:
            raise Refused("dead.body_erased", id=letter.id)
        body = ground.vault.open(conn, letter.key_id, letter.body, letter.id.encode())
        kid = str(letter.params.get("kid", ""))
        claimed = str(letter.params.get("message", letter.id))
        arrival = Arrival(letter.member, claimed, kid, body, now)
        processed = pipeline.process(conn, ground, [arrival], now)
        _decided(conn, gateway, letter, by)
        return processed

    processed = await gateway.run(work)
    await gateway.send(processed.outbound)
    return "dead.judged_again"


async def _rule_again(gateway: Gateway, letter: DeadRow, by: str) -> str:
    """The facts of an accepted message, to the rule that broke on them."""
    ground, now = gateway.ground, gateway.clock.now()
    rule_name = str(letter.params.get("rule", ""))
    rules = tuple(rule for rule in ground.rules if rule.name == rule_name)
    if not rules:
        raise Refused("dead.rule_gone", rule=rule_name)

    def work(conn: Connection) -> list[Outbound]:
        facts = _facts_of(conn, gateway, str(letter.params.get("message", "")))
        effects = Effects(conn, ground, now)
        broke = pipeline.run_rules(conn, ground, facts, effects, now, only=rules)
        if broke:
            raise Refused("dead.rule_still_fails", rule=rule_name, error=broke[0].error)
        effects.flush()
        composed = compose(conn, ground, effects.plans, now)
        written = effects.leaves + composed.leaves
        if written:
            store(conn, composed, ledger.append(conn, written) + len(effects.leaves))
        _decided(conn, gateway, letter, by)
        return composed.outbound

    await gateway.send(await gateway.run(work))
    return "dead.rule_ran"


def _facts_of(conn: Connection, gateway: Gateway, message_id: str) -> list[Fact]:
    ground = gateway.ground
    row = messages.get(conn, message_id)
    if row is None or row.key_id is None or row.body is None:
        raise Refused("dead.body_erased", id=message_id)
    jws = ground.vault.open(conn, row.key_id, row.body, row.id.encode())
    message = decode(payload_unverified(jws))
    return pipeline.facts_again(conn, ground, message, row)
