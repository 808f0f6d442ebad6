"""A configuration is read whole, or refused with the entry that is wrong."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdgate import config
from jdgate.config import CONFIG_NAME, Config, Home, find_home, full_region, read_config
from jdgate.errors import UsageError

LEAST = '[county]\nregion = "511623000000"\nname = "邻水县"\n'


def read(folder: Path, text: str | bytes) -> Config:
    file = folder / CONFIG_NAME
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_config(Home(folder))


def refusal(folder: Path, text: str | bytes) -> UsageError:
    with pytest.raises(UsageError) as refused:
        read(folder, text)
    assert refused.value.exit_code == 2
    return refused.value


def test_two_entries_are_enough(tmp_path: Path) -> None:
    found = read(tmp_path, LEAST)
    assert (found.county.name, found.run.roles) == ("邻水县", ("gateway", "edge"))
    assert (found.nats.port, found.books.checkpoint_seconds, found.rules) == (-1, 60, {})


def test_a_file_saved_by_notepad_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, LEAST.encode("utf-8-sig")).county.name == "邻水县"


def test_every_entry_is_read(tmp_path: Path) -> None:
    text = LEAST + (
        'demo = true\n[run]\nroles = ["edge"]\nmembers = ["pol"]\n'
        '[nats]\nurl = "tls://bus:4222"\nport = 4222\nserver = "nats-server"\nca = "ca.pem"\n'
        '[books]\nurl = "sqlite:///b.db"\ncheckpoint_seconds = 1\n'
        '[plugins]\ndir = "more"\ndisabled = ["clinic"]\n'
        "[rules.clinic]\nabsence_days = 7\nnested = {a = 1}\n"
    )
    found = read(tmp_path, text)
    assert found.county.demo and found.run.members == ("pol",)
    assert found.rules == {"clinic": {"absence_days": 7, "nested": {"a": 1}}}


@pytest.mark.parametrize(
    ("text", "reason", "named"),
    [
        ("", "config.entry_missing", "county"),
        ("x", "config.not_toml", "jdgate.toml"),
        (LEAST.encode("gbk"), "config.not_utf8", "line 3"),
        ("[county]\nregion = 5\nname = 'x'", "config.entry_kind", "region"),
        (LEAST + "[count]\n", "config.entry_unknown", "count"),
        (LEAST + "colour = 1\n", "config.entry_unknown", "colour"),
        (LEAST + "[run]\nroles = ['web']\n", "config.entry_form", "roles"),
        (LEAST + "[nats]\nport = 65536\n", "config.entry_most", "port"),
        (LEAST + "[nats]\nport = -2\n", "config.entry_least", "port"),
        (LEAST + "[books]\ncheckpoint_seconds = 0\n", "config.entry_least", "checkpoint_seconds"),
        (LEAST + "[rules]\nclinic = 1\n", "config.entry_kind", "rules"),
        (LEAST + '[alerts]\nquiet_from = "25:00"\n', "config.entry_form", "quiet_from"),
        (LEAST + '[alerts.urgent]\nacknowledge = "soon"\n', "config.entry_form", "acknowledge"),
        (LEAST + LEAST, "config.not_toml", "line 4"),
        (LEAST + "[run]\nkeep_days = -1\n", "config.entry_least", "1 or more"),
        (LEAST + "[run]\nmembers = 'pol'\n", "config.entry_kind", "a list"),
        (LEAST + "[run]\nworkers = 17\n", "config.entry_most", "16"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, text: str | bytes, reason: str, named: str) -> None:
    found = refusal(tmp_path, text)
    assert (found.code, found.params["reason"]) == ("config.invalid", reason)
    assert named in str(found)
    assert not {"Expected", "Object", "Invalid"} & set(found.text("zh").split())


def test_a_file_that_cannot_be_read_is_told_with_why(tmp_path: Path) -> None:
    (tmp_path / CONFIG_NAME).mkdir()
    with pytest.raises(UsageError) as refused:
        read_config(Home(tmp_path))
    assert refused.value.params["reason"] == "config.unreadable"


def test_what_the_decoder_says_otherwise_still_names_the_entry() -> None:
    found = config._invalid(CONFIG_NAME, msgspec.ValidationError("Odd - at `$.county.name`"))
    assert found.params == {
        "file": CONFIG_NAME,
        "reason": "config.entry_wrong",
        "entry": "county.name",
    }


def test_quiet_hours_have_a_beginning_and_an_end(tmp_path: Path) -> None:
    text = LEAST + '[alerts]\nquiet_from = "22:00"\n'
    assert refusal(tmp_path, text).code == "config.quiet_hours"


@pytest.mark.parametrize(
    "hours", ['hours_from = "08:00"', 'hours_from = "18:00"\nhours_to = "08:00"']
)
def test_hours_for_queries_have_a_beginning_before_their_end(tmp_path: Path, hours: str) -> None:
    assert refusal(tmp_path, f"{LEAST}[queries]\n{hours}\n").code == "config.query_hours"


@pytest.mark.parametrize("region", ["", "511623", "51162300000x", "５１１６２３００００００"])
def test_a_region_has_twelve_plain_digits(tmp_path: Path, region: str) -> None:
    text = LEAST.replace("511623000000", region)
    assert refusal(tmp_path, text).code == "config.region"


@settings(max_examples=100, deadline=None)
@given(raw=st.binary(max_size=60))
def test_random_bytes_are_refused_and_raise_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    assert refusal(tmp_path_factory.mktemp("config"), raw).code == "config.invalid"


def test_a_missing_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    for look in (lambda: find_home(tmp_path / "no.toml"), lambda: find_home(tmp_path)):
        with pytest.raises(UsageError, match="jdgate init") as refused:
            look()
        assert refused.value.code == "config.missing"
    with pytest.raises(UsageError) as refused:
        read_config(Home(tmp_path))
    assert refused.value.code == "config.missing"


def test_a_folder_or_a_file_names_the_installation(tmp_path: Path) -> None:
    (tmp_path / CONFIG_NAME).write_text(LEAST)
    other = tmp_path / "other.toml"
    other.write_text(LEAST)
    assert find_home(tmp_path).config == tmp_path.resolve() / CONFIG_NAME
    home = find_home(other)
    assert (home.config, home.root) == (other.resolve(), tmp_path.resolve())


def test_the_working_directory_is_looked_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / CONFIG_NAME).write_text(LEAST)
    monkeypatch.chdir(tmp_path)
    assert find_home(None).root == tmp_path.resolve()


def test_a_folder_in_the_files_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / CONFIG_NAME).mkdir()
    with pytest.raises(UsageError) as refused:
        read_config(Home(tmp_path))
    assert refused.value.code == "config.invalid"


def test_all_that_is_written_lies_under_the_root(tmp_path: Path) -> None:
    home = Home(tmp_path)
    paths = [value for value in vars(home).values() if isinstance(value, Path)]
    assert len(paths) >= 9
    assert all(path.is_relative_to(tmp_path.resolve()) for path in [*paths, home.authority_public])


@pytest.mark.parametrize(
    ("code", "whole"),
    [("511623", "511623000000"), ("511623100", "511623100000"), ("511623100001", "511623100001")],
)
def test_a_short_division_code_is_made_whole(code: str, whole: str) -> None:
    assert full_region(code) == whole


@pytest.mark.parametrize("code", ["", "51162", "5116231", "5" * 13, "５１１６２３", "51162x"])
def test_any_other_division_code_is_refused(code: str) -> None:
    with pytest.raises(UsageError) as refused:
        full_region(code)
    assert refused.value.code == "config.region"
