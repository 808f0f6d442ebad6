"""`jdgate run`: one daemon that plays the roles its configuration names.

What it does, in order: takes the lock of its folder, loads plugins, catalogue and the signed
directory, starts the bus (embedded, or connects to the county's own), opens the books, starts the
gateway and the edge, and listens for commands. It stops in the opposite order, on Ctrl-C or
SIGTERM, and leaves nothing half done: whatever was committed goes out at the next start.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from jdgate import catalogues, hosting
from jdgate.bus.access import Tls
from jdgate.bus.embedded import EmbeddedServer
from jdgate.bus.jetstream import connect_gateway, connect_member
from jdgate.bus.port import MemberBus
from jdgate.clock import Clock
from jdgate.commands import handlers
from jdgate.config import Config, Home
from jdgate.control import ControlServer
from jdgate.core import directory as directories
from jdgate.core import signing
from jdgate.core.directory import Directory, Trust
from jdgate.core.keys import MemberKeys, bus_key
from jdgate.edge.desk import Desk
from jdgate.edge.host import EdgeHost
from jdgate.errors import JdgateError, Refused, UsageError
from jdgate.founding import pinned_authority
from jdgate.gateway import deadlines
from jdgate.gateway.gateway import Gateway
from jdgate.gateway.ground import Ground, new_id
from jdgate.gateway.nudging import Nudging
from jdgate.keystore import SUFFIX, close_folder, read_key_file
from jdgate.plugins.host import PluginHost
from jdgate.refdata import FOLDER, References
from jdgate.running import Running
from jdgate.store import directories as stored
from jdgate.store.database import Database
from jdgate.store.vault import Vault
from jdgate.teller import Teller

if TYPE_CHECKING:
    from jdgate.web.server import WebServer

log = logging.getLogger(__name__)


class Daemon(Running):
    """Everything that runs. `start` brings it up, `stop` takes it down."""

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
        super().__init__(
            home, config, teller=teller, nats_url=nats_url, plugins_dir=plugins_dir, clock=clock
        )
        self._closing: list[Callable[[], Awaitable[None]]] = []
        self._reloading = asyncio.Lock()
        self._web: WebServer | None = None

    async def start(self) -> None:
        """Bring everything up, or raise with nothing left running.

        Raises:
            UsageError: `daemon.…`, `config.…`; Refused: `plugin.…`, `catalogue.…`,
            `directory.…`, `keys.…`, `books.…`; TransportFailed: `bus.…`, `books.…`.
        """
        try:
            self._load()
            await self._start_bus()
            if "gateway" in self.config.run.roles:
                await self._start_gateway()
            if "edge" in self.config.run.roles:
                await self._start_edge()
            if self.config.web.enabled:
                await self._start_web()
            control = ControlServer(self.home.control, handlers(self))
            await control.start()
            self._closing.append(control.stop)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Take everything down, last started first."""
        while self._closing:
            try:
                await self._closing.pop()()
            except JdgateError as reason:
                log.warning("while stopping: %s", reason)

    async def reload(self) -> bool:
        """Go by the directory that lies in place now; False when it is the one in use.

        A member that was revoked or suspended loses its bus connection at once, and nothing it
        signed is accepted from then on. A hosted member that the directory names other keys of
        works with them, if they are in its key file.

        Raises:
            Refused: `directory.…`, `catalogue.not_signed`; TransportFailed: `bus.…`. The daemon
            then goes on as it was.
        """
        async with self._reloading:  # one after the other: what is put back must be what was
            return await self._reload()

    async def _reload(self) -> bool:
        jws = self.home.directory.read_bytes()
        pinned = pinned_authority(self.home.authority_public)
        current = self.trust.directory
        offered = directories.accept(jws, pinned, current, self.clock.now())
        if offered.version == current.version:
            return False
        trust = Trust(offered)
        self._check(trust)
        before, held = self.trust, self._take_new_keys(trust)
        self.trust = trust
        try:
            await self._let_in()
            if self.gateway is not None:
                await self.gateway.adopt(trust, jws)
        except BaseException:
            self.trust = before
            self._hold(held)
            await self._let_in_as_before()
            raise
        self.directory_jws = jws
        if self.edge is not None:
            self.edge.adopt(offered)
        self.teller.learn(self.catalogue, trust)
        self.teller.say("daemon.reloaded", version=offered.version)
        return True

    def _take_new_keys(self, trust: Trust) -> list[MemberKeys]:
        """Have hosted members open with the keys that a directory names by now, and log in with
        them once their old connection is cut; the keys they held."""
        if self.edge is None:
            return []
        held = {member: desk.keys for member, desk in self.edge.desks.items()}
        found = hosting.renewed(trust, self.home, held.values(), self.clock.now())
        self._hold(found.values())
        return [held[member] for member in found]

    def _hold(self, keys: Iterable[MemberKeys]) -> None:
        for own in keys:
            self.the_edge.rekey(own)

    async def _let_in(self) -> None:
        if self.server is not None:
            await self.server.reload(hosting.bus_users(self.trust, self.clock.now()))

    async def _let_in_as_before(self) -> None:
        try:
            await self._let_in()
        except JdgateError as reason:
            log.warning("the bus's users could not be put back: %s", reason)

    @property
    def failed(self) -> BaseException | None:
        """Why a part ended by itself."""
        for part in (self.gateway, self.nudging, self.edge, self._web):
            if part is not None and part.failed is not None:
                return part.failed
        return None

    # --- loading

    def _load(self) -> None:
        close_folder(self.home.keys)
        self.references = References(self.home.var / FOLDER)
        self.plugins = PluginHost(
            self.plugins_dir,
            self.config.plugins.disabled,
            self.config.rules,
            references=self.references,
            home=self.home.root,
        )
        self.plugins.add_suites()
        self.catalogue = catalogues.load_all(self.plugins)
        self.trust = Trust(self._directory())
        county, configured = self.trust.directory.county, self.config.county.region
        if county != configured:
            raise UsageError("config.other_county", got=configured, expected=county)
        self._check(self.trust)

    def _check(self, trust: Trust) -> None:
        """Whether this installation can work under a directory."""
        for member in trust.active():
            for key in member.keys:
                # without the suite every good message of this member would be refused
                if key.use == "sig" and not signing.is_known(key.suite):
                    raise Refused("directory.suite_missing", member=member.id, suite=key.suite)
        signed = trust.directory.catalogue
        if signed != self.catalogue.digest:
            raise Refused(
                "catalogue.not_signed", got=self.catalogue.digest[:16], expected=signed[:16]
            )

    def _directory(self) -> Directory:
        """The signed directory on disk. One that ran out is used still, and said to be old."""
        pinned = pinned_authority(self.home.authority_public)
        try:
            self.directory_jws = self.home.directory.read_bytes()
        except FileNotFoundError:
            raise Refused("directory.missing", file=str(self.home.directory)) from None
        try:
            return directories.accept(self.directory_jws, pinned, None, self.clock.now())
        except Refused as reason:
            if reason.code == "signing.bad_signature":
                raise Refused("directory.not_signed") from reason
            if reason.code != "directory.expired":
                raise
            log.warning("%s", reason)
            return directories.read(self.directory_jws, pinned)

    def _keys(self, member: str) -> MemberKeys:
        return read_key_file(self.home.keys / f"{member}{SUFFIX}")

    def _wanted(self) -> list[str]:
        return hosting.wanted(self.trust, self.home, self.config.run)

    @property
    def absent(self) -> list[str]:
        """Members without a key here, on a machine that hosts all whose keys it has. A
        department's own machine has its own alone, and that is as it should be."""
        if self.gateway is None or self.edge is None or self.config.run.members:
            return []
        return hosting.absent(self.trust, self.home, self.edge.desks)

    # --- parts

    async def _start_bus(self) -> None:
        if self.nats_url:
            return
        if "gateway" not in self.config.run.roles:
            raise UsageError("daemon.edge_needs_url")
        nats = self.config.nats
        tls = None
        if nats.cert:
            root = self.home.root
            ca = root / nats.client_ca if nats.client_ca else None
            tls = Tls(root / nats.cert, root / nats.key, ca)
        self.server = EmbeddedServer(
            self.home.nats,
            users=hosting.bus_users(self.trust, self.clock.now()),
            port=nats.port,
            host=nats.host,
            binary=Path(nats.server) if nats.server else None,
            tls=tls,
        )
        await self.server.start()
        self._closing.append(self.server.stop)
        self.nats_url = self.server.url

    async def _start_gateway(self) -> None:
        keys = self._keys(self.trust.gateway.id)
        url = self.config.books.url or f"sqlite:///{self.home.books}"
        books = Database.open(url, "books")
        self._closing.append(_closer(books))
        channels = {channel.name: channel for _, channel in self.plugins.channels()}
        rules = (
            *self.plugins.rules(),
            deadlines.replies(
                self.config.replies,
                self.references.working_days,
                self.catalogue.sheets.values(),
            ),
        )
        deadlines.check(self.config, self.home.config.name, self.trust.members, rules)
        ground = Ground(
            trust=self.trust,
            catalogue=self.catalogue,
            keys=keys,
            vault=Vault.unlock(books, self.home.keys / "books.master"),
            rules=rules,
            times=deadlines.read(self.config.alerts, self.references.working_days),
            queries=deadlines.query_limits(self.config.queries, self.references.working_days),
            channels=tuple(channels),
            digests=deadlines.schedule(self.config.digests),
        )
        with hosting.telling_who(keys.member, self.nats_url):
            bus = await connect_gateway(
                self.nats_url, bus_key(keys), name=keys.member, tls=self._tls()
            )
        self.gateway = Gateway(
            ground=ground,
            books=books,
            bus=bus,
            clock=self.clock,
            directory_jws=self.directory_jws,
            checkpoint_every=timedelta(seconds=self.config.books.checkpoint_seconds),
            workers=self.config.run.workers,
            on_notice=self.teller.tell,
        )
        self._closing.append(self.gateway.stop)
        await self.gateway.start()
        self.nudging = Nudging(self.gateway, channels, self.clock)
        self._closing.append(self.nudging.stop)
        await self.nudging.start()

    async def _start_edge(self) -> None:
        database = Database.open(f"sqlite:///{self.home.edge}", "edge")
        self._closing.append(_closer(database))
        vault = Vault.unlock(database, self.home.keys / "edge.master")
        self._catch_up(database)
        found = hosting.at_work(
            self.trust, self.home, self._wanted(), self.clock.now(), embedded=bool(self.server)
        )
        for member, code in found.left_out.items():
            self.teller.say(code, member=member)
        keys = found.keys
        if self.server is not None and self.gateway is not None:
            # whoever fetched from these mailboxes is gone: this machine hosts their members
            await self.gateway.bus.reclaim(list(keys))

        async def connect(member: str) -> MemberBus:
            # an edge starts without its bus too: what is pushed waits in the outbox
            patience = 5.0 if self.server is not None else 0.0
            with hosting.telling_who(member, self.nats_url):
                return await connect_member(
                    self.nats_url, member, bus_key(keys[member]), tls=self._tls(),
                    patience=patience,
                )  # fmt: skip

        desks = {
            member: Desk(
                keys=own,
                trust=self.trust,
                catalogue=self.catalogue,
                vault=vault,
                plugins=self.plugins,
                new_id=new_id,
            )
            for member, own in keys.items()
        }
        self.edge = EdgeHost(
            desks=desks,
            database=database,
            clock=self.clock,
            connect=connect,
            keep=timedelta(days=self.config.run.keep_days),
        )
        self._closing.append(self.edge.stop)
        await self.edge.start()

    async def _start_web(self) -> None:
        from jdgate.web.server import WebServer  # half as much code as all the rest

        self._web = WebServer(self)
        self._closing.append(self._web.stop)
        await self._web.start()

    def _catch_up(self, database: Database) -> None:
        """Use the newest directory that this edge accepted before, not the one it began with.

        A restart must not bring an older directory back, in which a revoked key is still good.
        """
        with database.read() as conn:
            held = [copy for member in self._wanted() for copy in stored.copies(conn, member)]
        current = self.trust.directory
        for copy in sorted(held, key=lambda copy: copy.version):
            if copy.version > current.version:
                current = directories.read(copy.jws, current.authority)
                self.directory_jws = copy.jws
        if current is not self.trust.directory:
            self.trust = Trust(current)

    def _tls(self) -> ssl.SSLContext | None:
        """Trust in the certificate authority that the configuration names for the bus."""
        if not self.config.nats.ca:
            return None
        return ssl.create_default_context(cafile=self.home.root / self.config.nats.ca)


def _closer(database: Database) -> Callable[[], Awaitable[None]]:
    async def close() -> None:
        database.close()

    return close
