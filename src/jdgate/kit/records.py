"""Makes records of any message type from its JSON Schema: the same ones every time.

Rules
- A record given out is good by the gateway's own check (`core.schema.check_records`).
- Records of one person agree: their identity number, their number at a department.
- `extreme` records are as long, as early, as large, as strange as the schema allows.
- No randomness from outside: a seed decides everything.

    maker = Maker(catalogue, seed=1)
    maker.records("mmt.attendance.v1", 20)
    maker.records("mmt.attendance.v1", 5, extreme=True)
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from jdgate.core.calendar import add_days, day_of, local_day
from jdgate.core.catalogue import Catalogue
from jdgate.core.identity import check_uscc, synthetic_id_no
from jdgate.core.schema import check_record
from jdgate.errors import Refused
from jdgate.kit.strings import Strings

NOW = datetime(2026, 5, 20, 2, 0, tzinfo=UTC)
"""The kit's moment: records are about the weeks before it."""
WEEKS = 6
_TRIES = 60
_USCC = "91511623MA{:07d}"
_USCC_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CAS = ("64-17-5", "67-64-1", "7647-01-0", "108-88-3")
_DIVISIONS = ("511623000000", "511623100000", "511623101000")


@cache
def _uscc(number: int) -> str:
    """The code of enterprise `number`, with its check character."""
    first = _USCC.format(number)
    return next(first + sign for sign in _USCC_SIGNS if check_uscc(first + sign) is None)


