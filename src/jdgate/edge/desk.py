"""One member at its edge: who it is, what it trusts, and where its things are kept.

A `Desk` is what every step at the edge needs: the member's own keys, the directory in force, the
catalogue, the encrypted database and the plugins. One edge hosts one or more members in one
database; each has a desk of its own.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from jdgate.core.catalogue import Catalogue
from jdgate.core.directory import Trust
from jdgate.core.keys import MemberKeys
from jdgate.core.sheet import Sheet
from jdgate.core.signing import SigningKey
from jdgate.errors import Refused
from jdgate.plugins.host import PluginHost
from jdgate.store.register import Register
from jdgate.store.vault import Vault


class Desk:
    """One hosted member. `trust` is replaced when a newer directory is accepted, `keys` when it
    gets new ones."""

    def __init__(
        self,
        *,
        keys: MemberKeys,
        trust: Trust,
        catalogue: Catalogue,
        vault: Vault,
        plugins: PluginHost,
        new_id: Callable[[], str],
    ) -> None:
        self.keys = keys
        self.trust = trust
        self.catalogue = catalogue
        self.vault = vault
        self.plugins = plugins
        self.new_id = new_id

    @property
    def member(self) -> str:
        """The member's id."""
        return self.keys.member

    @property
    def signer(self) -> SigningKey:
        """The newest of the member's signing keys that the directory names: what a newer one
        signs would be refused until the gateway knows it."""
        member = self.trust.members.get(self.member)
        named = {key.kid for key in member.keys} if member else set()
        known = [key for key in self.keys.signing if key.kid in named]
        return known[-1] if known else self.keys.signer

    @property
    def gateway(self) -> str:
        """The id of the county's gateway."""
        return self.trust.gateway.id

    def sheet(self, type: str) -> Sheet:
        """The agreement for `type`.

        Raises:
            Refused: `agreement.no_type`.
        """
        sheet = self.catalogue.sheets.get(type)
        if sheet is None:
            raise Refused("agreement.no_type", type=type[:80])
        return sheet

    def register(self, conn: Connection, type: str) -> Register:
        """The member's own notes in the domain of `type`: one domain never sees another's."""
        domain = type.partition(".")[0]
        return Register(conn, self.vault, member=self.member, plugin=domain)
