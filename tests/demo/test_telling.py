"""What happens often, or to many alike, is one line."""

from __future__ import annotations

import io

from jdgate.gateway.notices import Notice
from jdgate.teller import Teller


def lines(teller: Teller, out: io.StringIO) -> list[str]:
    teller.flush()
    return [line.partition("  ")[2] for line in out.getvalue().splitlines()]


def disclosed(to: str, records: int) -> Notice:
    params = {"type": "t.v1", "to": to, "records": records, "fields": "a, b"}
    return Notice("story.disclosed", params)


def test_the_same_thing_many_times_is_told_with_its_sum() -> None:
    out = io.StringIO()
    teller = Teller("en", out)
    for _ in range(200):
        teller.tell(Notice("story.accepted", {"from": "cln-01", "type": "t.v1", "records": 200}))

    assert lines(teller, out) == ["cln-01 sent “t.v1”, 40000 record(s): all accepted"]


def test_what_goes_to_many_members_alike_is_one_line() -> None:
    out = io.StringIO()
    teller = Teller("en", out)
    for number in range(1, 26):
        teller.tell(disclosed(f"com-{number:02d}", 2))

    (line,) = lines(teller, out)
    assert "to 25 members (com-01 to com-25): “t.v1”, 50 record(s)" in line


def test_a_few_members_are_named_one_by_one() -> None:
    out = io.StringIO()
    teller = Teller("en", out)
    for member in ("pol", "com-07"):
        teller.tell(disclosed(member, 1))

    first, second = lines(teller, out)
    assert "to pol:" in first
    assert "to com-07:" in second


def test_members_who_see_different_fields_are_not_lumped_together() -> None:
    out = io.StringIO()
    teller = Teller("en", out)
    for number in range(4):
        params = {"type": "t.v1", "to": f"m-{number}", "records": 1, "fields": f"f{number}"}
        teller.tell(Notice("story.disclosed", params))

    assert len(lines(teller, out)) == 4


def test_what_happens_together_is_told_at_its_end() -> None:
    out = io.StringIO()
    teller = Teller("en", out)
    with teller.together():
        teller.tell(disclosed("pol", 1))
        teller.flush()
        assert out.getvalue() == ""
        teller.tell(disclosed("pol", 2))

    assert len(lines(teller, out)) == 1
    assert "3 record(s)" in out.getvalue()
