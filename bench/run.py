"""How fast jdgate is on this machine: `python bench/run.py [--full] [--json FILE]`.

The full path: files' rows submitted at a clinic's edge, checked, signed, sealed (hybrid), on its
disk, over a real nats-server that syncs every message, through the gateway (signatures, schemas,
rules, ledger, books), to the police's edge and back as signed receipts. Two machines of clinics,
gateway, a worker of the gateway, nats-server and police are six processes. The figures of a part
are right only when the machine has nothing else to do: the load is printed beside them.

What is measured
- batched: attendance in messages of 200 records, until the clinics hold every receipt;
- singly: enrolments in messages of one record, each delivered to the police and receipted;
  the same for attendance, which no one else gets;
- latency: from the clinic's push until the row stands in an inbox, one push at a time;
- stages: what the gateway spends its time on (`stages.py`), in a second gateway run with
  stopwatches, so that they cost the first figures nothing;
- memory (`--full`): resident MB of each process over a million records.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import county
import measure
import party
import people

RESULTS = Path(__file__).parent.parent / "bench-results"
CLINICS, MACHINES = 4, 2
"""Clinics, and the machines (processes) that host them."""
WORKERS = 1
"""`run.workers` of the gateway, where rates and memory are measured."""


class Party:
    """A process of the benchmark, spoken to over a pipe."""

    def __init__(self, name: str, root: Path, url: str | None = None, timed: bool = False) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawn.Pipe()
        self.name = name
        self._process = spawn.Process(target=party.run, args=(root, theirs, url, timed), name=name)
        self._process.start()
        theirs.close()
        self.pid: int = self.answer()

    def ask(self, method: str, *args: Any) -> Any:
        """What the process answers."""
        self.begin(method, *args)
        return self.answer()

    def begin(self, method: str, *args: Any) -> None:
        """Have it begin; `answer` waits for what comes of it."""
        self._pipe.send((method, args))

    def answer(self) -> Any:
        """What the process answers to what it was asked."""
        try:
            outcome, value = self._pipe.recv()
        except EOFError:
            sys.exit(f"bench: the process “{self.name}” ended")
        if outcome != "ok":
            sys.exit(f"bench: {self.name} failed:\n{value}")
        return value

    def stop(self) -> None:
        """End it in good order."""
        self._pipe.send(("stop", ()))
        self._process.join(30)


class Clinics:
    """The machines of the clinics, which work at the same time."""

    def __init__(self, machines: list[Path], url: str) -> None:
        self.parties = [Party(each.name, each, url) for each in machines]
        self.first = self.parties[0]
        """The one that hosts the first clinic."""

    def ask(self, method: str, *args: Any) -> dict[str, Any]:
        """What all of them did together, from the first beginning to the last end."""
        done = self.each(method, *args)
        return {
            "records": sum(one["records"] for one in done),
            "begun": min(one["begun"] for one in done),
            "ended": max(one["ended"] for one in done),
        }

    def each(self, method: str, *args: Any) -> list[Any]:
        """What each of them answers."""
        for one in self.parties:
            one.begin(method, *args)
        return [one.answer() for one in self.parties]


class County:
    """All processes, and their processor time."""

    def __init__(self, root: Path, timed: bool) -> None:
        # stages are counted where the gateway does everything itself
        machines = county.settle(root, CLINICS, MACHINES, 0 if timed else WORKERS)
        self.gateway = Party("gateway", machines.gateway, timed=timed)
        url = self.gateway.ask("address")
        self.clinics = Clinics(machines.clinics, url)
        self.desks = Party("desks", machines.desks, url)
        self.pids = {
            **{each.name: each.pid for each in self.clinics.parties},
            "gateway": self.gateway.pid,
            "nats-server": self._under_gateway("nats-server")[0],
            "desks": self.desks.pid,
        }
        for number, pid in enumerate(self._under_gateway("spawn_main")):
            self.pids[f"worker {number + 1}"] = pid

    def _under_gateway(self, name: str) -> list[int]:
        return [
            pid
            for pid in measure.children(self.gateway.pid)
            if name in Path(f"/proc/{pid}/cmdline").read_text()
        ]

    def cpu(self) -> dict[str, float]:
        """Processor seconds of each process so far."""
        return {name: measure.cpu_seconds(pid) for name, pid in self.pids.items()}

    def rss(self) -> dict[str, float]:
        """Resident MB of each process."""
        return {name: round(measure.rss_mb(pid), 1) for name, pid in self.pids.items()}

    def stop(self) -> None:
        """End all, senders first."""
        for each in (*self.clinics.parties, self.desks, self.gateway):
            each.stop()


@contextmanager
def running(timed: bool = False) -> Iterator[County]:
    """A county in a folder of its own, on the disk of the temporary directory."""
    with tempfile.TemporaryDirectory(prefix="jdgate-bench-") as folder:
        everybody = County(Path(folder), timed)
        try:
            yield everybody
        finally:
            everybody.stop()


def work(everybody: County, method: str, *args: Any, delivered: bool = False) -> dict[str, Any]:
    """One task of the clinics, with its rate and what it cost every process."""
    before, load = everybody.cpu(), measure.load()
    done = everybody.clinics.ask(method, *args)
    ended = done["ended"]
    if delivered:
        ended = max(ended, everybody.gateway.ask("settled"))
    after, seconds = everybody.cpu(), ended - done["begun"]
    records = done["records"]
    return {
        "records": records,
        "seconds": round(seconds, 3),
        "per_second": round(records / seconds, 1),
        "cpu_us_per_record": {
            name: round((after[name] - before[name]) / records * 1e6, 1) for name in after
        },
        "load": load,
    }


def latencies(everybody: County, first: int, count: int) -> dict[str, Any]:
    """Milliseconds from a push to an inbox: an alert, and a filing at the police."""
    clinics, desks = everybody.clinics.first, everybody.desks
    clinics.ask("enrol", first, count, 200, 1)
    clinics.ask("absences", first, count, 6)
    clinics.ask("follow", "cln-01")
    pushed = dict(clinics.ask("seven_days", first, count, 0.05))
    alerts = [
        (moment - pushed[body["data"][0]["patient_ref"]]) * 1000
        for body, moment in clinics.ask("arrivals", "cln-01", count)
        if body["type"] == "mmt.absence.alert.v1"
    ]
    desks.ask("follow", "pol")
    pushed = dict(clinics.ask("file_singly", first + count, count, 0.05))
    filed = [
        (moment - pushed[body["inreplyto"]]) * 1000
        for body, moment in desks.ask("arrivals", "pol", count)
        if body.get("inreplyto") in pushed
    ]
    if len(alerts) != count or len(filed) != count:
        sys.exit(f"bench: {count} pushes, {len(alerts)} alerts, {len(filed)} filings arrived")
    return {
        name: {
            "count": count,
            "median_ms": round(measure.quantile(values, 0.5), 2),
            "p99_ms": round(measure.quantile(values, 0.99), 2),
            "most_ms": round(max(values), 2),
            "load": measure.load(),
        }
        for name, values in (("alert", alerts), ("filing", filed))
    }


def staged(everybody: County, method: str, *args: Any, delivered: bool = False) -> dict[str, Any]:
    """The gateway's stages during one task: ms per message and share of its working time."""
    gateway = everybody.gateway
    before = gateway.ask("counted")
    done = work(everybody, method, *args, delivered=delivered)
    after = gateway.ask("counted")
    messages = after["messages"] - before["messages"]
    stages: dict[str, tuple[float, float, int]] = after["stages"]
    thread = after["thread_cpu"] - before["thread_cpu"]
    total_cpu = after["cpu"] - before["cpu"]
    timed = sum(seconds for seconds, _, _ in stages.values())
    return {
        "messages": messages,
        "groups": after["groups"] - before["groups"],
        "seconds": done["seconds"],
        "thread_busy": round(timed / done["seconds"], 3),
        "thread_cpu_ms": round(thread / messages * 1000, 3),
        "loop_cpu_ms": round((total_cpu - thread) / messages * 1000, 3),
        "stages": {
            stage: {
                "ms": round(seconds / messages * 1000, 4),
                "share": round(seconds / timed, 4),
                "cpu_ms": round(used / messages * 1000, 4),
                "calls": calls,
            }
            for stage, (seconds, used, calls) in sorted(
                stages.items(), key=lambda item: -item[1][0]
            )
        },
    }


