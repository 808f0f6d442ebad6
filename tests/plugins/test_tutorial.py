"""The tutorial for plugin authors, carried out step by step exactly as it is printed, outside the
repository; and the plugin it makes, from a plugins folder and installed."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jdgate.kit.hooks import HOOKS as KIT_HOOKS
from jdgate.kit.importers import IMPORTERS
from jdgate.kit.rules import RULES
from jdgate.kit.sinks import SINK
from jdgate.kit.sources import SOURCE
from jdgate.kit.suites import SUITES
from jdgate.plugins import hookspecs
from jdgate.plugins.inspection import HOOKS
from jdgate.plugins.scaffold import SUFFIX, TEMPLATE, write_plugin
from jdgate.texts import say

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs" / "plugins"
TUTORIAL = DOCS / "tutorial.md"
_BLOCK = re.compile(
    r"^```shell-session *\n(?P<steps>.*?)^```|"
    r"^```\{code-block\} \w+\n:caption: (?P<path>\S+)\n(?P<text>.*?)^```",
    re.MULTILINE | re.DOTALL,
)


def as_console(document: Path, side: Path) -> Path:
    """The document with each file it shows as a command that writes the file."""
    side.mkdir()
    blocks = []
    for number, block in enumerate(_BLOCK.finditer(document.read_text(encoding="utf-8"))):
        if block["path"]:
            (side / str(number)).write_text(block["text"], encoding="utf-8")
            steps = f"$ cp {side / str(number)} {block['path']}\n"
        else:
            steps = block["steps"]
        blocks.append(f"```console\n{steps}```\n")
    target = side / "tutorial.md"
    target.write_text("\n".join(blocks), encoding="utf-8")
    return target


def test_every_step_of_the_tutorial_works_as_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(REPOSITORY / "tests" / "docs"))
    from console import Reader, steps

    document = as_console(TUTORIAL, tmp_path / "side")
    (tmp_path / "work").mkdir()
    reader = Reader(tmp_path / "work", "en")
    assert reader.follow(document) == len(list(steps(document))) > 20


def jdgate(folder: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).parent / "jdgate"), *args],
        cwd=folder,
        env={**os.environ, "JDGATE_LANG": "en", **env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_new_plugin_works_from_a_plugins_folder_outside_the_repository(tmp_path: Path) -> None:
    write_plugin("rooms", tmp_path / "plugins")
    shown = jdgate(tmp_path, "catalogue", "show", "rooms.check", "--plugins-dir", "plugins")
    assert shown.returncode == 0, shown.stderr
    assert "rooms.check.v1" in shown.stdout
    made = jdgate(tmp_path, "init", "county", "--region", "511623", "--name", "县",
                  "--plugins-dir", "plugins")  # fmt: skip
    assert made.returncode == 0, made.stderr
    signed = jdgate(tmp_path / "county", "catalogue", "check", "--plugins-dir", "../plugins")
    assert signed.returncode == 0, signed.stdout
    child = subprocess.Popen(
        [str(Path(sys.executable).parent / "jdgate"), "run", "--plugins-dir", "../plugins"],
        cwd=tmp_path / "county",
        env={**os.environ, "JDGATE_LANG": "en"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert child.stdout is not None
        assert any("is up" in line for line in child.stdout)
        listed = jdgate(tmp_path / "county", "plugin", "list")
        assert re.search(r"^rooms +0\.1\.0 +", listed.stdout, re.M), listed.stdout
    finally:
        child.terminate()
        child.communicate(timeout=120)


def test_a_new_plugin_works_installed(tmp_path: Path) -> None:
    folder = write_plugin("rooms", tmp_path / "plugins")
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    done = subprocess.run(
        [*pip, "--no-build-isolation", "--target", str(site), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = jdgate(tmp_path, "catalogue", "show", "rooms.check", PYTHONPATH=str(site))
    assert shown.returncode == 0, shown.stderr
    checked = jdgate(tmp_path, "plugin", "check", "rooms", PYTHONPATH=str(site))
    assert checked.returncode == 0, checked.stdout
    assert "plugin rooms 0.1.0 conforms" in checked.stdout


# --- the pages about hooks and checks


def hooks_in(path: Path) -> Iterator[str]:
    """Hooks that a source file implements."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and any(
            ast.unparse(one).startswith("hookimpl") for one in node.decorator_list
        ):
            yield node.name


