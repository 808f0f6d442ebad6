"""What people at their desks cost the gateway: `python bench/desks.py [--people 200]`.

One machine has the gateway, the departments that receive, and the console (one process); the
clinics are on two machines of their own. The same work is done in turns, with nobody at a desk and
with everybody at one, so that both meet the same machine. People sit at the desks where everything
arrives. They are a process of their own; where processors are few, what that process takes from
the others is counted against the gateway too: `--nice` (the default) gives it the last turn.
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
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import audience
import county
import measure
import people
from run import CLINICS, MACHINES, RESULTS, WORKERS, Clinics, Party, say

PLACES = ("pol", "pol", "nco", "com-01", "ps-01")
"""Where people sit: the police, where every enrolment arrives, more than elsewhere."""
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
    cookies = gateway.ask("let_in", "approver", list(islice(cycle(PLACES), chosen.people)))
    room = Room(gateway.ask("console"), cookies)
    tasks = {"enrolled": _enrolled, "batched": _batched}
    found: dict[str, Any] = {name: {"alone": [], "watched": []} for name in tasks}
    found["people"] = []
    try:
        clinics.ask("enrol", 0, 2000, 200)
        gateway.ask("settled")
        for turn in range(chosen.turns * 2):
            watched = turn % 2 == 1
            for name, task in tasks.items():
                if watched:
                    room.ask("sit_down")
                    room.ask("counted")
                before = measure.cpu_seconds(gateway.pid)
                records, seconds = task(clinics, gateway, turn)
                one = {
                    "per_second": round(records / seconds, 1),
                    "gateway_cpu_us": round(
                        (measure.cpu_seconds(gateway.pid) - before) / records * 1e6, 1
                    ),
                    "load": measure.load(),
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
    done = clinics.ask("enrol", 10_000 + turn * 2000, 2000, 1)
    ended = max(done["ended"], gateway.ask("settled"))
    return done["records"], ended - done["begun"]


def _batched(clinics: Clinics, gateway: Party, turn: int) -> tuple[int, float]:
    day = people.LAST_DAY - timedelta(days=400 - turn * 11)
    done = clinics.ask("attend", 2000, day, 10, 200)
    return done["records"], done["ended"] - done["begun"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--turns", type=int, default=4, help="of each; the median counts")
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
    for name in ("enrolled", "batched"):
        alone, watched = (
            statistics.median(one["per_second"] for one in result[name][kind])
            for kind in ("alone", "watched")
        )
        cpu = [
            statistics.median(one["gateway_cpu_us"] for one in result[name][kind])
            for kind in ("alone", "watched")
        ]
        cost = 1 - watched / alone
        print(
            f"{name:<10} alone {alone:>10,.0f}/s   watched {watched:>10,.0f}/s   cost "
            f"{cost:>6.1%} (limit {MOST_COST:.0%})   gateway {cpu[0]:,.0f} → {cpu[1]:,.0f} µs of "
            "processor a record"
        )
    for one in result["people"]:
        print(f"people while {one['while']}: {one}")


if __name__ == "__main__":
    main()
