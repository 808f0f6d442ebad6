"""Edge: which data keys are still needed, so that the others may be shredded.

idle = [key for key in vault.living(conn, today) if key[0] not in edge_keys.in_use(conn)]
"""

from __future__ import annotations

from sqlalchemy import Connection, select, union

from jdgate.store.edge_tables import draft_box, inbox, outbox, upload

SEALED = (outbox.c.body, inbox.c.body, draft_box.c.prefill, upload.c.file, upload.c.body)
"""Every column with content that a key of a day seals; its table has the key's id beside it."""

_IN_USE = union(*(select(each.table.c.key_id).where(each.is_not(None)) for each in SEALED))


def in_use(conn: Connection) -> set[str]:
    """The ids of the keys under which something kept is sealed: messages sent and received, drafts,
    uploads.

    Reads all these tables, so it is for what happens once an hour.
    """
    return {key_id for key_id in conn.execute(_IN_USE).scalars() if key_id is not None}
