"""The benchmark's county: one directory, three machines.

`gateway/` plays the gateway (and starts nats-server), `clinics/` hosts the clinics, `desks/` hosts
whoever receives. Each has its own keys and databases, as real machines would.
"""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from jdgate import catalogues
from jdgate.config import Home
from jdgate.founding import GATEWAY, MemberPlan, found
from jdgate.keystore import SUFFIX
from jdgate.plugins.host import PluginHost

REGION = "511623000000"
RECEIVERS = ("nco", "pol", "ps-01", "com-01")


class Machines(msgspec.Struct, frozen=True):
    """The folders of the daemons."""

    gateway: Path
    clinics: list[Path]
    desks: Path


def settle(
    root: Path, clinics: int, machines_of_clinics: int, workers: int, *, console: bool = False
) -> Machines:
    """Make keys, directory and configuration of all under `root`.

    `console`: the gateway's machine hosts whoever receives, and serves them the console.
    """
    county = (REGION,)
    members = [
        MemberPlan("nco", "禁毒办", ("NCO",), county, "authority"),
        MemberPlan(GATEWAY, "交换网关", ("GW",), county, "gateway"),
        MemberPlan("pol", "禁毒大队", ("POL",), county),
        MemberPlan("ps-01", "派出所", ("PS",), county),
        MemberPlan("com-01", "社区康复办", ("COM",), county),
    ]
    senders = [f"cln-{number:02d}" for number in range(1, clinics + 1)]
    members += [MemberPlan(each, f"门诊{each}", ("CLN",), county) for each in senders]
    catalogue = catalogues.load_all(PluginHost(None, (), {"clinic": {"absence_days": 7}}))
    hosts = {
        root / f"clinics-{at + 1}": senders[at::machines_of_clinics]
        for at in range(machines_of_clinics)
    }
    machines = Machines(root / "gateway", list(hosts), root / ("gateway" if console else "desks"))
    machines.gateway.mkdir(parents=True)
    first = Home(machines.gateway)
    found(
        first,
        region=REGION,
        name="基准县",
        plan=members,
        catalogue_digest=catalogue.digest,
        now=datetime.now(UTC),
    )
    if not console:
        hosts[machines.desks] = list(RECEIVERS)
    for folder, hosted in hosts.items():
        home = Home(folder)
        home.keys.mkdir(parents=True)
        home.var.mkdir(mode=0o700)
        shutil.copy(first.authority_public, home.authority_public)
        shutil.copy(first.directory, home.directory)
        for member in hosted:
            shutil.move(first.keys / f"{member}{SUFFIX}", home.keys / f"{member}{SUFFIX}")
        _roles(first.config, home.config, "edge")
    played = ("gateway", "edge") if console else ("gateway",)
    _roles(first.config, first.config, *played, workers=workers, console=console)
    return machines


def _roles(
    source: Path, target: Path, *roles: str, workers: int = 0, console: bool = False
) -> None:
    text = source.read_text()
    for was, now in (
        ('roles = ["gateway", "edge"]', f"roles = {json.dumps(roles)}\nworkers = {workers}"),
        ("enabled = true", f"enabled = {json.dumps(console)}"),
    ):
        if was not in text:
            raise ValueError(f"the configuration has no line {was}")
        text = text.replace(was, now)
    target.write_text(text)
