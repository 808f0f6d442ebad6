"""What a sink must hold to. Runs in a process of its own: `kit.victim`."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from jdgate.core.projection import project
from jdgate.edge.adapters import Condition
from jdgate.edge.adapters import deliver as hand_over
from jdgate.errors import Refused
from jdgate.kit.bench import Broken, NotApplicable
from jdgate.kit.killing import chosen, in_child
from jdgate.kit.places import MOST_IN_BATCH, Place, adapter_check, checked
from jdgate.kit.records import NOW, Maker
from jdgate.plugins.adapters import Delivery, Sink


def deliveries(
    place: Place, count: int, *, records: int = 3, extreme: bool = False
) -> list[Delivery]:
    """Deliveries of the sink's types with the fields its member sees."""
    types = sorted(place.do(lambda _, sink: list(sink.types)))
    found = []
    for number in range(count):
        kind = types[number % len(types)]
        sheet = place.bench.catalogue.sheets.get(kind)
        if sheet is None:
            raise Broken(f"it takes {kind}, which no catalogue has")
        fields = next((sheet.fields_for(role) for role in (*place.case.roles, "*")
                       if sheet.fields_for(role)), ())  # fmt: skip
        if not fields:
            raise Broken(f"no route of {kind} leads to {'/'.join(place.case.roles)}")
        made = Maker(place.bench.catalogue, number).records(kind, records, extreme=extreme)
        found.append(
            Delivery(
                id=f"01890a5d-ac96-774b-bcce-{number:012x}",
                type=kind,
                sender="gateway",
                # a clock that jumps: days ahead, then back
                time=NOW + timedelta(days=(-1) ** number * number),
                records=[project(one, fields) for one in made],
                purpose=sheet.purpose,
                title={"zh": sheet.title.zh, "en": sheet.title.en},
            )
        )
    return found


def give(sink: Sink, wanted: Iterable[Delivery]) -> list[str]:
    """Hand deliveries over as the edge does; how each ended: taken, refused, again."""

    async def all_of_them() -> list[str]:
        ends = []
        for delivery in wanted:
            outcome = await hand_over(sink, delivery, condition)
            ends.append("refused" if isinstance(outcome, Refused)
                        else "taken" if outcome else condition.trouble)  # fmt: skip
        return ends

    condition = Condition("kit", sink.name, "sink")
    return asyncio.run(all_of_them())


def _must_take(place: Place, wanted: list[Delivery], expected: Mapping[str, int]) -> None:
    ends = place.do(lambda _, sink: give(sink, wanted))
    if bad := [end for end in ends if end != "taken"]:
        raise Broken(f"a good delivery was not taken: {bad[0]}")
    _compare(place.taken(), expected)


def _compare(got: Mapping[str, int], expected: Mapping[str, int], moment: str = "") -> None:
    lost = [one for one in expected if not got.get(one)]
    more = [one for one in got if got[one] > expected.get(one, 0)]
    if lost or more:
        what = "has no effect" if lost else "has its effect more than once"
        raise Broken(f"a delivery {what}{moment}")


def sink_once(place: Place) -> None:
    """The same delivery three times, also after a restart: one effect."""
    first, second = deliveries(place, 2)
    _must_take(place, [first, first, second], {first.id: 1, second.id: 1})
    _must_take(place, [second, first], {first.id: 1, second.id: 1})


def sink_order(place: Place) -> None:
    """Deliveries in any order, with sending times that jump, are all taken."""
    wanted = deliveries(place, 12)
    random.Random(5).shuffle(wanted)  # noqa: S311
    _must_take(place, wanted, {one.id: 1 for one in wanted})


def sink_crash(place: Place) -> None:
    """Killed (SIGKILL) at any line, also after the effect and before the receipt, and delivered
    again: the effect is there, once."""
    (delivery,) = deliveries(place, 1)
    dry = in_child(lambda: give(place.at("dry").open()[1], [delivery]), place.code)
    assert dry is not None
    for line in chosen(dry[1]):
        there = place.at(f"line{line}")
        in_child(lambda: give(there.open()[1], [delivery]), place.code, line)  # noqa: B023
        before, ends, after = there.do(lambda trial, sink: _again(trial, sink, delivery))
        if before > 1:
            raise Broken(f"killed at line {line} of {dry[1]}, its effect is there twice")
        moment = f" after it was killed at line {line} of {dry[1]} and delivered again"
        if ends != ["taken"]:
            raise Broken(f"a delivery is not taken{moment}: {ends[0]}")
        _compare(after, {delivery.id: 1}, moment)


