"""What the notify plugin gives to jdgate: channels, as far as the county has set them up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jdgate.plugins import Channel, hookimpl

from . import settings as county
from .mail import Mail
from .webhook import Webhook


@hookimpl
def jdgate_channels(settings: Mapping[str, Any], home: Path) -> list[Channel]:
    """Mail, webhooks, both or none."""
    chosen = county.read(settings, home)
    found: list[Channel] = []
    if chosen.mail is not None:
        found.append(Mail(chosen.mail))
    if chosen.webhook is not None:
        found.append(Webhook(chosen.webhook))
    return found


@hookimpl
def jdgate_texts() -> list[Path]:
    """What the mail says, and what is wrong with a setting or a server."""
    return [Path(__file__).parent / "texts.toml"]
