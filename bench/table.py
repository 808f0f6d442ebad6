"""The figures as a person reads them."""

from __future__ import annotations

import statistics
from typing import Any

TARGETS = {"batched": 20_000, "enrolled": 800}
NAMES = {
    "batched": "attendance, 200 records a message",
    "enrolled": "enrolments one by one, delivered and receipted",
    "attended": "attendance one by one",
}


def report(result: dict[str, Any]) -> None:
    """Print everything that `run.py` found."""
    machine = result["machine"]
    print(
        f"\n{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}, "
        f"nats-server {machine['nats_server']}; load before {machine['load_before']}, a disk sync "
        f"{machine['disk_sync_ms']['median']} ms (p99 {machine['disk_sync_ms']['p99']})"
    )
    _rates(result)
    if "latency" in result:
        _latency(result["latency"])
    for name in ("stages_batched", "stages_singly"):
        if name in result:
            _stages(name, result[name])
    if "memory_curve_mb" in result:
        _memory(result["memory_curve_mb"])
    elif "memory_mb" in result:
        shown = ", ".join(f"{name} {mb:.0f}" for name, mb in result["memory_mb"].items())
        print(f"\nmemory at the end, MB: {shown}")
    print(f"trouble: {result['trouble']}")


def _rates(result: dict[str, Any]) -> None:
    print(
        f"\n{'median of runs':<48}{'records/s':>10}{'target':>8}{'load':>6}   processor µs/record"
    )
    for key, name in NAMES.items():
        runs = result.get(key, [])
        if not runs:
            continue
        rate = statistics.median(run["per_second"] for run in runs)
        load = statistics.median(run["load"] for run in runs)
        middle = sorted(runs, key=lambda run: run["per_second"])[len(runs) // 2]
        cost = ", ".join(f"{who} {us:.0f}" for who, us in middle["cpu_us_per_record"].items())
        print(f"{name:<48}{rate:>10,.0f}{TARGETS.get(key, ''):>8}{load:>6.1f}   {cost}")


def _latency(found: dict[str, dict[str, Any]]) -> None:
    print(f"\n{'push to inbox, ms':<48}{'median':>10}{'p99':>8}{'most':>8}")
    names = {"alert": "absence alert (target 50, 200)", "filing": "enrolment at the police"}
    for key, name in names.items():
        one = found[key]
        print(f"{name:<48}{one['median_ms']:>10.1f}{one['p99_ms']:>8.1f}{one['most_ms']:>8.1f}")


def _stages(name: str, found: dict[str, Any]) -> None:
    kind = "batched attendance" if name == "stages_batched" else "single enrolments"
    print(
        f"\ngateway, {kind}: {found['messages']} messages in {found['groups']} groups; its thread "
        f"busy {found['thread_busy']:.0%}, processor ms/message: thread "
        f"{found['thread_cpu_ms']:.3f}, event loop {found['loop_cpu_ms']:.3f}"
    )
    print(f"  {'stage':<20}{'ms/message':>12}{'share':>8}{'processor':>12}{'calls/message':>15}")
    for stage, one in found["stages"].items():
        if one["share"] >= 0.002:
            calls = one["calls"] / found["messages"]
            took = f"{one['ms']:>12.4f}{one['share']:>8.1%}{one['cpu_ms']:>12.4f}"
            print(f"  {stage:<20}{took}{calls:>15.2f}")


def _memory(points: list[dict[str, float]]) -> None:
    if not points:
        return
    names = [name for name in points[0] if name != "at"]
    print(f"\n{'memory, MB':<12}" + "".join(f"{name:>14}" for name in names))
    step = max(1, len(points) // 12)
    for point in [*points[::step], points[-1]]:
        print(f"{point['at']:>10.0f} s" + "".join(f"{point[name]:>14.0f}" for name in names))
