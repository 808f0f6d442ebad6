"""A county made by `jdgate init`, and the command called in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from jdgate.cli import main

PLUGINS = Path(__file__).parents[2] / "plugins"

Jdgate = Callable[..., Result]


@pytest.fixture
def jdgate(monkeypatch: pytest.MonkeyPatch) -> Jdgate:
    """Call a command: `jdgate("status", "--json")`. English unless told otherwise."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JDGATE_LANG", "en")

    def call(*args: object, **extra: Any) -> Result:
        result = CliRunner().invoke(main, [str(arg) for arg in args], **extra)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture
def county(tmp_path: Path, jdgate: Jdgate) -> Path:
    """The folder of a new county."""
    folder = tmp_path / "county"
    made = jdgate(
        "init", folder, "--region", "511623", "--name", "邻水县", "--plugins-dir", PLUGINS
    )
    assert made.exit_code == 0, made.output
    return folder


@pytest.fixture
def more_plugins(tmp_path: Path) -> Path:
    """A plugins folder that adds one message type to those of the repository."""
    folder, types = tmp_path / "plugins", tmp_path / "types" / "demo"
    types.mkdir(parents=True)
    folder.mkdir()
    (folder / "clinic").symlink_to(PLUGINS / "clinic")
    (folder / "extra.py").write_text(
        "from pathlib import Path\n"
        "from jdgate.plugins import hookimpl\n"
        "@hookimpl\n"
        "def jdgate_schemas():\n"
        f"    return [Path({str(types.parent)!r})]\n"
    )
    for ending in ("json", "toml"):
        own = (PLUGINS.parent / "schemas" / "mmt" / f"custody.notice.v1.{ending}").read_text()
        own = own.replace("mmt.custody.notice.v1", "demo.custody.notice.v1")
        own = own.replace('domain = "mmt"', 'domain = "demo"')
        (types / f"custody.notice.v1.{ending}").write_text(own)
    return folder
