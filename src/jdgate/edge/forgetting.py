"""Forgetting at the edge: bodies older than an edge keeps them, drafts that were decided as long
ago as their agreement says, tables handed in a day ago, forms that waited for a month, and the keys
nothing needs now.

gone = forget(conn, desks, timedelta(days=90), now)
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Connection

from jdgate.edge.desk import Desk
from jdgate.store import draft_box, edge_keys, inbox, outbox, requests, uploads
from jdgate.store.register import Register

DRAFT = "sys.draft.v1"
UPLOADS = timedelta(hours=23)
"""How long a table that somebody handed in is kept, sent or not: a day, with the hour until it is
looked at."""
FORM = "waiting"
FORMS = timedelta(days=31)
"""How long a form waits for somebody's approval (`jdgate.commands.waiting`)."""


def forget(conn: Connection, desks: Mapping[str, Desk], keep: timedelta, now: datetime) -> int:
    """Erase what was closed more than `keep` ago, and shred keys of past days; how many of both.

    Keys are shared by the members of one database, so a key stays while any of them needs it.
    """
    before = now - keep
    gone = requests.drop_old(conn, before) + uploads.drop_old(conn, now - UPLOADS)
    for member, desk in desks.items():
        gone += outbox.erase_closed(conn, member, before)
        gone += inbox.erase_done(conn, member, before)
        kept = timedelta(days=desk.sheet(DRAFT).retention_days)
        gone += draft_box.erase_decided(conn, member, now - kept)
        gone += _drop_forms(conn, desk, now - FORMS)
    for vault in {id(desk.vault): desk.vault for desk in desks.values()}.values():
        needed = edge_keys.in_use(conn)
        idle = [key for key in vault.living(conn, now.date()) if key[0] not in needed]
        gone += vault.shred(conn, idle, now)
    return gone


def kept_forms(conn: Connection, desk: Desk) -> Register:
    """The forms of a member that wait, as notes of the kind `FORM`; `at`: when each was kept."""
    return Register(conn, desk.vault, member=desk.member, plugin="@forms")


def _drop_forms(conn: Connection, desk: Desk, before: datetime) -> int:
    notes = kept_forms(conn, desk)
    if not notes.count(FORM):
        return 0
    old = [id for id, form in notes.find(FORM) if datetime.fromisoformat(form["at"]) < before]
    for id in old:
        notes.delete(FORM, id)
    return len(old)
