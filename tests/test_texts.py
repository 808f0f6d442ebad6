"""Every sentence a person may read exists, in both languages, and none is left that nobody says.

What is used is found in the source itself (AST): the codes given to errors, faults, notices and
`say`, every other string that is a code, and the beginnings of codes built at run time.
"""

from __future__ import annotations

import ast
import json
import re
import string
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from jdgate import texts
from jdgate.texts import LANGUAGES, all_texts, read_file, say

REPOSITORY = Path(__file__).parents[1]
SOURCE = REPOSITORY / "src" / "jdgate"
PLUGINS = sorted(REPOSITORY.glob("plugins/*"))
OWN_FILES = sorted((SOURCE / "texts").glob("*.toml"))
PLUGIN_FILES = sorted(REPOSITORY.glob("plugins/*/src/*/**/*.toml"))
TEXT_FILES = [
    path for path in [*OWN_FILES, *PLUGIN_FILES] if path in OWN_FILES or "texts" in path.as_posix()
]
TEXTS = {code: entry for path in TEXT_FILES for code, entry in read_file(path).items()}
CODES = set(TEXTS)
MODULES = [
    *sorted(SOURCE.rglob("*.py")),
    *sorted(REPOSITORY.glob("plugins/*/src/**/*.py")),
]
PAGES = sorted(SOURCE.glob("web/templates/*.html"))
SAYS = {
    "Refused", "TransportFailed", "UsageError", "Misuse", "JdgateError", "Fault", "Notice", "say",
}  # fmt: skip
CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-zA-Z0-9_-]+)+")
PLACEHOLDERS = string.Formatter()


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in PLACEHOLDERS.parse(template) if name is not None}


@cache
def trees() -> list[tuple[Path, ast.Module]]:
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in MODULES]


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def constants(node: ast.AST) -> Iterator[str]:
    """The codes an argument may be: a literal, or either side of a choice."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from constants(node.body)
        yield from constants(node.orelse)


def said() -> Iterator[tuple[str, Path, ast.Call]]:
    """Every code given as a literal to something that will be read by a person."""
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and called(node) in SAYS and node.args:
                for code in constants(node.args[0]):
                    yield code, path, node


# --- the catalogue itself


@pytest.mark.parametrize("path", TEXT_FILES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_each_text_has_two_languages_with_the_same_placeholders(path: Path) -> None:
    for code, entry in read_file(path).items():
        assert set(entry) == set(LANGUAGES), code
        assert placeholders(entry["zh"]) == placeholders(entry["en"]), code
        assert all(entry[lang].strip() for lang in LANGUAGES), code


@pytest.mark.parametrize("path", TEXT_FILES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_placeholders_are_plain_names(path: Path) -> None:
    """No attribute, index or conversion: a value must not be able to show more than itself."""
    for code, entry in read_file(path).items():
        for lang in LANGUAGES:
            for name in placeholders(entry[lang]):
                assert name.isidentifier(), f"{code}: {{{name}}}"


def test_no_code_stands_in_two_files() -> None:
    count = Counter(code for path in TEXT_FILES for code in read_file(path))
    assert [code for code, times in count.items() if times > 1] == []


def test_chinese_texts_are_chinese_and_english_ones_are_not() -> None:
    for path in TEXT_FILES:
        for code, entry in read_file(path).items():
            # a document's number is its name, and 邻水县 the county of the examples
            english = re.sub(r"[^\s,]+〔\d+〕\d+号|邻水县", "", entry["en"])
            assert not re.search(r"[\u4e00-\u9fff]", english), code
            letters = re.sub(r"\{[^}]*\}", "", entry["zh"])
            if re.search(r"[a-z]{3,} [a-z]{3,} [a-z]{3,}", letters):
                assert re.search(r"[\u4e00-\u9fff]", letters), code


# --- what the source says


def test_every_code_given_to_an_error_or_a_person_has_its_text() -> None:
    missing = {
        f"{path.name}:{node.lineno} {code}"
        for code, path, node in said()
        if code not in CODES and not (called(node) == "say" and "." not in code)
    }
    assert missing == set()


def test_every_code_on_a_page_has_its_text() -> None:
    said_there = {
        code
        for path in PAGES
        for code in re.findall(r"""["'](web\.[a-z0-9_.]*[a-z0-9_])["']""", path.read_text("utf-8"))
    }
    assert said_there and said_there <= CODES


