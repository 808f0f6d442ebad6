"""A file of ready records: one JSON object or an array of them, for types whose records hold
lists, which no table has a place for (an inspection with its checklist and its substances).

    with RecordFile(path) as reading:
        for row in reading.rows: ...        # row.number counts records from 1

It is gone through as a table is (`Reading`), and nothing is left out: a field that the type does
not have is refused by its schema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from jdgate.errors import Refused
from jdgate.files.importer import Limits, Row

SUFFIX = ".json"


class RecordFile:
    """One pass over the records of a file.

    Raises:
        Refused: `files.missing`, `files.unreadable`, `files.too_large`, `files.not_records`.
    """

    sheet: str | None = None
    encoding: str | None = None
    header_row: int | None = None
    others: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    def __init__(self, path: Path, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        try:
            if path.stat().st_size > limits.file_bytes:
                raise Refused("files.too_large", limit=limits.file_bytes // 2**20)
            data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        except FileNotFoundError as error:
            raise Refused("files.missing") from error
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise Refused("files.unreadable", reason=why) from error
        records = _records(data)
        self.columns: Mapping[str, str] = {}
        self.skipped: dict[str, int] = {}
        self.total_hint = len(records)
        self.position = 0
        self.rows = self._each(records)

    def __enter__(self) -> RecordFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.rows = iter(())

    def _each(self, records: list[dict[str, object]]) -> Iterator[Row]:
        for number, record in enumerate(records, start=1):
            self.position = number
            yield Row(number, record)


def _records(data: bytes) -> list[dict[str, object]]:
    try:
        found = msgspec.json.decode(data)
        return msgspec.convert(found if isinstance(found, list) else [found], _RECORDS)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError):
        raise Refused("files.not_records") from None


_RECORDS = list[dict[str, object]]
