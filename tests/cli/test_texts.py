"""Every text the commands use exists, in both languages, with the same placeholders."""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import Result

import jdgate.cli
from jdgate.cli import main
from jdgate.cli.help import Helped
from jdgate.texts import LANGUAGES, Lang, all_texts

SOURCES = sorted(Path(jdgate.cli.__file__).parent.glob("*.py"))
MADE_UP = {
    "cli.state": "up down embedded external running failing paused active suspended left received "
    "done failed open retried dropped waiting approved rejected withdrawn sent "
    "raised delivered opened acknowledged resolved closed passed_on",
    "cli.due": "delivered opened acknowledged resolved",
    "cli.alerts": "how_ack how_resolve how_reassign now_acknowledged now_resolved now_reassigned",
    "cli.place": "officer community_worker social_worker",
    "cli.digest": "day week month county few rate",
    "cli.kind": "authority gateway department",
    "cli.use": "sig enc bus",
    "cli.direction": "in out",
    "cli.verdict": "accepted part refused own good",
    "cli.outcome": "delivered failed pending",
    "cli.leaf": "accepted refused disclosed delivered drafted decided alert directory admin looked "
    "missed arrived",
    "cli.messages.kind": "message alert draft letter",
    "cli.role": "gateway edge",
    "cli.drafts": "now_sent now_half now_rejected record prefill",
    "evidence.step": "form directory seal checkpoint consistency sender receipt leaf inclusion "
    "disclosure delivery",
}


Words = tuple[str, ...]


def commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> list[tuple[tuple[str, ...], Helped]]:
    found: list[tuple[tuple[str, ...], Helped]] = []
    for name, command in group.commands.items():
        assert isinstance(command, Helped)
        found.append(((*path, name), command))
        if isinstance(command, click.Group):
            found += commands(command, (*path, name))
    return found


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_code_in_the_source_has_its_text(source: Path) -> None:
    used = set(re.findall(r'"((?:cli|files)\.[a-z_.]+)"', source.read_text()))
    assert used <= set(all_texts())


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_title_in_the_source_has_its_text(source: Path) -> None:
    text = source.read_text()
    prefix = "cli.status" if source.stem == "status" else "cli.title"
    used = {f"{prefix}.{name}" for name in re.findall(r'\blabel\("([a-z_]+)"\)', text)}
    for names in re.findall(r"(?:for name in|names =|_NAMES =) \(([^)]*)\)", text):
        if "LC_ALL" not in names and "title_code" not in names and "blank" not in names:
            used |= {f"cli.title.{name}" for name in re.findall(r'"([a-z_]+)"', names)}
    assert used <= set(all_texts())


def test_every_state_and_kind_has_its_text() -> None:
    wanted = {f"{area}.{name}" for area, names in MADE_UP.items() for name in names.split()}
    assert wanted <= set(all_texts())


def test_both_languages_say_the_same() -> None:
    for code, entry in all_texts().items():
        if code.startswith("cli."):
            assert entry.get("zh") and entry.get("en"), code
            assert placeholders(entry["zh"]) == placeholders(entry["en"]), code


def test_no_text_is_left_unused() -> None:
    everything = "".join(path.read_text() for path in SOURCES)
    helped = {command.help_code for _, command in commands(main)} | {"cli.help.jdgate"}
    for code in all_texts():
        area, _, name = code.rpartition(".")
        if not code.startswith("cli.") or code in helped or area in MADE_UP:
            continue
        assert code in everything or f'"{name}"' in everything, code


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(("path", "command"), commands(main), ids=lambda value: str(value))
def test_every_command_and_option_has_help(
    path: Words, command: Helped, lang: Lang, jdgate: Callable[..., Result]
) -> None:
    result = jdgate(*path, "--help", "--lang", lang)
    assert result.exit_code == 0
    assert result.stdout.startswith("用法：" if lang == "zh" else "Usage: ")
    assert "cli." not in result.stdout
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.opts[-1] in result.stdout
    for option in ("--json", "--lang", "--config"):
        assert option in result.stdout
    chinese = re.search(r"[\u4e00-\u9fff]", result.stdout.replace("邻水县", ""))
    assert bool(chinese) == (lang == "zh")
