"""What a source must hold to. Runs in a process of its own: `kit.victim`."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jdgate.core.catalogue import Catalogue
from jdgate.core.rules import place_of
from jdgate.errors import Refused, TransportFailed
from jdgate.kit.bench import Broken, NotApplicable
from jdgate.kit.killing import chosen, in_child
from jdgate.kit.places import MOST_IN_BATCH, Place, adapter_check, checked
from jdgate.kit.records import Maker
from jdgate.plugins.adapters import Batch, Source

HUGE = 3_000
"""Records a source is given at once."""
QUIET = 3
"""Times in a row a source gives nothing until it counts as empty."""


def _put(place: Place, count: int, seed: int = 0, *, extreme: bool = False) -> list[str]:
    """Have different records sent; what they are, as texts that can be compared."""
    wanted: list[str] = []
    made = {
        kind: _different(place.bench.catalogue, kind, count, seed, extreme)
        for kind in place.case.gives
    }

    def put(trial: Any, _: Source) -> None:
        for kind, records in made.items():
            trial.put(kind, list(records.values()))

    place.do(put)
    for records in made.values():
        wanted += records
    return wanted


@cache
def _different(
    catalogue: Catalogue, kind: str, count: int, seed: int, extreme: bool
) -> dict[str, dict[str, Any]]:
    """Different records by their texts. Made once: a crash is tried at dozens of lines."""
    maker = Maker(catalogue, seed, people=max(4, count))
    records: dict[str, dict[str, Any]] = {}
    for _ in range(count * 4):
        if len(records) == count:
            break
        record = maker.record(kind, extreme=extreme)
        records.setdefault(_text(kind, record), record)
    return records


def _text(kind: str, record: Mapping[str, Any]) -> str:
    return json.dumps([kind, record], sort_keys=True, ensure_ascii=False)


class Outbox:
    """What the edge keeps of a source: batches and the mark, in one write."""

    def __init__(self, folder: Path) -> None:
        self.file = folder.parent / f"{folder.name}.outbox"

    def keep(self, batch: Batch) -> None:
        """As the edge does in one transaction."""
        line = json.dumps([batch.type, batch.records, batch.mark])
        with self.file.open("ab") as file:
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def batches(self) -> list[tuple[str, list[dict[str, Any]], str | None]]:
        """Everything kept, in order."""
        if not self.file.exists():
            return []
        return [json.loads(line) for line in self.file.read_bytes().splitlines()]

    def mark(self) -> str | None:
        """The last mark that was not None."""
        marks = [mark for _, _, mark in self.batches() if mark is not None]
        return marks[-1] if marks else None


def collect(source: Source, outbox: Outbox, stop_after: int = 0) -> int:
    """Collect until the source is quiet, as the edge does; how many batches were kept."""

    async def work() -> int:
        kept = quiet = 0
        while quiet < QUIET:
            quiet += 1
            async for batch in source.collect(outbox.mark()):
                if not isinstance(batch, Batch) or not 1 <= len(batch.records) <= MOST_IN_BATCH:
                    raise Broken(f"a batch holds 1–{MOST_IN_BATCH} records")
                outbox.keep(batch)
                kept, quiet = kept + 1, 0
                if stop_after and kept >= stop_after:
                    return kept
                if kept > HUGE:
                    raise Broken("it gives batches without end")
        return kept

    return asyncio.run(work())


def _all_there(place: Place, wanted: list[str], moment: str = "") -> None:
    got, expected = _given(place), Counter(wanted)
    if lost := expected - got:
        raise Broken(f"{sum(lost.values())} of {len(wanted)} records are missing{moment}")
    if more := got - expected:
        raise Broken(f"{sum(more.values())} records came more than once, or other than they "
                     f"were put in{moment}")  # fmt: skip


def _given(place: Place) -> Counter[str]:
    return Counter(
        _text(kind, record)
        for kind, records, _ in Outbox(place.folder).batches()
        for record in records
    )


def _collected(place: Place, stop_after: int = 0) -> int:
    box = Outbox(place.folder)
    kept: int = place.do(lambda _, source: collect(source, box, stop_after))
    return kept


def _needs_gives(place: Place) -> None:
    if not place.case.gives:
        raise Broken("the plugin's Trial says no types that its source gives (`gives`)")


def source_complete(place: Place) -> None:
    """Everything that is put in is given, once, and nothing twice when asked again."""
    _needs_gives(place)
    wanted = _put(place, 40)
    _collected(place)
    _all_there(place, wanted)
    if _collected(place):
        raise Broken("asked again with the last mark, it gives something")
    wanted += _put(place, 30, seed=900)
    _collected(place)
    _all_there(place, wanted, " after more was put in")


def source_resume(place: Place) -> None:
    """Stopped after each batch and started anew, it goes on from its mark."""
    _needs_gives(place)
    wanted = _put(place, 700)
    for _ in range(200):
        # more than was put in: it starts over each time, and would go on for ever
        if not _collected(place, stop_after=1) or _given(place).total() > len(wanted):
            break
    _all_there(place, wanted, " when it is restarted after each batch")


def source_crash(place: Place) -> None:
    """Killed (SIGKILL) at any line and started anew: no gap and no double."""
    _needs_gives(place)
    there = place.at("there")
    wanted = _put(there, 30)
    there.keep()
    box = Outbox(there.folder)
    ran = in_child(lambda: collect(there.open()[1], box), place.code)
    assert ran is not None
    for line in chosen(ran[1]):
        there.restore()
        box.file.unlink(missing_ok=True)
        in_child(lambda: collect(there.open()[1], box), place.code, line)
        _collected(there)
        _all_there(there, wanted, f" after it was killed at line {line} of {ran[1]}")


def source_huge(place: Place) -> None:
    """Thousands of records at once, in batches of 500 at most."""
    _needs_gives(place)
    wanted = _put(place, HUGE)
    _collected(place)
    _all_there(place, wanted)


def source_odd(place: Place) -> None:
    """The strangest records its types allow are given as they were put in, or held back as
    implausible; the next ones are given in any case."""
    _needs_gives(place)
    odd, good = _put(place, 12, extreme=True), _put(place, 12, seed=901)
    _collected(place)
    got = _given(place)
    held_back = Counter(odd) - got
    _all_there(place, [*(Counter(odd) - held_back).elements(), *good], " beside strange ones")


def source_away(place: Place) -> None:
    """When the system can't be reached it says so, and goes on later."""

    def away(trial: Any, source: Source) -> str:
        trial.away()
        checked(source, ok=False)
        try:
            collect(source, Outbox(place.folder))
        except (TransportFailed, Refused):
            return ""
        except Exception as error:
            return place_of(error)
        return "nothing"

    _needs_gives(place)
    if not place.do(lambda trial, _: hasattr(trial, "away")):
        raise NotApplicable("no_away")
    _put(place, 5)
    raised = place.do(away)
    if raised:
        raise Broken(f"expected TransportFailed, so that people are told why; it raised {raised}")


SOURCE: Mapping[str, Any] = {
    "source.check": adapter_check,
    "source.complete": source_complete,
    "source.resume": source_resume,
    "source.crash": source_crash,
    "source.odd": source_odd,
    "source.huge": source_huge,
    "source.away": source_away,
}
