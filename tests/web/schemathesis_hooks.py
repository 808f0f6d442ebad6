"""What schemathesis has to know of the API's media types; it loads this by itself."""

from __future__ import annotations

from typing import Any

import schemathesis

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

for media in ("application/jose", "text/csv"):
    schemathesis.serializer.alias(media, "text/plain")
for media in (XLSX, "application/vnd.ms-excel"):
    schemathesis.serializer.alias(media, "application/octet-stream")


@schemathesis.deserializer(XLSX, "application/jose")
def as_it_is(ctx: Any, response: Any) -> Any:
    """These are no JSON: there is nothing to compare with a schema but the bytes."""
    return response.content.decode("latin-1")
