"""What happened, in a form that can be told to people as it happens. No personal value in it.

The daemon prints notices (`jdgate run`), counts them and may stream them; nothing depends on them.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Notice(msgspec.Struct, frozen=True):
    """One thing that happened; `code` and `params` give its text."""

    code: str
    params: dict[str, Any] = {}
