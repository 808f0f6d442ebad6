"""Projection: a record cut down to what one desk may see.

Rules: a field comes through only when it is listed; nothing is renamed, filled in or derived; a
field that the record does not have stays absent. The record given is never changed.

    project(record, desk.fields)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def project(record: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    """The listed fields of `record`, in the order of `fields`."""
    return {field: record[field] for field in fields if field in record}
