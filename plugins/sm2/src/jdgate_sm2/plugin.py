"""What the SM2 plugin gives to jdgate: one signature suite and its texts."""

from __future__ import annotations

import logging
from pathlib import Path

from jdgate.core.signing import Suite
from jdgate.errors import Refused
from jdgate.plugins import hookimpl

from .suite import Sm2Sm3

log = logging.getLogger(__name__)


@hookimpl
def jdgate_texts() -> list[Path]:
    """What is said when libcrypto is missing or a key can't be one."""
    return [Path(__file__).parent / "texts.toml"]


@hookimpl
def jdgate_suites() -> list[Suite]:
    """SM2-SM3; nothing, and a warning, on a machine whose OpenSSL can't do it.

    A county without SM2 keys must start there all the same. Where a key does need the suite,
    its signatures are answered with `signing.alg_unknown` and the warning tells what to install.
    """
    try:
        return [Sm2Sm3()]
    except Refused as reason:
        log.warning("%s", reason)
        return []
