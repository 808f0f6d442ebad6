"""What people at their desks cost the gateway: `python bench/desks.py [--people 200]`.

One machine has the gateway, the departments that receive, and the console (one process); the
clinics are on two machines of their own. The same work is done in pairs of turns, with nobody at a
desk and with everybody at one, each first in every other pair, so that both meet the same machine;
the cost is the median of what the pairs say. All sit where everything arrives, at the police, in
three roles. They are a process of their own, at the lowest priority: it stands for browsers
elsewhere.

What is done
- enrolled: enrolments in messages of one record: each changes everybody's desk;
- filed: the same in messages of twenty;
- batched: attendance in messages of 200 records, which changes nobody's desk.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import audience
import county
import measure
import people
from run import CLINICS, MACHINES, RESULTS, WORKERS, Clinics, Party, say

WHERE = "pol"
"""Where every enrolment arrives."""
ROLES = ("clerk", "approver", "auditor")
MOST_COST = 0.10


class Room:
    """The people, in their process."""

    def __init__(self, url: str, cookies: list[str]) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawn.Pipe()
        self._process = spawn.Process(target=audience.run, args=(theirs, url, cookies))
        self._process.start()
        theirs.close()
        assert self._process.pid is not None
        os.setpriority(os.PRIO_PROCESS, self._process.pid, 19)

    def ask(self, method: str) -> Any:
        """What the people answer."""
        self._pipe.send((method, ()))
        outcome, value = self._pipe.recv()
        if outcome != "ok":
            sys.exit(f"bench: the people failed:\n{value}")
        return value

    def stop(self) -> None:
        """Send everybody home."""
        self._pipe.send(("stop", ()))
        self._process.join(30)


def compare(chosen: argparse.Namespace, root: Path) -> dict[str, Any]:
    """The rates with and without people, in turns."""
    machines = county.settle(root, CLINICS, MACHINES, WORKERS, console=True)
    gateway = Party("gateway", machines.gateway)
    clinics = Clinics(machines.clinics, gateway.ask("address"))
    roles = Counter(islice(cycle(ROLES), chosen.people))
    cookies = [
        cookie
        for role, count in roles.items()
        for cookie in gateway.ask("let_in", role, [WHERE] * count)
    ]
    room = Room(gateway.ask("console"), cookies)
    found: dict[str, Any] = {name: {"alone": [], "watched": []} for name in chosen.task}
    found["people"] = []
    try:
        clinics.ask("enrol", 0, 2000, 200)
        gateway.ask("settled")
        for turn in range(chosen.turns * 2):
            watched = turn % 4 in (1, 2)
            for name in chosen.task:
                # both have seen people come, so that all that differs is whether they stay
                room.ask("sit_down")
                if not watched:
                    room.ask("stand_up")
                room.ask("counted")
                stolen, before = measure.stolen_seconds(), measure.cpu_seconds(gateway.pid)
                records, seconds = TASKS[name](clinics, gateway, turn)
                one = {
                    "per_second": round(records / seconds, 1),
                    "gateway_cpu_us": round(
                        (measure.cpu_seconds(gateway.pid) - before) / records * 1e6, 1
                    ),
                    "load": measure.load(),
                    "stolen": round((measure.stolen_seconds() - stolen) / seconds, 2),
                }
                found[name]["watched" if watched else "alone"].append(one)
                if watched:
                    found["people"].append({"while": name, **room.ask("counted")})
                    room.ask("stand_up")
            say(f"turn {turn + 1} of {chosen.turns * 2}, {'watched' if watched else 'alone'}")
    finally:
        room.stop()
        for each in (*clinics.parties, gateway):
            each.stop()
    return found


def _enrolled(clinics: Clinics, gateway: Party, turn: int) -> tuple[int, float]:
    done = clinics.ask("enrol", 10_000 + turn * 1000, 1000, 1)
    ended = max(done["ended"], gateway.ask("settled"))
    return done["records"], ended - done["begun"]


def _filed(clinics: Clinics, gateway: Party, turn: int) -> tuple[int, float]:
    done = clinics.ask("enrol", 200_000 + turn * 3000, 3000, 20)
    ended = max(done["ended"], gateway.ask("settled"))
    return done["records"], ended - done["begun"]


def _batched(clinics: Clinics, gateway: Party, turn: int) -> tuple[int, float]:
    day = people.LAST_DAY - timedelta(days=400 - turn * 5)
    done = clinics.ask("attend", 2000, day, 5, 200)
    return done["records"], done["ended"] - done["begun"]


TASKS = {"enrolled": _enrolled, "filed": _filed, "batched": _batched}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--turns", type=int, default=16, help="pairs of turns")
    parser.add_argument("--task", choices=TASKS, nargs="+", default=list(TASKS))
    parser.add_argument("--json", type=Path, help="where the figures go")
    chosen = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="jdgate-desks-") as folder:
        result = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": measure.machine(),
            "seated": chosen.people,
            **compare(chosen, Path(folder)),
        }
    report(result, time.monotonic() - begun)
    target = chosen.json or RESULTS / f"desks-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(result, indent=1) + "\n")
    print(f"\n{target}")


def report(result: dict[str, Any], seconds: float) -> None:
    """Print it."""
    machine = result["machine"]
    print(
        f"\n{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}; load before "
        f"{machine['load_before']}; {result['seated']} people; {seconds:.0f} s"
    )
    for name in (one for one in TASKS if one in result):
        alone, watched = result[name]["alone"], result[name]["watched"]
        rates = [statistics.median(one["per_second"] for one in each) for each in (alone, watched)]
        cpu = [
            statistics.median(one["gateway_cpu_us"] for one in each) for each in (alone, watched)
        ]
        costs = sorted(
            1 - two["per_second"] / one["per_second"]
            for one, two in zip(alone, watched, strict=True)
        )
        middle = statistics.median(costs)
        quarters = statistics.quantiles(costs, n=4) if len(costs) > 1 else costs * 3
        print(
            f"{name:<10} alone {rates[0]:>8,.0f}/s   watched {rates[1]:>8,.0f}/s   cost "
            f"{middle:>6.1%} (limit {MOST_COST:.0%}; half of the pairs {quarters[0]:.0%} … "
            f"{quarters[2]:.0%})   "
            f"gateway {cpu[0]:,.0f} → {cpu[1]:,.0f} µs of processor a record "
            f"({cpu[1] / cpu[0] - 1:+.1%})"
        )
    for one in result["people"]:
        print(f"people while {one['while']}: {one}")


if __name__ == "__main__":
    main()