class MemoryCurve:
    """Samples resident memory of every process once a second."""

    def __init__(self, everybody: County) -> None:
        self.points: list[dict[str, float]] = []
        self._everybody, self._stop = everybody, threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> MemoryCurve:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        begun = time.monotonic()
        while not self._stop.wait(1.0):
            at = round(time.monotonic() - begun, 1)
            self.points.append({"at": at, **self._everybody.rss()})


def short(repeats: int) -> dict[str, Any]:
    """The benchmark that takes a minute: rates, latency, stages."""
    found: dict[str, Any] = {"batched": [], "enrolled": [], "attended": []}
    patients, days = 2000, 10
    with running() as everybody:
        found["filing_batched"] = work(everybody, "enrol", 0, patients, 200, delivered=True)
        day = people.LAST_DAY - timedelta(days=400)
        for again in range(repeats):
            say(f"batched attendance, {again + 1} of {repeats}")
            at = day + timedelta(days=again * (days + 1))
            found["batched"].append(work(everybody, "attend", patients, at, days, 200))
            say(f"single enrolments, {again + 1} of {repeats}")
            first = 10_000 + again * 1000
            found["enrolled"].append(work(everybody, "enrol", first, 500, 1, delivered=True))
            at += timedelta(days=days)
            found["attended"].append(work(everybody, "attend", 500, at, 1, 1))
        say("latency")
        found["latency"] = latencies(everybody, 20_000, 200)
        found["memory_mb"] = everybody.rss()
        trouble(everybody, found)
    say("stages of the gateway")
    with running(timed=True) as everybody:
        everybody.clinics.ask("enrol", 0, patients, 200)
        found["stages_batched"] = staged(everybody, "attend", patients, day, 5, 200)
        found["stages_singly"] = staged(everybody, "enrol", 10_000, 500, 1, delivered=True)
    return found


