"""The fields inside a field: those of an object, and those of each row of a list. Pure.

Such a field goes by its path, whatever the row: `stocks.cas`. Its exchange sheet gives its words
under that path; who sees it, why, and how it is handled is said of the field it stands in.

    for path, form, required in parts_of("stocks", schema["properties"]["stocks"]): …
    options_of(form)                    # ("kg", "L")
    field_at("/stocks/0/cas")            # "stocks.cas"
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def parts_of(name: str, form: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Each field inside, at any depth: its path, its schema, and whether it is required there."""
    held = _one(form)
    for part, its in held.get("properties", {}).items():
        path = f"{name}.{part}"
        yield path, its, part in held.get("required", ())
        yield from parts_of(path, its)


def options_of(form: Mapping[str, Any]) -> tuple[str, ...]:
    """The texts that a field, or each entry of its list, is one of; nothing where none are
    listed."""
    return tuple(value for value in _one(form).get("enum", ()) if isinstance(value, str))


def field_at(pointer: str) -> str:
    """The field that a JSON Pointer (RFC 6901) leads to, whatever the row."""
    return ".".join(step for step in pointer.split("/") if step and not step.isdecimal())


def _one(form: Mapping[str, Any]) -> Mapping[str, Any]:
    """One entry of a list, else the form itself."""
    while isinstance(form.get("items"), Mapping):
        form = form["items"]
    return form
