"""The demo county's members and its founding.

25 towns with a town hall and a police station each, the police narcotics unit with a
registry in a database of theirs, a clinic, courier companies, the bureaus that hear of licences,
chemicals and referrals, the anti-drug office and the gateway. The county's code is that of a real
county, because routing by region needs real codes; its towns exist nowhere, and nothing else of it
is meant either.

    found_demo(home, now)
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from jdgate import catalogues
from jdgate.config import Home
from jdgate.core.directory import Directory
from jdgate.demo import registry, staff
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
GRID = "grd-01"
COURIERS = ("cur-01", "cur-02", "cur-03", "cur-04")
BUREAUS = (
    ("tra", "公安局交警大队车管所", "TRA"),
    ("dtx-01", "强制隔离戒毒所", "DTX"),
    ("post", "邮政管理局", "POST"),
    ("civ", "民政局", "CIV"),
    ("hrs", "人力资源和社会保障局", "HRS"),
    ("hou", "住房和城乡建设局", "HOU"),
    ("ema", "应急管理局", "EMA"),
    ("mpa", "药品监督管理分局", "MPA"),
    ("biz", "商务局", "BIZ"),
    ("hlt", "卫生健康局", "HLT"),
    ("samr", "市场监督管理局", "SAMR"),
    ("fin", "财政局", "FIN"),
    ("edu", "教育局", "EDU"),
)
DROPOUT_DAYS = 15

RULES = f"""\
[rules.clinic]
absence_days = 7              # M1, stays with the clinic (design choice, not a legal number)
dropout_days = {DROPOUT_DAYS}             # M2: A DEMO VALUE. No law was found to name a number
                              # (7, 15 and 30 all occur); a real county leaves this out until
                              # health and police have signed a number off together
report_by = "10:00"           # the day's attendance is expected by then on the next day

[rules.clinic.sites]
{CLINIC} = ["{CLINIC}-a", "{CLINIC}-b"]   # its extension sites; a record of another is refused

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
    members += [MemberPlan(each, NAME + title, (role,), county) for each, title, role in BUREAUS]
    members += [
        MemberPlan(each, f"示例快递{number}公司", ("CUR",), county)
        for number, each in enumerate(COURIERS, start=1)
    ]
    members.append(MemberPlan(GRID, f"{TOWNS[0]}第一网格", ("GRD",), (town_code(0),)))
    for index, town in enumerate(TOWNS):
        region = (town_code(index),)
        place = town.removesuffix("镇").removesuffix("乡")
        # a name that says nothing of drugs: who helps or visits sees who asked them to
        members.append(MemberPlan(office(index), f"{town}人民政府", ("COM",), region))
        members.append(MemberPlan(station(index), f"{place}派出所", ("PS",), region))
    return members


def town_code(index: int) -> str:
    """The 12-digit division code of a town."""
    return f"511623{101 + index}000"


def office(index: int) -> str:
    """The member that is a town's office for community orders."""
    return f"com-{index + 1:02d}"


def station(index: int) -> str:
    """The member that is a town's police station."""
    return f"ps-{index + 1:02d}"


def is_demo(directory: Directory) -> bool:
    """Whether a directory is that of a demo county, whatever its configuration says."""
    return {one.id for one in plan()} <= {one.id for one in directory.members}


def found_demo(home: Home, now: datetime, plugins_dir: Path | None = None) -> Directory:
    """Make the demo county under `home`.

    Raises:
        UsageError: `config.exists`. Refused: `catalogue.…`, `plugin.…`.
    """
    directory = found(
        home,
        region=REGION,
        name=NAME,
        plan=plan(),
        catalogue_digest=catalogues.load_all(PluginHost(plugins_dir)).digest,
        now=now,
        demo=True,
        rules=RULES + registry.SETTINGS,
    )
    registry.settle(home)
    staff.hire(home, now)
    return directory
