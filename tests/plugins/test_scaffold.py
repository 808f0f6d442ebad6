"""`jdgate plugin new`: what it writes works as it stands, and it never writes over anything."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from jdgate.errors import Refused
from jdgate.plugins.host import PluginHost
from jdgate.plugins.scaffold import SUFFIX, TEMPLATE, words_for, write_plugin
from jdgate.texts import LANGUAGES

NAMES = ("rooms", "a1", "town-halls_east")


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module", params=NAMES)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_plugin(request.param, tmp_path_factory.mktemp("new"))


def test_nothing_of_the_template_is_left_to_fill_in(written: Path) -> None:
    files = [path for path in written.rglob("*") if path.is_file()]
    assert len(files) == len(list(TEMPLATE.rglob(f"*{SUFFIX}")))
    for path in files:
        assert "@@" not in path.as_posix()
        assert "@@" not in path.read_text(encoding="utf-8"), path.name


def test_a_new_plugin_is_clean_and_typed(written: Path) -> None:
    for command in (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]):
        done = run(written, *command)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_new_plugin_loads_from_a_plugins_folder(written: Path) -> None:
    host = PluginHost(written.parent, use_installed=False)
    assert host.names == [written.name]
    assert len(host.rules()) == 1
    assert host.importers() and host.schemas()


def test_a_new_plugin_passes_its_own_tests_which_check_its_conformance(tmp_path: Path) -> None:
    folder = write_plugin("rooms", tmp_path)
    done = run(folder, "pytest", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout[-3000:]


def test_a_new_plugin_can_be_installed(tmp_path: Path) -> None:
    folder = write_plugin("rooms", tmp_path)
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["jdgate.plugins"] == {"rooms": "jdgate_rooms.plugin"}
    assert project["dependencies"] == ["jdgate"]


@pytest.mark.parametrize(
    "name",
    ["", "A", "1a", "a b", "a/b", "..", "a--b", "-a", "a-", "a.b", "甲", "a" * 17, "a\n", "_a"],
)
def test_a_name_that_can_be_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused) as refused:
        write_plugin(name, tmp_path)
    assert refused.value.code == "plugin.new_name"
    assert all("{" not in refused.value.text(lang) for lang in LANGUAGES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["clinic", "sm2", "mmt", "sys", "jdgate", "record", "cli"])
def test_a_name_that_is_taken_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused) as refused:
        write_plugin(name, tmp_path)
    assert refused.value.code == "plugin.new_taken"
    assert list(tmp_path.iterdir()) == []


def test_what_exists_is_never_touched(tmp_path: Path) -> None:
    for occupied in ("file", "folder", "link"):
        where = tmp_path / occupied
        where.mkdir()
        match occupied:
            case "file":
                (where / "rooms").write_text("mine")
            case "folder":
                (where / "rooms").mkdir()
            case "link":
                (where / "rooms").symlink_to("nowhere")
        with pytest.raises(Refused) as refused:
            write_plugin("rooms", where)
        assert refused.value.code == "plugin.new_exists"
        assert [path.name for path in where.iterdir()] == ["rooms"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused) as refused:
        write_plugin("rooms", tmp_path / "file")
    assert refused.value.code == "plugin.new_unwritable"


def test_the_words_of_a_name_fit_where_they_are_used() -> None:
    words = words_for("town-halls_east")
    assert (words["package"], words["domain"]) == ("jdgate_town_halls_east", "townhallseast")
    assert words["dist"] == "jdgate-town-halls-east"
