"""What of the directory runs out soon: 60, 30 and 7 days before, and only where nothing follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from jdgate.core.directory import Directory, KeyRecord, Member
from jdgate.core.expiry import ending_keys, key_state, step_of

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
DAY = timedelta(days=1)


def key(kid: str, days: float, **more: object) -> KeyRecord:
    """A key of `cln-01` that ends in so many days."""
    made = KeyRecord(f"cln-01.{kid}", kid[:3], "EdDSA", "AAAA", NOW - 700 * DAY, NOW + days * DAY)  # type: ignore[arg-type]
    return msgspec.structs.replace(made, **more)


def directory(*keys: KeyRecord, **more: object) -> Directory:
    member = Member("cln-01", "门诊", "department", ("CLN",), ("511623000000",), keys)
    member = msgspec.structs.replace(member, **more)
    return Directory(1, NOW, NOW + DAY, "511623000000", "", (), (member,))


@pytest.mark.parametrize(
    ("days", "step"),
    [(61, None), (60, 60), (30.5, 60), (30, 30), (8, 30), (7, 7), (0.1, 7), (0, 0), (-400, 0)],
)
def test_an_end_comes_nearer_in_steps(days: float, step: int | None) -> None:
    assert step_of(NOW + days * DAY, NOW) == step
    found = [one.step for one in ending_keys(directory(key("sig.1", days)), NOW)]
    assert found == ([] if step is None else [step])


def test_a_key_with_a_successor_may_run_out_and_one_without_may_not() -> None:
    successor = key("sig.2", 700, not_before=NOW + DAY)
    keys = (key("sig.1", 5), successor, key("enc.1", 40), key("bus.1", 3))
    found = [(one.kid, one.step) for one in ending_keys(directory(*keys), NOW)]
    assert found == [("cln-01.bus.1", 7), ("cln-01.enc.1", 60)]
    # a successor that is void is none
    void = msgspec.structs.replace(successor, revoked_at=NOW - DAY)
    assert [one.kid for one in ending_keys(directory(key("sig.1", 5), void), NOW)] == [
        "cln-01.sig.1"
    ]


@pytest.mark.parametrize("status", ["suspended", "left"])
def test_whoever_takes_no_part_is_not_reminded(status: str) -> None:
    assert ending_keys(directory(key("sig.1", 5), status=status), NOW) == []
    assert ending_keys(directory(key("sig.1", 5, revoked_at=NOW)), NOW) == []


def test_a_key_is_good_between_its_moments_unless_it_is_void() -> None:
    assert key_state(key("sig.1", 1), NOW) == "good"
    assert key_state(key("sig.1", 0), NOW) == "over"
    assert key_state(key("sig.1", 1, not_before=NOW + DAY), NOW) == "future"
    assert key_state(key("sig.1", 1, revoked_at=NOW), NOW) == "void"
    assert key_state(key("sig.1", 1, revoked_at=NOW + DAY), NOW) == "good"
