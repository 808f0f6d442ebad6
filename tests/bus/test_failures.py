"""Every exception of the NATS library has one of ours, with a text in both languages."""

from __future__ import annotations

import ast
import inspect
import ssl
from pathlib import Path
from types import ModuleType

import nats.errors
import nats.js.errors
import pytest

import jdgate
from jdgate.bus.jetstream import FAILURES, api_failure, failure
from jdgate.errors import Misuse, TransportFailed
from jdgate.texts import all_texts


def exceptions(module: ModuleType) -> list[type[Exception]]:
    return [
        kind
        for kind in vars(module).values()
        if inspect.isclass(kind)
        and issubclass(kind, Exception)
        and kind.__module__ == module.__name__
    ]


@pytest.mark.parametrize("module", [nats.errors, nats.js.errors])
def test_the_map_of_exceptions_is_complete(module: ModuleType) -> None:
    assert [kind.__name__ for kind in exceptions(module) if kind not in FAILURES] == []


def test_every_mapped_code_has_a_text() -> None:
    assert {code for _, code in FAILURES.values()} <= set(all_texts())


@pytest.mark.parametrize(
    ("error", "family", "code"),
    [
        (nats.errors.ConnectionClosedError(), TransportFailed, "bus.unavailable"),
        (ConnectionResetError(), TransportFailed, "bus.unavailable"),
        (nats.errors.TimeoutError(), TransportFailed, "bus.unconfirmed"),
        (TimeoutError(), TransportFailed, "bus.unconfirmed"),
        (nats.errors.Error("nats: 'Authorization Violation'"), TransportFailed, "bus.denied"),
        (ssl.SSLCertVerificationError(), TransportFailed, "bus.insecure"),
        (nats.errors.MaxPayloadError(), Misuse, "bus.too_large"),
        (nats.errors.BadSubjectError(), Misuse, "bus.misused"),
        (AttributeError(), Misuse, "bus.misused"),
    ],
)
def test_an_exception_becomes_ours(error: Exception, family: type, code: str) -> None:
    ours = failure(error)
    assert type(ours) is family
    assert ours.code == code


@pytest.mark.parametrize(
    ("number", "status", "code"),
    [
        (10077, 503, "bus.full"),
        (10047, 500, "bus.full"),
        (10054, 400, "bus.too_large"),
        (10059, 404, "bus.unavailable"),
        (10008, 503, "bus.unavailable"),
        (10201, 400, "bus.rejected"),
    ],
)
def test_an_api_error_becomes_ours(number: int, status: int, code: str) -> None:
    assert api_failure({"err_code": number, "code": status}).code == code


def test_one_file_alone_imports_nats() -> None:
    importing = set()
    for path in Path(jdgate.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom) and node.level == 0
                else []
            )
            if any(name.split(".")[0] == "nats" for name in names):
                importing.add(path.name)
    assert importing == {"jetstream.py"}
