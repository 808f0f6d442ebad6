"""A plugin's settings: its table `[rules.<plugin>]`, read as the Struct that describes it.

    Days = Annotated[int, Meta(ge=1, le=60)]

    class Settings(Struct, frozen=True):
        answer_days: Days = 10
        ask_again: bool = True
        at: Annotated[str, Meta(pattern=r"^[0-2][0-9]:[0-5][0-9]\\Z", examples=["10:00"])] = "10:00"

    chosen = read_settings("aid", settings, Settings)

Rules
- A field is a setting: its default holds where the table is silent, one without default has to be
  there. What depends on two settings is checked by the plugin afterwards.
- Nothing is bent: `true` is no number, `"5"` is none, and `4.0` is no whole one.
- Whoever wrote the table is told the setting, what stands there and what was expected: the bounds
  of a number, else the first of `Meta(examples=[…])`. A plugin with a better sentence names its
  code, `Meta(extra={"refused": "clinic.setting_sites"})`; the text gets {setting} and {got}.
- An entry of a table (`dict[str, Days]`) is named as `table.entry`.
- What stands there is shown: a password belongs in a file that the setting names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.inspect import BoolType, FloatType, IntType, Metadata, UnionType, type_info
from msgspec.structs import fields

from jdgate.errors import Refused

S = TypeVar("S", bound=Struct)
MOST_SHOWN = 40
"""Characters of a refused value that are shown."""


def read_settings(plugin: str, table: Mapping[str, Any], kind: type[S]) -> S:
    """The settings of a table, with the defaults of `kind` for what it does not say.

    Raises:
        Refused: `plugin.setting_unknown`, `plugin.setting_missing`, `plugin.setting_number`,
            `plugin.setting_range`, `plugin.setting_between`, `plugin.setting_flag`,
            `plugin.setting_form`, `plugin.setting_wrong`, or the code that the field's
            `Meta(extra={"refused": …})` names.
    """
    known = {field.encode_name: field for field in fields(kind)}
    for name in table:
        if name not in known:
            expected = ", ".join(known)
            raise Refused(
                "plugin.setting_unknown", plugin=plugin, setting=name[:60], expected=expected
            )
    for name, field in known.items():
        if field.required and name not in table:
            raise Refused("plugin.setting_missing", plugin=plugin, setting=name)
    return kind(
        **{
            known[name].name: _read(plugin, name, got, known[name].type)
            for name, got in table.items()
        }
    )


def _read(plugin: str, setting: str, got: object, hint: Any) -> Any:
    """A value as the hint has it; of a table, each entry by itself, so that it can be named."""
    plain = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if isinstance(got, Mapping) and get_origin(plain) in (dict, Mapping):
        keys, values = get_args(plain)
        return {
            _read(plugin, setting, key, keys): _read(plugin, f"{setting}.{key}"[:60], one, values)
            for key, one in got.items()
        }
    try:
        return msgspec.convert(got, hint)
    except msgspec.ValidationError:
        raise _refused(plugin, setting, got, hint) from None


def _refused(plugin: str, setting: str, got: object, hint: Any) -> Refused:
    """What was expected, from the type: msgspec's own sentences are English."""
    shown = json.dumps(got, ensure_ascii=False, default=str)[:MOST_SHOWN]
    words: dict[str, object] = {"plugin": plugin, "setting": setting, "got": shown}
    kind = type_info(hint)
    examples: list[object] = []
    while isinstance(kind, Metadata | UnionType):
        if isinstance(kind, UnionType):
            kind = kind.types[0]
            continue
        if code := (kind.extra or {}).get("refused"):
            return Refused(code, **words)
        examples += (kind.extra_json_schema or {}).get("examples", [])
        kind = kind.type
    match kind:
        case BoolType():
            return Refused("plugin.setting_flag", **words)
        case IntType(ge=int(least), le=int(most)):
            return Refused("plugin.setting_range", **words, least=least, most=most)
        case IntType(ge=int(least)):
            return Refused("plugin.setting_number", **words, least=least)
        case FloatType(ge=float() | int() as least, le=float() | int() as most):
            return Refused("plugin.setting_between", **words, least=least, most=most)
    if examples:
        return Refused("plugin.setting_form", **words, example=examples[0])
    return Refused("plugin.setting_wrong", **words)
