"""Writes the pages and parts of pages that come out of the code.

    python docs/generate.py            # write them
    python docs/generate.py --check    # exit 1 and name those that are not current

- errors.md: every text a person may read, by code, in both languages;
- cli.md: the help of every command, in both languages;
- wire-format.md: the blocks after `<!-- wire_example: NAME -->`.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
from click.testing import CliRunner
from wire_example import parts

from jdgate import texts
from jdgate.cli import main as command_line

HERE = Path(__file__).parent
PLUGIN_TEXTS = HERE.parent / "plugins"

AREAS = {
    "admission": "What the gateway says of a message",
    "record": "What is wrong with a record",
    "files": "What is wrong with a file or a row of it",
    "trust": "Signatures, seals, keys, directory",
    "catalogue": "The catalogue of agreements",
    "books": "Databases and the vault",
    "bus": "The bus",
    "ledger": "Ledger and evidence",
    "plugin": "Plugins, rules, alerts, drafts",
    "alerts": "The life of alerts",
    "config": "Configuration",
    "control": "Talking to the daemon",
    "story": "What the daemon tells, and what it answers",
    "demo": "What the demo county tells",
}
"""Text files in the order of the page. `cli` holds headings and help, shown by cli.md."""


def errors_page() -> str:
    """Every text but those of the command line's own tables and help."""
    folder = Path(texts.__file__).parent
    names = [path.stem for path in folder.glob("*.toml")]
    order = [*AREAS, *sorted(set(names) - set(AREAS) - {"cli"})]
    lines = [
        "# Messages, by code",
        "",
        "<!-- made by docs/generate.py from the text catalogue; change the texts, not this -->",
        "",
        "Every sentence that jdgate says of a message, a record, a file or itself. A receipt and",
        "`--json` carry the code and its parameters, so that each reader's own language is used.",
        "`{…}` stands for a parameter; none of them ever holds a personal value. What to do about",
        "the common ones is in the [operator guide](operator-guide.md#troubleshooting).",
        "",
    ]
    for name in order:
        path = folder / f"{name}.toml"
        if path.exists():
            lines += _table(AREAS.get(name, name), path)
    for path in sorted(PLUGIN_TEXTS.glob("*/src/*/texts.toml")):
        lines += _table(f"Plugin `{path.parts[-4]}`", path)
    return "\n".join(lines).rstrip("\n") + "\n"


def _table(title: str, path: Path) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    groups: dict[str, list[str]] = defaultdict(list)
    for code, entry in texts.read_file(path).items():
        row = f"| `{code}` | {_cell(entry['zh'])} | {_cell(entry['en'])} |"
        groups[code.partition(".")[0]].append(row)
    for rows in groups.values():
        yield "| Code | 中文 | English |"
        yield "|---|---|---|"
        yield from rows
        yield ""


def _cell(text: str) -> str:
    """A text as a table's cell: placeholders as code, marks of Markdown escaped."""
    parts = re.split(r"(\{\w+[^}]*\})", text.replace("\n", " "))
    for at, part in enumerate(parts):
        placeholder = re.match(r"\{(\w+)", part)
        escaped = re.sub(r"([|<>*_`\[\]])", r"\\\1", part)
        parts[at] = f"`{{{placeholder[1]}}}`" if placeholder else escaped
    return "".join(parts)


def cli_page() -> str:
    """`--help` of every command."""
    lines = [
        "# Command line",
        "",
        "<!-- made by docs/generate.py from the commands' own help; change the texts, not this -->",
        "",
        "Every command takes `--json` (stable, for programs), `--lang zh|en`, and `-c FILE` for an",
        "installation other than that of the working directory. Exit codes: 0 all good, 1 failed,",
        "2 the command can't be carried out as given, 3 some of the rows were refused.",
        "",
        "The same help in Chinese: `jdgate --lang zh COMMAND --help`.",
        "",
    ]
    for words, _ in commands():
        lines += [f"## {' '.join(words)}", "", "```text", help_of(words, "en"), "```", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def commands() -> list[tuple[tuple[str, ...], click.Command]]:
    """Every command, by the words that call it, in the order of the help."""
    return list(_walk(("jdgate",), command_line))


def _walk(
    words: tuple[str, ...], command: click.Command
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            yield from _walk((*words, name), command.commands[name])


@cache
def help_of(words: tuple[str, ...], lang: str) -> str:
    """What `--help` prints at 80 columns."""
    env = {"COLUMNS": "80", "JDGATE_LANG": lang}
    called = [*words[1:], "--help"]
    done = CliRunner().invoke(command_line, called, env=env, prog_name="jdgate")
    if done.exit_code:
        raise SystemExit(f"{' '.join(words)} --help: {done.output}")
    return done.output.rstrip("\n")


def wire_page(page: str) -> str:
    """wire-format.md with its blocks made anew."""
    for name, block in parts().items():
        pattern = rf"(<!-- wire_example: {name} -->\n\n)```.*?\n```"
        page, found = re.subn(pattern, lambda m, b=block: m[1] + b, page, flags=re.DOTALL)
        if found != 1:
            raise SystemExit(f"wire-format.md has {found} places for “{name}”, expected 1")
    return page


@cache
def pages() -> dict[Path, str]:
    """Every page that is made here, as it should be."""
    wire = HERE / "wire-format.md"
    return {
        HERE / "errors.md": errors_page(),
        HERE / "cli.md": cli_page(),
        wire: wire_page(wire.read_text(encoding="utf-8")),
    }


def main() -> None:
    """Write the pages, or check them."""
    old = []
    for path, text in pages().items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        old.append(path.name)
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
    if "--check" in sys.argv and old:
        sys.exit(f"not current: {', '.join(old)}; run python docs/generate.py")


if __name__ == "__main__":
    main()
