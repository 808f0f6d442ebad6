"""The mapping file: which of their tables and columns become which of our fields.

    [send.orders]                          # read in this order; the name is for people
    type = "comm.order.notice.v1"
    table = "v_decision"                   # a table or view; "schema.name" where there are schemas
    key = "id"                             # unique, never changes, not an identity number
    marker = "updated_at"                  # grows with every change: a time or a number
    late = 600                             # how far back late commits are looked for
    approved_by = "reviewer"               # needed where the sheet wants a person's approval;
                                           # ["reviewer1", "reviewer2"] where it wants two
    [send.orders.fields]
    name = "xm"
    [send.orders.values.measure]           # their value → ours; "" passes the row over
    "1" = "community_treatment"
    [send.orders.constants]
    id_type = "ric"

    [[eligibility]]                        # see `answers`
    rule_code = "162-15-2"
    table = "v_no_licence"
    id_no = "sfzh"

Everything is checked against the catalogue when the daemon starts: a field that the type does not
have, a value that it does not know, a type that the police may not send. The first fault is told
with its place in the file.

    plan = mapping.read(Path("registry.toml"), catalogue)
    plan.sections_for("pol", ("POL",))
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from jdgate.core.catalogue import Catalogue
from jdgate.plugins import Refused

POLICE = "POL"
LATE = 600
QUERY = "licence.eligibility.query.v1"
ANSWER = "licence.eligibility.answer.v1"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SECTION = {
    "type", "table", "key", "marker", "late", "approved_by", "member", "fields", "values",
    "constants",
}  # fmt: skip
_RULE = {"rule_code", "classes", "table", "id_no", "id_type", "until"}


class Section(Struct, frozen=True):
    """One message type and where its records come from.

    `late`: seconds for a marker that is a time, a count for one that is a number. `approved_by`:
    the columns with the names of those who approved a row, of whom `approvers` have to be there.
    """

    name: str
    type: str
    table: str
    key: str
    marker: str
    fields: dict[str, str]
    values: dict[str, dict[str, str]] = {}
    constants: dict[str, Any] = {}
    forms: dict[str, dict[str, Any]] = {}
    late: int = LATE
    approved_by: tuple[str, ...] = ()
    approvers: int = 0
    member: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read, once: the marker and the key first."""
        named = (*self.fields.values(), *self.approved_by)
        return tuple(dict.fromkeys((self.marker, self.key, *named)))


class Bar(Struct, frozen=True):
    """A rule that bars a person from a licence: whoever a table or view of theirs lists.

    `id_type`: the column with the kind of document; None: all are resident identity cards.
    `until`: the column with the last day; None or empty: until the row is gone.
    """

    rule_code: str
    classes: frozenset[str]
    table: str
    id_no: str
    id_type: str | None = None
    until: str | None = None


class Plan(Struct, frozen=True):
    """What a mapping file says."""

    sections: tuple[Section, ...] = ()
    bars: tuple[Bar, ...] = ()


def read(path: Path, catalogue: Catalogue) -> Plan:
    """The plan of a mapping file.

    Raises:
        Refused: `police.mapping_file`, `police.mapping_key`, `police.mapping_…`.
    """
    try:
        top = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        reason = str(error) if isinstance(error, tomllib.TOMLDecodeError) else type(error).__name__
        raise Refused("police.mapping_file", file=path.name[:80], reason=reason) from None
    _only(top, {"send", "eligibility"}, "")
    sends = _table(top.get("send", {}), "send")
    sections = tuple(_section(name, sends[name], catalogue) for name in sends)
    bars = top.get("eligibility", [])
    if not isinstance(bars, list):
        raise Refused("police.mapping_key", where="eligibility")
    found = tuple(_bar(number, one, catalogue) for number, one in enumerate(bars, 1))
    if found:
        _covered(found, catalogue)
    return Plan(sections, found)


