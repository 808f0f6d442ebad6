"""Pages from templates: everything escaped, every word from the text catalogue.

The templates lie in `templates/`, style and script in `static/`; both are read once. A file's
address holds a piece of its digest, so that browsers may keep it and see a new one at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from jdgate.core.agreement_words import side_by_side
from jdgate.core.sheet import ROLES, Sheet
from jdgate.gateway.explained import texts_of
from jdgate.people import rights
from jdgate.running import Running
from jdgate.texts import Lang, all_texts, say
from jdgate.web.shaping.form_fields import places_of
from jdgate.web.shaping.form_view import Words
from jdgate.web.shaping.names import Names
from jdgate.wording import (
    basis_text,
    clean,
    local,
    reason_text,
    rule_text,
    value_text,
    with_code,
)

_HERE = Path(__file__).parent
_ROLE_PARAMS = ("role", "expected", "got")
"""Params of sentences that may hold roles: `POL/PS`."""
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Renderer:
    """Makes pages. `static`: name → (bytes, media type)."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self.static: dict[str, tuple[bytes, str]] = {}
        self._named: dict[str, str] = {}
        for path in sorted((_HERE / "static").iterdir()):
            if path.suffix in KINDS:
                data = path.read_bytes()
                named = f"{path.stem}-{sha256(data).hexdigest()[:12]}{path.suffix}"
                self.static[named] = (data, KINDS[path.suffix])
                self._named[path.name] = named

    def page(self, template: str, lang: Lang, **words: Any) -> str:
        """The page as HTML."""
        return self._templates.get_template(template).render(
            lang=lang,
            comma="、" if lang == "zh" else ", ",
            aside=("（", "）") if lang == "zh" else (" (", ")"),
            t=partial(_say, lang),
            local=_time,
            file=self.address,
            county=self._running.config.county.name,
            may=rights.may,
            basis=lambda cited: basis_text(str(cited), lang),
            member_name=self.member_name,
            purpose=lambda code: self.purpose(code, lang),
            type_name=lambda type: self.type_name(type, lang),
            reason=lambda code, params: self.reason(code, params, lang),
            rule_title=lambda texts: self.rule_title(texts, lang),
            rule_says=lambda text: rule_text(say(text, lang)).says,
            rule_texts=self.rule_texts,
            **words,
        )

    def address(self, name: str) -> str:
        """Where a file of `static/` is served."""
        return f"/static/{self._named[name]}"

    def asset(self, name: str) -> tuple[bytes, str]:
        """A file of `static/` and its media type."""
        return self.static[self._named[name]]

    def member_name(self, member: str | None) -> str:
        """A member by its name in the directory."""
        known = self._running.trust.members.get(member or "")
        return known.name if known is not None else member or "—"

    def sheet(self, type: str | None) -> Sheet | None:
        """The agreement of a type."""
        return self._running.catalogue.sheets.get(type or "")

    def type_name(self, type: str | None, lang: Lang) -> str:
        """A type in words."""
        sheet = self.sheet(type)
        return sheet.title.get(lang) if sheet is not None else type or "—"

    def purpose(self, code: str | None, lang: Lang) -> str:
        """What a message is for, in words; the code where a plugin's purpose has none."""
        known = f"purpose.{code}"
        return say(known, lang) if known in all_texts() else code or ""

    def names(self, lang: Lang) -> Names:
        """What codes in records are called."""
        return Names(self._running.references, self._running.trust.members, lang)

    def reason(self, code: str | None, params: Mapping[str, Any] | None, lang: Lang) -> str:
        """The sentence of a code, with the names of what its params hold; empty for none."""
        told = self.names(lang).in_params(params or {})
        worded = {name: self._worded(name, value, lang) for name, value in told.items()}
        return reason_text(code, worded, lang)

    def _worded(self, name: str, value: Any, lang: Lang) -> Any:
        """A param that names a type or roles, in words; any other as it is."""
        if name == "type" and (sheet := self.sheet(str(value))) is not None:
            return with_code(sheet.title.get(lang), str(value), lang)
        roles = str(value).split("/")
        if name in _ROLE_PARAMS and set(roles) <= set(ROLES):
            return side_by_side((self.role_name(role, lang) for role in roles), lang)
        return value

    def rule_texts(self, named: str) -> list[str]:
        """The texts of a rule (by its name, or by the id of its alerts) as far as they are known
        here: where the gateway is elsewhere none is."""
        gateway = self._running.gateway
        return texts_of(gateway.ground.rules, named) if gateway is not None else []

    def rule_title(self, texts: Iterable[str], lang: Lang) -> str:
        """What rules are called, out of the texts that explain them; empty where they don't say."""
        titles = (rule_text(say(one, lang)).title for one in texts)
        return side_by_side(dict.fromkeys(one for one in titles if one), lang)

    def rule_named(self, named: str, lang: Lang) -> str:
        """A rule by its title, with what the books call it."""
        title = self.rule_title(self.rule_texts(named), lang)
        return with_code(title, named, lang) if title else named

    def role_name(self, role: str, lang: Lang) -> str:
        """Who a role is, in words."""
        return say("catalogue.role.any" if role == "*" else f"catalogue.role.{role}", lang)

    def fields(
        self, record: Mapping[str, Any], type: str | None, lang: Lang, leaving: tuple[str, ...] = ()
    ) -> list[tuple[str, str, str]]:
        """Each field of a record: its name, title and value in words; a row of a list on a line."""
        sheet = self.sheet(type)
        shown = {name: value for name, value in record.items() if name not in leaving}
        if sheet is None:
            return [(n, n, clean(value_text(n, v, None, lang))) for n, v in shown.items()]
        schema = self._running.catalogue.schema(sheet.type)
        parts = schema["properties"]
        known = {n: parts[n] for n in shown if n in parts and parts[n].get("type") != "object"}
        places = places_of({**schema, "properties": known}, sheet)
        words = Words(sheet=sheet, lang=lang, names=self.names(lang))
        lines = words.lines(places, shown, between="\n")
        return [
            (name, title, "\n".join(clean(line) for line in words.split("\n")))
            for name, (title, words, _) in zip(shown, lines, strict=True)
        ]


def _say(lang: Lang, code: object, **params: object) -> str:
    return say(str(code), lang, **params)


def _time(moment: object) -> Markup:
    """A moment for people and for machines."""
    if not moment:
        return Markup("—")
    return Markup('<time datetime="{}">{}</time>').format(escape(str(moment)), local(moment))
