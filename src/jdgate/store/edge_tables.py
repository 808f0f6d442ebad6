"""The tables of `edge.db`: one file for all members that one edge hosts.

Every row names its member. The rules of `tables` hold here too.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from jdgate.store import shared_tables
from jdgate.store.columns import Instant, Json

metadata = MetaData(naming_convention=shared_tables.NAMING)

shared = shared_tables.define(metadata)

outbox = Table(
    "outbox",
    metadata,
    Column("id", String, primary_key=True),
    Column("member", String, nullable=False),
    Column("sequence", BigInteger),
    Column("type", String, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("key_id", String),
    Column("body", LargeBinary),
    # the row numbers in the pushed file, one for each record
    Column("rows", Json),
    Column("records", Integer, nullable=False),
    # one of the exchange's own: an answer to an alert, a look, a decision
    Column("notice", Boolean, nullable=False),
    Column("tracked", Boolean, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Instant, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("receipt_id", String),
    Column("verdict", Json),
    Column("closed_at", Instant),
    # the message that says the same under a new number or key
    Column("renewed_as", String),
    Index(None, "state", "next_at", "sequence"),
    Index(None, "member", "sequence"),
    Index(None, "member", "created_at"),
    Index(None, "member", "notice", "created_at", "id"),
)

# a table that somebody handed in over the console; it goes within a day
upload = Table(
    "upload",
    metadata,
    Column("id", String, primary_key=True),
    Column("member", String, nullable=False),
    Column("by", String, nullable=False),
    Column("at", Instant, nullable=False, index=True),
    # what it is read as, once that is clear
    Column("type", String),
    Column("state", String, nullable=False),
    Column("key_id", String, nullable=False),
    # the file as it came, until it is sent
    Column("file", LargeBinary),
    # what was read of it
    Column("body", LargeBinary),
    Column("good", Integer, nullable=False),
    Column("bad", Integer, nullable=False),
    Column("approved_by", Json, nullable=False),
    # good rows that were put into the outbox; the messages they are in; what was refused then
    Column("sent", Integer, nullable=False),
    Column("messages", Json, nullable=False),
    Column("refused", Json, nullable=False),
    Index(None, "member", "at"),
)

inbox = Table(
    "inbox",
    metadata,
    Column("member", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("origin", String),
    Column("type", String, nullable=False),
    Column("sequence", BigInteger),
    Column("received_at", Instant, nullable=False),
    Column("key_id", String),
    Column("body", LargeBinary),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Instant, nullable=False),
    Column("error_code", String),
    Column("receipt_at", Instant),
    # a system of the member's took it over HTTP
    Column("fetched_at", Instant),
    Index(None, "state", "next_at", "received_at"),
    Index(None, "member", "received_at"),
    Index(None, "member", "fetched_at", "received_at"),
)

# what was asked over HTTP, so that asking again does nothing twice
api_request = Table(
    "api_request",
    metadata,
    Column("member", String, primary_key=True),
    Column("system", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("answer", Json, nullable=False),
    Column("at", Instant, nullable=False, index=True),
)

# what corrections said of single records of what came; it may be here before the message
inbox_mark = Table(
    "inbox_mark",
    metadata,
    Column("member", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("record", Integer, primary_key=True, autoincrement=False),
    Column("by", String, primary_key=True),
    Column("mark", String, nullable=False),
    Column("item", String),
    Column("replaced_by", String),
    Column("at", Instant, nullable=False),
)

# whom an operator has opened content about on a day
look = Table(
    "look",
    metadata,
    Column("member", String, primary_key=True),
    Column("operator", String, primary_key=True),
    Column("day", String, primary_key=True),
    # keyed, and gone the day after
    Column("person", LargeBinary(16), primary_key=True),
    sqlite_with_rowid=False,
)

# operators who may open nothing until the security desk has looked into it
look_hold = Table(
    "look_hold",
    metadata,
    Column("member", String, primary_key=True),
    Column("operator", String, primary_key=True),
    Column("since", Instant, nullable=False),
    sqlite_with_rowid=False,
)

# what the gateway last said of the alerts that lie, or lay, on a member's desk
alert_box = Table(
    "alert_box",
    metadata,
    Column("member", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("type", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("title_code", String, nullable=False),
    Column("explains", String),
    Column("delivery_id", String),
    Column("desk", String, nullable=False),
    Column("level", Integer, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("state", String, nullable=False),
    Column("due_step", String),
    Column("due_at", Instant),
    Column("repeats", Integer, nullable=False),
    Column("note", String),
    Column("by", String),
    Column("outcome", String),
    Column("outcomes", Json),
    # the number of the message that said so: what comes late changes nothing
    Column("told", BigInteger, nullable=False),
    Column("received_at", Instant, nullable=False),
    Index(None, "member", "state", "received_at"),
)

draft_box = Table(
    "draft_box",
    metadata,
    Column("member", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("type", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("cause", String, nullable=False),
    Column("reason_code", String, nullable=False),
    Column("params", Json, nullable=False),
    Column("key_id", String, nullable=False),
    Column("prefill", LargeBinary),
    Column("checks", Json, nullable=False),
    Column("state", String, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("decided_at", Instant),
    Column("by", String),
    Column("reason", Text),
    Column("message_id", String),
    # who approved so far, where it takes more than one; why the gateway refused what was approved
    Column("approvers", Json, nullable=False),
    Column("refused", Json),
    Index(None, "member", "state", "received_at"),
    Index(None, "member", "message_id"),
)

register = Table(
    "register",
    metadata,
    Column("member", String, primary_key=True),
    Column("plugin", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("token", LargeBinary(16), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

witness = Table(
    "witness",
    metadata,
    Column("member", String, primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("jws", LargeBinary, nullable=False),
    Column("at", Instant, nullable=False),
)

directory_copy = Table(
    "directory_copy",
    metadata,
    Column("member", String, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("jws", LargeBinary, nullable=False),
    Column("received_at", Instant, nullable=False),
)