def users() -> dict[str, list[str]]:
    """Hook → the real plugins that implement it."""
    found: dict[str, list[str]] = {hook: [] for hook in sorted(HOOKS)}
    for plugin in sorted((REPOSITORY / "plugins").iterdir()):
        for path in sorted(plugin.glob("src/**/*.py")):
            for hook in hooks_in(path):
                if hook in found and plugin.name not in found[hook]:
                    found[hook].append(plugin.name)
    return found


def in_template() -> set[str]:
    """Hooks that a new plugin implements."""
    texts = [path.read_text(encoding="utf-8") for path in TEMPLATE.rglob(f"*.py{SUFFIX}")]
    return {hook for text in texts for hook in re.findall(r"^def (jdgate_\w+)\(", text, re.M)}


def hooks_table() -> str:
    rows = ["| hook | used by | its answer is checked by |", "|---|---|---|"]
    for hook, plugins in users().items():
        parameters = ", ".join(inspect.signature(getattr(hookspecs, hook)).parameters)
        anchor = f"{hook}{parameters.replace(', ', '-')}"
        shown = ", ".join([*plugins, *(["the template"] if hook in in_template() else [])]) or "—"
        checks = ", ".join(f"`{group}.*`" for group in CHECKED[hook])
        rows.append(
            f"| [`{hook}({parameters})`](../plugin-authors.md#{anchor}) | {shown} | {checks} |"
        )
    return "\n".join(rows)


CHECKED = {
    "jdgate_accepted": ["edge"],
    "jdgate_adapters": ["hooks", "sink", "source"],
    "jdgate_channels": ["hooks"],
    "jdgate_complete": ["edge"],
    "jdgate_importers": ["hooks", "importer"],
    "jdgate_prepare": ["edge"],
    "jdgate_rules": ["hooks", "rule"],
    "jdgate_schemas": ["hooks"],
    "jdgate_suites": ["hooks", "suite"],
    "jdgate_texts": ["hooks"],
}
"""Hook → the groups of checks of the kit that try it. A new hook needs an entry here."""


def checks_table() -> str:
    rows = ["| check | holds when | when it fails |", "|---|---|---|"]
    names = [
        "hooks.load",
        *KIT_HOOKS,
        *RULES,
        *IMPORTERS,
        *SUITES,
        "adapters.trial",
        *SINK,
        *SOURCE,
    ]
    for name in names:
        advice = say(f"kit.do.{name}", "en", detail="…").removesuffix(": …")
        rows.append(f"| `{name}` | {say(f'kit.check.{name}', 'en')} | {advice} |")
    return "\n".join(rows)


TABLES = {"hooks.md": hooks_table, "conformance.md": checks_table}
REWRITE = "run: python tests/plugins/test_tutorial.py"


@pytest.mark.parametrize("page", TABLES)
def test_the_tables_of_hooks_and_checks_are_current(page: str) -> None:
    assert TABLES[page]() in (DOCS / page).read_text(encoding="utf-8"), REWRITE


def rewrite() -> None:
    """Put the tables as they are now into their pages."""
    for page, table in TABLES.items():
        text = (DOCS / page).read_text(encoding="utf-8")
        first, last = table().split("\n")[0], "\n\n"
        at = text.index(first)
        end = text.find(last, at)
        rest = text[end:] if end >= 0 else "\n"
        (DOCS / page).write_text(text[:at] + table() + rest, encoding="utf-8")


def test_every_hook_is_tried_by_the_kit() -> None:
    assert set(CHECKED) == set(HOOKS)
    checks = [*KIT_HOOKS, *RULES, *IMPORTERS, *SUITES, *SINK, *SOURCE]
    groups = {name.partition(".")[0] for name in checks}
    assert {group for used in CHECKED.values() for group in used} <= groups


@pytest.mark.parametrize("hook", sorted(HOOKS))
def test_every_hook_is_tested(hook: str) -> None:
    """Some test implements it, or tests a real plugin that does."""
    own = [path for path in (REPOSITORY / "tests").rglob("*.py") if path != Path(__file__)]
    in_tests = any(re.search(rf"def {hook}\(", path.read_text("utf-8")) for path in own)
    in_plugins = any((REPOSITORY / "plugins" / name / "tests").is_dir() for name in users()[hook])
    assert in_tests or in_plugins, f"no test implements {hook}"


if __name__ == "__main__":
    rewrite()
