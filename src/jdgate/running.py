"""What a running daemon consists of: the parts that its commands and the demo work with.

The daemon fills this in while it starts; a machine that plays only one role has only that part.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from jdgate.bus.embedded import EmbeddedServer
from jdgate.clock import Clock
from jdgate.config import Config, Home
from jdgate.core.catalogue import Catalogue
from jdgate.core.directory import Trust
from jdgate.edge.host import EdgeHost
from jdgate.errors import UsageError
from jdgate.gateway.gateway import Gateway
from jdgate.gateway.nudging import Nudging
from jdgate.plugins.host import PluginHost
from jdgate.refdata import References
from jdgate.teller import Teller

if TYPE_CHECKING:
    from jdgate.people.house import House


class Running(ABC):
    """One machine's parts. `plugins`, `catalogue`, `references` and `trust` are there once it has
    loaded."""

    plugins: PluginHost
    catalogue: Catalogue
    references: References
    trust: Trust

    def __init__(
        self,
        home: Home,
        config: Config,
        *,
        teller: Teller,
        nats_url: str | None = None,
        plugins_dir: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.home = home
        self.config = config
        self.teller = teller
        self.clock = clock or Clock()
        self.nats_url = nats_url or config.nats.url
        self.plugins_dir = plugins_dir or (
            home.root / config.plugins.dir if config.plugins.dir else None
        )
        self.directory_jws = b""
        self.server: EmbeddedServer | None = None
        self.gateway: Gateway | None = None
        self.nudging: Nudging | None = None
        self.edge: EdgeHost | None = None
        self.house: House | None = None
        """Operators and their sessions, where the console is served."""
        self.web_url: str | None = None
        self.monitor_url: str | None = None

    @abstractmethod
    async def reload(self) -> bool:
        """Go by the signed directory that lies in place now; False when it is the one in use.

        Raises:
            Refused: `directory.…`, `catalogue.not_signed`; TransportFailed: `bus.…`.
        """

    @property
    def the_gateway(self) -> Gateway:
        """The gateway.

        Raises:
            UsageError: `daemon.no_gateway` when this machine does not play it.
        """
        if self.gateway is None:
            raise UsageError("daemon.no_gateway")
        return self.gateway

    @property
    def the_edge(self) -> EdgeHost:
        """The edge.

        Raises:
            UsageError: `daemon.no_edge` when this machine hosts no member.
        """
        if self.edge is None:
            raise UsageError("daemon.no_edge")
        return self.edge
