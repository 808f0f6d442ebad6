"""What care teams, suspended queries, digests and outcomes look like at a terminal."""

from __future__ import annotations

from typing import Any

import pytest

from jdgate.cli import alerts, assign, digest, inbox, queries
from jdgate.core import catalogue
from jdgate.core.sheet import Sheet
from jdgate.texts import LANGUAGES, Lang, say


@pytest.fixture(scope="module")
def sheets() -> dict[str, Sheet]:
    return dict(catalogue.load([catalogue.default_path()]).sheets)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_alert_shows_its_outcomes_in_words_and_the_one_given(
    lang: Lang, sheets: dict[str, Sheet]
) -> None:
    picks = {"handled": "alert.outcome_handled", "false_alarm": "alert.outcome_false_alarm"}
    row: dict[str, Any] = {"id": "a-1", "state": "opened", "type": "sys.alert.v1", "params": {}}
    row |= {"title_code": "alert.left_lying", "outcomes": picks, "actions": ["resolve"]}
    row["params"] = {"rule": "M1", "member": "cln-01", "level": 1}
    shown = "\n".join(alerts.one_alert_lines(row, sheets, lang))
    assert "handled" in shown and say("alert.outcome_handled", lang) in shown
    done = "\n".join(alerts.one_alert_lines(row | {"outcome": "false_alarm"}, sheets, lang))
    assert f"{say('alert.outcome_false_alarm', lang)} (false_alarm)" in done
    refused = row | {"note": "alert.no_such_outcome", "outcome": "gone"}
    words = "\n".join(alerts.one_alert_lines(refused, sheets, lang))
    assert "handled, false_alarm" in words and "{" not in words


@pytest.mark.parametrize("lang", LANGUAGES)
def test_teams_are_listed_without_names(lang: Lang) -> None:
    team = {"officer": {"member": "ps-02", "worker": "李警官", "on": "2026-01-05"}}
    listed = "\n".join(assign.team_lines([{"ref": "abcd2345", "team": team}], lang))
    assert "abcd2345" in listed and "ps-02 (李警官)" in listed
    one = assign.one_team_lines({"ref": "abcd2345", "name": "甄某", "team": team}, lang)
    assert any("甄某" in line for line in one)
    assert "abcd2345" in assign.assigned_lines({"ref": "abcd2345", "answered": True}, lang)[0]
    assert (
        "m-1" in assign.assigned_lines({"ref": "r", "message": "m-1", "answered": False}, lang)[0]
    )
    assert len(assign.team_lines([], lang)) == 1


@pytest.mark.parametrize("lang", LANGUAGES)
def test_suspended_queries_are_listed_with_since_when(lang: Lang) -> None:
    rows = [{"member": "tra", "since": "2026-11-21T08:00:00.000+00:00"}]
    assert "2026-11-21 16:00:00  tra" in "\n".join(queries.suspended_lines(rows, lang))
    assert len(queries.suspended_lines([], lang)) == 1


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_digest_is_told_in_words(lang: Lang, sheets: dict[str, Sheet]) -> None:
    period = {"span": "month", "period_from": "2026-11-01", "period_to": "2026-11-30"}
    data = [
        period | {"unit": "com-01", "measure": "checkin", "n": 12, "of": 12},
        period | {"unit": "com-02", "measure": "checkin", "suppressed": True},
        period | {"unit": "ps-01", "measure": "alert_minutes", "n": 7, "of": 9},
        period | {"unit": "gateway", "measure": "alerts_waiting", "n": 30},
    ]
    message = {"type": digest.DIGEST, "source": "gateway", "data": data}
    lines = inbox.message_lines(message, sheets, lang)
    shown = "\n".join(lines)
    sheet = sheets[digest.DIGEST]
    for measure in ("checkin", "alert_minutes", "alerts_waiting"):
        assert sheet.value_title("measure", measure, lang) in shown
    assert say("cli.digest.few", lang) in shown and say("cli.digest.county", lang) in shown
    assert "12" in shown and "100" in shown and "2026-11-30" in shown
    assert digest.digest_lines([], "gateway", sheet, lang) == []
