"""Acts that wait until their person has proved at the OpenID provider who they are (`pages.again`).

Rules:
- what such an act is was settled when its form came: it waits here, whole, while its person is
  away, and nothing that a browser brings back changes it;
- it waits for one session, ten minutes, and is done once. Of one person at most `MOST` wait, so
  memory has a bound; a restart forgets them;
- a proof is for one act and opens nothing else: the session stays what it is.

    id = waiting.keep(visit, Act(title, about, do=…, undone=…), now)
    pending = waiting.get(visit, id, now)
    act = waiting.take(pending)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from hmac import compare_digest
from typing import TYPE_CHECKING, Any

from litestar import Response
from msgspec import Struct

from jdgate.errors import JdgateError, Refused
from jdgate.people import credentials
from jdgate.people.binding import Person
from jdgate.people.carried import LIFETIME

if TYPE_CHECKING:
    from jdgate.web.site import Asked, Visit

MOST = 4
"""Acts of one person that wait at a time; the oldest goes for a fifth."""
Page = Awaitable[Response[Any]]


class Act(Struct, frozen=True):
    """What is done once its person has proved who they are. `title`: a text's code; `about`: what
    exactly, each with the code of its label; `do` does it on that proof; `undone` shows the form
    again as it was filled in, with what went wrong; `code`: a code of the generator is asked for
    whatever the provider saw; `grave`: it can't be undone."""

    title: str
    about: tuple[tuple[str, str], ...]
    do: Callable[[Asked, str], Page]
    undone: Callable[[Asked, JdgateError | None], Page]
    code: bool = False
    grave: bool = False


class Pending(Struct):
    """An act that waits. `sent`: which question the provider was last asked, and when: the answer
    to it counts, once; `person`: who came back from there."""

    id: str
    session: bytes
    login: str
    act: Act
    until: datetime
    sent: tuple[str, datetime] | None = None
    person: Person | None = None


class Waiting:
    """The acts of a site that wait. In memory: what a browser could bring back is never asked."""

    def __init__(self) -> None:
        self._all: dict[str, Pending] = {}

    def keep(self, visit: Visit, act: Act, now: datetime) -> str:
        """Have an act wait for who is signed in; its id."""
        login = visit.who.login
        self._all = {id: one for id, one in self._all.items() if now < one.until}
        mine = [one.id for one in self._all.values() if one.login == login]
        for id in mine[: -(MOST - 1)]:
            del self._all[id]
        new = credentials.token()
        session = credentials.digest(visit.token)
        self._all[new] = Pending(new, session, login, act, now + LIFETIME)
        return new

    def get(self, visit: Visit, id: str, now: datetime) -> Pending:
        """An act that waits for this very session.

        Raises:
            Refused: `web.again_over`.
        """
        found = self._all.get(id)
        mine = (
            found is not None
            and found.login == visit.who.login
            and compare_digest(found.session, credentials.digest(visit.token))
        )
        if found is None or not mine or now >= found.until:
            raise Refused("web.again_over")
        return found

    def take(self, pending: Pending) -> Act:
        """Let it go, to be done: who comes second hears that it is over.

        Raises:
            Refused: `web.again_over`.
        """
        if self._all.pop(pending.id, None) is None:
            raise Refused("web.again_over")
        return pending.act
