"""Runs the migrations of the books on the connection `jdgate.store.migrate` gives."""

from alembic import context

from jdgate.store.migrate import run
from jdgate.store.tables import metadata

run(context, metadata)
