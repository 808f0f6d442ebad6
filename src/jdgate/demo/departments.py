"""What the demo's other departments have to say: chapters of messages, the same every time.

25 enterprises that keep precursor chemicals, one in each town; 40 outlets of four courier
companies; somebody who drove under drugs; somebody who leaves a rehabilitation place; somebody who
never checked in; a tip. Companies have codes with the region 999999, which no place has.

    for chapter in Departments(people, today).chapters():
        say(f"demo.chapter_{chapter.name}")
        for sendings in chapter.steps: …        # each step is answered before the next begins
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from jdgate.core.calendar import add_days
from jdgate.core.identity import check_uscc
from jdgate.demo.county import COURIERS, GRID, POLICE, TOWNS, office, station, town_code
from jdgate.demo.people import Patient, People

CHECKIN = "comm.checkin.done.v1"
INSPECTION = "precursor.inspect.result.v1"
STATISTICS = "courier.stat.v1"
BASIS = "licence.basis.notice.v1"
TIP = "tip.sealed.v1"

OUTLETS = 10
"""Of each courier company."""
NOT_INSPECTED = 16
"""The enterprise (by its town) that nobody inspected in the month that has ended."""
SHORT_OF_STOCK = 4
"""The enterprise with less in its store than in its books."""
SHORT_OUTLET = 23
"""The outlet that did not inspect every parcel."""
RELEASED_TO = 8
"""The town that somebody is released to."""

_ACETONE, _HYDROCHLORIC, _TOLUENE = "67-64-1", "7647-01-0", "108-88-3"
_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_OFFICERS = ["民警示例甲", "民警示例乙"]


class Sending(msgspec.Struct, frozen=True):
    """Records of one type that a member sends."""

    member: str
    type: str
    records: list[dict[str, Any]]
    approved_by: tuple[str, ...] = ()


class Chapter(msgspec.Struct, frozen=True):
    """A part of the story. `params` are for its heading."""

    name: str
    steps: list[list[Sending]]
    params: dict[str, Any] = {}


class Departments:
    """Everybody's messages, as seen from the local day `today`."""

    def __init__(self, people: People, today: str) -> None:
        self._people = people
        self._today = today

    def chapters(self) -> Iterator[Chapter]:
        """In the order in which they are told."""
        yield self._enterprises()
        yield self._couriers()
        yield self._driver()
        yield self._release()
        yield self._tip()
        yield self._help()
        yield self._county()

    def checkins(self) -> list[Sending]:
        """Who reported to their township, of all with an order but one."""
        found = []
        for town in range(len(TOWNS)):
            records = [
                {
                    **one.identity,
                    "doc_no": one.order.doc_no,
                    "date": add_days(one.order.served_on, 6),
                    "agreement_no": f"示例协〔{one.order.served_on[:4]}〕{one.ref[1:]}号",
                }
                for one in self._people.ordered
                if one.order is not None
                and one.order.town == town
                and one is not self._people.never_came
            ]
            if records:
                found.append(Sending(office(town), CHECKIN, records))
        return found

    def _enterprises(self) -> Chapter:
        # the last month whose three days of grace are over
        ended = _month_before(add_days(self._today, -3))
        before = _month_before(f"{ended}-01")
        sendings = []
        for town in range(len(TOWNS)):
            records = [_inspection(town, f"{before}-12")]
            if town != NOT_INSPECTED:
                records.append(_inspection(town, f"{ended}-{3 + town % 24:02d}"))
            sendings.append(Sending(station(town), INSPECTION, records))
        return Chapter("enterprises", [sendings], {"enterprises": len(TOWNS), "month": ended})

    def _couriers(self) -> Chapter:
        first, last = add_days(self._today, -7), add_days(self._today, -1)
        sendings = [
            Sending(
                member,
                STATISTICS,
                [_statistics(at * OUTLETS + n, first, last) for n in range(OUTLETS)],
            )
            for at, member in enumerate(COURIERS)
        ]
        return Chapter("couriers", [sendings], {"outlets": OUTLETS * len(COURIERS)})

    def _driver(self) -> Chapter:
        driver, doc = self._uninvolved(3), f"示例交〔{self._today[:4]}〕7号"
        basis = {
            **driver.identity,
            "doc_no": doc,
            "matched_by": "id_document",
            "ground_code": "79-6-driving",
            "effective_on": add_days(self._today, -2),
            "reviewer1": _OFFICERS[0],
            "reviewer2": _OFFICERS[1],
        }
        told = {**driver.identity, "doc_no": doc, "action": "notified", "date": self._today}
        objection = {
            **driver.identity,
            "ref": doc,
            "ground": "wrong_person",
            "lodged_on": self._today,
        }
        return Chapter(
            "driver",
            [
                [Sending(POLICE, BASIS, [basis], (_OFFICERS[0], _OFFICERS[1]))],
                [Sending("tra", "licence.action.result.v1", [told], ("车管所示例甲",))],
                [Sending("tra", "licence.objection.v1", [objection])],
            ],
        )

    def _release(self) -> Chapter:
        person, town = self._uninvolved(5), town_code(RELEASED_TO)
        on = add_days(self._today, 5)
        announced = {
            **person.identity,
            "town": town,
            "release_on": on,
            "next_measure": "community_recovery",
        }
        papers = {
            **person.identity,
            "doc_no": f"示例解〔{self._today[:4]}〕3号",
            "town": town,
            "docs": ["release_certificate", "decision"],
            "handed_on": self._today,
        }
        received = {
            **person.identity,
            "release_on": on,
            "what": "papers",
            "docs": ["release_certificate", "decision"],
            "received_on": self._today,
        }
        return Chapter(
            "release",
            [
                [Sending("dtx-01", "release.prenotice.v1", [announced])],
                [Sending("dtx-01", "release.handover.v1", [papers])],
                [Sending(office(RELEASED_TO), "release.received.v1", [received])],
            ],
        )

    def _tip(self) -> Chapter:
        tip = {
            "receipt_token": "DEMO-TIP-Zk3x9QmT2rWv",
            "received_on": self._today,
            "body": "（虚构线索）示例仓库夜间有异味。",
        }
        return Chapter("tip", [[Sending(office(0), TIP, [tip])]])

    def _help(self) -> Chapter:
        person = self._people.ordered[4]
        assert person.order is not None
        sender = office(person.order.town)
        referral = {
            "ref": "DEMO-H-1",
            **person.identity,
            "need_type": "job",
            "consent_ref": "DEMO-C-1",
            "source": "township",
        }
        result = {"ref": "DEMO-H-1", "to": sender, "status": "granted", "date": self._today}
        visit = {
            "task_no": "DEMO-V-1",
            "name": person.name,
            "address": f"{TOWNS[0]}示例村1组",
            "place": town_code(0),
            "code": "routine",
            "due_on": add_days(self._today, 7),
        }
        visited = {"task_no": "DEMO-V-1", "date": self._today, "met": True, "need_code": "job"}
        return Chapter(
            "help",
            [
                [
                    Sending(sender, "aid.referral.v1", [referral]),
                    Sending(office(0), "grid.visit.task.v1", [visit]),
                ],
                [
                    Sending("hrs", "aid.result.v1", [result]),
                    Sending(GRID, "grid.visit.result.v1", [visited]),
                ],
            ],
        )

    def _county(self) -> Chapter:
        patrol = {
            "uscc": company(40),
            "date": self._today,
            "warning_signs": False,
            "staff_list": True,
            "business_log": True,
            "cameras": True,
            "own_patrols": True,
            "result": "failed",
            "fix_by": add_days(self._today, 10),
        }
        school = {
            "school": "3651000123",
            "year": int(self._today[:4]),
            "grade": 5,
            "hours": 4,
            "base_visits": 1,
        }
        notice = {
            "to": office(11),
            "notice_no": "DEMO-S-1",
            "matter": "staffing",
            "text": "请于期限内配齐专职工作人员",
            "due_on": add_days(self._today, 15),
        }
        return Chapter(
            "county",
            [
                [
                    Sending(station(0), "venue.patrol.result.v1", [patrol]),
                    Sending("edu", "school.prevention.report.v1", [school]),
                    Sending("nco", "supervise.notice.v1", [notice]),
                ]
            ],
        )

    def _uninvolved(self, place: int) -> Patient:
        """A patient to whom nothing else happens in the story."""
        free = [one for one in self._people.patients if one.order is None and one.course is None]
        return free[place]