def _again(trial: Any, sink: Sink, delivery: Delivery) -> tuple[int, list[str], dict[str, int]]:
    """Effects of a delivery that may be there, how it is taken now, and all effects then."""
    before = Counter(trial.taken())[delivery.id]
    ends = give(sink, [delivery])
    return before, ends, dict(Counter(trial.taken()))


def sink_interrupted(place: Place) -> None:
    """Broken off because it took too long, and delivered again: one effect."""

    def broken_off(sink: Sink, steps: int) -> None:
        async def work() -> None:
            task = asyncio.ensure_future(sink.deliver(delivery))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        asyncio.run(work())

    (delivery,) = deliveries(place, 1)
    for steps in range(1, 5):
        there = place.at(f"steps{steps}")
        there.do(lambda _, sink: broken_off(sink, steps))  # noqa: B023
        _must_take(there, [delivery], {delivery.id: 1})


def sink_odd(place: Place) -> None:
    """The strangest records its types allow are taken or refused, and the next one is taken."""
    poison, (good,) = deliveries(place, 20, extreme=True), deliveries(place, 1)[:1]
    poison = [Delivery(**{**_fields(one), "id": f"odd-{n}"}) for n, one in enumerate(poison)]
    ends = place.do(lambda _, sink: give(sink, poison))
    if bad := [end for end in ends if end not in ("taken", "refused")]:
        raise Broken(f"it breaks on a record that its type allows: {bad[0]}")
    taken = {one.id: 1 for one, end in zip(poison, ends, strict=True) if end == "taken"}
    _must_take(place, [good], {**taken, good.id: 1})


def sink_wrong(place: Place) -> None:
    """Records of wrong types and without fields are taken or refused; they never stop it."""
    (good,) = deliveries(place, 1)
    odd: list[list[dict[str, Any]]] = [
        [{}], [dict.fromkeys(good.records[0])], [{name: [] for name in good.records[0]}],
        [{**good.records[0], "unheard_of": {"a": [1]}}],
    ]  # fmt: skip
    wrong = [Delivery(**{**_fields(good), "id": f"wrong-{n}", "records": records})
             for n, records in enumerate(odd)]  # fmt: skip
    ends = place.do(lambda _, sink: give(sink, wrong))
    if bad := [end for end in ends if end not in ("taken", "refused")]:
        raise Broken(f"it breaks instead of refusing: {bad[0]}")
    ends = place.do(lambda _, sink: give(sink, [good]))
    if ends != ["taken"] or place.taken()[good.id] != 1:
        raise Broken("after wrong deliveries a good one is not taken")


def _fields(one: Delivery) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__struct_fields__}


def sink_huge(place: Place) -> None:
    """A delivery of 500 records."""
    (delivery,) = deliveries(place, 1, records=MOST_IN_BATCH)
    _must_take(place, [delivery], {delivery.id: 1})


def sink_away(place: Place) -> None:
    """When the system can't be reached it says so and takes nothing; it is tried again."""

    def away(trial: Any, sink: Sink) -> list[str]:
        if not hasattr(trial, "away"):
            raise NotApplicable("no_away")
        trial.away()
        checked(sink, ok=False)
        return give(sink, deliveries_before)

    deliveries_before = deliveries(place, 1)
    if not place.do(lambda trial, _: hasattr(trial, "away")):
        raise NotApplicable("no_away")
    (end,) = place.do(away)
    if end == "edge.adapter_broke":
        raise Broken("it breaks; expected TransportFailed, so that people are told why")
    if end in ("taken", "refused"):
        raise Broken(f"the delivery counts as {end}, though the system can't be reached")


SINK: Mapping[str, Any] = {
    "sink.check": adapter_check,
    "sink.once": sink_once,
    "sink.order": sink_order,
    "sink.crash": sink_crash,
    "sink.interrupted": sink_interrupted,
    "sink.odd": sink_odd,
    "sink.wrong": sink_wrong,
    "sink.huge": sink_huge,
    "sink.away": sink_away,
}
