"""The pages of the catalogue are current, and the list by law leaves no type about persons out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jdgate.cli import main
from jdgate.cli.catalogue_pages import MARK, law_rows, pages
from jdgate.core.catalogue import default_path, load
from jdgate.texts import say

CATALOGUE = load([default_path()])
COMMITTED = Path(__file__).parents[2] / "docs" / "catalogue"
PAGES = pages(CATALOGUE)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a county, to call commands in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*args: object) -> Result:
    return CliRunner().invoke(main, ["--lang", "en", "catalogue", *map(str, args)])


def test_the_committed_pages_are_current() -> None:
    old = [
        name
        for name, page in PAGES.items()
        if not (COMMITTED / name).exists() or (COMMITTED / name).read_text(encoding="utf-8") != page
    ]
    assert old == [], "run jdgate catalogue docs -o docs/catalogue"


def test_no_page_is_left_of_a_type_that_is_gone() -> None:
    assert {path.name for path in COMMITTED.iterdir()} == set(PAGES)
    assert set(PAGES) == {"index.md", *(f"{name}.md" for name in CATALOGUE.sheets)}


@pytest.mark.parametrize("name", sorted(CATALOGUE.sheets))
def test_a_page_tells_both_readers_who_sees_what_why_and_for_how_long(name: str) -> None:
    page = PAGES[f"{name}.md"].replace("\\", "")
    sheet = CATALOGUE.sheets[name]
    chinese, english = page.split("\n## English\n")
    for lang, part in (("zh", chinese), ("en", english)):
        assert sheet.about.get(lang) in part
        assert say("cli.days", lang, days=sheet.retention_days) in part
        assert say(f"catalogue.approval.{sheet.approval}", lang) in part
        for basis in sheet.basis:
            tag = say(f"catalogue.tag.{basis.tag}", lang)
            assert f"- {basis.law} {basis.article} [{tag}]" in part
        for role in sheet.senders:
            assert f"({role})" in part
        for field, known in sheet.fields.items():
            (row,) = re.findall(rf"^\| `{field}` \|.*$", part, re.MULTILINE)
            cells = [cell.strip() for cell in row.strip("|").split("|")]
            assert cells[1] == known.title.get(lang)
            seen = [route.role for route in sheet.routes if field in route.fields]
            marked = [
                r.role for r, cell in zip(sheet.routes, cells[5:], strict=True) if cell == "✓"
            ]
            assert marked == seen
        if not sheet.routes:
            assert say("cli.catalogue.no_recipient", lang) in part


def test_the_index_leads_to_every_page() -> None:
    linked = re.findall(r"\]\(([^)]+)\)", PAGES["index.md"])
    assert sorted(linked) == sorted(f"{name}.md" for name in CATALOGUE.sheets)


def test_each_type_about_persons_is_listed_with_recipients_and_law() -> None:
    rows = {row["type"]: row for row in law_rows(CATALOGUE, "zh")}
    for name, sheet in CATALOGUE.sheets.items():
        personal = [f for f, field in sheet.fields.items() if field.personal]
        assert (name in rows) == bool(personal), name
        if not personal:
            continue
        told = rows[name]["recipients"]
        assert [one["role"]["code"] for one in told] == [route.role for route in sheet.routes]
        for one in told:
            assert one["fields"]
            assert one["basis"], (name, one["role"])
            assert all(re.search(r"\[\w+\]$", basis) for basis in one["basis"])
        assert rows[name]["basis"]
        assert told or rows[name]["rules"], "shown to nobody and used by no rule"
    assert set(rows) > {n for n, s in CATALOGUE.sheets.items() if s.subject is not None}


def test_the_law_is_listed_for_people_and_for_programs(empty: Path) -> None:
    told = call("law", "--json")
    assert told.exit_code == 0
    assert json.loads(told.stdout) == law_rows(CATALOGUE, "en")

    shown = call("law").stdout
    for row in law_rows(CATALOGUE, "en"):
        assert f"{row['title']} · {row['type']}" in shown
    assert "戒毒条例 13、38 [text read]" in shown
    assert "rule clinic.absence only" in shown


def test_the_documents_are_written_once_and_then_found_current(empty: Path) -> None:
    folder = empty / "pages"
    assert call("docs", "-o", folder, "--check").exit_code == 1
    assert not folder.exists()

    first = json.loads(call("docs", "-o", folder, "--json").stdout)
    assert first["changed"] == sorted(PAGES)
    assert {path.name: path.read_text("utf-8") for path in folder.iterdir()} == PAGES

    again = json.loads(call("docs", "-o", folder, "--json").stdout)
    assert again["changed"] == []
    assert call("docs", "-o", folder, "--check").exit_code == 0


def test_a_page_of_a_type_that_is_gone_is_removed_and_nothing_else(empty: Path) -> None:
    call("docs", "-o", empty)
    (empty / "old.type.v1.md").write_text(f"# old\n{MARK}\n", encoding="utf-8")
    (empty / "notes.md").write_text("# our own\n", encoding="utf-8")

    stale = call("docs", "-o", empty, "--check")
    assert stale.exit_code == 1
    assert "old.type.v1.md" in stale.stdout

    call("docs", "-o", empty)
    assert not (empty / "old.type.v1.md").exists()
    assert (empty / "notes.md").read_text("utf-8") == "# our own\n"
