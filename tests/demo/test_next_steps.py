"""The commands at the end are printed as they work where the user is."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from jdgate.config import Home
from jdgate.demo.next_steps import executable, next_steps


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A jdgate in .venv/bin of the working directory, as `make run` starts it."""
    program = tmp_path / ".venv" / "bin" / "jdgate"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [".venv/bin/jdgate", "run", "--demo"])
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return program


def test_the_program_is_named_from_the_working_directory(installed: Path) -> None:
    assert executable() == ".venv/bin/jdgate"


def test_it_goes_by_its_name_when_the_shell_finds_it(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(installed.parent))

    assert executable() == "jdgate"


def test_another_program_of_that_name_on_the_path_is_not_meant(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "elsewhere" / "jdgate"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(other.parent))

    assert executable() == ".venv/bin/jdgate"


def test_a_county_elsewhere_is_named_in_each_command(installed: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "a folder")

    for _, command in next_steps(home, "en", None):
        words = shlex.split(command)
        assert words[words.index("-c") + 1] == "a folder/jdgate.toml"


def test_the_language_asked_for_is_kept(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [".venv/bin/jdgate", "run", "--demo", "--lang", "en"])

    assert all(
        command.endswith(" --lang en") for _, command in next_steps(Home(Path()), "en", None)
    )


def test_without_evidence_the_third_command_looks_into_the_police_inbox(
    installed: Path, tmp_path: Path
) -> None:
    evidence = tmp_path / "evidence.jws"
    assert next_steps(Home(Path()), "en", evidence)[2][1] == ".venv/bin/jdgate inbox --as pol"
    evidence.write_text("")
    assert next_steps(Home(Path()), "en", evidence)[2][1].endswith("evidence verify evidence.jws")
