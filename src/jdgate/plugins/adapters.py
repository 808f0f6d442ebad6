"""What connects a department's system: sources that give records, sinks that take them.

- A source yields `Batch`es and goes on from `Batch.mark` after a restart: the edge keeps the
  mark of the last batch in its outbox, in the same transaction as the batch itself.
- A sink's `deliver` returns when the effect is durable, and not before: the signed receipt
  follows at once. The same delivery may come again after a crash; `Delivery.id` tells.
- Raise `TransportFailed` when the system can't be reached: the edge tries again, later and
  later. Raise `Refused` when the content can't be taken: the sender is told. Anything else is
  a fault of the plugin: it is set aside, retried and shown in `jdgate status`.
- Sending and receiving may be one class: give it the methods of both.

    class Folder:
        name = "aid.folder"
        types = frozenset({"aid.referral.v1"})

        async def check(self) -> Health:
            return Health(ok=self.path.is_dir(), code="aid.folder_missing")

        async def deliver(self, delivery: Delivery) -> None:
            write_durably(self.path / f"{delivery.id}.json", delivery.records)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeAlias, runtime_checkable

from msgspec import Struct


class Health(Struct, frozen=True):
    """Whether the system behind an adapter can be worked with.

    `code` and `params` say in words what is wrong and what to do; no personal value in them.
    """

    ok: bool
    code: str = ""
    params: dict[str, Any] = {}


class Batch(Struct, frozen=True):
    """1–500 records of one type from a source.

    `mark` is where the source goes on after these records; it is opaque to the edge. `region` is
    the division code the records are about; `purpose` what they are for: when it is given and is
    not the agreement's, nothing is sent; `inreplyto` the id of the message this answers, as
    `Delivery.id` gave it, and never that of a draft: a person decides those. `approved_by` names
    the persons of the member who approved these records, where the agreement wants one or two: it
    has to come from the member's own system, and the member answers for it.
    """

    type: str
    records: list[dict[str, Any]]
    mark: str | None = None
    region: str | None = None
    purpose: str | None = None
    inreplyto: str | None = None
    approved_by: tuple[str, ...] = ()


class Delivery(Struct, frozen=True):
    """A message opened and verified, with only the fields this member may see.

    `id` identifies the delivery for ever: the same id is the same delivery again. `sender` is
    the member the records come from, `time` when it sent them (UTC), `title` in both
    languages, `approved_by` the persons of that member who approved them.
    `corrections`: place of a record → "disputed", "corrected" or "withdrawn", where that is
    known already. Later it comes as a delivery of `correct.result.v1`, whose records name this
    delivery's `id` and the place.
    """

    id: str
    type: str
    sender: str
    time: datetime
    records: list[dict[str, Any]]
    purpose: str | None = None
    inreplyto: str | None = None
    title: Mapping[str, str] = {}
    corrections: Mapping[int, str] = {}
    approved_by: tuple[str, ...] = ()


class Notice(Struct, frozen=True):
    """What a notification channel may say: that something waits, never about whom.

    `waiting` alerts lie on the member's desk, of which this one is new or late. `id` stays the
    same when the notice has to be sent again.
    """

    member: str
    rule_id: str
    title_code: str
    urgent: bool
    waiting: int
    at: datetime
    id: str = ""


@runtime_checkable
class Source(Protocol):
    """Gives records of the member's system to the edge."""

    @property
    def name(self) -> str:
        """Unique at the member: `<plugin>.<adapter>`."""

    def collect(self, mark: str | None = None) -> AsyncIterator[Batch]:
        """Batches after `mark` (None: from the start); ends when there is nothing new.

        An async generator. The edge runs it again after a pause.
        """

    async def check(self) -> Health:
        """Look whether the system can be reached. Changes nothing; quick."""


@runtime_checkable
class Sink(Protocol):
    """Takes messages of the given types into the member's system."""

    @property
    def name(self) -> str:
        """Unique at the member: `<plugin>.<adapter>`."""

    @property
    def types(self) -> frozenset[str]:
        """The message types it takes."""

    async def deliver(self, delivery: Delivery) -> None:
        """Take the delivery. Returning means: it is durable. Idempotent by `delivery.id`."""

    async def check(self) -> Health:
        """Look whether the system can be reached. Changes nothing; quick."""


@runtime_checkable
class Channel(Protocol):
    """Tells people outside jdgate that something waits for them."""

    @property
    def name(self) -> str:
        """Unique at the member: `<plugin>.<channel>`."""

    async def notify(self, notice: Notice) -> None:
        """Send the notice. May be called again with the same one after a crash.

        Raise `TransportFailed` to be asked again later, `Refused` when it can't be sent at all.
        """

    async def check(self) -> Health:
        """Look whether the channel works. Sends nothing; quick."""


class Register(Protocol):
    """A member's own notes, kept encrypted at its edge; no other member ever reads them.

    `kind` is the plugin's word for a sort of note ("patient"), `key` identifies one.
    """

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """The note, or None."""

    def put(self, kind: str, key: str, value: dict[str, Any]) -> None:
        """Write the note, in place of an older one."""

    def delete(self, kind: str, key: str) -> None:
        """Forget the note; nothing happens when there is none."""

    def find(self, kind: str) -> Any:
        """An iterator of (key, value) over the notes of a kind, by key."""


class DraftView(Protocol):
    """An approved draft, as `jdgate_complete` sees it."""

    @property
    def id(self) -> str:
        """The draft's id."""

    @property
    def type(self) -> str:
        """The type of the message it becomes."""

    @property
    def prefill(self) -> Mapping[str, Any]:
        """What the rule knew."""

    @property
    def decided_by(self) -> str:
        """The person who approved it."""

    @property
    def decided_at(self) -> datetime:
        """When it was approved (UTC)."""


Adapter: TypeAlias = Source | Sink
