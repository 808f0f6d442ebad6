"""The tables of `people.db`: who may sign in at this machine, and what signs in for them.

It is a database of its own, because people sign in where the gateway runs and where an edge runs,
and a machine may have either. No token is kept, only what its SHA-256 is. The rules of `tables`
hold here too.
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
)

from jdgate.store import shared_tables
from jdgate.store.columns import Instant, Json

metadata = MetaData(naming_convention=shared_tables.NAMING)

operator = Table(
    "operator",
    metadata,
    Column("login", String, primary_key=True),
    # as it stands under what this person approves
    Column("name", String, nullable=False),
    Column("member", String, nullable=False),
    Column("role", String, nullable=False),
    Column("state", String, nullable=False),
    # Argon2id; NULL until a link was used
    Column("password", String),
    # the secret of the code generator, sealed; NULL when none is asked for
    Column("totp", LargeBinary),
    # the last time step whose code was taken: none is taken twice
    Column("totp_step", BigInteger),
    Column("created_at", Instant, nullable=False),
    Column("signed_in_at", Instant),
    # whom an OpenID provider knows this person as; a subject means something at its issuer alone
    Column("issuer", String),
    Column("subject", String),
    Index(None, "member", "name", unique=True),
    Index(None, "issuer", "subject", unique=True),
)

# what was done about operators and systems of a member, for its own people to see
act = Table(
    "act",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("act", String, nullable=False),
    # the operator's login, or the id of the system's token
    Column("about", String, nullable=False),
    Column("member", String, nullable=False),
    # the login of who did it; empty: a command on the machine
    Column("by", String, nullable=False),
    Index(None, "member", "id"),
)

# a link that sets a password once
link = Table(
    "link",
    metadata,
    Column("token", LargeBinary(32), primary_key=True),
    Column("login", String, nullable=False, index=True),
    Column("totp", LargeBinary, nullable=False),
    Column("expires_at", Instant, nullable=False),
)

web_session = Table(
    "web_session",
    metadata,
    Column("token", LargeBinary(32), primary_key=True),
    Column("login", String, nullable=False, index=True),
    Column("began_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
)

# tries to sign in under a name, whether somebody has it or not
sign_in_try = Table(
    "sign_in_try",
    metadata,
    Column("login", String, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("until", Instant, nullable=False),
)

# a department's system, which sends and fetches over HTTP
api_token = Table(
    "api_token",
    metadata,
    Column("id", String, primary_key=True),
    Column("token", LargeBinary(32), nullable=False, unique=True),
    Column("member", String, nullable=False),
    Column("name", String, nullable=False),
    # the types it may send
    Column("types", Json, nullable=False),
    # whether it may fetch and acknowledge what came
    Column("receives", Boolean, nullable=False),
    # of a member that signs with its own key, which is not here
    Column("own_key", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("revoked_at", Instant),
)
