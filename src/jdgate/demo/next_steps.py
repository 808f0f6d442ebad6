"""The three commands a new user tries next, written as they work where the daemon was started.

for code, command in next_steps(home, "zh", evidence=path):
    say(code, lang), command
"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from jdgate import catalogues
from jdgate.config import CONFIG_NAME, Home
from jdgate.demo.county import CLINIC, POLICE
from jdgate.demo.people import ATTENDANCE
from jdgate.texts import Lang

SAMPLES: dict[Lang, str] = {"zh": "服药到诊-有错误.xlsx", "en": "attendance-mistakes.csv"}
"""Of the two sample files the one that is easier to type on a keyboard of that language."""


def next_steps(home: Home, lang: Lang, evidence: Path | None) -> list[tuple[str, str]]:
    """(text code of what it does, command), three of them."""
    sample = _shown(samples_folder() / SAMPLES[lang])
    steps = [
        ("demo.try_push", f"push {ATTENDANCE} {sample} --as {CLINIC}"),
        ("demo.try_drafts", "drafts list"),
    ]
    if evidence is not None and evidence.exists():
        steps.append(("demo.try_evidence", f"evidence verify {_shown(evidence)}"))
    else:
        steps.append(("demo.try_inbox", f"inbox --as {POLICE}"))
    ending = _options(home, lang)
    return [(code, f"{executable()} {command}{ending}") for code, command in steps]


def samples_folder() -> Path:
    """The sample files that come with jdgate: in the wheel, else in the repository."""
    package = Path(catalogues.__file__).parent
    packaged = package / "samples"
    return packaged if packaged.is_dir() else package.parent.parent / "samples"


def executable() -> str:
    """How this very jdgate is called from the working directory."""
    own = Path(sys.argv[0])
    if own.name != "jdgate" or not own.exists():
        own = Path(sys.executable).with_name("jdgate")
    on_path = shutil.which("jdgate")
    if on_path is not None and own.exists() and Path(on_path).samefile(own):
        return "jdgate"
    return _shown(own)


def _options(home: Home, lang: Lang) -> str:
    """The options without which a command would speak to another daemon, or otherwise."""
    options = ""
    if home.config != Path(CONFIG_NAME).resolve():
        options += f" -c {_shown(home.config)}"
    if any(word.partition("=")[0] == "--lang" for word in sys.argv):
        options += f" --lang {lang}"
    return options


def _shown(path: Path) -> str:
    """A path as one types it: from the working directory when it lies in it."""
    whole = Path.cwd() / path  # not resolved: .venv/bin/python is a link that must stay one
    here = Path.cwd()
    shown = str(whole.relative_to(here)) if whole.is_relative_to(here) else str(whole)
    plain = all(c.isalnum() or c in "-_./+@" for c in shown)
    return shown if plain else shlex.quote(shown)
