"""The OpenAPI 3.1 document of the API: every path, what it takes, every answer it may give.

It is written out here and not read off the handlers: schemas come from `shapes`, words from the
text catalogue, in the language asked for, and a test holds the paths to those that are served. So
`additionalProperties` and the media types are what they are, and each answer has an example.

    built = document("zh")                       # a JSON value
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from jdgate import __version__
from jdgate.commands.tables import LIMITS
from jdgate.commands.tables import MOST_BYTES as MOST_OF_TABLE
from jdgate.core.message import MAX_BODY
from jdgate.texts import LANGUAGES, Lang, all_texts, say
from jdgate.web.api import examples
from jdgate.web.api.asking import A_MINUTE, MOST_BYTES, MOST_STREAMS
from jdgate.web.api.operations import OPERATIONS, Body, Given, Operation
from jdgate.web.api.shapes import Problem

PROBLEM = "application/problem+json"
_REF = "#/components/schemas/{name}"


@cache
def document(lang: Lang) -> dict[str, Any]:
    """The document, its words in one language."""
    kinds = [body.kind for one in OPERATIONS for body in one.bodies if body.kind is not None]
    kinds.append(Problem)
    refs, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    schema_of = dict(zip(map(str, kinds), refs, strict=True))
    _describe(components, lang)
    paths: dict[str, dict[str, Any]] = {}
    for one in OPERATIONS:
        paths.setdefault(f"/api/v1{one.path}", {})[one.method] = _operation(one, schema_of, lang)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": say("web.api.title", lang),
            "version": __version__,
            "description": f"{say('web.api.about', lang)}\n\n{_limits(lang)}",
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": name, "description": say(f"web.api.tag.{name}", lang)}
            for name in dict.fromkeys(one.tag for one in OPERATIONS)
        ],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "headers": {
                "RetryAfter": {
                    "description": say("web.api.retry_after", lang),
                    "schema": {"type": "integer", "minimum": 1},
                }
            },
        },
        "security": [{"token": []}],
    }


def _limits(lang: Lang) -> str:
    return say(
        "web.api.limits", lang, minute=A_MINUTE, streams=MOST_STREAMS, body=MOST_BYTES // 2**20,
        table=MOST_OF_TABLE // 2**20, rows=LIMITS.rows, signed=MAX_BODY,
    )  # fmt: skip


def _operation(one: Operation, schema_of: dict[str, Any], lang: Lang) -> dict[str, Any]:
    made: dict[str, Any] = {
        "operationId": one.name,
        "tags": [one.tag],
        "summary": say(f"web.api.do.{one.name}", lang),
        "description": say(f"web.api.how.{one.name}", lang),
        "parameters": [_parameter(given, lang) for given in one.given],
        "responses": {
            str(one.status): _answer(one, schema_of, lang),
            **{str(status): _failure(status, one, lang) for status in one.fails},
        },
    }
    if one.takes:
        made["requestBody"] = {"required": True, "content": _content(one.takes, schema_of)}
    return made


def _answer(one: Operation, schema_of: dict[str, Any], lang: Lang) -> dict[str, Any]:
    made: dict[str, Any] = {"description": say(f"web.api.gives.{one.name}", lang)}
    if one.gives:
        made["content"] = _content(one.gives, schema_of)
    if one.links:
        made["links"] = {
            link.to: {"operationId": link.to, "parameters": {"id": link.value}}
            for link in one.links
        }
    return made


def _content(bodies: tuple[Body, ...], schema_of: dict[str, Any]) -> dict[str, Any]:
    return {body.media: _media(body, schema_of) for body in bodies}


def _media(body: Body, schema_of: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "string"} if body.kind is None else schema_of[str(body.kind)]
    if body.kind is None and body.binary:
        schema = {}  # bytes: OpenAPI 3.1 §4.8.14.2
    made: dict[str, Any] = {"schema": schema}
    if body.example is not None:
        made["examples"] = {"one": {"value": body.example}}
    return made


def _parameter(given: Given, lang: Lang) -> dict[str, Any]:
    made = {
        "name": given.name,
        "in": given.where,
        "required": given.where == "path" or given.required,
        "description": say(f"web.api.given.{given.name}", lang),
        "schema": given.schema,
    }
    if given.example is not None:
        made["example"] = given.example
    return made


def _failure(status: int, one: Operation, lang: Lang) -> dict[str, Any]:
    """An error's answer, with one of the codes that it has here as its example."""
    code = examples.FAULTS.get((one.name, status)) or examples.USUAL[status]
    params = examples.PARAMS.get(code, {})
    texts = {each: say(code, each, **params) for each in LANGUAGES}
    example = {
        "type": f"urn:jdgate:{code}",
        "title": code,
        "status": status,
        "detail": texts[lang],
        "texts": texts,
    }
    made: dict[str, Any] = {
        "description": say(f"web.api.fails.{status}", lang),
        "content": {
            PROBLEM: {
                "schema": {"$ref": _REF.format(name=Problem.__name__)},
                "examples": {"one": {"value": example}},
            }
        },
    }
    if status in (429, 503):
        made["headers"] = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}}
    return made


def _describe(components: dict[str, Any], lang: Lang) -> None:
    """Words for every shape and field, instead of the source's own."""
    known = all_texts()
    for name, schema in components.items():
        schema["description"] = say(f"web.api.shape.{name}", lang)
        for field, about in schema.get("properties", {}).items():
            own, shared = f"web.api.field.{name}_{field}", f"web.api.field.{field}"
            about["description"] = say(own if own in known else shared, lang)
