"""Runs every check there is over one plugin. See `jdgate.kit`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from jdgate import __version__
from jdgate.clock import machine_time
from jdgate.core.message import show_time
from jdgate.errors import Refused
from jdgate.kit.bench import Bench, Finding, attempt, locate
from jdgate.kit.hooks import HOOKS
from jdgate.kit.importers import IMPORTERS
from jdgate.kit.places import Job
from jdgate.kit.report import Report, digest_of, line_of
from jdgate.kit.rules import RULES
from jdgate.kit.sinks import SINK
from jdgate.kit.sources import SOURCE
from jdgate.kit.suites import SUITES
from jdgate.kit.trial import cases_of
from jdgate.plugins.adapters import Sink, Source
from jdgate.plugins.loading import Found

PATIENCE_S = 600.0
"""Seconds one check of an adapter may take before its process is ended."""

Told = Callable[[Finding], None]
NOT_A_FINDING = ("kit.no_plugin", "kit.several")
"""What is the caller's mistake and says nothing about a plugin."""


class Mistaken(BaseException):
    """Passes through `attempt`, which takes every exception for a finding."""


def check_plugin(target: str | Path, told: Told = lambda found: None) -> Report:
    """The report on the plugin at a path, or the installed one of that name.

    `told` hears each finding when it is there. A plugin that does not load raises nothing: the
    report says so.

    Raises:
        Refused: `kit.no_plugin`, `kit.several`.
    """
    bench: Bench | None = None
    found: Found | None = None

    def load() -> None:
        nonlocal bench, found
        try:
            found = locate(target)
        except Refused as reason:
            if reason.code in NOT_A_FINDING:
                raise Mistaken from reason
            raise
        bench = Bench.load(target)

    try:
        first = attempt("hooks.load", "", load)
    except Mistaken as mistake:
        assert mistake.__cause__ is not None
        raise mistake.__cause__ from None
    told(first)
    if bench is None:
        return _report(found.name if found else Path(target).name, found, None, [first])
    findings = [first]
    for finding in _findings(bench, str(target)):
        findings.append(finding)
        told(finding)
    return _report(bench.name, bench.found, bench, findings)


def _report(name: str, found: Found | None, bench: Bench | None, findings: list[Finding]) -> Report:
    return Report(
        plugin=name,
        version=(found.version if found else None) or "—",
        jdgate=__version__,
        digest=digest_of(found.module) if found else "",
        catalogue=bench.catalogue.digest if bench else "",
        at=show_time(machine_time()),
        passed=not any(one.outcome == "failed" for one in findings),
        checks=tuple(line_of(one) for one in findings),
    )


def _findings(bench: Bench, target: str) -> Iterator[Finding]:
    for check, function in HOOKS.items():
        yield attempt(check, "", partial(function, bench))
    yield from _each(RULES, bench.host.rules, lambda one: one.name, bench, "no_rules")
    yield from _each(IMPORTERS, bench.host.importers, lambda one: one.type, bench, "no_importers")
    yield from _each(SUITES, bench.host.suites, lambda one: one.alg, bench, "no_suites")
    yield from _adapters(bench, target)


def _each(
    checks: Mapping[str, Any],
    subjects: Callable[[], list[Any]],
    name_of: Callable[[Any], str],
    bench: Bench,
    reason: str,
) -> Iterator[Finding]:
    """Each check for each subject; not applicable when there is none."""
    try:
        found = subjects()
    except Exception:
        return  # `hooks.answers` says why
    if not found:
        yield from (Finding(check, "none", "", reason) for check in checks)
    for subject in found:
        for check, function in checks.items():
            yield attempt(check, name_of(subject), partial(function, subject, bench))


def _adapters(bench: Bench, target: str) -> Iterator[Finding]:
    if "jdgate_adapters" not in bench.hooks():
        yield from (Finding(check, "none", "", "no_adapters") for check in [*SINK, *SOURCE])
        return
    if bench.trial is None:
        yield Finding("adapters.trial", "failed", "", "no Trial")
        return
    tried = {"sink": 0, "source": 0}
    with tempfile.TemporaryDirectory(prefix="jdgate-kit-") as folder:
        for number, case in enumerate(cases_of(bench.trial)):
            try:
                settings = bench.trial(Path(folder) / f"look-{number}").settings
                given = Bench.host_of(bench.found, settings).adapters(case.member, case.roles)
            except Exception as error:
                yield attempt("adapters.trial", case.member, partial(_again, error))
                continue
            for _, adapter in given:
                for kind, protocol, checks in (("sink", Sink, SINK), ("source", Source, SOURCE)):
                    if isinstance(adapter, protocol):
                        tried[kind] += 1
                        where = Path(folder) / f"{kind}-{number}-{tried[kind]}"
                        job = Job(target, kind, number, adapter.name, list(checks), str(where))
                        yield from _in_victim(job)
    for kind, checks in (("sink", SINK), ("source", SOURCE)):
        if not tried[kind]:
            yield from (Finding(check, "none", "", f"no_{kind}s") for check in checks)


def _again(error: Exception) -> None:
    raise error


def _in_victim(job: Job) -> Iterator[Finding]:
    """The checks of a job, each in a process that may die; the rest go on in another."""
    left = list(job.checks)
    while left:
        started = None
        for said in _lines(msgspec.structs.replace(job, checks=left)):
            if "started" in said:
                started = said["started"]
                continue
            finding = msgspec.convert(said, Finding)
            left.remove(finding.check)
            started = None
            yield finding
        if left:
            ended = started or left[0]
            left.remove(ended)
            why = f"the process ended or took more than {PATIENCE_S:.0f} s"
            yield Finding(ended, "failed", job.adapter, why)


def _lines(job: Job) -> Iterator[dict[str, Any]]:
    """What a victim prints. It is ended when it says nothing for too long."""
    child = subprocess.Popen(
        [sys.executable, "-m", "jdgate.kit.victim", msgspec.json.encode(job).decode()],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert child.stdout is not None
    try:
        while True:
            timer = threading.Timer(PATIENCE_S, child.kill)
            timer.start()
            line = child.stdout.readline()
            timer.cancel()
            if not line:
                return
            try:
                said = json.loads(line)
            except ValueError:
                continue  # a plugin that prints
            if isinstance(said, dict):
                yield said
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
