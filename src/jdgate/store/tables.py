"""The gateway's books as tables. The edge's own are in `edge_tables`.

Rules:

- times are `Instant` (integer milliseconds UTC), days are `Date`, JSON is text;
- a body (anything that may hold a personal value) is a sealed BLOB next to the `key_id` that
  opens it (see `vault`); other columns hold no personal value;
- people appear as 16-byte pseudonyms only;
- a change here needs a migration (`python -m jdgate.store.migrate revise books "…"`); a test
  compares the two.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from jdgate.store import desk_tables, ledger_tables, picture_tables, shared_tables, subject_tables
from jdgate.store.columns import Instant, Json

metadata = MetaData(naming_convention=shared_tables.NAMING)


def _where(told: str) -> dict[str, Any]:
    """Options of an index over the rows of which this is true."""
    return {"sqlite_where": text(told), "postgresql_where": text(told)}


_shared = shared_tables.define(metadata)
body_key = _shared.body_key
named_key = _shared.named_key
sequence_in = _shared.sequence_in
sequence_gap = _shared.sequence_gap
sequence_out = _shared.sequence_out
meta = _shared.meta
receipt = _shared.receipt

message = Table(
    "message",
    metadata,
    Column("id", String, primary_key=True),
    # what the envelope claimed, where it is not the id it is kept under
    Column("claimed_id", String),
    Column("source", String, nullable=False),
    Column("type", String, nullable=False),
    Column("sequence", BigInteger),
    Column("region", String),
    Column("sent_at", Instant, nullable=False),
    Column("received_at", Instant, nullable=False, index=True),
    Column("verdict", String, nullable=False),
    Column("code", String),
    Column("records", Integer, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("key_id", String),
    Column("body", LargeBinary),
    Column("receipt_id", String),
    Column("leaf_index", BigInteger),
    Column("erased_at", Instant),
    Index(None, "source", "received_at"),
    Index(None, "source", "sequence"),
    Index(None, "type", "received_at"),
    Index(None, "verdict", "received_at"),
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", String, primary_key=True),
    Column("message_id", String),
    Column("recipient", String, nullable=False),
    Column("role", String),
    Column("type", String, nullable=False),
    Column("sequence", BigInteger),
    Column("fields", Json),
    Column("basis", Json),
    Column("created_at", Instant, nullable=False),
    Column("key_id", String),
    Column("body", LargeBinary),
    Column("digest", LargeBinary, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Instant, nullable=False),
    Column("code", String),
    Column("receipt_id", String),
    Column("delivered_at", Instant),
    Column("alert_id", String),
    Column("draft_id", String),
    Column("leaf_index", BigInteger),
    Column("erased_at", Instant),
    Index(None, "state", "next_at", "id"),
    Index(None, "recipient", "sequence"),
    Index(None, "recipient", "created_at"),
    Index(None, "type", "created_at"),
    # what came from a message; and, by time, what came from none
    Index(None, "message_id", "created_at"),
    Index(None, "alert_id", **_where("alert_id IS NOT NULL")),
    Index(None, "draft_id", **_where("draft_id IS NOT NULL")),
)

rule_state = Table(
    "rule_state",
    metadata,
    Column("rule", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("blob", LargeBinary, nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)

expectation = Table(
    "expectation",
    metadata,
    Column("rule", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("due_at", Instant, nullable=False),
    Column("state", String, nullable=False),
    Column("set_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    # the message type that is waited for, and who should send it
    Column("awaits", String, nullable=False),
    Column("of", String, nullable=False),
    # the statement that it had not come, until it comes
    Column("statement", String),
    # with what the calendar counts by, so that it reads nothing but this
    Index(None, "state", "due_at", "awaits", "of"),
    # what had not come by its deadline and has not come since
    Index(
        "ix_expectation_missed",
        "due_at",
        "awaits",
        "of",
        "statement",
        sqlite_where=text("statement IS NOT NULL"),
        postgresql_where=text("statement IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

alert = Table(
    "alert",
    metadata,
    Column("id", String, primary_key=True),
    Column("rule", String, nullable=False),
    Column("rule_id", String, nullable=False),
    Column("cause", String, nullable=False),
    Column("type", String, nullable=False),
    # the desk the rule meant, the one it lies on, and those it went through
    Column("raised_to", String, nullable=False),
    Column("recipient", String, nullable=False),
    Column("desks", Json, nullable=False),
    Column("desk_at", Instant, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("state", String, nullable=False),
    Column("raised_at", Instant, nullable=False),
    Column("delivered_at", Instant),
    Column("opened_at", Instant),
    Column("acknowledged_at", Instant),
    Column("resolved_at", Instant),
    Column("closed_at", Instant),
    Column("outcome", String),
    Column("by", String),
    Column("repeats", Integer, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("title_code", String, nullable=False),
    Column("delivery_id", String),
    Column("deadline_at", Instant),
    # when the timekeeper has to look at it: it is held back, or it escalates then
    Column("next_at", Instant, index=True),
    # set when its rule finds the cause gone; only then may the cause start anew
    Column("settled_at", Instant),
    Column("key_id", String),
    Column("body", LargeBinary),
    # one alert for a cause at one desk, until its rule settles the cause
    Index(
        "uq_alert_rule_cause_raised_to",
        "rule",
        "cause",
        "raised_to",
        unique=True,
        sqlite_where=text("settled_at IS NULL"),
        postgresql_where=text("settled_at IS NULL"),
    ),
    Index(None, "rule", "cause"),
    Index(None, "recipient", "state", "raised_at"),
    Index(None, "raised_at"),
    Index(None, "deadline_at"),
)

draft = Table(
    "draft",
    metadata,
    Column("id", String, primary_key=True),
    Column("rule", String, nullable=False),
    Column("cause", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("type", String, nullable=False),
    Column("key_id", String, nullable=False),
    Column("prefill", LargeBinary),
    Column("reason_code", String, nullable=False),
    Column("params", Json, nullable=False),
    Column("checks", Json, nullable=False),
    Column("state", String, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("decided_at", Instant),
    Column("by", String),
    Column("reason", Text),
    Column("message_id", String, index=True),
    Index(
        "uq_draft_rule_cause",
        "rule",
        "cause",
        unique=True,
        sqlite_where=text("state <> 'withdrawn'"),
        postgresql_where=text("state <> 'withdrawn'"),
    ),
    Index(None, "owner", "state", "created_at"),
)

alias = Table(
    "alias",
    metadata,
    Column("domain", String, primary_key=True),
    Column("member", String, primary_key=True),
    Column("token", LargeBinary(16), primary_key=True),
    Column("subject", LargeBinary(16), nullable=False, index=True),
    Column("set_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)

relation = Table(
    "relation",
    metadata,
    Column("name", String, primary_key=True),
    Column("subject", LargeBinary(16), primary_key=True),
    Column("key", String, primary_key=True),
    Column("opened_on", Date),
    Column("closed_on", Date),
    Column("member", String, nullable=False),
    Column("region", String, nullable=False),
    Index(None, "subject"),
    sqlite_with_rowid=False,
)

subject_index = Table(
    "subject_index",
    metadata,
    Column("subject", LargeBinary(16), primary_key=True),
    Column("message_id", String, primary_key=True),
    Column("record_index", Integer, primary_key=True, autoincrement=False),
    Column("recipient", String, primary_key=True),
    Column("domain", String, nullable=False),
    Index(None, "message_id"),
    sqlite_with_rowid=False,
)

dead = Table(
    "dead",
    metadata,
    Column("id", String, primary_key=True),
    Column("direction", String, nullable=False),
    Column("member", String, nullable=False),
    Column("type", String),
    Column("code", String, nullable=False),
    Column("params", Json, nullable=False),
    Column("at", Instant, nullable=False),
    Column("key_id", String),
    Column("body", LargeBinary),
    Column("attempts", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("decided_at", Instant),
    Column("by", String),
    Column("erased_at", Instant),
    Index(None, "state", "at"),
    Index(None, "member", "at"),
)

directory = Table(
    "directory",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("jws", LargeBinary, nullable=False),
    Column("published_at", Instant, nullable=False),
)

ledger = ledger_tables.define(metadata)
_desks = desk_tables.define(metadata)
care_team = _desks.care_team
nudge = _desks.nudge
_pictures = picture_tables.define(metadata)
traffic = _pictures.traffic
figure = _pictures.figure
_reports = subject_tables.define(metadata)
subject_request = _reports.request
subject_person = _reports.person
subject_unshown = _reports.unshown