def full(records: int) -> dict[str, Any]:
    """A million records in batches, with the memory of every process on the way."""
    patients = 2500
    days = -(-records // (CLINICS * patients))
    with running() as everybody:
        everybody.clinics.ask("enrol", 0, patients, 200)
        begin: date = people.LAST_DAY - timedelta(days=days)
        say(f"{CLINICS} clinics, {patients} patients each, {days} days")
        with MemoryCurve(everybody) as curve:
            done = work(everybody, "attend", patients, begin, days, 200)
        found: dict[str, Any] = {"batched": [done], "memory_curve_mb": curve.points}
        found["ledger_leaves"] = everybody.gateway.ask("head")
        trouble(everybody, found)
    return found


def trouble(everybody: County, found: dict[str, Any]) -> None:
    """What went wrong on the way: it should be nothing."""
    found["trouble"] = {
        "gateway": everybody.gateway.ask("counted")["trouble"],
        "clinics": everybody.clinics.each("warnings"),
        "desks": everybody.desks.ask("warnings"),
        "without_receipt": sum(everybody.clinics.each("unanswered")),
    }


def say(text: str) -> None:
    """Progress, beside the result."""
    print(f"  … {text}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--full", action="store_true", help="a million records, memory curve")
    parser.add_argument("--records", type=int, default=1_000_000, help="with --full: how many")
    parser.add_argument("--repeats", type=int, default=3, help="of each rate (the median counts)")
    parser.add_argument("--json", type=Path, help="where the figures go")
    chosen = parser.parse_args()
    result = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": measure.machine(),
        **(full(chosen.records) if chosen.full else short(chosen.repeats)),
    }
    report(result)
    name = f"{'full' if chosen.full else 'short'}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    target = chosen.json or RESULTS / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(result, indent=1) + "\n")
    print(f"\n{target}")


if __name__ == "__main__":
    from table import report

    main()
