"""Sealed fields: what only the final recipient may read, closed by the sender and opened by it.

Rules:
- the sender's edge closes a field before the record is checked, so no open value is ever signed,
  stored in an outbox or shown to the gateway; a value that is closed already is left alone;
- whose key it is closed with is found by the sheet's routes, as the gateway will find the desk:
  the member named in the record, or the one whose region covers the place. It must be exactly
  one. A route by relation is known to the gateway alone, so it can't close a field;
- a closed value is bound to its record: it opens only beside the very values that its reader
  sees of the record it was made for. So nobody can lift it into another record, and what is
  signed or delivered once more stays readable;
- the recipient opens what its keys fit and leaves the rest closed.

    closed, faults = close(sheet, record, sender="cln-01", region=None, index=index, key_of=…)
    opened = open_records(sheet, records, sender="cln-01", keys=keys)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from jdgate.core.fault import Fault
from jdgate.core.keys import MemberKeys
from jdgate.core.projection import project
from jdgate.core.regions import RegionIndex
from jdgate.core.routing import Desk, desks
from jdgate.core.sealing import SealingKey, seal_field, unseal_field
from jdgate.core.sheet import Sheet
from jdgate.errors import Refused

_PARTS = {"kid", "sealed"}
_canonical = msgspec.json.Encoder(order="sorted")


def is_closed(value: object) -> bool:
    """Whether a value has the form of a sealed one."""
    return isinstance(value, Mapping) and value.keys() == _PARTS


def identity(sheet: Sheet, field: str, record: Mapping[str, Any]) -> bytes:
    """SHA-256 of the open values that everyone sees who is shown `field`, as canonical JSON."""
    seen = [frozenset(route.fields) for route in sheet.routes if field in route.fields]
    both = frozenset.intersection(*seen) - sheet.sealed.keys() if seen else frozenset[str]()
    return hashlib.sha256(_canonical.encode(project(record, sorted(both)))).digest()


def close(
    sheet: Sheet,
    record: Mapping[str, Any],
    *,
    sender: str,
    region: str | None,
    index: RegionIndex,
    key_of: Callable[[str], SealingKey],
) -> tuple[dict[str, Any], list[Fault]]:
    """The record with its open fields sealed, and the faults of those that can't be.

    A record with such a fault still holds the open value, and must not be sent. `region` is the
    message's, `key_of` gives a member's current sealing key (it may raise Refused). Empty values
    are left for the schema to complain of.
    """
    closed, faults = dict(record), []
    for field, role in sheet.sealed.items():
        value = record.get(field)
        if not value or is_closed(value):
            continue
        found = _readers(sheet, record, field, role, sender, region, index)
        try:
            if len(found) != 1:
                code = "record.sealed_several" if found else "record.sealed_nobody"
                raise Refused(code, role=role)
            whose = identity(sheet, field, record)
            closed[field] = seal_field(value, key_of(found[0]), sender, field, whose)
        except Refused as reason:
            params = {name: str(told) for name, told in reason.params.items()}
            faults.append(Fault(reason.code, f"/{field}", {"field": field, **params}))
    return closed, faults


def _readers(
    sheet: Sheet,
    record: Mapping[str, Any],
    field: str,
    role: str,
    sender: str,
    region: str | None,
    index: RegionIndex,
) -> list[str]:
    found = desks(
        sheet,
        record,
        sender=sender,
        message_region=region,
        index=index,
        relations=lambda name, subject: None,
    )
    return [
        item.member
        for item in found
        if isinstance(item, Desk) and field in item.fields and index.has_role(item.member, role)
    ]


def open_records(
    sheet: Sheet, records: Sequence[dict[str, Any]], *, sender: str, keys: MemberKeys
) -> list[dict[str, Any]]:
    """The records with every sealed field opened that `keys` fit. `sender` is who closed them."""
    if not sheet.sealed:
        return list(records)
    return [_opened(sheet, record, sender, keys) for record in records]


def _opened(sheet: Sheet, record: dict[str, Any], sender: str, keys: MemberKeys) -> dict[str, Any]:
    opened = dict(record)
    for field in sheet.sealed:
        value = record.get(field)
        if isinstance(value, Mapping) and is_closed(value):
            try:
                key = keys.opener(str(value["kid"]))
                whose = identity(sheet, field, record)
                opened[field] = unseal_field(value, key, sender, field, whose)
            except Refused:
                continue
    return opened
