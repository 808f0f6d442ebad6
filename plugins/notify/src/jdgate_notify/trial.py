"""Settings to try the plugin with: a mail server and a receiver that nobody runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Trial:
    """The authority `nco`, told by mail."""

    member = "nco"
    roles = ("NCO",)

    def __init__(self, folder: Path) -> None:
        self.settings: Mapping[str, Any] = {
            "smtp": {
                "host": "localhost",
                "security": "none",
                "from": "jdgate@county.example",
                "to": {"nco": ["duty@county.example"]},
            }
        }
