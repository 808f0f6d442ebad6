"""The guides name every entry, hook and message that exists, and none that does not."""

from __future__ import annotations

import inspect
import re

import msgspec
import pytest
from console import REPOSITORY

from jdgate import texts
from jdgate.config import Config
from jdgate.core.forbidden import forbidden_field
from jdgate.core.sheet import Tag
from jdgate.files.importer import Limits
from jdgate.plugins import hookspecs
from jdgate.plugins.inspection import HOOKS

DOCS = REPOSITORY / "docs"


def _page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_the_operator_guide_has_every_entry_of_the_configuration_and_its_default() -> None:
    page = _page("operator-guide.md").partition("## Configuration")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \| (.*?) \|", page, re.M))
    entries = {}
    for table in msgspec.structs.fields(Config):
        if table.name == "rules":
            continue
        for entry in msgspec.structs.fields(table.type):
            default = entry.default
            shown = "—" if default is msgspec.NODEFAULT else f"`{_toml(default)}`"
            entries[f"{table.name}.{entry.name}"] = shown

    assert {name: rows.get(name) for name in entries} == entries
    assert all(name in entries or name.startswith("rules.") for name in rows)


def _toml(value: object) -> str:
    return msgspec.json.encode(value).decode().replace('","', '", "')


def test_the_operator_guide_speaks_only_of_messages_that_exist() -> None:
    table = _page("operator-guide.md").partition("## Troubleshooting")[2]
    known = {*texts.all_texts(), *_plugin_codes()}
    for code in re.findall(r"`([a-z_]+\.[a-z_]+)`", table):
        if code.partition(".")[0] not in ("run", "nats", "books.master", "var", "keys"):
            assert code in known, code


def _plugin_codes() -> set[str]:
    return {
        code
        for path in REPOSITORY.glob("plugins/*/src/*/texts.toml")
        for code in texts.read_file(path)
    }


def test_every_hook_is_documented_with_its_signature() -> None:
    page = _page("plugin-authors.md")
    for name in HOOKS:
        signature = inspect.signature(getattr(hookspecs, name))
        heading = f"### {name}({', '.join(signature.parameters)})"
        assert heading in page, f"docs/plugin-authors.md has no section {heading}"


def test_no_hook_is_documented_that_does_not_exist() -> None:
    assert set(re.findall(r"^### (jdgate_\w+)", _page("plugin-authors.md"), re.M)) == set(HOOKS)


def test_the_page_on_law_has_every_tag() -> None:
    page = _page("law.md")
    for tag in Tag.__args__:  # type: ignore[attr-defined]
        row = f"| {texts.say(f'catalogue.tag.{tag}', 'en').partition(',')[0]}"
        assert f"| `{tag}` |" in page
        assert any(row in line for line in page.splitlines() if f"`{tag}`" in line) or tag in (
            "known",
        ), tag


def test_the_forbidden_words_on_the_page_are_refused() -> None:
    table = _page("law.md").partition("## What may never be exchanged")[2].partition("\n\n| ")[2]
    cells = [line.split("|")[-2] for line in table.splitlines() if line.startswith("| ")]
    words = [word.strip(" `;,") for cell in cells for word in re.split(r"[,;、]", cell)]
    for word in filter(None, words[1:]):
        if word in ("child", "未成年"):
            continue  # allowed where a guardian's consent is a field of the same type
        assert forbidden_field(word), word


@pytest.mark.parametrize(
    ("limit", "shown"),
    [("file_bytes", "200 MB"), ("old_excel_bytes", "30 MB"), ("rows", "1,100,000")],
)
def test_the_limits_of_files_are_as_told(limit: str, shown: str) -> None:
    value = getattr(Limits(), limit)
    told = f"{value:,}" if limit == "rows" else f"{value // 2**20} MB"
    assert told == shown
    assert shown in _page("files.md")


def test_the_page_on_files_has_every_message_about_a_row() -> None:
    page = _page("files.md")
    file = REPOSITORY / "src" / "jdgate" / "texts" / "files.toml"
    for code in texts.read_file(file):
        if "row" in texts.all_texts()[code]["en"] and "{title}" in texts.all_texts()[code]["en"]:
            assert f"`{code}`" in page, code


def test_every_decision_has_its_four_parts_and_is_listed() -> None:
    listed = _page("decisions/index.md")
    for path in sorted((DOCS / "decisions").glob("0*.md")):
        text = path.read_text(encoding="utf-8")
        parts = re.findall(r"^## (.+)$", text, re.M)
        assert parts == ["Context", "Decision", "Consequences", "Alternatives"], path.name
        assert path.name.startswith("0000") or path.stem in listed, path.name


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = set(re.findall(r"^([a-z-]+(?:/index)?)$", _page("index.md"), re.M))
    pages = {path.stem for path in DOCS.glob("*.md")} - {"index"}
    folders = {f"{path.parent.name}/index" for path in DOCS.glob("*/index.md")}
    assert pages | folders == listed
