"""What is logged of an exception is where it was raised and of which kind, and never what it says.

The values here stand for what exceptions quote: parameters of SQL, JSON, keys of a mapping."""

from __future__ import annotations

import ast
import asyncio
import io
import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text
from tests.e2e.kit import id_no

from jdgate.errors import Refused
from jdgate.plainlog import PlainFormatter, broke, described, on_loop
from jdgate.store.database import Database

POISON = id_no(7)
SOURCE = Path(__file__).parents[1] / "src" / "jdgate"
log = logging.getLogger("jdgate.tests.plainlog")


@pytest.fixture
def printed() -> Iterator[io.StringIO]:
    """What the daemon's handler writes."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(PlainFormatter("%(levelname)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    yield written
    root.removeHandler(handler)


def quoting(value: str) -> Exception:
    """An exception that quotes a value, raised because of another that does."""
    try:
        try:
            raise KeyError(value)
        except KeyError as first:
            raise ValueError(f"no such patient: {value}") from first
    except ValueError as error:
        return error


def test_an_exception_is_told_by_kind_code_and_place() -> None:
    told = described(quoting(POISON))
    assert POISON not in told
    assert "ValueError\n" in told and "because of KeyError" in told
    assert f"{Path(__file__).name}:" in told and "in quoting" in told
    assert described(Refused("message.envelope", attribute="x")) == "Refused message.envelope"


def test_neither_our_log_nor_a_librarys_quotes_a_value(printed: io.StringIO) -> None:
    error = quoting(POISON)
    broke(log, "%d messages could not be taken", 3, error=error)
    log.error("as libraries do it", exc_info=error)
    assert POISON not in printed.getvalue()
    assert printed.getvalue().count("ValueError") == 2
    assert "3 messages could not be taken" in printed.getvalue()


def test_what_sql_and_json_quote_stays_out_too(printed: io.StringIO, tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path}/edge.db", "edge")
    try:
        with database.transaction() as conn:
            conn.execute(text("INSERT INTO nothing VALUES (:who)"), {"who": POISON})
    except Exception as error:
        log.error("the books", exc_info=error)
    try:
        msgspec.convert({"id_no": POISON}, type=int)
    except msgspec.ValidationError as error:
        broke(log, "json", error=error)
    database.close()
    assert "json" in printed.getvalue() and POISON not in printed.getvalue()


def test_the_event_loop_quotes_no_value_of_a_task_that_broke(printed: io.StringIO) -> None:
    async def break_it() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(on_loop)
        loop.call_soon(lambda: (_ for _ in ()).throw(quoting(POISON)))
        await asyncio.sleep(0)
        loop.call_exception_handler({"message": "without one"})

    asyncio.run(break_it())
    assert "ValueError" in printed.getvalue() and POISON not in printed.getvalue()
    assert "without one" in printed.getvalue()


def test_exceptions_are_logged_in_one_place_alone() -> None:
    found = [
        f"{path.name}:{node.lineno}"
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Attribute) and node.func.attr == "exception"
             and ast.unparse(node.func.value).endswith("log"))
            or any(keyword.arg == "exc_info" for keyword in node.keywords)
        )
    ]  # fmt: skip
    assert found == []
