"""The plugin holds to what every plugin must: shuffled, repeated, extreme, wrongly set."""

from __future__ import annotations

from pathlib import Path

from jdgate.kit import check_plugin


def test_the_plugin_conforms() -> None:
    report = check_plugin(Path(__file__).parents[1])
    assert report.passed, "\n".join(report.lines("en"))
