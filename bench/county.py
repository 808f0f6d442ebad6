"""The benchmark's county: one directory, three machines.

`gateway/` plays the gateway (and starts nats-server), `clinics/` hosts the clinics, `desks/` hosts
whoever receives. Each has its own keys and databases, as real machines would.
"""

from __future__ import annotations

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


def settle(root: Path, clinics: int, machines_of_clinics: int, workers: int) -> Machines:
    """Make keys, directory and configuration of all under `root`."""
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
    machines = Machines(root / "gateway", list(hosts), root / "desks")
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
    for folder, hosted in (*hosts.items(), (machines.desks, list(RECEIVERS))):
        home = Home(folder)
        home.keys.mkdir(parents=True)
        home.var.mkdir(mode=0o700)
        shutil.copy(first.authority_public, home.authority_public)
        shutil.copy(first.directory, home.directory)
        for member in hosted:
            shutil.move(first.keys / f"{member}{SUFFIX}", home.keys / f"{member}{SUFFIX}")
        _roles(first.config, home.config, "edge")
    _roles(first.config, first.config, "gateway", workers)
    return machines


def _roles(source: Path, target: Path, role: str, workers: int = 0) -> None:
    text = source.read_text()
    played = f'roles = ["{role}"]\nworkers = {workers}'
    target.write_text(text.replace('roles = ["gateway", "edge"]', played))
