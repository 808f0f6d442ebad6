"""Entries of the ledger in a reader's words: one sentence each, and the facts that belong to it.

Pure: made from what `chains` and `ledger.entry` answer, with the names that the console knows.

    step = tell(renderer, entry, "zh")
    step.said                                            # 提供给 县公安局禁毒大队
    step.facts                                           # [("依据", ["戒毒条例 12 [已核对原文]"])]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jdgate.core.agreement_words import side_by_side
from jdgate.texts import Lang, all_texts, say
from jdgate.web.rendering import Renderer
from jdgate.wording import basis_text, clean, local

Facts = list[tuple[str, list[str]]]


class Step(NamedTuple):
    """One entry, for people. `holds`: whether its proof does; None: no checkpoint covers it yet."""

    entry: int
    kind: str
    at: str
    said: str
    facts: Facts
    holds: bool | None


def tell(renderer: Renderer, entry: Mapping[str, Any], lang: Lang) -> Step:
    """An entry in words."""
    leaf = entry["leaf"]
    words = _Words(renderer, lang)
    said, facts = _TOLD[entry["kind"]](words, leaf)
    shown = [(say(f"web.leaf_fact.{name}", lang), values) for name, values in facts if values]
    return Step(entry["index"], entry["kind"], leaf["at"], said, shown, entry["holds"])


class _Words:
    """What the sentences are made with."""

    def __init__(self, renderer: Renderer, lang: Lang) -> None:
        self.renderer = renderer
        self.lang = lang

    def say(self, name: str, **params: object) -> str:
        return say(f"web.leaf.{name}", self.lang, **params)

    def member(self, leaf: Mapping[str, Any], name: str) -> str:
        return clean(self.renderer.member_name(leaf.get(name)))

    def type(self, leaf: Mapping[str, Any]) -> str:
        return self.renderer.type_name(leaf.get("type"), self.lang)

    def rule(self, leaf: Mapping[str, Any]) -> str:
        return self.renderer.rule_named(clean(leaf["rule"]), self.lang)

    def accepted(self, leaf: Mapping[str, Any]) -> tuple[str, Facts]:
        refused = len(leaf.get("refused", ()))
        code = "part" if refused else "accepted"
        said = self.say(code, source=self.member(leaf, "source"), records=leaf["records"],
                        refused=refused)  # fmt: skip
        return said, [("type", [self.type(leaf)]), ("sent", [local(leaf["time"])])]

    def refused(self, leaf: Mapping[str, Any]) -> tuple[str, Facts]:
        said = self.say("refused", source=self.member(leaf, "source"))
        return said, [("type", [self.type(leaf)] if leaf.get("type") else [])]

    def disclosed(self, leaf: Mapping[str, Any]) -> tuple[str, Facts]:
        sheet = self.renderer.sheet(leaf["type"])
        titles = [
            sheet.field_title(name, self.lang) if sheet is not None else name
            for name in leaf.get("fields", ())
        ]
        purpose = self.renderer.purpose(leaf.get("purpose"), self.lang)
        said = self.say("disclosed", recipient=self.member(leaf, "recipient"),
                        records=leaf["records"])  # fmt: skip
        return said, [
            ("type", [self.type(leaf)]),
            ("fields", [side_by_side(titles, self.lang)] if titles else []),
            ("basis", [basis_text(one, self.lang) for one in leaf.get("basis", ())]),
            ("purpose", [purpose] if purpose else []),
        ]

    def delivered(self, leaf: Mapping[str, Any]) -> tuple[str, Facts]:
        code = "delivered" if leaf["verdict"] == "delivered" else "not_delivered"
        return self.say(code, recipient=self.member(leaf, "recipient")), []

    def drafted(self, leaf: Mapping[str, Any]) -> tuple[str, Facts]:
        said = self.say("drafted", recipient=self.member(leaf, "recipient"))
        return said, [("type", [self.type(leaf)]), ("rule", [self.rule(leaf)])]

    def decided(self, leaf: Mapping[str, Any]) -> tuple[str, Facts]:
        code = "approved" if leaf["decision"] == "approved" else "rejected"
        return self.say(code, source=self.member(leaf, "source")), []

    def alert(self, leaf: Mapping[str, Any]) -> tuple[str, Facts]:
        act = say(f"web.act.{leaf['act']}", self.lang)
        said = self.say("alert", act=act, desk=self.member(leaf, "recipient"))
        return said, [("rule", [self.rule(leaf)])]

    def missed(self, leaf: Mapping[str, Any]) -> tuple[str, Facts]:
        said = self.say("missed", type=self.type(leaf), source=self.member(leaf, "source"))
        return said, [("due", [local(leaf["due"])]), ("rule", [self.rule(leaf)])]

    def arrived(self, leaf: Mapping[str, Any]) -> tuple[str, Facts]:
        return self.say("arrived"), [("message", [leaf["message"]])]

    def directory(self, leaf: Mapping[str, Any]) -> tuple[str, Facts]:
        return self.say("directory", version=leaf["version"]), [("digest", [leaf["digest"]])]

    def admin(self, leaf: Mapping[str, Any]) -> tuple[str, Facts]:
        said = self.say("admin", operator=clean(leaf["operator"]) or "—", act=self._act(leaf))
        return said, [
            ("member", [self.member(leaf, "source")] if leaf.get("source") else []),
            ("target", [clean(leaf["target"])] if leaf.get("target") else []),
            ("proof", self._proof(leaf.get("proof", ""))),
        ]

    def _proof(self, proof: str) -> list[str]:
        """How somebody proved who they are, in words."""
        code = f"web.proof.{proof}"
        return [say(code, self.lang) if code in all_texts() else clean(proof)] if proof else []

    def _act(self, leaf: Mapping[str, Any]) -> str:
        """An act in words: one of the gateway, or of a member's operators as its sheet says it."""
        code = f"web.admin_act.{leaf['act']}"
        if code in all_texts():
            return say(code, self.lang)
        sheet = self.renderer.sheet("sys.operator.acted.v1")
        act = str(leaf["act"])
        return sheet.value_title("act", act, self.lang) if sheet is not None else act

    def looked(self, leaf: Mapping[str, Any]) -> tuple[str, Facts]:
        code = "looked_audit" if leaf["reason"] == "audit" else "looked"
        said = self.say(code, source=self.member(leaf, "source"), operator=clean(leaf["operator"]))
        return said, []


_TOLD: dict[str, Callable[[_Words, Mapping[str, Any]], tuple[str, Facts]]] = {
    "accepted": _Words.accepted,
    "refused": _Words.refused,
    "disclosed": _Words.disclosed,
    "delivered": _Words.delivered,
    "drafted": _Words.drafted,
    "decided": _Words.decided,
    "alert": _Words.alert,
    "missed": _Words.missed,
    "arrived": _Words.arrived,
    "directory": _Words.directory,
    "admin": _Words.admin,
    "looked": _Words.looked,
}
