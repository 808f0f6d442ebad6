"""Pages that come out of the code are current, and what they show is true."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
from console import REPOSITORY

from jdgate import texts
from jdgate.core.admission import Arrival, admit
from jdgate.core.catalogue import default_path, load
from jdgate.core.signing import TYP_MESSAGE, verify

DOCS = REPOSITORY / "docs"


def _script(name: str) -> ModuleType:
    sys.path.insert(0, str(DOCS))
    try:
        spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(DOCS))
    return module


wire = _script("wire_example")
generate = _script("generate")


@pytest.mark.parametrize("page", generate.pages(), ids=lambda page: page.name)
def test_a_generated_page_is_current(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == generate.pages()[page], "run python docs/generate.py"


def test_the_page_of_messages_leaves_none_out() -> None:
    page = (DOCS / "errors.md").read_text(encoding="utf-8")
    own = Path(texts.__file__).parent
    for path in sorted(own.glob("*.toml")):
        if path.stem != "cli":
            for code in texts.read_file(path):
                assert f"| `{code}` |" in page, code


def test_every_command_has_help_in_both_languages() -> None:
    for words, _ in generate.commands():
        chinese = generate.help_of(words, "zh")
        assert generate.help_of(words, "en") != chinese, words
        assert any("一" <= sign <= "鿿" for sign in chinese), words


def test_the_example_message_opens_and_verifies() -> None:
    assert wire.opened() == wire.original()
    for jws, member in ((wire.original(), "cln-01"), (wire.receipt(), "gateway")):
        verify(jws, wire.keys_of(member).signer.public(), TYP_MESSAGE)


class _Nothing:
    """A gateway's past without any message in it."""

    def digest_of(self, message_id: str) -> bytes | None:
        return None

    def sequence_used(self, source: str, sequence: int) -> bool:
        return False

    def next_sequence(self, source: str) -> int:
        return 1

    def subject_of_alias(self, domain: str, member: str, alias: str) -> bytes | None:
        return None

    def pseudonym(self, domain: str, id_no: str) -> bytes:
        return bytes(16)


def test_the_gateway_would_accept_the_example_message() -> None:
    catalogue = load([default_path()])
    arrival = Arrival("cln-01", wire.MESSAGE_ID, "gateway.enc.1", wire.sealed(), wire.NOW)

    verdict = admit(arrival, wire.trust(), catalogue, wire.keys_of("gateway"), _Nothing())

    assert verdict.outcome == "accepted", verdict
    shown = set(catalogue.fields_for(wire.TYPE, "COM"))
    delivered = __import__("json").loads(generate.parts()["delivery"].split("\n", 1)[1][:-3])
    assert set(delivered["data"][0]) == shown


def test_the_example_files_are_as_their_script_makes_them(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("make", DOCS / "examples" / "make_examples.py")
    assert spec is not None and spec.loader is not None
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)

    assert (DOCS / "examples" / "enrolments.csv").read_text("utf-8") == make.enrolments()
    assert (DOCS / "examples" / "attendance.csv").read_text("utf-8") == make.attendance()
