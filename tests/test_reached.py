"""Every refusal of the core is brought about by some test, which names its code.

A code that no test expects is a path nobody has walked. Codes are found in the source (AST): what
is given to errors, faults and problems; tests name them in their own text or in the index of the
hostile vectors.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from jdgate.texts import all_texts

REPOSITORY = Path(__file__).parents[1]
CORE = sorted((REPOSITORY / "src" / "jdgate" / "core").glob("*.py"))
OTHERS = [
    REPOSITORY / "src" / "jdgate" / name
    for name in ("config.py", "keystore.py", "founding.py", "control.py")
]
RAISERS = {"Refused", "TransportFailed", "UsageError", "Misuse", "JdgateError", "Fault", "_Failed"}


NARRATES = {"passed", "skipped", "pending"}
"""What evidence says of a step that holds is no refusal."""


def codes(path: Path) -> set[str]:
    """Codes that a module gives to something that refuses, or keeps in a table for it."""
    known = set(all_texts())
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in NARRATES:
            known -= {
                code.value for code in ast.walk(node.args[0]) if isinstance(code, ast.Constant)
            }
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in known:
            found.add(node.value)
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = node.func.id if isinstance(node.func, ast.Name) else name
            first = node.args[0] if node.args else None
            if name in RAISERS and isinstance(first, ast.Constant):
                found.add(str(first.value))
    return found


@cache
def expected() -> str:
    """The text of all tests but this one, and of the vectors' index."""
    tests = [*REPOSITORY.glob("tests/**/*.py"), *REPOSITORY.glob("plugins/*/tests/**/*.py")]
    tests = [path for path in tests if path.name != Path(__file__).name]
    index = REPOSITORY / "tests" / "vectors" / "index.json"
    return "\n".join(path.read_text(encoding="utf-8") for path in [*tests, index])


def is_expected(code: str) -> bool:
    """By its whole name, or by what follows the area where a test puts the area before it."""
    short = code.partition(".")[2]
    return bool(re.search(rf"\b{re.escape(code)}\b|\"{re.escape(short)}\"", expected()))


@pytest.mark.parametrize("path", [*CORE, *OTHERS], ids=lambda path: path.stem)
def test_every_code_of_a_module_is_expected_by_a_test(path: Path) -> None:
    assert [code for code in sorted(codes(path)) if not is_expected(code)] == []
