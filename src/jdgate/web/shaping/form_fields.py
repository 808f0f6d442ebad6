"""Forms out of schemas: which fields a form has, and the record of what was typed. Pure.

What is typed travels as flat texts by place: `name`, `stocks.0.cas`. A fault names the same place
as a JSON Pointer (`/stocks/0/cas`).

Rules:
- a place left blank is no field of the record; a row left blank is no row;
- what can't be read as what its field wants stays the text it is, and the checks that every record
  goes through say what is wrong with it. Nothing is refused here, and nothing guessed;
- moments are typed in the county's time and sent in UTC;
- fields that name who approved are never typed: they are filled in with who is signed in.

    places = places_of(catalogue.schema(type), sheet)
    values = tidied(places, posted)             # rows numbered anew, blank ones gone
    record = record_of(places, values)
    values_of(places, record) == values         # and back, to fill a form
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from msgspec import Struct

from jdgate.core import approval
from jdgate.core.calendar import LOCAL
from jdgate.core.sheet import Sheet
from jdgate.files.cells import CellFault, read_cell, tidy
from jdgate.files.importer import Column
from jdgate.files.importer import Kind as CellKind

Kind = Literal[
    "text", "long", "code", "whole", "number", "truth", "date", "moment", "choice", "several",
    "confirm", "member", "place", "sealed", "signer", "group", "rows",
]  # fmt: skip
"""How a field is asked for. `several`: listed values to tick; `confirm`: one value to agree to;
`sealed`: any text, which only its final reader opens; `group`: an object; `rows`: a list."""

LONG = 120
"""Characters from which a text gets more than one line to type in."""
MOST_SEALED = 5_000
"""Characters of a sealed field: in any script they fit into a form, and sealed into the schema."""
_CODES = ("uscc", "cas", "uuid", "cn-id-no")
_FORMATS: dict[str, Kind] = {
    "date": "date", "date-time": "moment", "member-id": "member", "division-code": "place",
}  # fmt: skip
_SCALARS: dict[str, Kind] = {"integer": "whole", "number": "number", "boolean": "truth"}
_READ: dict[str, CellKind] = {
    "code": "code", "place": "code", "whole": "whole", "number": "number", "date": "date",
}  # fmt: skip


class Place(Struct, frozen=True, kw_only=True):
    """A field of a form. `path`: what its sheet calls it by (`schema_parts`); `parts`: of a group,
    or of one row; `most`: characters, or rows."""

    name: str
    path: str
    kind: Kind
    required: bool
    options: tuple[str, ...] = ()
    parts: tuple[Place, ...] = ()
    format: str = ""
    most: int = 0
    agreed: Any = None

    @property
    def plain(self) -> bool:
        """Whether its rows are single values, not objects."""
        return self.kind == "rows" and self.parts[0].name == ""


def places_of(schema: Mapping[str, Any], sheet: Sheet) -> tuple[Place, ...]:
    """The fields of a type's form, in the schema's order."""
    return tuple(
        _signed(_top(name, part, name in schema.get("required", ()), sheet), sheet)
        for name, part in schema["properties"].items()
    )


def _top(name: str, part: Mapping[str, Any], required: bool, sheet: Sheet) -> Place:
    if name in sheet.sealed:
        return Place(name=name, path=name, kind="sealed", required=required, most=MOST_SEALED)
    return _place(name, name, part, required)


def _signed(place: Place, sheet: Sheet) -> Place:
    if place.name not in approval.signers(sheet):
        return place
    return Place(name=place.name, path=place.path, kind="signer", required=place.required)


def _place(name: str, path: str, schema: Mapping[str, Any], required: bool) -> Place:
    kind, parts, options = _kind(name, schema), tuple[Place, ...](), schema.get("enum", ())
    most = int(schema.get("maxLength", 0))
    if kind == "rows":
        items = schema["items"]
        most = int(schema.get("maxItems", 1))
        rows = "properties" in items
        parts = _parts(path, items) if rows else (_place("", path, items, required),)
    elif kind == "several":
        options = schema["items"]["enum"]
    elif kind == "group":
        parts = _parts(path, schema)
    return Place(
        name=name, path=path, kind=kind, required=required, options=tuple(options), parts=parts,
        format=str(schema.get("format", "")), most=most, agreed=schema.get("const"),
    )  # fmt: skip


def _parts(path: str, schema: Mapping[str, Any]) -> tuple[Place, ...]:
    needed = schema.get("required", ())
    return tuple(
        _place(name, f"{path}.{name}", part, name in needed)
        for name, part in schema["properties"].items()
    )


def _kind(name: str, schema: Mapping[str, Any]) -> Kind:
    kind, form = schema.get("type"), str(schema.get("format", ""))
    if "const" in schema:
        return "confirm"
    if "enum" in schema:
        return "choice"
    if kind == "array":
        return "several" if "enum" in schema["items"] else "rows"
    if kind == "object":
        return "group"
    if kind in _SCALARS:
        return _SCALARS[kind]
    if form in _FORMATS:
        return _FORMATS[form]
    if form in _CODES or name == "id_no":
        return "code"
    return "long" if int(schema.get("maxLength", 0)) >= LONG else "text"


# --- what was typed


def tidied(places: Iterable[Place], posted: Mapping[str, str]) -> dict[str, str]:
    """What was typed at the form's own places, and nothing else: no blank ends, no blank rows,
    the rows numbered from 0."""
    found: dict[str, str] = {}
    for place in places:
        _gather(place, place.name, place.name, posted, found)
    return found


def _gather(
    place: Place, old: str, new: str, posted: Mapping[str, str], found: dict[str, str]
) -> None:
    """Take over what stands at `old`, to `new`."""
    if place.kind == "signer":
        return
    if place.kind == "group":
        for part in place.parts:
            _gather(part, _at(old, part), _at(new, part), posted, found)
    elif place.kind == "rows":
        at = 0
        for number in numbers(posted, old):
            row: dict[str, str] = {}
            for part in place.parts:
                _gather(part, _at(f"{old}.{number}", part), _at(f"{new}.{at}", part), posted, row)
            found |= row
            at += bool(row)
    elif place.kind == "several":
        ticked = [posted[f"{old}.{number}"] for number in numbers(posted, old)]
        found |= {f"{new}.{at}": one for at, one in enumerate(ticked) if one}
    else:
        given = posted.get(old, "")
        lines = given.replace("\r\n", "\n").strip()
        text = lines if place.kind == "sealed" else tidy(given)
        if text:
            found[new] = text


def numbers(values: Mapping[str, str], path: str) -> list[int]:
    """The rows of a list that something was typed into, in order."""
    begins = f"{path}."
    heads = {name[len(begins) :].split(".")[0] for name in values if name.startswith(begins)}
    return sorted(int(one) for one in heads if one.isascii() and one.isdigit() and len(one) < 5)


def _at(path: str, part: Place) -> str:
    return f"{path}.{part.name}" if part.name else path


# --- to the record, and back


def record_of(places: Iterable[Place], values: Mapping[str, str]) -> dict[str, Any]:
    """The record of tidied values."""
    return {
        place.name: value
        for place in places
        if (value := _value(place, place.name, values)) is not None
    }


def _value(place: Place, path: str, values: Mapping[str, str]) -> Any:
    if place.kind == "group":
        return _object(place.parts, path, values)
    if place.kind == "rows":
        rows = (f"{path}.{at}" for at in numbers(values, path))
        made = [
            _value(place.parts[0], row, values)
            if place.plain
            else _object(place.parts, row, values)
            for row in rows
        ]
        return made or None
    if place.kind == "several":
        return [values[f"{path}.{at}"] for at in numbers(values, path)] or None
    text = values.get(path)
    return None if text is None else _read(place, text)


def _object(parts: Iterable[Place], path: str, values: Mapping[str, str]) -> dict[str, Any] | None:
    made = {part.name: _value(part, f"{path}.{part.name}", values) for part in parts}
    return {name: value for name, value in made.items() if value is not None} or None


def _read(place: Place, text: str) -> Any:
    """What a text stands for; the text itself where it stands for nothing of the kind."""
    if place.kind == "truth":
        return {"true": True, "false": False}.get(text, text)
    if place.kind == "confirm":
        return place.agreed if text == "true" else text
    if place.kind == "moment":
        return _moment(text)
    if place.kind not in _READ:
        return text
    column = Column(
        place.name, _READ[place.kind], (), "", max_chars=100_000, negative=True, years=(1, 9999)
    )
    try:
        value = read_cell(column, text)
    except CellFault:
        return text
    if place.kind == "number":
        return value if _exact(text, value) else text
    upper = place.kind == "code" and place.format not in ("uuid",)
    return value.upper() if upper and isinstance(value, str) else value


def _exact(text: str, value: Any) -> bool:
    """Whether a number is the one that was typed, to its last digit."""
    try:
        return Decimal(repr(value)) == Decimal(tidy(text).replace(",", ""))
    except InvalidOperation:
        return True  # digits of another script or with a sign of their own: few, and read as meant


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text.replace("/", "-"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=LOCAL)
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return text


def values_of(places: Iterable[Place], record: Mapping[str, Any]) -> dict[str, str]:
    """A record as a form shows it."""
    return {
        path: text
        for place in places
        if place.name in record
        for path, text in _texts(place, place.name, record[place.name])
    }


def _texts(place: Place, path: str, value: Any) -> Iterator[tuple[str, str]]:
    if place.kind == "signer":
        return
    if place.kind == "group" and isinstance(value, Mapping):
        for part in place.parts:
            if part.name in value:
                yield from _texts(part, f"{path}.{part.name}", value[part.name])
    elif place.kind == "rows" and isinstance(value, list):
        for at, row in enumerate(value):
            for part in place.parts:
                if place.plain:
                    yield from _texts(part, f"{path}.{at}", row)
                elif part.name in row:
                    yield from _texts(part, f"{path}.{at}.{part.name}", row[part.name])
    elif place.kind == "several" and isinstance(value, list):
        yield from ((f"{path}.{at}", str(one)) for at, one in enumerate(value))
    elif isinstance(value, bool) or place.kind == "confirm":
        yield path, "true" if value else "false"
    elif place.kind == "moment":
        yield path, _typed(str(value))
    elif isinstance(value, float):
        yield path, f"{Decimal(repr(value)).normalize():f}"
    else:
        yield path, str(value)


def _typed(moment: str) -> str:
    """A moment as it is typed: the county's time, no more precise than it has to be."""
    try:
        at = datetime.fromisoformat(moment).astimezone(LOCAL).replace(tzinfo=None)
    except ValueError:
        return moment
    return at.isoformat(timespec="auto" if at.second or at.microsecond else "minutes")


def path_of(pointer: str) -> str:
    """The place that a fault's JSON Pointer names: `/stocks/0/cas` → `stocks.0.cas`."""
    return pointer.removeprefix("/").replace("/", ".")
