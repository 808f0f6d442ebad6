"""People, as pseudonyms: aliases, relations, and where each appears.

A subject is 16 bytes, made with its domain's key; domains can't be joined.

- **alias**: a sender's own name for a subject (a clinic's patient number), as a token;
- **relation**: a fact about a subject that routing asks for (a community order and the township
  office that runs it). It is merged by the greatest dates, so events may come in any order and
  more than once. It is active iff it was opened and was not closed on that day or later;
- **index**: which records concern a subject and who was shown them, for the subject report; beside
  it, in a form that costs less, those that went to nobody, while their bodies are kept.

    known = subjects.find_aliases(conn, "mmt", "cln-01", tokens)
    subjects.merge_relations(conn, [Relation(name="comm.order", subject=…, key=…, opened_on=…)])
    facts = subjects.relations(conn, "comm.order", list_of_subjects)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
)

from jdgate.store.bulk import Lookup, Upsert
from jdgate.store.columns import Reader, later, slices
from jdgate.store.tables import alias, relation, subject_index, subject_unshown


class Relation(Struct, frozen=True, kw_only=True):
    """`key` tells several relations of one name and subject apart: a keyed hash (in hex) of what
    does so in the records, such as a document number."""

    name: str
    subject: bytes
    key: str
    opened_on: date | None = None
    closed_on: date | None = None
    member: str = ""
    region: str = ""

    @property
    def active(self) -> bool:
        """Opened, and not closed since."""
        if self.opened_on is None:
            return False
        return self.closed_on is None or self.closed_on < self.opened_on


class Appearance(Struct, frozen=True, kw_only=True):
    """Record `record_index` of `message_id` concerns `subject`.

    `recipient`: who was shown it. An alert, a draft and the delivery of
    either stand here under their own id, as record 0.
    """

    subject: bytes
    domain: str
    message_id: str
    record_index: int
    recipient: str = ""


def _merge_relation(table: Table, given: Any) -> Mapping[str, Any]:
    """The owner (member, region) is that of the latest opening; on one day, the greater name.

    Comparing (opened_on, member, region) as one is a total order, so any order of arrival ends
    with the same row.
    """
    old = table.c
    newer = or_(
        and_(old.opened_on.is_(None), given.opened_on.is_not(None)),
        given.opened_on > old.opened_on,
        and_(
            or_(
                given.opened_on == old.opened_on,
                and_(given.opened_on.is_(None), old.opened_on.is_(None)),
            ),
            or_(
                given.member > old.member,
                and_(given.member == old.member, given.region > old.region),
            ),
        ),
    )
    return {
        "opened_on": later(old.opened_on, given.opened_on),
        "closed_on": later(old.closed_on, given.closed_on),
        "member": case((newer, given.member), else_=old.member),
        "region": case((newer, given.region), else_=old.region),
    }


_ALIASES = Lookup(alias, ["token", "subject"], fixed=["domain", "member"], key="token")
_ADD_ALIASES = Upsert(alias)
_SET_ALIASES = Upsert(alias, on=["domain", "member", "token"], update=["subject", "set_at"])
_RELATION_COLUMNS = Relation.__struct_fields__
_RELATIONS = Lookup(relation, _RELATION_COLUMNS, fixed=["name"], key="subject")
_MERGE = Upsert(relation, on=["name", "subject", "key"], merge=_merge_relation)
_APPEARANCES = Reader(subject_index, Appearance)
_ADD_APPEARANCES = Upsert(subject_index)
_OF_RECORD = (
    select(subject_index.c.subject)
    .where(
        subject_index.c.message_id == bindparam("message"),
        subject_index.c.record_index == bindparam("record"),
    )
    .limit(1)
)
_NAMED_IN = _APPEARANCES.select.where(subject_index.c.message_id == bindparam("message")).limit(1)
_PLACE = 2
_UNSHOWN_ONE = _PLACE + 16
"""Bytes of one record that nobody was shown: its place in the message, and whom it concerns."""
_CORRECTIONS = "correct"
"""The domain whose records concern people of the domain that they correct."""
_ADD_UNSHOWN = Upsert(subject_unshown)
_HOLDS: dict[str, Callable[[Any, bytes], ColumnElement[int]]] = {
    "sqlite": func.instr,
    # called by name, position() takes them the other way round: pg_catalog.position(whole, part)
    "postgresql": func.pg_catalog.position,
}
_OF_SUBJECT = (
    _APPEARANCES.select.where(subject_index.c.subject == bindparam("subject"))
    .order_by(subject_index.c.message_id, subject_index.c.record_index, subject_index.c.recipient)
    .limit(bindparam("limit"))
)


def find_aliases(
    conn: Connection, domain: str, member: str, tokens: Iterable[bytes]
) -> dict[bytes, bytes]:
    """token → subject for those tokens that `member` has defined in `domain`."""
    return {token: subject for token, subject in _ALIASES.run(conn, (domain, member), tokens)}


def add_aliases(
    conn: Connection,
    domain: str,
    member: str,
    subjects: Mapping[bytes, bytes],
    at: datetime,
    *,
    replace: bool = False,
) -> dict[bytes, bytes]:
    """Define aliases (token → subject).

    Returns the clashes: tokens that already mean another subject, with that subject. They are
    left as they are unless `replace`: a number used again for someone else must not silently
    move a person's records.
    """
    known = find_aliases(conn, domain, member, subjects)
    rows = [
        {"domain": domain, "member": member, "token": token, "subject": subject, "set_at": at}
        for token, subject in subjects.items()
        if known.get(token) != subject and (replace or token not in known)
    ]
    (_SET_ALIASES if replace else _ADD_ALIASES).run(conn, rows)
    return {token: known[token] for token, new in subjects.items() if known.get(token, new) != new}


def merge_relations(conn: Connection, rows: Sequence[Relation]) -> None:
    """Add what is known about relations: openings, closings, or both."""
    _MERGE.run(conn, [structs.asdict(row) for row in rows])


def relations(
    conn: Connection, name: str, subjects: Iterable[bytes]
) -> dict[bytes, list[Relation]]:
    """All relations called `name` of these subjects, the latest opened first."""
    found: dict[bytes, list[Relation]] = {}
    for values in _RELATIONS.run(conn, (name,), subjects):
        row = Relation(**dict(zip(_RELATION_COLUMNS, values, strict=True)))
        found.setdefault(row.subject, []).append(row)
    for rows in found.values():
        rows.sort(key=lambda row: (row.opened_on or date.min, row.key), reverse=True)
    return found


def active_relations(
    conn: Connection, name: str, subjects: Iterable[bytes]
) -> dict[bytes, Relation]:
    """The active relation of each subject that has one; of several, the latest opened."""
    found: dict[bytes, Relation] = {}
    for subject, rows in relations(conn, name, subjects).items():
        for row in rows:
            if row.active:
                found[subject] = row
                break
    return found


def add_appearances(conn: Connection, rows: Sequence[Appearance]) -> None:
    """Index records by subject; what is indexed already stays."""
    # in the order of the primary key, a batch touches each page of the tree once
    ordered = sorted(rows, key=lambda row: row.subject)
    _ADD_APPEARANCES.run(conn, [structs.asdict(row) for row in ordered])


def appearances(conn: Connection, subject: bytes, limit: int = 10_000) -> list[Appearance]:
    """Where a subject appears, by message."""
    return _APPEARANCES.rows(conn.execute(_OF_SUBJECT, {"subject": subject, "limit": limit}))


def of_record(conn: Connection, message_id: str, record: int) -> bytes | None:
    """Whom a record that was disclosed concerns, in the domain of its message."""
    found: bytes | None = conn.execute(
        _OF_RECORD, {"message": message_id, "record": record}
    ).scalar()
    return found


def add_unshown(
    conn: Connection, message_id: str, domain: str, people: Mapping[int, bytes]
) -> None:
    """Keep whom the records (by place) of a message concern that go to nobody."""
    row = {"message_id": message_id, "domain": domain, "people": _packed(people)}
    _ADD_UNSHOWN.run(conn, [row])


def unshown(conn: Connection, wanted: Mapping[str, bytes]) -> list[tuple[str, str, int]]:
    """Domain, message and place of each record that went to nobody, about one person by their
    pseudonyms (domain → pseudonym), by message.

    It reads all of them that are kept: those of a retention, not of all time.
    """
    if not wanted:
        return []
    holds = _HOLDS[conn.dialect.name]
    column = subject_unshown.c
    domains = {subject: domain for domain, subject in wanted.items()}
    query = select(column.message_id, column.domain, column.people).where(
        or_(
            *(
                and_(column.domain.in_((domain, _CORRECTIONS)), holds(column.people, subject) > 0)
                for domain, subject in wanted.items()
            )
        )
    )
    found = []
    for message_id, said, packed in conn.execute(query.order_by(column.message_id)):
        for place, subject in _unpacked(packed):
            domain = domains.get(subject)
            if domain is not None and said in (domain, _CORRECTIONS):
                found.append((domain, message_id, place))
    return found


def _packed(people: Mapping[int, bytes]) -> bytes:
    return b"".join(
        place.to_bytes(_PLACE, "big") + subject for place, subject in sorted(people.items())
    )


def _unpacked(packed: bytes) -> Iterator[tuple[int, bytes]]:
    for at in range(0, len(packed), _UNSHOWN_ONE):
        place = int.from_bytes(packed[at : at + _PLACE], "big")
        yield place, packed[at + _PLACE : at + _UNSHOWN_ONE]


def named_in(conn: Connection, about: str) -> Appearance | None:
    """Whom the alert, draft or delivery of this id concerns."""
    return _APPEARANCES.row(conn.execute(_NAMED_IN, {"message": about}))


def forget_unshown(conn: Connection, message_ids: Sequence[str]) -> int:
    """Forget whom the records of these messages were about, where nobody was shown them; how many
    such messages there were."""
    ids = subject_unshown.c.message_id
    return sum(
        conn.execute(delete(subject_unshown).where(ids.in_(part))).rowcount
        for part in slices(message_ids)
    )
