"""A newer directory at an edge: every desk goes by it from then on.

adopt(host.desks.values(), directory, host.warnings)
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from jdgate.core.directory import Directory, Trust
from jdgate.edge.desk import Desk
from jdgate.errors import Refused

log = logging.getLogger(__name__)


def adopt(desks: Iterable[Desk], directory: Directory, warnings: dict[str, int]) -> None:
    """Use a newer directory from now on, and say so if the catalogue it goes by is not ours: what
    was agreed since is refused here, and the other way round. `warnings` counts by code."""
    trust = Trust(directory)
    for desk in desks:
        if directory.version > desk.trust.directory.version:
            desk.trust = trust
            if directory.catalogue != desk.catalogue.digest:
                got, expected = desk.catalogue.digest[:16], directory.catalogue[:16]
                reason = Refused("catalogue.not_signed", got=got, expected=expected)
                warnings[reason.code] += 1
                log.warning("%s: %s", desk.member, reason)
