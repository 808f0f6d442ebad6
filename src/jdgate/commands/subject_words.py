"""A subject report in words: sections of tables that the console and the command line show alike.
Pure.

    for section in sections(report, "zh"):       # the answer of `subject.report`
        section.title, section.hint, section.columns, section.rows
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from jdgate.texts import Lang, say
from jdgate.wording import basis_text, clean, local

Row = Mapping[str, Any]


class Section(Struct, frozen=True):
    """One table: titles of its columns, and rows of as many cells. `hint`: what it is."""

    title: str
    hint: str
    columns: list[str]
    rows: list[list[str]]


def sections(report: Mapping[str, Any], lang: Lang) -> list[Section]:
    """The tables of a report, in the order they are read."""
    words = _Words(report["words"], lang)
    return [
        words.table("messages", report["messages"], words.message),
        words.table("disclosures", report["disclosures"], words.disclosure),
        words.table("looks", report["looks"], words.look),
        words.table("corrections", report["corrections"], words.message),
        words.table("alerts", _steps(report["alerts"]), words.step),
        words.table("drafts", _steps(report["drafts"]), words.step),
        words.table("standing", report["standing"], words.standing),
    ]


def withheld(report: Mapping[str, Any], lang: Lang) -> list[str]:
    """What is not in a report because the law keeps it, with the law."""
    kept = []
    for domain, cited in report["withheld"].items():
        basis = "；".join(basis_text(one, lang) for one in cited)
        kept.append(say(f"subject.withheld.{domain}", lang, basis=basis))
    return kept


def basis_of(request: Mapping[str, Any], lang: Lang) -> str:
    """The legal ground of a request."""
    return "；".join(basis_text(one, lang) for one in request["basis"])


class _Words:
    """Codes into words: `known` are titles of types and fields, and names of members."""

    def __init__(self, known: Mapping[str, Any], lang: Lang) -> None:
        self._known = known
        self._lang = lang

    def table(self, name: str, rows: list[Any], cells: Callable[[Row], dict[str, str]]) -> Section:
        made = [cells(row) for row in rows]
        columns = list(made[0]) if made else []
        return Section(
            self.say(f"subject.section.{name}"),
            self.say(f"subject.about.{name}"),
            [self.say(f"subject.column.{column}") for column in columns],
            [list(row.values()) for row in made],
        )

    def say(self, code: str, **params: object) -> str:
        return say(code, self._lang, **params)

    def message(self, row: Row) -> dict[str, str]:
        return {
            "when": self._when(row),
            "what": self._type(row["type"]),
            "from": self._member(row["source"]),
            "records": str(row["records"]),
            "content": self._content(row["content"]),
        }

    def disclosure(self, row: Row) -> dict[str, str]:
        fields = self._known["fields"].get(row["type"], {})
        named = [fields.get(one, {}).get(self._lang, one) for one in row["fields"]]
        receipt = row["receipt"]
        came = (
            self.say(
                f"subject.receipt.{receipt['verdict']}",
                at=local(receipt["at"]), number=receipt["leaf"],
            )
            if receipt
            else self.say("subject.receipt.none")
        )  # fmt: skip
        basis = [basis_text(one, self._lang) for one in row["basis"]]
        return {
            "when": self._when(row),
            "what": f"{self._type(row['type'])}\n{self._from(row['source'])}",
            "to": self._member(row["to"]),
            "fields": self._listed(named) or self.say("subject.whole"),
            "why": "\n".join([self._purpose(row["purpose"]), *basis]),
            "then": f"{came}\n{self._content(row['content'])}",
        }

    def look(self, row: Row) -> dict[str, str]:
        return {
            "when": self._when(row),
            "member": self._member(row["member"]),
            "operator": clean(row["operator"]),
            "reason": self.say(f"subject.why.{row['why']}"),
            "what": self._type(row["type"]),
        }

    def step(self, row: Row) -> dict[str, str]:
        return {
            "when": self._when(row),
            "what": self._type(row["type"]),
            "step": self.say(f"subject.step.{row['act']}"),
            "member": self._member(row["desk"]),
        }

    def standing(self, row: Row) -> dict[str, str]:
        name = row["name"]
        what = {
            "relation": lambda: self._or(f"subject.relation.{name}", name),
            "alias": lambda: self.say("subject.alias", domain=self._domain(name)),
            "team": lambda: self.say("subject.team", place=self._or(f"cli.place.{name}", name)),
        }[row["kind"]]()
        ended = self.say("subject.ended", on=_day(row["until"])) if row["until"] else ""
        return {
            "fact": what,
            "member": self._member(row["member"]) if row["member"] else self._region(row["region"]),
            "since": f"{_day(row['since'])} {ended}".strip(),
        }

    def _when(self, row: Row) -> str:
        return f"{local(row['at'])}\n{self.say('subject.leaf', number=row['leaf'])}"

    def _type(self, type: str) -> str:
        known = self._known["types"].get(type)
        return str(known[self._lang]) if known else type or "—"

    def _member(self, member: str) -> str:
        return clean(self._known["members"].get(member, member))

    def _region(self, region: str) -> str:
        return self.say("subject.region", region=region) if region else "—"

    def _from(self, source: str) -> str:
        if not source:
            return self.say("subject.from_exchange")
        return self.say("subject.from_member", member=self._member(source))

    def _purpose(self, purpose: str) -> str:
        return self._or(f"purpose.{purpose}", purpose)

    def _domain(self, domain: str) -> str:
        return self._or(f"subject.domain.{domain}", domain)

    def _or(self, code: str, otherwise: str) -> str:
        """The text of a code that a plugin may have made up; the code where it has none."""
        text = self.say(code)
        return otherwise if text == code else text

    def _content(self, content: Row) -> str:
        if content["erased_at"]:
            return self.say("subject.erased", at=local(content["erased_at"]))
        if content["until"]:
            return self.say("subject.kept_until", on=_day(content["until"]))
        return "—"

    def _listed(self, items: list[str]) -> str:
        return ("、" if self._lang == "zh" else ", ").join(items)


def _steps(cases: list[Any]) -> list[Any]:
    """Each step of each alert or draft, beside what it is a step of."""
    return [{**case, **step} for case in cases for step in case["steps"]]


def _day(moment: Any) -> str:
    """A day; of a moment, the local one."""
    text = str(moment or "—")
    return text if len(text) <= 10 else local(text)[:10]
