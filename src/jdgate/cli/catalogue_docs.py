"""`jdgate catalogue docs` and `jdgate catalogue law`: the agreements for people to read.

`docs` writes a page per message type in both languages; `--check` only says which pages are not
current (exit 1). `law` lists every type about persons: who gets it, which fields, and the article
of law for each. Neither needs a daemon.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from jdgate.cli.help import Command
from jdgate.cli.offline import load_catalogue, load_plugins, plugins_dir
from jdgate.cli.record import basis_text
from jdgate.cli.session import ALL_GOOD, FAILED, Session, common, option, pass_session
from jdgate.cli.show import listed, table
from jdgate.texts import Lang, say


@click.command("docs", cls=Command)
@option(
    "-o", "--output", required=True, metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path), help="cli.option.docs_folder",
)  # fmt: skip
@option("--check", is_flag=True, help="cli.option.docs_check")
@plugins_dir
@common
@pass_session
def docs(session: Session, output: Path, check: bool, plugins_dir: Path | None) -> int:
    from jdgate.cli.catalogue_pages import pages

    made = pages(load_catalogue(load_plugins(session, plugins_dir)))
    stale = _stale(output, made)
    if not check:
        _write(output, made, stale)
    told = {"pages": len(made), "changed": stale, "written": not check}
    session.answer(told, lambda reply: docs_lines(reply, session.lang))
    return FAILED if check and stale else ALL_GOOD


def docs_lines(reply: dict[str, Any], lang: Lang) -> list[str]:
    """{pages, changed[], written}."""
    if reply["written"]:
        code = "cli.catalogue.docs_written"
    elif reply["changed"]:
        code = "cli.catalogue.docs_stale"
    else:
        code = "cli.catalogue.docs_current"
    line = say(code, lang, pages=reply["pages"], changed=len(reply["changed"]))
    named = [] if reply["written"] else reply["changed"]
    return [line, *(f"  {name}" for name in named)]


def _stale(folder: Path, made: dict[str, str]) -> list[str]:
    """The pages that are missing, differ, or are of a type that is gone."""
    differ = [
        name
        for name, text in made.items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]
    return sorted([*differ, *(path.name for path in _ours(folder) if path.name not in made)])


def _ours(folder: Path) -> list[Path]:
    """The pages in a folder that this command wrote; other files there are left alone."""
    from jdgate.cli.catalogue_pages import MARK

    return [path for path in sorted(folder.glob("*.md")) if MARK in path.read_text("utf-8")[:400]]


def _write(folder: Path, made: dict[str, str], stale: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in stale:
        if name in made:
            (folder / name).write_text(made[name], encoding="utf-8")
        else:
            (folder / name).unlink()


@click.command("law", cls=Command)
@plugins_dir
@common
@pass_session
def law(session: Session, plugins_dir: Path | None) -> None:
    from jdgate.cli.catalogue_pages import law_rows

    rows = law_rows(load_catalogue(load_plugins(session, plugins_dir)), session.lang)
    session.answer(rows, lambda reply: law_lines(reply, session.lang, session.width))


def _basis(cited: list[str], lang: Lang) -> str:
    return "; ".join(basis_text(one, lang) for one in cited)


def law_lines(rows: list[dict[str, Any]], lang: Lang, width: int | None = None) -> list[str]:
    """One block a type: its recipients, what each sees, and by which article."""
    heads = [say(f"cli.title.{name}", lang) for name in ("recipient", "sees", "basis")]
    lines: list[str] = []
    for one in rows:
        lines += [f"{one['title']} · {one['type']}"]
        if one["recipients"]:
            cells = [
                [
                    f"{route['role']['title']} ({route['role']['code']})",
                    listed(one["titles"][name] for name in route["fields"]),
                    _basis(route["basis"], lang),
                ]
                for route in one["recipients"]
            ]
        else:
            rules = listed(one["rules"]) or "—"
            nobody = say("catalogue.rule_only", lang, rule=rules)
            cells = [["—", nobody, _basis(one["basis"], lang)]]
        lines += [*table(heads, cells, width), ""]
    return [*lines, say("cli.catalogue.law_total", lang, types=len(rows))]
