"""`make run` and `make test` set up what they need once; again, they do nothing but their work."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What `make` looks at, set up a moment ago."""
    for file in (
        *REPOSITORY.glob("Makefile"),
        *REPOSITORY.glob("*.lock"),
        *REPOSITORY.glob("pyproject.toml"),
        *REPOSITORY.glob("plugins/*/pyproject.toml"),
        *REPOSITORY.glob("tests/*/package-lock.json"),
        *REPOSITORY.glob("tests/browser/install.sh"),
    ):
        to = tmp_path / file.relative_to(REPOSITORY)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, to)
    return tmp_path


def would_run(clone: Path, target: str) -> list[str]:
    """The commands that `make TARGET` would give."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", "-n", "--no-print-directory", target],
        cwd=clone, env=clean, check=True, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    return done.stdout.splitlines()


def set_up(clone: Path) -> None:
    (clone / ".venv").mkdir()
    for stamp in (".setup-done", ".dev-done"):
        (clone / ".venv" / stamp).touch()


@pytest.mark.parametrize("target", ["run", "test"])
def test_a_fresh_clone_is_set_up_with_hashes_checked(clone: Path, target: str) -> None:
    steps = would_run(clone, target)
    installs = [step for step in steps if " install " in step]
    assert len(installs) >= 2
    assert all("--no-deps" in step for step in installs)
    assert "--require-hashes --no-deps -r requirements.lock" in installs[0]


def test_again_it_costs_nothing(clone: Path) -> None:
    set_up(clone)
    assert would_run(clone, "run") == [".venv/bin/jdgate run --demo"]
    test, stamp = would_run(clone, "test")
    assert test.startswith(".venv/bin/python -m pytest")
    assert "install" not in stamp


def test_what_changed_is_installed_again(clone: Path) -> None:
    set_up(clone)
    before = (clone / ".venv" / ".setup-done").stat().st_mtime
    os.utime(clone / "requirements.lock", (before + 10, before + 10))
    assert any(" install " in step for step in would_run(clone, "run"))