def _known_params(node: ast.Call) -> set[str] | None:
    """The parameters a call surely gives; None when some come from elsewhere (**params)."""
    if any(keyword.arg is None for keyword in node.keywords):
        return None
    given = {keyword.arg for keyword in node.keywords if keyword.arg is not None}
    kind = called(node)
    if kind == "Notice":
        if len(node.args) < 2:
            return given
        params = node.args[1]
        if not isinstance(params, ast.Dict) or None in params.keys:
            return None
        return {key.value for key in params.keys if isinstance(key, ast.Constant)}
    if kind == "Fault":
        return None  # its words are made by Fault.text, from the path and the sheet too
    return given | {"title"} if "field" in given else given  # an error's field has its title


def test_a_text_gets_the_parameters_it_names() -> None:
    added = {"title", "times", "sender", "reason", "from"}
    lacking = []
    for code, path, node in said():
        given = _known_params(node)
        if given is None or code not in CODES:
            continue
        missing = placeholders(TEXTS[code]["en"]) - given
        if called(node) == "Notice":
            missing -= added  # the teller adds the names of types and members
        if missing:
            lacking.append(f"{path.name}:{node.lineno}: {code} lacks {sorted(missing)}")
    assert lacking == []


def _used() -> tuple[set[str], set[str]]:
    """All strings of the source, and the beginnings of those that are built at run time."""
    whole: set[str] = set()
    begun: set[str] = set()
    for _, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                whole.add(node.value)
            elif isinstance(node, ast.JoinedStr) and node.values:
                first = node.values[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    begun.add(first.value)
    for path in [*REPOSITORY.glob("schemas/**/*.json"), *REPOSITORY.glob("plugins/**/*.json")]:
        if "schemas" in path.parts:
            whole |= set(re.findall(r'"x-fault": *"([^"]+)"', path.read_text(encoding="utf-8")))
    for path in PAGES:
        for code in re.findall(r"""["']([a-z.][a-z0-9_.]+)["']""", path.read_text("utf-8")):
            (begun if code.endswith(".") else whole).add(code)
    return whole, begun


def _is_used(code: str, whole: set[str], begun: set[str]) -> bool:
    """Whether some string is the code, or some f-string begins it and the rest may follow."""
    if code in whole:
        return True
    for beginning in begun:
        rest = code.removeprefix(beginning)
        if rest == code or "." not in beginning:
            continue
        # f"cli.state.{state}" says any state; f"catalogue.{code}" only what some string names
        if beginning.count(".") > 1 or not beginning.endswith(".") or rest in whole:
            return True
        if rest.rpartition(".")[0] in whole or rest.split(".")[0] in whole:
            return True
    return False


def test_no_text_is_kept_that_nobody_says() -> None:
    whole, begun = _used()
    assert [code for code in CODES if not _is_used(code, whole, begun)] == []


def test_codes_that_schemas_name_have_their_text() -> None:
    found = {
        code
        for path in REPOSITORY.glob("schemas/**/*.json")
        for code in re.findall(r'"x-fault": *"([^"]+)"', path.read_text(encoding="utf-8"))
    }
    assert found and found <= CODES


# --- saying


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_text_can_be_said(lang: texts.Lang) -> None:
    for path in PLUGIN_FILES:
        if path in TEXT_FILES:
            texts.add_file(path)
    for code, entry in TEXTS.items():
        params = dict.fromkeys(placeholders(entry[lang]), "x")
        assert "{" not in say(code, lang, **params) or "{" in entry[lang].replace("{{", ""), code


def test_an_unknown_code_or_a_missing_parameter_is_shown_and_raises_nothing() -> None:
    assert say("no.such", "zh") == "no.such"
    assert say("no.such", "en", got=1) == "no.such {'got': 1}"
    assert "{member}" in say("member.unknown", "en")
    assert "'other': 1" in say("member.unknown", "en", other=1)


def test_a_value_is_never_read_as_a_template() -> None:
    shown = say("member.unknown", "en", member="{0.__class__} {member}")
    assert "“{0.__class__} {member}”" in shown


def test_a_plugin_adds_texts_and_replaces_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "_extra", {})
    file = tmp_path / "own.toml"
    file.write_text(
        '[own.greeting]\nzh = "你好{name}"\nen = "hello {name}"\n'
        '[member.unknown]\nzh = "假"\nen = "false"\n',
        encoding="utf-8",
    )
    texts.add_file(file)
    assert say("own.greeting", "zh", name="甲") == "你好甲"
    assert say("member.unknown", "en", member="x") != "false"


def test_the_text_files_are_read_as_they_stand() -> None:
    for path in OWN_FILES:
        for code, entry in read_file(path).items():
            assert all_texts()[code] == entry
            json.dumps(entry)
