"""The catalogue as documents: a page per message type in both languages, and who gets what by law.

Pure: everything is taken from the sheets and schemas, so the pages say what the gateway does and
nothing else. `jdgate catalogue docs` writes them; a test holds `docs/catalogue/` to them.

    for name, text in pages(catalogue).items(): (folder / name).write_text(text, "utf-8")
    law_rows(catalogue, "zh")         # every type about persons: recipients, fields, article
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from jdgate.core.agreement_words import (
    about_persons,
    domain_order,
    form,
    found_by,
    limit_lines,
    side_by_side,
    with_parts,
)
from jdgate.texts import LANGUAGES, Lang, say

if TYPE_CHECKING:
    from jdgate.core.catalogue import Catalogue
    from jdgate.core.sheet import Sheet

MARK = "<!-- made by `jdgate catalogue docs` from the exchange sheets; change those, not this -->"
"""The second line of every page, so that stale ones can be told from other files."""


def pages(catalogue: Catalogue) -> dict[str, str]:
    """File name → Markdown: `index.md` and `<type>.md` for every type."""
    made = {f"{name}.md": _page(catalogue, name) for name in sorted(catalogue.sheets)}
    return {"index.md": _index(catalogue), **made}


def law_rows(catalogue: Catalogue, lang: Lang) -> list[dict[str, Any]]:
    """Every type that holds data about persons, with its recipients and the law for each.

    A type without recipients is read by the named rules of the gateway alone.
    """
    rows = []
    for name, sheet in sorted(catalogue.sheets.items()):
        if not about_persons(sheet):
            continue
        about = catalogue.describe(name, lang)
        rows.append(
            {
                "type": name,
                "title": about["title"],
                "senders": about["senders"],
                "share": about["share"],
                "titles": {field: sheet.field_title(field, lang) for field in sheet.fields},
                "basis": [one.cite() for one in sheet.basis],
                "recipients": [
                    {**one, "basis": list(sheet.cite(one["role"]["code"]))}
                    for one in about["recipients"]
                ],
                "rules": sorted({f.needed_by for f in sheet.fields.values() if f.needed_by}),
            }
        )
    return rows


def _index(catalogue: Catalogue) -> str:
    names = sorted(catalogue.sheets, key=domain_order)
    lines = ["# Message types · 消息类型", MARK, ""]
    for lang in LANGUAGES:
        lines += [say("cli.catalogue.index", lang, types=len(names)), ""]
    columns = ("type", "title", "senders", "recipients", "approval")
    heads = [" / ".join(say(f"cli.title.{column}", lang) for lang in LANGUAGES)
             for column in columns]  # fmt: skip
    area = None
    for name in names:
        sheet = catalogue.sheets[name]
        if sheet.domain != area:
            area = sheet.domain
            lines += ["", f"## {area}", "", *_head(heads)]
        lines.append(_row(_index_cells(sheet)))
    listed = [name.removesuffix(".md") for name in names]
    return _text([*lines, "", "```{toctree}", ":hidden:", "", *listed, "```"])


def _index_cells(sheet: Sheet) -> Iterator[str]:
    yield f"[{sheet.type}]({sheet.type}.md)"
    yield f"{_cell(sheet.title.zh)} · {_cell(sheet.title.en)}"
    yield _cell(" ".join(sheet.senders))
    yield _cell(" ".join(dict.fromkeys(route.role for route in sheet.routes))) or "—"
    approval = f"catalogue.approval.{sheet.approval}"
    yield "" if sheet.approval == "none" else " · ".join(say(approval, one) for one in LANGUAGES)


def _page(catalogue: Catalogue, name: str) -> str:
    title = catalogue.sheets[name].title
    lines = [f"# {_cell(title.zh)} · {_cell(title.en)}", MARK, "", f"`{name}`", ""]
    for lang in LANGUAGES:
        lines += [*_section(catalogue.describe(name, lang), lang), ""]
    return _text(lines)


def _section(about: dict[str, Any], lang: Lang) -> Iterator[str]:
    def label(code: str) -> str:
        return say(f"cli.title.{code}", lang)

    yield f"## {say('cli.catalogue.language', lang)}"
    yield ""
    yield _cell(about["about"])
    yield ""
    yield from _head([label("what"), ""])
    for code, value in _facts(about, lang):
        yield _row([label(code), value])
    yield ""
    yield f"### {say('cli.catalogue.who_sees', lang)}"
    yield ""
    yield from _fields(about, lang)
    yield ""
    yield from _routes(about, lang)
    yield ""
    yield f"### {say('cli.catalogue.ground', lang)}"
    yield ""
    for one in about["basis"]:
        yield f"- {_cell(_cited(one))}"
    limits = list(limit_lines(about, lang))
    if limits:
        yield ""
        yield f"### {say('cli.catalogue.limits', lang)}"
        yield ""
        yield from (f"- {_cell(line)}" for line in limits)


def _facts(about: dict[str, Any], lang: Lang) -> Iterator[tuple[str, str]]:
    def days(count: int | None) -> str:
        return say("cli.days", lang, days=count) if count is not None else ""

    yield "senders", side_by_side((_role(one) for one in about["senders"]), lang)
    yield "share", about["share"]["title"]
    yield "purpose", f"`{about['purpose']}`"
    yield "approval", about["approval"]["title"]
    yield "retention", days(about["retention_days"])
    yield "expires", days(about["expires_days"])
    if about["answer_days"] is not None:
        yield "answer", days(about["answer_days"])


def _fields(about: dict[str, Any], lang: Lang) -> Iterator[str]:
    """One row a field, and one for each inside it: what it holds, and a mark under each recipient
    that sees it."""
    routes = about["recipients"]
    titles = [say(f"cli.title.{code}", lang) for code in ("field", "title", "form")]
    titles += [say(f"cli.title.{code}", lang) for code in ("required", "personal")]
    yield from _head([*titles, *(_cell(route["role"]["code"]) for route in routes)])
    for field in with_parts(about):
        cells = [
            f"`{field['name']}`",
            _cell(field["title"]),
            _form(field, lang),
            "✓" if field["required"] else "",
            "✓" if field["personal"] else "",
        ]
        name = field["name"].partition(".")[0]
        yield _row([*cells, *("✓" if name in route["fields"] else "" for route in routes)])


def _form(field: dict[str, Any], lang: Lang) -> str:
    if field["values"] and not field["sealed_to"]:
        return "<br>".join(f"`{one['value']}` {_cell(one['title'])}" for one in field["values"])
    told = form(field, lang)
    return told if field["sealed_to"] else _cell(told)


def _routes(about: dict[str, Any], lang: Lang) -> Iterator[str]:
    if not about["recipients"]:
        yield say("cli.catalogue.no_recipient", lang)
        return
    for one in about["recipients"]:
        yield f"- {_cell(_role(one['role']))}: {_cell(found_by(one, lang))}"


def _role(one: dict[str, str]) -> str:
    return f"{one['title']} ({one['code']})"


def _cited(one: dict[str, Any]) -> str:
    roles = f" → {' '.join(one['roles'])}" if one["roles"] else ""
    return f"{one['law']} {one['article']} [{one['tag']['title']}]{roles}"


def _head(cells: Sequence[str]) -> list[str]:
    return [_row(cells), "|" + "---|" * len(cells)]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """`text` with the marks of Markdown that occur in titles and laws made harmless."""
    for sign in "\\|<>*[]_":
        text = text.replace(sign, f"\\{sign}")
    return text


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"
