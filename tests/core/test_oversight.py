"""What a member may see of the proofs in the gateway's books."""

from __future__ import annotations

import pytest

from jdgate.core.catalogue import default_path, load
from jdgate.core.leaves import (
    AcceptedLeaf,
    AdminLeaf,
    AlertLeaf,
    DecidedLeaf,
    DeliveredLeaf,
    DirectoryLeaf,
    DisclosedLeaf,
    DraftedLeaf,
    Leaf,
    LookedLeaf,
    MissedLeaf,
    RefusedLeaf,
)
from jdgate.core.oversight import PLAIN, as_told, concerns, plain_reach, sender_holds

AT = "2026-11-21T00:00:00.000Z"
SHEETS = load([default_path()]).sheets
ACCEPTED = AcceptedLeaf(
    id="m", at=AT, source="cln-01", recipient="gateway", type="t", time=AT, records=1, directory=1,
    commitment="c", deliveries=("d",),
)  # fmt: skip
DISCLOSED = DisclosedLeaf(
    id="d", at=AT, message="m", type="t", recipient="cln-01", role="CLN", fields=(), basis=(),
    records=1, directory=1, commitment="c",
)  # fmt: skip
OWN: tuple[Leaf, ...] = (
    ACCEPTED,
    RefusedLeaf(id="m", at=AT, source="cln-01", code="x", directory=1, commitment="c"),
    DISCLOSED,
    DeliveredLeaf(id="d", at=AT, message="m", recipient="cln-01", verdict="delivered",
                  directory=1, commitment="c"),
    DraftedLeaf(id="f", at=AT, recipient="cln-01", type="t", rule="r", version=1),
    DecidedLeaf(id="f", at=AT, source="cln-01", decision="approved", directory=1, commitment="c"),
    AlertLeaf(id="a", at=AT, act="raised", recipient="cln-01", rule="M1", level=0, directory=1),
    MissedLeaf(id="s", at=AT, type="t", source="cln-01", rule="r", about="h", since=AT, due=AT,
               size=1, directory=1),
    AdminLeaf(id="x", at=AT, act="queries.resumed", operator="o", target="cln-01"),
    AdminLeaf(id="x", at=AT, act="operator.added", operator="o", source="cln-01"),
    LookedLeaf(id="d", at=AT, operator="nurse", reason="work", source="cln-01"),
)  # fmt: skip


@pytest.mark.parametrize("leaf", OWN, ids=lambda leaf: type(leaf).__name__)
def test_a_member_sees_what_it_did_or_was_given_and_nobody_elses(leaf: Leaf) -> None:
    assert concerns(leaf, "cln-01")
    assert not concerns(leaf, "cln-02")


def test_directories_are_everybodys() -> None:
    assert concerns(DirectoryLeaf(id="x", at=AT, version=1, digest="d"), "cln-02")


def test_whom_a_record_reached_is_told_only_where_it_follows_from_the_record() -> None:
    assert plain_reach(SHEETS["mmt.enrol.filed.v1"])
    assert not plain_reach(SHEETS["mmt.dropout.notice.v1"]), "a township may have an order"
    assert not plain_reach(SHEETS["correct.result.v1"]), "past recipients are others' affair"
    assert not plain_reach(None), "of a type that nobody agrees on nothing is known"
    for name, sheet in SHEETS.items():
        by_knowledge = {route.find for route in sheet.routes} - PLAIN
        assert plain_reach(sheet) == (not by_knowledge), name


def test_a_sender_may_take_evidence_that_tells_it_nothing_new() -> None:
    assert sender_holds("accepted", SHEETS["mmt.enrol.filed.v1"])
    assert not sender_holds("accepted", SHEETS["mmt.dropout.notice.v1"])
    assert not sender_holds("part", SHEETS["mmt.dropout.notice.v1"])
    assert sender_holds("refused", SHEETS["mmt.dropout.notice.v1"]), "it reached nobody"


def test_an_entry_is_told_without_what_leads_to_others() -> None:
    assert as_told(ACCEPTED, None, False)["deliveries"] == ("d",)
    assert as_told(ACCEPTED, "cln-01", True)["deliveries"] == ("d",)
    assert "deliveries" not in as_told(ACCEPTED, "cln-01", False)
    assert "message" not in as_told(DISCLOSED, "cln-01", False)
    assert as_told(DISCLOSED, None, False)["message"] == "m"
