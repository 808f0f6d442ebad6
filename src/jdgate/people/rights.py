"""What an operator's role lets them do. Pure.

Rules:
- an operator has one role at one member. Whoever does two jobs has two accounts, so that no
  account can both administer and read;
- an auditor reads and changes nothing; an administrator manages and reads no content;
- what is not named here is not allowed.

    may("approver", "decide")
    require(operator.role, "read")
"""

from __future__ import annotations

from typing import Literal, get_args

from jdgate.errors import Refused

Role = Literal["clerk", "approver", "auditor", "administrator"]
Right = Literal["see", "read", "answer", "send", "decide", "audit", "manage"]
"""See lists without content; read content; answer alerts; send records; decide drafts; ask for
and open reports on a person (at the authority); manage operators and systems."""

ROLES: tuple[Role, ...] = get_args(Role)
_RIGHTS: dict[str, frozenset[Right]] = {
    "clerk": frozenset({"see", "read", "answer", "send"}),
    "approver": frozenset({"see", "read", "answer", "send", "decide"}),
    "auditor": frozenset({"see", "read", "audit"}),
    "administrator": frozenset({"see", "manage"}),
}


def may(role: str, right: Right) -> bool:
    """Whether the role includes the right."""
    return right in _RIGHTS.get(role, frozenset())


def require(role: str, right: Right) -> None:
    """Go on only with the right.

    Raises:
        Refused: `people.not_allowed`.
    """
    if not may(role, right):
        raise Refused("people.not_allowed")


def reason(role: str) -> str:
    """Why somebody of this role looks at records, as the ledger has it."""
    return "audit" if role == "auditor" else "work"
