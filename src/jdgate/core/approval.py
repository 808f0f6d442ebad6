"""Who approved a message: one to four names, inside what its sender signs.

Rules:
- a sheet with `approval = "human"` or `"two"` wants one or two persons behind each message, and a
  message that names fewer is refused at admission;
- two names are two persons when they differ in more than width, case and what nobody sees;
- on the wire the names stand in the attribute `approvedby`, separated by commas, so a name holds
  no comma of any script.

Whether a name is a person's, and that person's word, is for the member to answer: it signs.

    names = approval.named(["王医生"])
    approval.signed(sheet, record, names)        # the record, where it names who approved
    approval.read(approval.show(names)) == names
    approval.require(sheet, names)
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jdgate.core.sheet import Sheet
from jdgate.errors import Refused

SIGNERS = ("confirmer", "approver", "decided_by", "reviewer1", "reviewer2")
"""Fields of a record that name, in this order, who stands behind a message that wants approval."""
MOST = 4
LONGEST = 64
_SEPARATORS = frozenset(",，、;；")


def named(given: Iterable[str]) -> tuple[str, ...]:
    """The names without blanks around them, once each of them can stand on the wire.

    Raises:
        Refused: `approval.name`, `approval.same_person`, `approval.too_many`.
    """
    names = tuple(name.strip() for name in given)
    if len(names) > MOST:
        raise Refused("approval.too_many", got=len(names), most=MOST)
    if not all(_is_name(name) for name in names):
        raise Refused("approval.name", most=LONGEST)
    if len({_person(name) for name in names}) != len(names):
        raise Refused("approval.same_person")
    return names


def require(sheet: Sheet, names: tuple[str, ...]) -> None:
    """Whether as many persons stand behind a message as its sheet asks.

    Raises:
        Refused: `agreement.approval`.
    """
    if len(names) < sheet.approvers:
        raise Refused("agreement.approval", type=sheet.type, needed=sheet.approvers, got=len(names))


def signers(sheet: Sheet) -> tuple[str, ...]:
    """The fields of a type that name who approved."""
    return tuple(one for one in SIGNERS if sheet.approvers and one in sheet.fields)


def signed(sheet: Sheet, record: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The record with the names of who approved it in the fields that ask for them."""
    return {**record, **dict(zip(signers(sheet), names, strict=False))}


def show(names: Iterable[str]) -> str:
    """The names as the wire has them."""
    return ",".join(names)


def read(text: str) -> tuple[str, ...]:
    """The names in a wire text.

    Raises:
        Refused: as `named`; also for blanks that `show` would not have written.
    """
    names = named(text.split(","))
    if show(names) != text:
        raise Refused("approval.name", most=LONGEST)
    return names


def _is_name(name: str) -> bool:
    return 0 < len(name) <= LONGEST and not any(
        one in _SEPARATORS or unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") for one in name
    )


def _person(name: str) -> str:
    seen = (one for one in name if unicodedata.category(one) != "Cf")
    return "".join(unicodedata.normalize("NFKC", "".join(seen)).casefold().split())
