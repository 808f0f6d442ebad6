"""The edge's outbox, inbox and draft box."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.store.conftest import NOW

from jdgate.store import draft_box, inbox, outbox, sequences
from jdgate.store.database import Database
from jdgate.store.draft_box import DraftBoxRow
from jdgate.store.inbox import InboxRow
from jdgate.store.outbox import Answer, OutboxRow

SECOND = timedelta(seconds=1)


def an_outgoing(number: int, **changes: Any) -> OutboxRow:
    given: dict[str, Any] = {
        "id": f"o{number}",
        "member": "cln-01",
        "type": "mmt.attendance.v1",
        "created_at": NOW,
        "next_at": NOW,
        "tracked": True,
        "digest": b"d" * 32,
        "sequence": number,
        "key_id": "k",
        "body": b"sealed",
        "rows": [3, 4, 7],
    }
    return OutboxRow(**{**given, **changes})


def test_a_message_comes_back_as_it_was_put(edge: Database) -> None:
    with edge.transaction() as conn:
        outbox.add_many(conn, [an_outgoing(1)])
    with edge.read() as conn:
        assert outbox.get(conn, "o1") == an_outgoing(1)


def test_messages_are_sent_in_their_order_again_and_again_until_receipted(edge: Database) -> None:
    with edge.transaction() as conn:
        outbox.add_many(conn, [an_outgoing(2), an_outgoing(1), an_outgoing(3, member="pol")])
        assert [row.id for row in outbox.due(conn, ["cln-01"], NOW, 10)] == ["o1", "o2"]
        assert outbox.due(conn, [], NOW, 10) == []
        outbox.mark_sent(conn, ["o1", "o2"], NOW + 9 * SECOND)
        assert outbox.due(conn, ["cln-01"], NOW, 10) == []
        assert outbox.close(conn, "o1", "part", "r1", {"accepted": 2}, NOW)
        assert not outbox.close(conn, "o1", "accepted", "r2", None, NOW)
        again = outbox.due(conn, ["cln-01", "pol"], NOW + 9 * SECOND, 10)
        assert [(row.id, row.attempts) for row in again] == [("o3", 0), ("o2", 1)]
        outbox.postpone(conn, ["o2", "o3"], NOW + 20 * SECOND)
        assert outbox.due(conn, ["cln-01", "pol"], NOW + 9 * SECOND, 10) == []
        closed = outbox.get(conn, "o1")
    assert closed is not None
    assert (closed.state, closed.receipt_id, closed.verdict) == ("part", "r1", {"accepted": 2})


def test_a_push_knows_what_still_waits(edge: Database) -> None:
    with edge.transaction() as conn:
        outbox.add_many(conn, [an_outgoing(number) for number in range(1, 4)])
        outbox.close(conn, "o2", "accepted", "r1", None, NOW)
        assert [one.id for one in outbox.closed(conn, ["o1", "o2", "o3", "o9"])] == ["o2"]
        assert outbox.unanswered(conn, "cln-01") == (2, NOW)
        assert outbox.unanswered(conn, "pol") == (0, None)
        assert [row.id for row in outbox.search(conn, "cln-01", state="open")] == ["o3", "o1"]


def test_one_receipt_answers_many_messages_once(edge: Database) -> None:
    with edge.transaction() as conn:
        outbox.add_many(conn, [an_outgoing(number) for number in range(1, 4)])
        outbox.add_many(conn, [an_outgoing(4, member="pol")])
        waiting = outbox.waiting_rows(conn, "cln-01", ["o1", "o2", "o4", "o9"])
        assert sorted(row.id for row in waiting) == ["o1", "o2"]
        assert next(row for row in waiting if row.id == "o2") == an_outgoing(2)
        said = [
            Answer(id="o1", state="accepted", verdict={"accepted": 3}),
            Answer(id="o2", state="refused", verdict={"code": "x"}),
        ]
        outbox.close_many(conn, said, "r1", NOW)
        outbox.close_many(conn, [Answer(id="o1", state="refused")], "r2", NOW)
        assert outbox.waiting_rows(conn, "cln-01", ["o1", "o2", "o3"]) == [an_outgoing(3)]
        answers = {one.id: one for one in outbox.closed(conn, ["o1", "o2", "o3", "o9"])}
    assert set(answers) == {"o1", "o2"}
    assert answers["o1"] == Answer(
        id="o1", state="accepted", verdict={"accepted": 3}, rows=[3, 4, 7]
    )


def test_numbers_asked_for_are_sent_again_while_their_body_is_kept(edge: Database) -> None:
    with edge.transaction() as conn:
        outbox.add_many(conn, [an_outgoing(number) for number in range(1, 5)])
        for number in range(1, 5):
            outbox.close(conn, f"o{number}", "accepted", "r1", None, NOW + number * SECOND)
        assert outbox.erase_closed(conn, "cln-01", NOW + 2 * SECOND) == 1
        assert outbox.requeue(conn, "cln-01", 1, 3, NOW) == 2
        assert [row.id for row in outbox.due(conn, ["cln-01"], NOW, 10)] == ["o2", "o3"]


def test_a_crash_before_the_commit_takes_no_number(edge: Database) -> None:
    try:
        with edge.transaction() as conn:
            first = sequences.next_sequences(conn, "gateway", 1, member="cln-01")
            outbox.add_many(conn, [an_outgoing(first)])
            raise RuntimeError
    except RuntimeError:
        pass
    with edge.transaction() as conn:
        assert sequences.next_sequences(conn, "gateway", 1, member="cln-01") == 1
        assert outbox.get(conn, "o1") is None


def an_incoming(number: int, **changes: Any) -> InboxRow:
    given: dict[str, Any] = {
        "member": "pol",
        "id": f"i{number}",
        "source": "gateway",
        "origin": "cln-01",
        "type": "mmt.dropout.notice.v1",
        "sequence": number,
        "received_at": NOW + number * SECOND,
        "next_at": NOW,
        "key_id": "k",
        "body": b"sealed",
    }
    return InboxRow(**{**given, **changes})


def test_what_comes_twice_is_kept_once_for_each_member(edge: Database) -> None:
    with edge.transaction() as conn:
        rows = [an_incoming(1), an_incoming(1), an_incoming(1, member="com-01")]
        assert inbox.add_many(conn, rows) == {("pol", "i1"), ("com-01", "i1")}
        assert inbox.add_many(conn, [an_incoming(1), an_incoming(2)]) == {("pol", "i2")}
        assert inbox.get(conn, "pol", "i1") == an_incoming(1)
        assert inbox.known(conn, "pol", ["i1", "i2", "i3"]) == {"i1", "i2"}
        assert inbox.add_many(conn, []) == set()


def test_a_message_waits_for_its_adapter_and_then_for_its_receipt(edge: Database) -> None:
    with edge.transaction() as conn:
        inbox.add_many(conn, [an_incoming(2), an_incoming(1)])
        assert [row.id for row in inbox.due(conn, NOW, 10)] == ["i1", "i2"]
        inbox.postpone(conn, "pol", "i1", "adapter.failed", NOW + 5 * SECOND)
        assert [row.id for row in inbox.due(conn, NOW, 10)] == ["i2"]
        inbox.mark_done(conn, "pol", ["i2"])
        assert inbox.done(conn, "pol", ["i1", "i2"]) == {"i2"}
        inbox.receipted(conn, "pol", ["i2"], NOW)
        done = inbox.get(conn, "pol", "i2")
        assert done is not None and done.receipt_at == NOW
        again = inbox.due(conn, NOW + 5 * SECOND, 10)
        assert [(row.id, row.attempts, row.error_code) for row in again] == [
            ("i1", 1, "adapter.failed")
        ]
        assert inbox.count(conn, "pol") == 2


def test_an_adapter_is_given_its_own_types_and_member(edge: Database) -> None:
    other = an_incoming(2, type="comm.order.notice.v1")
    with edge.transaction() as conn:
        inbox.add_many(conn, [an_incoming(1), other, an_incoming(3, member="com-01")])
        due = inbox.due_for(conn, "pol", ["comm.order.notice.v1"], NOW, 10)
    assert due == [other]


def test_a_failed_message_stays_until_someone_has_it_tried_again(edge: Database) -> None:
    with edge.transaction() as conn:
        inbox.add_many(conn, [an_incoming(1), an_incoming(2)])
        inbox.fail(conn, "pol", ["i1"], "adapter.refused")
        assert [row.id for row in inbox.due(conn, NOW + SECOND, 10)] == ["i2"]
        assert [row.id for row in inbox.search(conn, "pol", state="failed")] == ["i1"]
        assert inbox.retry(conn, "pol", ["i1", "i2"], NOW) == 1
        assert [row.id for row in inbox.due(conn, NOW, 10)] == ["i1", "i2"]


def test_only_receipted_messages_lose_their_bodies(edge: Database) -> None:
    with edge.transaction() as conn:
        inbox.add_many(conn, [an_incoming(1), an_incoming(2), an_incoming(3)])
        inbox.mark_done(conn, "pol", ["i1", "i2"])
        inbox.receipted(conn, "pol", ["i1"], NOW)
        assert inbox.erase_done(conn, "pol", NOW + 9 * SECOND) == 1
        bodies = {row.id: row.body for row in inbox.search(conn, "pol")}
    assert bodies == {"i1": None, "i2": b"sealed", "i3": b"sealed"}


def a_boxed_draft(draft_id: str) -> DraftBoxRow:
    return DraftBoxRow(
        member="cln-01",
        id=draft_id,
        type="mmt.dropout.notice.v1",
        rule="clinic.dropout",
        cause="c1",
        reason_code="draft.dropout",
        params={"days": 10},
        key_id="k",
        prefill=b"sealed",
        checks=["draft.check_transfer"],
        received_at=NOW,
    )


def test_a_draft_is_decided_once_and_then_sent(edge: Database) -> None:
    with edge.transaction() as conn:
        assert draft_box.add(conn, a_boxed_draft("x1"))
        assert not draft_box.add(conn, a_boxed_draft("x1"))
        assert draft_box.get(conn, "cln-01", "x1") == a_boxed_draft("x1")
        assert not draft_box.sent(conn, "cln-01", "x1", "m1")
        decide = draft_box.decide
        assert decide(conn, "cln-01", "x1", "approved", by="王医生", reason=None, at=NOW)
        assert not decide(conn, "cln-01", "x1", "rejected", by="李医生", reason=None, at=NOW)
        assert not decide(conn, "pol", "x1", "rejected", by="李医生", reason=None, at=NOW)
        assert draft_box.sent(conn, "cln-01", "x1", "m1")
        assert draft_box.search(conn) == []
        assert [row.message_id for row in draft_box.search(conn, state=None)] == ["m1"]


def test_a_draft_withdrawn_by_the_gateway_can_no_longer_be_approved(edge: Database) -> None:
    with edge.transaction() as conn:
        draft_box.add(conn, a_boxed_draft("x1"))
        decide = draft_box.decide
        assert decide(conn, "cln-01", "x1", "withdrawn", by=None, reason=None, at=NOW)
        assert not decide(conn, "cln-01", "x1", "approved", by="王医生", reason=None, at=NOW)
        assert not draft_box.add(conn, a_boxed_draft("x1"))


def test_what_was_sent_once_wakes_after_a_start_as_if_it_never_was(edge: Database) -> None:
    with edge.transaction() as conn:
        outbox.add_many(conn, [an_outgoing(number) for number in (1, 2, 3)])
        outbox.mark_sent(conn, ["o1", "o2"], NOW + 10 * SECOND)
        outbox.mark_sent(conn, ["o2"], NOW + 20 * SECOND)
        assert outbox.wake(conn, ["cln-01"], NOW) == 1
        assert outbox.wake(conn, [], NOW) == 0
        woken = outbox.get(conn, "o1")
    assert woken is not None and (woken.attempts, woken.next_at) == (0, NOW)


def test_what_was_sent_is_read_page_by_page_without_its_body(edge: Database) -> None:
    same = [an_outgoing(number, created_at=NOW) for number in (1, 2)]
    later = an_outgoing(3, created_at=NOW + timedelta(seconds=1))
    others = [an_outgoing(4, notice=True), an_outgoing(5, member="pol")]
    with edge.transaction() as conn:
        outbox.add_many(conn, [*same, later, *others])
    with edge.read() as conn:
        first = outbox.page(conn, "cln-01", notices=False, limit=2)
        last = (first[-1].created_at, first[-1].id)
        rest = outbox.page(conn, "cln-01", notices=False, before=last, limit=2)
        notices = outbox.page(conn, "cln-01", notices=True)
    assert [one.id for one in (*first, *rest)] == ["o3", "o2", "o1"]
    assert [one.id for one in notices] == ["o4"] and not hasattr(first[0], "body")


def test_a_message_that_was_signed_anew_names_the_one_in_its_place(edge: Database) -> None:
    with edge.transaction() as conn:
        outbox.add_many(conn, [an_outgoing(1), an_outgoing(2)])
        outbox.close(conn, "o1", "refused", None, {"code": "key.expired"}, NOW, "o2")
    with edge.read() as conn:
        (answer,) = outbox.closed(conn, ["o1", "o2"])
        found = {one.id: one.renewed_as for one in outbox.answers(conn, ["o1", "o2"])}
    assert answer.renewed_as == "o2" and found == {"o1": "o2", "o2": None}
