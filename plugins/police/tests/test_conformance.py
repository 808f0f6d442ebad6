"""The plugin holds to what every plugin must: killed at every line, repeated, shuffled, away."""

from __future__ import annotations

from pathlib import Path

from jdgate.kit import check_plugin


def test_the_plugin_conforms() -> None:
    report = check_plugin(Path(__file__).parents[1])
    assert report.passed, "\n".join(report.lines("en"))
