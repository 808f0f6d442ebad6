"""Runs the migrations of edge.db on the connection `jdgate.store.migrate` gives."""

from alembic import context

from jdgate.store.edge_tables import metadata
from jdgate.store.migrate import run

run(context, metadata)
