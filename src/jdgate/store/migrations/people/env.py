"""Runs the migrations of people.db on the connection `jdgate.store.migrate` gives."""

from alembic import context

from jdgate.store.migrate import run
from jdgate.store.people_tables import metadata

run(context, metadata)
