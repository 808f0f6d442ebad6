"""What commands do without a daemon: found, refuse, check agreements, verify evidence."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from jdgate.config import Home
from jdgate.core.directory import read
from jdgate.founding import pinned_authority
from jdgate.texts import choose_language

Jdgate = Callable[..., Result]

PLUGINS = Path(__file__).parents[2] / "plugins"
WITH_PLUGINS = ("--plugins-dir", PLUGINS)
SAMPLE = Path(__file__).parents[2] / "samples" / "attendance-mistakes.csv"
NEED_A_DAEMON = [
    ("status",),
    ("inbox", "--as", "pol"),
    ("inbox", "show", "x", "--as", "pol"),
    ("drafts",),
    ("drafts", "list"),
    ("drafts", "show", "x"),
    ("drafts", "approve", "x", "--by", "y"),
    ("drafts", "reject", "x", "--by", "y", "--reason", "z"),
    ("member", "list"),
    ("member", "show", "pol"),
    ("ledger", "head"),
    ("ledger", "verify"),
    ("ledger", "prove", "x"),
    ("evidence", "export", "x", "-o", "out.jws"),
    ("dead", "list"),
    ("dead", "show", "x"),
    ("dead", "retry", "x"),
    ("plugin", "list"),
    ("push", "mmt.attendance", SAMPLE, "--as", "cln-01", "--plugins-dir", PLUGINS),
]


def error_of(result: Result) -> dict[str, Any]:
    """The error in a `--json` answer."""
    found: dict[str, Any] = json.loads(result.stdout)["error"]
    assert set(found) == {"code", "params", "text"}
    return found


def test_init_makes_a_county_and_says_what_to_do_next(tmp_path: Path, jdgate: Jdgate) -> None:
    made = jdgate("init", tmp_path / "a", "--region", "511623", "--name", "邻水县")
    assert made.exit_code == 0
    assert "511623000000" in made.stdout
    assert "邻水县公安局禁毒大队" in made.stdout
    assert "jdgate run" in made.stdout
    config = tomllib.loads((tmp_path / "a" / "jdgate.toml").read_text(encoding="utf-8"))
    assert config["county"] == {"region": "511623000000", "name": "邻水县", "demo": False}
    keys = sorted((tmp_path / "a" / "keys").glob("*.key"))
    assert len(keys) == 7
    assert all(key.stat().st_mode & 0o777 == 0o600 for key in keys)


def test_init_answers_in_json_and_in_chinese(tmp_path: Path, jdgate: Jdgate) -> None:
    made = jdgate("init", tmp_path / "a", "--region", "511623", "--name", "邻水县", "--json")
    assert [one["id"] for one in json.loads(made.stdout)["members"]][:2] == ["nco", "gateway"]
    made = jdgate("--lang", "zh", "init", tmp_path / "b", "--region", "511623", "--name", "邻水县")
    assert made.stdout.startswith("已在 ")


def test_init_overwrites_nothing(county: Path, jdgate: Jdgate) -> None:
    before = {path: path.read_bytes() for path in county.rglob("*") if path.is_file()}
    again = jdgate("init", county, "--region", "511623", "--name", "x", "--json")
    assert (again.exit_code, error_of(again)["code"]) == (2, "config.exists")
    assert before == {path: path.read_bytes() for path in county.rglob("*") if path.is_file()}


def test_init_with_a_wrong_region_makes_nothing(tmp_path: Path, jdgate: Jdgate) -> None:
    wrong = jdgate("init", tmp_path / "a", "--region", "5116", "--name", "x", "--json")
    assert (wrong.exit_code, error_of(wrong)["code"]) == (2, "config.region")
    assert not (tmp_path / "a").exists()


def test_init_where_nobody_may_write_is_one_sentence(tmp_path: Path, jdgate: Jdgate) -> None:
    (tmp_path / "file").write_text("x")
    wrong = jdgate("init", tmp_path / "file" / "a", "--region", "511623", "--name", "x")
    assert wrong.exit_code == 1
    assert wrong.stderr.startswith("error: ")
    assert wrong.stderr.count("\n") == 1


def test_run_leaves_a_directory_with_other_files_alone(
    tmp_path: Path, jdgate: Jdgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "letter.txt").write_text("x")
    monkeypatch.chdir(tmp_path)
    result = jdgate("run")
    assert result.exit_code == 2
    assert "jdgate init" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_run_puts_no_demo_data_into_a_real_county(county: Path, jdgate: Jdgate) -> None:
    result = jdgate("run", "--demo", "-c", county / "jdgate.toml", "--json")
    assert (result.exit_code, error_of(result)["code"]) == (2, "cli.run.not_demo")


def test_run_with_a_configuration_that_does_not_exist(tmp_path: Path, jdgate: Jdgate) -> None:
    result = jdgate("run", "-c", tmp_path / "none.toml", "--json")
    assert (result.exit_code, error_of(result)["code"]) == (2, "config.missing")


@pytest.mark.parametrize("words", NEED_A_DAEMON, ids=lambda words: " ".join(map(str, words[:2])))
def test_without_a_daemon_a_command_says_so(
    words: tuple[object, ...], county: Path, jdgate: Jdgate
) -> None:
    told = jdgate(*words, "-c", county / "jdgate.toml")
    assert (told.exit_code, told.stdout) == (1, "")
    assert "jdgate run" in told.stderr
    told = jdgate("-c", county / "jdgate.toml", *words, "--json")
    assert told.exit_code == 1
    assert error_of(told)["code"] == "control.no_daemon"


@pytest.mark.parametrize("words", NEED_A_DAEMON, ids=lambda words: " ".join(map(str, words[:2])))
def test_without_a_configuration_a_command_says_so(
    words: tuple[object, ...],
    tmp_path: Path,
    jdgate: Jdgate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    told = jdgate(*words, "--json")
    assert (told.exit_code, error_of(told)["code"]) == (2, "config.missing")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("frobnicate",), "cli.usage.no_command"),
        (("push",), "cli.usage.missing"),
        (("status", "--frobnicate"), "cli.usage.no_option"),
        (("inbox", "--limit", "many"), "cli.usage.bad_value"),
        (("drafts", "list", "--state", "odd"), "cli.usage.bad_value"),
        (("status", "surplus"), "cli.usage.extra"),
        (("push", "mmt.attendance", "."), "cli.usage.bad_value"),
        (("push", "mmt.attendance", "x.csv", "--from-row", "-3"), "cli.usage.bad_value"),
        (("drafts", "reject", "x", "--by", " "), "cli.usage.blank"),
        (("push", "mmt.nothing", "x.csv", *WITH_PLUGINS), "cli.type_unknown"),
        (("push", "mmt.custody.notice", "x.csv", *WITH_PLUGINS), "cli.push.no_importer"),
        (("push", "mmt.attendance", "x", "--region", "5", *WITH_PLUGINS), "config.region"),
    ],
)  # fmt: skip
def test_a_wrong_call_is_told_and_ends_with_2(
    words: tuple[object, ...], code: str, county: Path, jdgate: Jdgate
) -> None:
    told = jdgate("-c", county / "jdgate.toml", *words, "--json")
    assert (told.exit_code, error_of(told)["code"]) == (2, code)
    told = jdgate("-c", county / "jdgate.toml", "--lang", "zh", *words)
    assert (told.exit_code, told.stdout) == (2, "")
    assert told.stderr.startswith("出错：")


def test_a_group_without_a_command_shows_its_help_in_the_language_asked_for(
    jdgate: Jdgate,
) -> None:
    told = jdgate("refdata", "--lang", "zh")
    assert (told.exit_code, told.stdout) == (2, "")
    commands = told.stderr.partition("命令：")[2].splitlines()[1:]
    assert commands
    assert all(re.search(r"[\u4e00-\u9fff]", line) for line in commands)
    told = jdgate("refdata", "--json")
    assert (told.exit_code, error_of(told)["code"]) == (2, "cli.usage.which")


def test_an_option_without_its_value_is_told(jdgate: Jdgate) -> None:
    assert jdgate("init", "x", "--lang", "zh", "--name").stderr.startswith("出错：“--name”后面")


def test_a_misspelt_command_is_answered_with_the_right_one(jdgate: Jdgate) -> None:
    assert "did you mean status?" in jdgate("statu").stderr


def test_alone_it_shows_its_help(jdgate: Jdgate) -> None:
    result = jdgate()
    assert result.exit_code == 2
    assert "Commands:" in result.stderr


def test_the_catalogue_is_listed_and_shown(county: Path, jdgate: Jdgate) -> None:
    given = ("-c", county / "jdgate.toml", "--plugins-dir", PLUGINS)
    listed = jdgate("catalogue", "list", *given)
    assert "mmt.attendance.v1" in listed.stdout
    assert "sys.receipt.v1" not in listed.stdout
    types = [
        one["type"] for one in json.loads(jdgate("catalogue", "list", *given, "--json").stdout)
    ]
    assert types == sorted(types)
    assert "sys.receipt.v1" in jdgate("catalogue", "list", "--all", *given).stdout
    listed = jdgate("catalogue", "show", "precursor.inspect.result", *given)
    for part in ("items.note +Note", "stocks.unit +Unit +kg / L +yes"):
        assert re.search(f"^{part}", listed.output, re.MULTILINE), "what each of a list holds"
    shown = jdgate("catalogue", "show", "mmt.attendance", *given, "--lang", "zh")
    assert "不转给任何单位" in shown.stdout
    assert "戒毒条例" in shown.stdout
    about = json.loads(
        jdgate("catalogue", "show", "mmt.dropout.notice.v1", *given, "--json").stdout
    )
    assert about["type"] == "mmt.dropout.notice.v1"


def test_the_catalogue_works_without_a_county(
    tmp_path: Path, jdgate: Jdgate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = jdgate("catalogue", "check", "--json", "--plugins-dir", PLUGINS)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["directory"] is None


def test_a_changed_catalogue_needs_the_authority_to_sign_it(
    county: Path, jdgate: Jdgate, more_plugins: Path
) -> None:
    home = Home(county)
    given = ("-c", home.config, "--plugins-dir", more_plugins)
    changed = jdgate("catalogue", "check", *given)
    assert changed.exit_code == 1
    assert "jdgate catalogue sign" in changed.stdout

    signed = json.loads(jdgate("catalogue", "sign", *given, "--json").stdout)
    assert (signed["version"], signed["changed"]) == (2, True)
    directory = read(home.directory.read_bytes(), pinned_authority(home.authority_public))
    assert (directory.version, directory.catalogue) == (2, signed["digest"])
    assert jdgate("catalogue", "check", *given).exit_code == 0

    again = json.loads(jdgate("catalogue", "sign", *given, "--json").stdout)
    assert (again["version"], again["changed"]) == (2, False)


def test_signing_needs_the_authority_key(county: Path, jdgate: Jdgate, more_plugins: Path) -> None:
    home = Home(county)
    (home.keys / "authority.key").unlink()
    before = home.directory.read_bytes()
    given = ("-c", home.config, "--plugins-dir", more_plugins)
    result = jdgate("catalogue", "sign", *given, "--json")
    assert (result.exit_code, error_of(result)["code"]) == (1, "keys.missing")
    assert home.directory.read_bytes() == before


def test_a_directory_that_was_tampered_with_is_refused(county: Path, jdgate: Jdgate) -> None:
    home = Home(county)
    jws = bytearray(home.directory.read_bytes())
    jws[len(jws) // 2] ^= 1
    home.directory.write_bytes(bytes(jws))
    result = jdgate("catalogue", "check", "-c", home.config, "--plugins-dir", PLUGINS, "--json")
    assert result.exit_code == 1
    assert error_of(result)["code"].partition(".")[0] in ("signing", "encoding")


def test_evidence_that_is_none_is_refused_step_by_step(county: Path, jdgate: Jdgate) -> None:
    bad = county / "bad.jws"
    bad.write_bytes(b"not evidence")
    home = Home(county)
    told = jdgate("evidence", "verify", bad, "-c", home.config)
    assert told.exit_code == 1
    assert told.stdout.splitlines()[0].startswith("✗  1 ")
    report = json.loads(jdgate("evidence", "verify", bad, "-c", home.config, "--json").stdout)
    assert report["ok"] is False
    assert report["summary"] is None
    assert report["steps"][0]["state"] == "failed"


def test_evidence_needs_only_the_pinned_key(
    county: Path, jdgate: Jdgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.jws").write_bytes(b"a.b.c")
    pinned = Home(county).authority_public
    told = jdgate("evidence", "verify", "bad.jws", "--authority", pinned, "--json")
    assert (told.exit_code, json.loads(told.stdout)["ok"]) == (1, False)
    missing = jdgate("evidence", "verify", "bad.jws", "--authority", "none.pub", "--json")
    assert (missing.exit_code, error_of(missing)["code"]) == (1, "keys.authority_missing")
    other = jdgate("evidence", "verify", "bad.jws", "--authority", "bad.jws", "--json")
    assert (other.exit_code, error_of(other)["code"]) == (1, "keys.authority_unreadable")
    unpinned = jdgate("evidence", "verify", "bad.jws", "--json")
    assert (unpinned.exit_code, error_of(unpinned)["code"]) == (2, "cli.evidence.which_authority")
    no_file = jdgate("evidence", "verify", "none.jws", "--authority", pinned, "--json")
    assert (no_file.exit_code, error_of(no_file)["code"]) == (1, "cli.no_file")


@pytest.mark.parametrize(
    ("args", "environment", "lang"),
    [
        ([], {}, "en"),
        ([], {"LANG": "zh_CN.UTF-8"}, "zh"),
        ([], {"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        ([], {"JDGATE_LANG": "en", "LANG": "zh_CN.UTF-8"}, "en"),
        (["--lang", "zh"], {"JDGATE_LANG": "en"}, "zh"),
        (["--lang=en"], {"LANG": "zh_CN.UTF-8"}, "en"),
        (["--lang"], {"LANG": "fr_FR.UTF-8"}, "en"),
    ],
)
def test_the_language_is_the_one_asked_for(
    args: list[str], environment: dict[str, str], lang: str
) -> None:
    assert choose_language(args, environment) == lang


def test_help_and_version_load_nothing_heavy() -> None:
    code = (
        "import sys, contextlib\n"
        "from jdgate.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "heavy = {'sqlalchemy', 'cryptography', 'nats', 'openpyxl', 'jsonschema_rs', 'rich',\n"
        "         'asyncio', 'msgspec', 'pluggy', 'uvloop', 'alembic'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_reader_that_goes_away_is_no_error(county: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    code = "from jdgate.cli import main; main(['catalogue', 'list', '--all'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=writing, stderr=subprocess.PIPE, text=True, cwd=county.parent,
    )  # fmt: skip
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode in (0, 1)


def test_ctrl_c_ends_quietly(county: Path) -> None:
    code = (
        "import signal, os\n"
        "from jdgate.cli import main, status\n"
        "from jdgate.cli.session import Session\n"
        "def interrupted(self): os.kill(os.getpid(), signal.SIGINT)\n"
        "Session.connect = interrupted\n"
        "main(['status'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=county)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
