"""Tables as packaged, a folder for imported versions, files to import, and the command."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from jdgate.cli import main
from jdgate.refdata import Imported, References, TableName

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)

Write = Callable[[str], Path]
Add = Callable[..., Imported]
Jdgate = Callable[..., Result]


@pytest.fixture(scope="session")
def packaged() -> References:
    """The tables as they come with jdgate."""
    return References()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where imported versions go."""
    return tmp_path / "var" / "refdata"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a CSV file to import."""

    def make(text: str) -> Path:
        path = tmp_path / "table.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return make


@pytest.fixture
def add(folder: Path, write: Write) -> Add:
    """Import a CSV text: `add("divisions", text, "2026-07-01")`."""

    def imported(table: TableName, text: str, since: str = "2026-01-01", **more: Any) -> Imported:
        told = {"source": "test", "now": NOW, **more}
        return References(folder).add(table, write(text), since=date.fromisoformat(since), **told)

    return imported


@pytest.fixture
def jdgate(monkeypatch: pytest.MonkeyPatch) -> Jdgate:
    """Call a command in this process; English unless told otherwise."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JDGATE_LANG", "en")

    def call(*args: object) -> Result:
        result = CliRunner().invoke(main, [str(arg) for arg in args])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call