class Maker:
    """Makes records. `people`: how many different ones records are about."""

    def __init__(self, catalogue: Catalogue, seed: int = 0, people: int = 4) -> None:
        self._catalogue = catalogue
        self._chance = random.Random(seed)  # noqa: S311
        self._strings = Strings(self._chance)
        self._people = people
        # runs of equal values occur in life, and rules count them: each maker prefers some
        self._leaning: dict[tuple[str, str], object] = {}
        self._strength = self._chance.choice((0.5, 0.8, 1.0))

    def records(
        self, type: str, count: int, *, person: int | None = None, extreme: bool = False
    ) -> list[dict[str, Any]]:
        """Good records of `type`.

        Raises:
            Refused: `agreement.no_type`; `kit.no_record` when none could be made.
        """
        return [self.record(type, person=person, extreme=extreme) for _ in range(count)]

    def record(
        self, type: str, *, person: int | None = None, extreme: bool = False
    ) -> dict[str, Any]:
        """One good record, about person number `person` or any."""
        sheet, schema = self._catalogue.sheet(type), self._catalogue.schema(type)
        validator = self._catalogue.validator(type)
        who = self._chance.randrange(self._people) if person is None else person
        fault = ""
        for attempt in range(_TRIES):
            # an extreme that is out of the question gives way after some tries
            strange = extreme and attempt < _TRIES // 2
            record = self._object(type, schema, strange, fill=attempt % 3 != 1)
            self._name(type, record, who)
            for _ in range(8):
                faults = check_record(validator, sheet, record, local_day(NOW))
                if not faults:
                    return record
                fault = f"{faults[0].code} {faults[0].path}"
                self._mend(type, schema, record, faults[0].code, faults[0].path, strange)
                self._name(type, record, who)
        raise Refused("kit.no_record", type=type, fault=fault)

    def _name(self, type: str, record: dict[str, Any], who: int) -> None:
        """Make the record one about person `who`."""
        sheet = self._catalogue.sheet(type)
        if sheet.subject is not None and sheet.subject.field in record:
            born = datetime(1970 + who % 30, 1 + who % 12, 1 + who % 28)
            record[sheet.subject.field] = synthetic_id_no(born.date(), who % 1000)
            if "id_type" in record:
                record["id_type"] = "ric"
        if sheet.alias is not None and sheet.alias.field in record:
            record[sheet.alias.field] = f"P{who:05d}"

    def _mend(
        self,
        type: str,
        schema: Mapping[str, Any],
        record: dict[str, Any],
        code: str,
        path: str,
        extreme: bool,
    ) -> None:
        """One step towards a good record: what lacks is added, what is wrong made anew or left
        out."""
        field = path.removeprefix("/").partition("/")[0]
        form = schema.get("properties", {}).get(field)
        if form is None:
            record.pop(field, None)
        elif isinstance(record.get(field), bool):
            record[field] = not record[field]
        elif field in schema.get("required", ()) and (options := form.get("enum")):
            record[field] = self._chance.choice(options)  # what it leans to may be what is wrong
        elif code == "record.field_missing" or field in schema.get("required", ()):
            record[field] = self._value(type, field, form, extreme and field not in record)
        elif self._chance.random() < 0.5:
            record.pop(field, None)
        else:
            record[field] = self._value(type, field, form, False)

    def _object(
        self, type: str, schema: Mapping[str, Any], extreme: bool, fill: bool = True
    ) -> dict[str, Any]:
        required = set(schema.get("required", ()))
        record = {}
        for name, form in schema.get("properties", {}).items():
            if name in required or (fill and self._chance.random() < (0.9 if extreme else 0.7)):
                record[name] = self._value(type, name, form, extreme)
        return record

    def _value(self, type: str, name: str, form: Mapping[str, Any], extreme: bool) -> Any:
        if "const" in form:
            return form["const"]
        if options := list(form.get("enum", ())):
            return self._choice(type, name, options)
        for keyword in ("oneOf", "anyOf"):
            if (parts := form.get(keyword)) and "type" not in form:
                return self._value(type, name, self._chance.choice(parts), extreme)
        kinds = form.get("type", "string")
        kind = kinds if isinstance(kinds, str) else self._chance.choice(list(kinds))
        if kind == "boolean":
            return self._choice(type, name, [True, False])
        if kind in ("integer", "number"):
            return self._number(form, extreme)
        if kind == "array":
            return self._array(type, name, form, extreme)
        if kind == "object":
            return self._object(type, form, extreme)
        return None if kind == "null" else self._text(form, extreme)

    def _choice(self, type: str, name: str, options: list[Any]) -> Any:
        preferred = self._leaning.setdefault((type, name), self._chance.choice(options))
        if self._chance.random() < self._strength:
            return preferred
        return self._chance.choice(options)

    def _number(self, form: Mapping[str, Any], extreme: bool) -> int | float:
        least = form.get("minimum", form.get("exclusiveMinimum", -1) + 1)
        most = form.get("maximum", form.get("exclusiveMaximum", least + 100))
        if extreme:
            return self._chance.choice([least, most])  # type: ignore[no-any-return]
        high = min(most, least + 40)
        return self._chance.randint(int(least), max(int(least), int(high)))

    def _array(self, type: str, name: str, form: Mapping[str, Any], extreme: bool) -> list[Any]:
        least, most = form.get("minItems", 0), form.get("maxItems", 3)
        count = min(most, 50) if extreme else min(most, max(least, self._chance.randint(1, 3)))
        found: list[Any] = []
        for _ in range(count * 3):
            one = self._value(type, name, form.get("items", {}), extreme)
            if not form.get("uniqueItems") or one not in found:
                found.append(one)
            if len(found) == count:
                break
        return found

    def _text(self, form: Mapping[str, Any], extreme: bool) -> str:
        match form.get("format"):
            case "date":
                if extreme:
                    return self._chance.choice(["1900-01-01", "2099-12-31", day_of(NOW)])
                return add_days(day_of(NOW), -self._chance.randrange(7 * WEEKS))
            case "date-time":
                moment = NOW - timedelta(minutes=self._chance.randrange(7 * WEEKS * 24 * 60))
                return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
            case "cn-id-no":
                return synthetic_id_no(datetime(1980, 1, 1).date(), self._chance.randrange(1000))
            case "uscc":
                return _uscc(self._chance.randrange(40))
            case "cas":
                return self._chance.choice(_CAS)
            case "division-code":
                return self._chance.choice(_DIVISIONS)
            case "member-id":
                return self._chance.choice(["cln-01", "pol", "com-01"])
            case "uuid":
                return f"01890a5d-ac96-774b-bcce-{self._chance.randrange(16**12):012x}"
        return self._strings.text(form, extreme)
