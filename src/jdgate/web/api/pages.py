"""The API described for people: the OpenAPI document, and the same as a page. Neither needs a token
or anything from another host.

    /api/openapi.json      the document, its words in the reader's language
    /api/docs              the page
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from jdgate.texts import Lang
from jdgate.web.api.document import document
from jdgate.web.site import Asked, Site

JSON = "application/json"


def pages(site: Site) -> list[HTTPRouteHandler]:
    """The document and the page."""

    @get("/api/openapi.json")
    async def openapi(request: Asked) -> Response[Any]:
        lang = request.state.visit.lang
        headers = {"content-language": "zh-CN" if lang == "zh" else "en", "vary": "accept-language"}
        return Response(document(lang), media_type=JSON, headers=headers)

    @get("/api/docs")
    async def docs(request: Asked) -> Response[Any]:
        return site.page(request, "api.html", api=told(request.state.visit.lang))

    return [openapi, docs]


@cache
def told(lang: Lang) -> dict[str, Any]:
    """The document as the page shows it: groups of operations, then the shapes they speak of."""
    made = document(lang)
    operations = [
        _operation(method, path, one)
        for path, methods in made["paths"].items()
        for method, one in methods.items()
    ]
    return {
        **made["info"],
        "groups": [
            (tag["description"], [one for one in operations if one["tag"] == tag["name"]])
            for tag in made["tags"]
        ],
        "shapes": [
            {"name": name, "about": shape["description"], "fields": _fields(shape)}
            for name, shape in made["components"]["schemas"].items()
        ],
    }


def _operation(method: str, path: str, one: dict[str, Any]) -> dict[str, Any]:
    taken = list(one.get("requestBody", {}).get("content", {}).items())
    first, *failures = one["responses"].items()
    return {
        "id": one["operationId"],
        "tag": one["tags"][0],
        "method": method.upper(),
        "path": path,
        "title": one["summary"],
        "about": one["description"],
        "given": [
            {**given, "kind": _kind(given["schema"])[0], "limits": _limits(given["schema"])}
            for given in one["parameters"]
        ],
        "takes": [_body(media, content) for media, content in taken],
        "status": first[0],
        "means": first[1]["description"],
        "gives": [_body(*each) for each in first[1].get("content", {}).items()],
        "fails": [
            (status, each["description"], _pretty(_example(*each["content"].values())))
            for status, each in failures
        ],
        "curl": _curl(method.upper(), path, one, taken),
    }


def _body(media: str, content: dict[str, Any]) -> dict[str, Any]:
    kind, shape = _kind(content["schema"])
    return {"media": media, "kind": kind, "shape": shape, "example": _pretty(_example(content))}


def _example(content: dict[str, Any]) -> Any:
    return content.get("examples", {}).get("one", {}).get("value")


def _pretty(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, indent=2)


def _fields(shape: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "kind": _kind(field)[0],
            "shape": _kind(field)[1],
            "needed": name in shape.get("required", ()),
            "about": field["description"],
            "limits": _limits(field),
        }
        for name, field in shape["properties"].items()
    ]


def _kind(schema: dict[str, Any]) -> tuple[str, str]:
    """What kind of value a schema takes, as people write it, and the shape it speaks of."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return name, name
    if "anyOf" in schema:
        parts = [_kind(one) for one in schema["anyOf"]]
        return " | ".join(kind for kind, _ in parts), next((s for _, s in parts if s), "")
    kind = schema.get("type", "binary")
    if kind == "array":
        inner, shape = _kind(schema["items"]) if schema.get("items") else ("integer", "")
        return f"[{inner}]", shape
    return str(kind), ""


def _limits(schema: dict[str, Any]) -> str:
    """The bounds of a value."""
    if "anyOf" in schema:
        return " ".join(filter(None, map(_limits, schema["anyOf"])))
    low = schema.get("minimum", schema.get("minItems"))
    high = schema.get("maximum", schema.get("maxItems", schema.get("maxLength")))
    found = []
    if high is not None:
        found.append(f"≤ {high}" if low is None else f"{low}–{high}")
    if "enum" in schema:
        found.append(" · ".join(schema["enum"]))
    if schema.get("default"):
        found.append(f"= {schema['default']}")
    return ", ".join(found)


def _curl(
    method: str, path: str, one: dict[str, Any], taken: list[tuple[str, dict[str, Any]]]
) -> str:
    """The call as a line for a shell."""
    for given in one["parameters"]:
        if given["in"] == "path":
            path = path.replace(f"{{{given['name']}}}", str(given["example"]))
    stream = "-N " if any("event-stream" in media for media in _medias(one)) else ""
    lines = [f'curl {stream}-H "Authorization: Bearer $TOKEN" "$URL{path}"']
    if taken:
        media, content = taken[0]
        example = _example(content)
        data = f"-d '{_pretty(example)}'" if media == JSON else "--data-binary @FILE"
        lines.append(f"  -H 'Content-Type: {media}' {data}")
    elif method == "POST":
        lines[0] = lines[0].replace("curl ", "curl -X POST ")
    return " \\\n".join(lines)


def _medias(one: dict[str, Any]) -> list[str]:
    return [media for answer in one["responses"].values() for media in answer.get("content", {})]
