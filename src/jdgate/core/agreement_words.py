"""An agreement in people's words: how a desk is found, what a field may hold, what may not stand
together. Pure; `describe` is the answer of `Catalogue.describe`.

The command line, the catalogue's documents and the console all say it with these.

    about = catalogue.describe("mmt.dropout.notice.v1", "zh")
    for one in about["recipients"]: found_by(one, "zh")
    list(limit_lines(about, "zh"))
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from jdgate.texts import Lang, say

if TYPE_CHECKING:
    from jdgate.core.sheet import Sheet

DOMAINS = (
    "mmt", "comm", "release", "grid", "aid", "licence", "sealed", "courier", "precursor", "tip",
    "share", "correct", "subject", "reconcile", "venue", "school", "staffing", "outreach",
    "supervise", "county", "sys",
)  # fmt: skip
"""The domains of message types in the order in which people are shown them."""


def domain_order(name: str) -> tuple[int, str]:
    """Sorts types by domain, those of unknown domains behind."""
    domain = name.partition(".")[0]
    return (DOMAINS.index(domain) if domain in DOMAINS else len(DOMAINS), name)


def about_persons(sheet: Sheet) -> bool:
    """Whether some field of a type is personal data."""
    return sheet.personal or any(field.personal for field in sheet.fields.values())


def found_by(recipient: dict[str, Any], lang: Lang) -> str:
    """How a recipient is found and, where it is told of some records only, of which."""
    told = str(recipient["find"]["title"])
    if recipient["relation"]:
        told += f" (`{recipient['relation']}`)"
    only = recipient["only"]
    if only is not None and only["values"]:
        values = side_by_side((value["title"] for value in only["values"]), lang)
        told += "; " + say("catalogue.only_values", lang, title=only["title"], values=values)
    elif only is not None:
        told += "; " + say("catalogue.only_with", lang, title=only["title"])
    return told


def limit_lines(about: dict[str, Any], lang: Lang) -> Iterator[str]:
    """What a record of the type may not hold, beyond the form of each field."""
    titles = {field["name"]: field["title"] for field in about["fields"]}

    def named(fields: Iterable[str]) -> str:
        return side_by_side((titles.get(field, field) for field in fields), lang)

    for rule in about["forbidden_together"]:
        fields = named(rule["fields"])
        yield say("catalogue.never_both", lang, fields=fields, why=rule["why"])
    for fields in about["distinct"]:
        yield say("record.not_distinct", lang, titles=named(fields))
    for fields in about["ascending"]:
        yield " ≤ ".join(titles.get(field, field) for field in fields)


def with_parts(about: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each field of a type, followed by the fields inside it."""
    for field in about["fields"]:
        yield field
        yield from field["parts"]


def form(field: dict[str, Any], lang: Lang) -> str:
    """What a field may hold, where it is not one of listed values."""
    if field["sealed_to"]:
        return say("catalogue.sealed_to", lang, role=field["sealed_to"])
    kind = field["format"] or "/".join(
        say(f"record.kind.{one}", lang) for one in field["kind"].split("|")
    )
    most = f" ≤{field['most']}" if field["most"] and not field["format"] else ""
    told = f"{kind}{most}"
    if field["needed_by"]:
        told += f"; {say('catalogue.rule_only', lang, rule=field['needed_by'])}"
    return told


def side_by_side(parts: Iterable[str], lang: Lang) -> str:
    """Parts as one line of the language."""
    return ("、" if lang == "zh" else ", ").join(parts)
