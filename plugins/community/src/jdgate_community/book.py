"""What the exchange has told of one person's orders: notices, check-ins, ends. Every rule has it.

- All of it is a union of what was told, the latest entries kept, so that order and repetition
  make no difference.
- After the end of dynamic control nothing up to that day is known any more, whenever it comes:
  戒毒条例 7 asks for it to be forgotten.
- An order is carried out when a notice of it is later than its last suspension, termination or
  completion; on one and the same day the end wins, as in routing.
- Of two orders carried out at once, the one served later counts.

    book = noted(Book(), fact)
    order = current(book)          # None: nothing is carried out
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple, TypeVar

from msgspec import Struct

from jdgate.core.calendar import days_between
from jdgate.plugins import Fact

ORDER = "comm.order.notice.v1"
CHECKIN = "comm.checkin.done.v1"
OVERDUE = "comm.checkin.overdue.v1"
STATUS = "comm.status.change.v1"
EXIT = "comm.control.exit.v1"
TEST = "comm.test.result.v1"
ABSENCE = "comm.absence.noted.v1"
VIOLATION = "comm.violation.report.v1"
HANDOVER = "comm.transfer.handover.v1"
ALERT = "comm.alert.v1"
ABOUT_ORDERS = frozenset({ORDER, CHECKIN, STATUS, EXIT})

MOST = 40
"""Entries of each sort kept per person, the latest."""
SUSPENDED = "suspended"
T = TypeVar("T", bound=tuple[object, ...])


class Notice(NamedTuple):
    """An order as told by the police. `months`: its term; 0 when it was not told."""

    served_on: str
    doc_no: str
    town: str
    months: int


class Arrival(NamedTuple):
    """A check-in."""

    date: str
    doc_no: str


class End(NamedTuple):
    """A suspension, termination or completion."""

    date: str
    doc_no: str
    status: str


class Book(Struct, frozen=True, array_like=True, gc=False):
    """One person. `gone`: the day up to which everything is forgotten; `who`: the newest day with
    the name, the kind and the number of the document as told then."""

    gone: str = ""
    who: tuple[str, str, str, str] = ("", "", "", "")
    notices: tuple[Notice, ...] = ()
    arrivals: tuple[Arrival, ...] = ()
    ends: tuple[End, ...] = ()


class Order(NamedTuple):
    """An order that is carried out. `since`: the notice that set it going (again); `arrivals`:
    days of check-in, the first first; `paused`: days it was suspended; `months`: 0 if not told."""

    doc_no: str
    town: str
    first: str
    since: str
    arrivals: tuple[str, ...]
    paused: int
    months: int


def grown(known: tuple[T, ...], one: T, most: int = MOST) -> tuple[T, ...]:
    """The entries with one more, the latest kept."""
    return known if one in known else tuple(sorted((*known, one))[-most:])


def noted(book: Book, day: str, fact: Fact) -> Book:
    """The book with a fact about `day` merged in."""
    if fact.type == EXIT:
        return cut(book, day)
    if day <= book.gone:
        return book
    data = fact.data
    notices, arrivals, ends = book.notices, book.arrivals, book.ends
    match fact.type:
        case "comm.order.notice.v1":
            one = Notice(day, data["doc_no"], data["town"], data.get("term_months", 0))
            notices = grown(notices, one)
        case "comm.checkin.done.v1":
            arrivals = grown(arrivals, Arrival(day, data["doc_no"]))
        case "comm.status.change.v1":
            ends = grown(ends, End(day, data["doc_no"], data["status"]))
    who = max(book.who, (day, data["name"], data["id_type"], data["id_no"]))
    return Book(book.gone, who, notices, arrivals, ends)


def cut(book: Book, day: str) -> Book:
    """The book without what is about `day` or earlier."""
    gone = max(book.gone, day)
    return Book(
        gone,
        book.who if book.who[0] > gone else ("", "", "", ""),
        tuple(one for one in book.notices if one.served_on > gone),
        tuple(one for one in book.arrivals if one.date > gone),
        tuple(one for one in book.ends if one.date > gone),
    )


def current(book: Book) -> Order | None:
    """The order that is carried out."""
    found = [one for doc_no in _documents(book) if (one := _running(book, doc_no)) is not None]
    return max(found, key=lambda one: (one.since, one.doc_no)) if found else None


def last_end(book: Book, doc_no: str) -> End | None:
    """The latest end of an order."""
    return max((one for one in book.ends if one.doc_no == doc_no), default=None)


def arrivals_of(book: Book, doc_no: str) -> tuple[str, ...]:
    """The days of check-in on an order, the first first."""
    return tuple(one.date for one in book.arrivals if one.doc_no == doc_no)


def latest_notice(book: Book) -> Notice | None:
    """The notice served last, whether or not its order is still carried out."""
    return max(book.notices, default=None)


def reference(*parts: str) -> str:
    """A short name of an order or a day of one person, for causes: it tells nothing."""
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:20]


def _documents(book: Book) -> list[str]:
    return sorted({one.doc_no for one in book.notices})


def _running(book: Book, doc_no: str) -> Order | None:
    notices = [one for one in book.notices if one.doc_no == doc_no]
    end = last_end(book, doc_no)
    standing = [one for one in notices if end is None or one.served_on > end.date]
    if not standing:
        return None
    paused = 0
    for stop in book.ends:
        if stop.doc_no == doc_no and stop.status == SUSPENDED:
            after = [one.served_on for one in notices if one.served_on > stop.date]
            paused += days_between(stop.date, after[0]) if after else 0
    return Order(
        doc_no,
        standing[-1].town,
        notices[0].served_on,
        standing[0].served_on,
        arrivals_of(book, doc_no),
        paused,
        max(one.months for one in notices),
    )
