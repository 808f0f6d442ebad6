"""The demo county's members and its founding.

25 towns with a community office and a police station each, the police narcotics unit, a clinic,
the anti-drug office and the gateway. The county's code is that of a real county, because routing
by region needs real codes; its towns exist nowhere, and nothing else of it is meant either.

    found_demo(home, now)
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from jdgate import catalogues
from jdgate.config import Home
from jdgate.core.directory import Directory
from jdgate.founding import GATEWAY, MemberPlan, found
from jdgate.plugins.host import PluginHost

REGION = "511623000000"
NAME = "示例县"
# fmt: off
TOWNS = (
    "甲山镇", "乙水镇", "丙林镇", "丁田镇", "戊石镇", "己泉镇", "庚桥镇", "辛坪镇", "壬湾镇",
    "癸岭镇", "子溪镇", "丑岩镇", "寅谷镇", "卯塘镇", "辰峰镇", "巳竹镇", "午滩镇", "未渡镇",
    "申坡镇", "酉井镇", "戌岗乡", "亥浦乡", "日垭乡", "月坝乡", "星坳乡",
)
# fmt: on
"""Twenty-five towns that exist nowhere."""

CLINIC = "cln-01"
POLICE = "pol"
DROPOUT_DAYS = 15

RULES = f"""\
[rules.clinic]
absence_days = 7              # M1, stays with the clinic (design choice, not a legal number)
dropout_days = {DROPOUT_DAYS}             # M2: A DEMO VALUE. No law was found to name a number
                              # (7, 15 and 30 all occur); a real county leaves this out until
                              # health and police have signed a number off together
report_by = "10:00"           # the day's attendance is expected by then on the next day
"""


def plan() -> list[MemberPlan]:
    """Every member of the demo county."""
    county = (REGION,)
    members = [
        MemberPlan("nco", f"{NAME}禁毒办", ("NCO",), county, "authority"),
        MemberPlan(GATEWAY, f"{NAME}交换网关", ("GW",), county, "gateway"),
        MemberPlan(POLICE, f"{NAME}公安局禁毒大队", ("POL",), county),
        MemberPlan(CLINIC, f"{NAME}药物维持治疗门诊", ("CLN",), county),
    ]
    for index, town in enumerate(TOWNS):
        region = (town_code(index),)
        place = town.removesuffix("镇").removesuffix("乡")
        members.append(MemberPlan(office(index), f"{town}社区戒毒社区康复办", ("COM",), region))
        members.append(MemberPlan(f"ps-{index + 1:02d}", f"{place}派出所", ("PS",), region))
    return members


def town_code(index: int) -> str:
    """The 12-digit division code of a town."""
    return f"511623{101 + index}000"


def office(index: int) -> str:
    """The member that is a town's office for community orders."""
    return f"com-{index + 1:02d}"


def found_demo(home: Home, now: datetime, plugins_dir: Path | None = None) -> Directory:
    """Make the demo county under `home`.

    Raises:
        UsageError: `config.exists`. Refused: `catalogue.…`, `plugin.…`.
    """
    return found(
        home,
        region=REGION,
        name=NAME,
        plan=plan(),
        catalogue_digest=catalogues.load_all(PluginHost(plugins_dir)).digest,
        now=now,
        demo=True,
        rules=RULES,
    )
