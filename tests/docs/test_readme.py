"""Every command that a document prints is run, in order, and prints what the document says."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from console import REPOSITORY, Reader, folder_like_the_repository, recipe, steps

from jdgate.cli import main

READMES = (REPOSITORY / "README.md", REPOSITORY / "README.zh-CN.md")
PAGES = sorted((REPOSITORY / "docs").rglob("*.md"))
LEAFLETS = sorted(
    [*REPOSITORY.glob("*/README.md"), *REPOSITORY.glob("plugins/*/README.md")],
)
"""Pages beside what they are about: keys, samples, plugins."""
WITH_COMMANDS = [page for page in PAGES if "```console" in page.read_text(encoding="utf-8")]


def _name(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


@pytest.mark.parametrize("document", [*READMES, *WITH_COMMANDS], ids=_name)
def test_every_command_works_as_printed(document: Path, tmp_path: Path) -> None:
    lang = "zh" if document.name.endswith(".zh-CN.md") else "en"
    reader = Reader(folder_like_the_repository(tmp_path), lang)

    assert reader.follow(document) == len(list(steps(document)))


_SAID = re.compile(r"(?:^|`|\$ )jdgate ([^`\n]*)", re.MULTILINE)


def _said_commands(document: Path) -> Iterator[str]:
    text = document.read_text(encoding="utf-8").replace("\\\n", " ")
    for found in _SAID.finditer(text):
        yield found[1].split("  # ")[0].strip()


@pytest.mark.parametrize("document", [*READMES, *PAGES, *LEAFLETS], ids=_name)
def test_every_command_that_is_mentioned_exists(document: Path) -> None:
    for said in _said_commands(document):
        words = said.split()
        command: click.Command = main
        while words and isinstance(command, click.Group) and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        if isinstance(command, click.Group) and words and re.match(r"[a-z]+$", words[0]):
            pytest.fail(f"{document.name}: there is no command jdgate {said}")
        known = {name for one in command.params for name in one.opts} | {"--help"}
        for option in (word for word in words if re.match(r"--?[a-z]", word)):
            assert option.partition("=")[0] in known, f"{document.name}: jdgate {said}: {option}"


def test_make_run_is_the_demo_county() -> None:
    assert recipe("run") == "jdgate run --demo"


def test_every_make_target_that_is_mentioned_exists() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for document in (*READMES, *PAGES, *LEAFLETS):
        said = set(re.findall(r"`(?:\$ )?make ([a-z-]+)", document.read_text(encoding="utf-8")))
        assert said <= targets, f"{document.name}: {said - targets}"


@pytest.mark.parametrize("document", [*READMES, *PAGES, *LEAFLETS], ids=_name)
def test_every_link_between_files_leads_somewhere(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path = document.parent / target.partition("#")[0] if target[0] != "#" else document
        assert path.exists(), f"{document.name}: {target}"


def test_shell_snippets_that_need_a_server_at_least_parse() -> None:
    for document in PAGES:
        text = document.read_text(encoding="utf-8")
        for snippet in re.findall(r"^```sh *\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            done = subprocess.run(["bash", "-n"], input=snippet, text=True, capture_output=True)
            assert done.returncode == 0, f"{document.name}: {done.stderr}"
