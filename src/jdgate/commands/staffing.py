"""Commands on operators and on systems that call the HTTP API.

They work on `people.db`: through the daemon where it serves the console, else on the file itself
(`at_rest`). A link is answered as its token; nothing else shows it again. `by` names the operator
who acts at the console; whether they may is decided by `Personnel`.

    answer = await staffing.handlers()["operator.add"](login=…, by="admin")
    answer = at_rest(house, Machine(trust), now, "operator.list")
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jdgate.control import Handler
from jdgate.errors import UsageError
from jdgate.people.house import House
from jdgate.people.personnel import Machine, Personnel
from jdgate.running import Running

OPERATIONS: dict[str, Callable[..., Any]] = {
    "operator.add": Personnel.add,
    "operator.reset": Personnel.reset,
    "operator.disable": Personnel.disable,
    "operator.role": Personnel.role,
    "operator.link": Personnel.link,
    "operator.list": Personnel.operators,
    "token.add": Personnel.add_token,
    "token.list": Personnel.tokens,
    "token.revoke": Personnel.revoke_token,
}


class Staffing:
    """Operators and systems of this machine's members."""

    def __init__(self, running: Running) -> None:
        self._running = running

    def handlers(self) -> dict[str, Handler]:
        """Method name → handler."""
        return {name: self._handler(name) for name in OPERATIONS}

    def _handler(self, name: str) -> Handler:
        async def handle(by: str | None = None, **given: Any) -> Any:
            house, now = self._running.house, self._running.clock.now()
            if house is None:
                raise UsageError("people.not_served")
            machine = machine_of(self._running)
            answer = await house.run(lambda conn: _done(conn, house, machine, now, name, by, given))
            if name == "token.revoke" and self._running.edge is not None:
                self._running.edge.bell.ring(given["id"])  # streams that are open under it look up
            if "link" in answer:
                return {**answer, "web_url": self._running.web_url}
            return answer

        return handle


def machine_of(running: Running) -> Machine:
    """What matters of a machine whose daemon runs."""
    return Machine(
        trust=running.trust,
        catalogue=running.catalogue,
        hosted=frozenset(running.edge.desks if running.edge is not None else ()),
        gateway=running.gateway is not None,
        issuer=running.config.web.oidc.issuer,
    )


def at_rest(house: House, machine: Machine, now: datetime, method: str, /, **given: Any) -> Any:
    """What the operation answers where no daemon has the file.

    Raises:
        JdgateError: what it raises.
    """
    return house.now(lambda conn: _done(conn, house, machine, now, method, None, given))


def _done(
    conn: Connection,
    house: House,
    machine: Machine,
    now: datetime,
    name: str,
    by: str | None,
    given: dict[str, Any],
) -> Any:
    return OPERATIONS[name](Personnel(conn, house.key, machine, now, by), **given)