def _section(name: str, given: Any, catalogue: Catalogue) -> Section:
    where = f"send.{name}"
    if not _NAME.fullmatch(name):
        raise Refused("police.mapping_key", where=where[:60])
    table = _table(given, where)
    _only(table, _SECTION, where)
    kind, member = _text(table, "type", where), _maybe(table, "member", where)
    sheet = catalogue.sheets.get(kind)
    if sheet is None or kind.startswith("sys.") or kind == ANSWER:
        raise Refused("police.mapping_type", where=where, type=kind[:60])
    if member is None and not sheet.may_send((POLICE,)):
        senders = ", ".join(sheet.senders)
        raise Refused("police.mapping_sender", where=where, type=kind, senders=senders)
    schema = catalogue.schema(kind)
    forms: dict[str, dict[str, Any]] = dict(schema["properties"])
    fields = _texts(table.get("fields", {}), f"{where}.fields")
    constants = _table(table.get("constants", {}), f"{where}.constants")
    values = {
        field: _texts(one, f"{where}.values.{field}")
        for field, one in _table(table.get("values", {}), f"{where}.values").items()
    }
    for field in (*fields, *constants, *values):
        if field not in forms:
            raise Refused("police.mapping_field", where=where, field=field[:40], type=kind)
    for field in constants.keys() & fields.keys() | values.keys() - fields.keys():
        raise Refused("police.mapping_key", where=f"{where}: {field}")
    for field, known in values.items():
        allowed = forms[field].get("enum")
        wrong = [one for one in known.values() if one and allowed and one not in allowed]
        if wrong:
            expected = ", ".join(map(str, allowed or ()))
            raise Refused("police.mapping_value", where=f"{where}.values.{field}",
                          got=wrong[0][:40], expected=expected)  # fmt: skip
    missing = [one for one in schema.get("required", ()) if one not in {*fields, *constants}]
    if missing:
        raise Refused("police.mapping_missing", where=where, fields=", ".join(missing))
    approved_by = _columns(table, "approved_by", where)
    if len(approved_by) < sheet.approvers:
        raise Refused("police.mapping_approval", where=where, type=kind, needed=sheet.approvers)
    late = table.get("late", LATE)
    if isinstance(late, bool) or not isinstance(late, int) or not 0 <= late <= 10**9:
        raise Refused("police.mapping_key", where=f"{where}.late")
    return Section(
        name=name,
        type=kind,
        table=_text(table, "table", where),
        key=_text(table, "key", where),
        marker=_text(table, "marker", where),
        fields=fields,
        values=values,
        constants=constants,
        forms={field: forms[field] for field in (*fields, *constants)},
        late=late,
        approved_by=approved_by,
        approvers=max(sheet.approvers, min(len(approved_by), 1)),
        member=member,
    )


def _bar(number: int, given: Any, catalogue: Catalogue) -> Bar:
    where = f"eligibility {number}"
    table = _table(given, where)
    _only(table, _RULE, where)
    known = set(catalogue.schema(ANSWER)["properties"]["rule_code"]["enum"]) - {"none"}
    classes = catalogue.schema(QUERY)["properties"]["class"]["enum"]
    code = _text(table, "rule_code", where)
    if code not in known:
        expected = ", ".join(sorted(known))
        raise Refused("police.mapping_value", where=f"{where}: rule_code", got=code[:40],
                      expected=expected)  # fmt: skip
    got = table.get("classes", list(classes))
    if not isinstance(got, list) or not got or not all(one in classes for one in got):
        raise Refused("police.mapping_value", where=f"{where}: classes", got="…",
                      expected=", ".join(classes))  # fmt: skip
    return Bar(
        rule_code=code,
        classes=frozenset(got),
        table=_text(table, "table", where),
        id_no=_text(table, "id_no", where),
        id_type=_maybe(table, "id_type", where),
        until=_maybe(table, "until", where),
    )


def _covered(bars: tuple[Bar, ...], catalogue: Catalogue) -> None:
    """A class without a rule would always be answered with yes."""
    classes = catalogue.schema(QUERY)["properties"]["class"]["enum"]
    bare = [one for one in classes if not any(one in bar.classes for bar in bars)]
    if bare:
        raise Refused("police.mapping_classes", classes=", ".join(bare))


def _table(given: Any, where: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise Refused("police.mapping_key", where=where[:80])
    return given


def _only(table: Mapping[str, Any], known: set[str], where: str) -> None:
    for name in table:
        if name not in known:
            place = f"{where}.{name}" if where else name
            expected = ", ".join(sorted(known))
            raise Refused("police.mapping_unknown", where=place[:80], expected=expected)


def _text(table: Mapping[str, Any], name: str, where: str) -> str:
    got = table.get(name)
    if not isinstance(got, str) or not got.strip():
        raise Refused("police.mapping_key", where=f"{where}.{name}")
    return got.strip()


def _maybe(table: Mapping[str, Any], name: str, where: str) -> str | None:
    return _text(table, name, where) if name in table else None


def _columns(table: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    """One column, or a list of them."""
    given = table.get(name, [])
    columns = given if isinstance(given, list) else [given]
    if not all(isinstance(one, str) and one.strip() for one in columns):
        raise Refused("police.mapping_key", where=f"{where}.{name}"[:80])
    return tuple(dict.fromkeys(one.strip() for one in columns))


def _texts(given: Any, where: str) -> dict[str, str]:
    table = _table(given, where)
    if not all(isinstance(one, str) for one in table.values()):
        raise Refused("police.mapping_key", where=where[:80])
    return {name: one.strip() for name, one in table.items()}
