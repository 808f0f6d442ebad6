"""What pages are sent by themselves takes no more than its share."""

from __future__ import annotations

from jdgate.web.pace import Pace


class Hand:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def test_what_was_saved_goes_out_at_once_and_the_rest_at_its_share() -> None:
    clock = Hand()
    pace = Pace(share=0.05, burst_s=1.0, clock=clock)
    for _ in range(10):
        assert pace.wait() == 0
        pace.spend(0.1)
    assert pace.wait() == 0
    pace.spend(0.1)
    assert abs(pace.wait() - 2.0) < 1e-9, "a tenth of a second is earned in two"
    clock.at = 2.0
    assert pace.wait() < 1e-9


def test_no_more_is_saved_than_one_burst() -> None:
    clock = Hand()
    pace = Pace(share=0.05, burst_s=1.0, clock=clock)
    clock.at = 100_000.0
    pace.spend(1.5)
    assert abs(pace.wait() - 10.0) < 1e-9
