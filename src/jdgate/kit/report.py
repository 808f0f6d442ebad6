"""What the kit found about a plugin: for people a table, for others a signed report.

The report is JSON; signed by a member it is a JWS with `typ` `jd-report+json` over these bytes.
It names the plugin by the digest of its files, so that nobody passes off another one.

    report.lines("zh")                       # a table, then what to do
    data = report.encode()                   # or sign(report, signer)
    read_report(data, key)                   # the report in a signed file
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from jdgate.core import signing
from jdgate.core.signing import PublicKey, SigningKey
from jdgate.errors import Refused
from jdgate.kit.bench import Finding
from jdgate.texts import LANGUAGES, Lang, say

TYP_REPORT = "jd-report+json"
FORM = "jdgate.plugin-report.1"
_MARKS = {"ok": "✓", "failed": "✗", "none": "–"}
_NOT_CODE = {"__pycache__", ".git", ".venv", ".pytest_cache", ".mypy_cache", ".ruff_cache"}


class Line(msgspec.Struct, frozen=True):
    """One check: its result and what to say of it, in both languages."""

    check: str
    about: str
    outcome: str
    detail: str
    text: dict[str, str]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All checks of one plugin."""

    form: str = FORM
    plugin: str
    version: str
    jdgate: str
    digest: str
    """SHA-256 (hex) over the names and bytes of the plugin's files."""
    catalogue: str
    at: str
    passed: bool
    checks: tuple[Line, ...]

    def encode(self) -> bytes:
        """The report as JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    def sign(self, key: SigningKey) -> bytes:
        """The report as a member's JWS."""
        return signing.sign(msgspec.json.encode(self), key, TYP_REPORT)

    def rows(self, lang: Lang) -> list[list[str]]:
        """A row for each check: mark, name, what it looked at, what is checked."""
        return [
            [
                f"{_MARKS[line.outcome]} {say(f'kit.outcome.{line.outcome}', lang)}",
                line.check,
                line.about or "—",
                say(f"kit.check.{line.check}", lang),
            ]
            for line in self.checks
        ]

    def advice(self, lang: Lang) -> list[str]:
        """What to do: a sentence for each check that failed."""
        return [
            f"{line.check} {line.about}".strip() + f": {line.text[lang]}"
            for line in self.checks
            if line.outcome == "failed"
        ]

    def lines(self, lang: Lang) -> list[str]:
        """Everything, for a terminal or a log."""
        return [" ".join(row) for row in self.rows(lang)] + self.advice(lang)


def line_of(found: Finding) -> Line:
    """A finding with its sentences."""
    if found.outcome == "failed":
        code = f"kit.do.{found.check}"
    elif found.outcome == "none":
        code = f"kit.none.{found.detail}"
    else:
        code = f"kit.check.{found.check}"
    text = {str(lang): say(code, lang, detail=found.detail) for lang in LANGUAGES}
    return Line(found.check, found.about, found.outcome, found.detail, text)


def read_report(data: bytes, key: PublicKey) -> Report:
    """The report in a signed file.

    Raises:
        Refused: `signing.…` when the signature does not hold; `kit.report_form`.
    """
    try:
        report = msgspec.json.decode(signing.verify(data.strip(), key, TYP_REPORT), type=Report)
    except msgspec.DecodeError:
        raise Refused("kit.report_form") from None
    if report.form != FORM:
        raise Refused("kit.report_form")
    return report


def digest_of(module: Any) -> str:
    """SHA-256 (hex) over a plugin's files: names below its folder, lengths, bytes."""
    file = Path(getattr(module, "__file__", None) or __file__).resolve()
    package = bool(getattr(module, "__package__", ""))
    paths = sorted(file.parent.rglob("*")) if package else [file]
    total = hashlib.sha256()
    for path in paths:
        if path.is_file() and not _NOT_CODE & set(path.parts):
            content = path.read_bytes()
            name = path.relative_to(file.parent).as_posix()
            total.update(f"{name}\n{len(content)}\n".encode())
            total.update(content)
    return total.hexdigest()
