"""One version of a reference table: where it came from and since when it applies."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal, get_args

from msgspec import Struct

from jdgate.core.refdata import Tag

TableName = Literal["precursors", "divisions", "working-days", "grounds"]
TABLES: tuple[TableName, ...] = get_args(TableName)


class Version(Struct, frozen=True, kw_only=True):
    """A table as it was published or imported.

    `number` 0 is the table that jdgate brings along; imports count from 1. `since` is the day
    from which it applies, None: from the beginning. `digest`: SHA-256 (hex) of the file.
    `source` is the importer's own word; of a packaged table `packaged.source` tells it.
    """

    table: TableName
    number: int
    label: str
    source: str
    since: date | None
    rows: int
    digest: str
    tag: Tag
    imported: str = ""
    covers: frozenset[str] = frozenset()
    """Of a divisions table, the six-digit codes whose places it names."""

    def as_document(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "table": self.table,
            "number": self.number,
            "label": self.label,
            "source": self.source,
            "from": self.since.isoformat() if self.since else None,
            "rows": self.rows,
            "digest": self.digest,
            "tag": self.tag,
            "imported": self.imported or None,
        }
