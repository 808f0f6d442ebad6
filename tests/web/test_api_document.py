"""The API describes itself: all of it, truly, in both languages, and for people on a page."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
from jsonschema_rs import Draft202012Validator, meta
from litestar import Litestar
from tests.e2e.kit import County
from tests.web.browsing import Browser

from jdgate.texts import LANGUAGES, Lang, all_texts
from jdgate.web.api.document import document
from jdgate.web.api.pages import told
from jdgate.web.app import build

pytestmark = pytest.mark.anyio
VERBS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


async def test_the_document_has_all_that_is_served_and_nothing_else(county: County) -> None:
    app = build(county.daemon._web._site)  # type: ignore[union-attr]
    assert isinstance(app, Litestar)
    served = {
        (re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path), method.lower())
        for route in app.routes
        if route.path.startswith("/api/v1/")
        for method in route.methods & VERBS
    }
    described = {
        (path, method) for path, methods in document("zh")["paths"].items() for method in methods
    }
    assert described == served


@pytest.mark.parametrize("lang", LANGUAGES)
def test_its_schemas_are_schemas_and_its_examples_examples_of_them(lang: Lang) -> None:
    made = document(lang)
    json.dumps(made)
    for path, methods in made["paths"].items():
        for method, one in methods.items():
            for media, content in bodies(one):
                where = f"{method} {path} {media}"
                schema = {**content["schema"], "components": made["components"]}
                meta.validate(schema)
                for example in content.get("examples", {}).values():
                    faults = list(Draft202012Validator(schema).iter_errors(example["value"]))
                    assert not faults, f"{where}: {faults[0].message}"


def bodies(one: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    found = [one["requestBody"]] if "requestBody" in one else []
    found += one["responses"].values()
    return [each for answer in found for each in answer.get("content", {}).items()]


def test_what_it_takes_is_closed_and_every_word_is_there_in_both_languages() -> None:
    for shape in ("Sending", "Taken", "State", "Delivery", "Sealed", "Judged"):
        assert document("zh")["components"]["schemas"][shape]["additionalProperties"] is False
    for lang in LANGUAGES:
        words = json.dumps(document(lang), ensure_ascii=False)
        assert "web.api." not in words, "a text is missing"
    spoken = json.dumps(told("en"), ensure_ascii=False)
    english = [code for code in all_texts() if code.startswith("web.api.do.")]
    assert english and all(all_texts()[code]["en"] in spoken for code in english)


def test_every_operation_says_how_it_fails() -> None:
    for path, methods in document("en")["paths"].items():
        for method, one in methods.items():
            assert {"401", "429", "500", "503"} <= set(one["responses"]), f"{method} {path}"
            assert "Retry-After" in one["responses"]["429"]["headers"]
            if "requestBody" in one:
                assert {"408", "413", "415"} <= set(one["responses"]), f"{method} {path}"


async def test_both_are_read_without_a_token_and_in_the_readers_language(
    browse: Callable[..., Browser],
) -> None:
    for language, title in (("zh-CN", "发送记录"), ("en", "Send records")):
        browser = browse(**{"accept-language": language})
        described = await browser.open("/api/openapi.json")
        assert described.status_code == 200 and described.json()["openapi"] == "3.1.0"
        assert title in described.text
        page = await browser.open("/api/docs")
        assert page.status_code == 200 and title in page.text
        assert_offline(page)
        assert "application/problem+json" not in page.text or page.text.count("<h1>") == 1


def assert_offline(page: httpx.Response) -> None:
    """Nothing of it comes from elsewhere, and no script or style stands in it."""
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert address[0] in "/#", address
    assert "<style" not in page.text and " style=" not in page.text
    assert not re.search(r"<script(?![^>]*\bsrc=)", page.text)
    msgspec.json.encode(page.text)
