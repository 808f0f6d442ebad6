"""Brings a database's schema up to date, and writes the next migration when tables changed.

Each database has an Alembic environment inside the package: `migrations/books`,
`migrations/edge` and `migrations/people`. They run on the connection and in the transaction of
the caller, so that an interrupted upgrade leaves the old schema whole. There is no way down: a
database newer than the code is refused, and the copy made before the upgrade is the way back.

    with database.transaction() as conn:
        migrate.upgrade(conn, "books", name)

After a change to the tables: `python -m jdgate.store.migrate revise books "what changed"`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, create_engine

from jdgate.errors import Refused

_ROOT = Path(__file__).parent / "migrations"
_DATABASES = ("books", "edge", "people")


def upgrade(conn: Connection, which: str, name: str) -> None:
    """Run what is missing on `conn`, inside its transaction.

    Raises:
        Refused: `books.newer`, a later version of jdgate made this database.
    """
    config = _config(which)
    scripts = ScriptDirectory.from_config(config)
    head = scripts.get_current_head()
    current = MigrationContext.configure(conn).get_current_heads()
    if current == (head,):
        return
    known = {script.revision for script in scripts.walk_revisions()}
    if any(revision not in known for revision in current):
        raise Refused("books.newer", books=name, found=", ".join(current), known=head or "-")
    config.attributes["connection"] = conn

    def steps(revision: Any, _context: Any) -> Any:
        return scripts._upgrade_revs("head", revision)

    with EnvironmentContext(config, scripts, fn=steps):
        scripts.run_env()


def run(context: Any, metadata: MetaData) -> None:
    """Called by the `env.py` of each environment."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        render_item=_render,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def revise(which: str, message: str) -> Path:
    """Write the migration from the last revision to the tables as they are now."""
    config = _config(which)
    number = len(list((_ROOT / which / "versions").glob("[0-9]*.py"))) + 1
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{folder}/scratch.db")
        with engine.begin() as conn:
            upgrade(conn, which, "scratch")
            config.attributes["connection"] = conn
            script = command.revision(config, message, autogenerate=True, rev_id=f"{number:04d}")
        engine.dispose()
    if script is None or isinstance(script, list):
        raise RuntimeError("alembic wrote no single revision")
    return Path(script.path)


def _config(which: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_ROOT / which).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _render(kind: str, item: Any, _autogen: Any) -> str | bool:
    """Our column types appear in a migration as what they are in SQL, so that it never changes."""
    if kind == "type" and type(item).__module__ == "jdgate.store.columns":
        return {"Instant": "sa.BigInteger()", "Json": "sa.Text()"}[type(item).__name__]
    return False


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] != "revise" or sys.argv[2] not in _DATABASES:
        sys.exit('usage: python -m jdgate.store.migrate revise books|edge|people "what changed"')
    print(revise(sys.argv[2], sys.argv[3]))