def company(number: int) -> str:
    """A unified social credit code (GB 32100-2015) of nobody."""
    first = f"91999999MA{number:07d}"
    return next(first + sign for sign in _SIGNS if check_uscc(first + sign) is None)


def _month_before(day: str) -> str:
    """The month before that of `day`, as "2026-10"."""
    return add_days(day[:8] + "01", -1)[:7]


def _inspection(town: int, day: str) -> dict[str, Any]:
    book = 400.0 + 25 * town
    found = book - 30 if town == SHORT_OF_STOCK else book
    return {
        "uscc": company(town),
        "date": day,
        "items": [{"code": code, "ok": True} for code in ("ledger", "storage", "permit")],
        "stocks": [
            {
                "cas": (_ACETONE, _HYDROCHLORIC, _TOLUENE)[town % 3],
                "unit": "kg",
                "book_qty": book,
                "stock_qty": found,
            }
        ],
    }


def _statistics(outlet: int, first: str, last: str) -> dict[str, Any]:
    parcels = 200
    inspected = parcels - 4 if outlet == SHORT_OUTLET else parcels
    return {
        "outlet": f"W-{outlet + 1:03d}",
        "period_from": first,
        "period_to": last,
        "n": parcels,
        "realname_n": parcels,
        "inspect_n": inspected,
        "xray_n": parcels,
        "realname_rate": 100,
        "inspect_rate": inspected * 100 / parcels,
        "xray_rate": 100,
    }
