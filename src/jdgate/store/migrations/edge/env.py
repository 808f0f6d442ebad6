"""Runs the migrations of edge.db on the connection `jdgate.store.migrate` gives."""

from alembic import context

from jdgate.store.migrate import run
from jdgate.store.edge_tables import metadata

run(context, metadata)
