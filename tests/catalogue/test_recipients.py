"""Each department gets exactly the fields that the reference gives it, and no other does."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from catalogue_examples import COUNTY, GOOD, NEW_TOWN, TOWN, VILLAGE

from jdgate.core.catalogue import default_path, load
from jdgate.core.projection import project
from jdgate.core.regions import RegionIndex
from jdgate.core.routing import Desk, NoDesk, RelationFact, desk_of, desks
from jdgate.core.sheet import ROLES

CATALOGUE = load([default_path()])


class Member(msgspec.Struct, frozen=True):
    id: str
    roles: tuple[str, ...]
    regions: tuple[str, ...] = (COUNTY,)
    status: str = "active"


PLACED = {
    "com-01": ("COM", TOWN), "com-02": ("COM", NEW_TOWN), "ps-01": ("PS", TOWN),
    "ps-02": ("PS", NEW_TOWN), "grd-01": ("GRD", VILLAGE), "cln-01": ("CLN", TOWN),
    "cln-02": ("CLN", NEW_TOWN), "cur-01": ("CUR", COUNTY),
}  # fmt: skip
MEMBERS = [Member(id, (role,), (region,)) for id, (role, region) in PLACED.items()]
HELD = {role for role, _ in PLACED.values()}
MEMBERS += [Member(role.lower(), (role,)) for role in ROLES if role not in HELD]
INDEX = RegionIndex(MEMBERS)
FIRST = {role: INDEX.with_role(role)[0] for role in ROLES}
ROLE_OF = {member.id: member.roles[0] for member in MEMBERS}

P = "name id_type id_no"
ALL = "*"
SEES: dict[str, dict[str, str]] = {
    "mmt.attendance.v1": {},
    "mmt.enrol.filed.v1": {"POL": f"{P} site date status"},
    "mmt.dropout.notice.v1": {"POL": ALL, "COM": f"{P} confirmed_on"},
    "mmt.custody.notice.v1": {"CLN": ALL},
    "mmt.relapse.report.v1": {"POL": ALL},
    "mmt.terminate.report.v1": {"POL": ALL},
    "mmt.transfer.request.v1": {"CLN": ALL, "COM": f"{P} to"},
    "mmt.transfer.ack.v1": {"CLN": ALL},
    "comm.order.notice.v1": {"COM": ALL},
    "comm.team.assign.v1": {"PS": ALL, "COM": ALL, "SOC": ALL},
    "comm.status.change.v1": {"COM": ALL},
    "comm.checkin.done.v1": {"POL": ALL},
    "comm.checkin.overdue.v1": {"POL": ALL},
    "comm.test.result.v1": {"POL": ALL, "COM": ALL},
    "comm.absence.noted.v1": {},
    "comm.violation.report.v1": {"POL": ALL},
    "comm.transfer.handover.v1": {"COM": ALL, "PS": f"{P} doc_no"},
    "comm.control.exit.v1": {"COM": ALL},
    "release.prenotice.v1": {"POL": ALL, "PS": ALL, "COM": ALL},
    "release.handover.v1": {"COM": ALL},
    "release.received.v1": {"DTX": ALL, "POL": ALL},
    "grid.visit.task.v1": {"GRD": ALL},
    "grid.visit.result.v1": {"COM": ALL},
    "aid.referral.v1": {"CIV": ALL, "HRS": ALL, "HOU": ALL},
    "aid.result.v1": {"COM": ALL},
    "aid.child.referral.v1": {"CIV": ALL},
    "aid.withdrawal.v1": {"CIV": ALL, "HRS": ALL, "HOU": ALL},
    "licence.basis.notice.v1": {"TRA": ALL},
    "licence.action.result.v1": {"POL": ALL},
    "licence.objection.v1": {"TRA": ALL, "POL": ALL},
    "licence.restore.v1": {"TRA": ALL, "POL": ALL},
    "licence.eligibility.query.v1": {"POL": ALL},
    "licence.eligibility.answer.v1": {"TRA": ALL},
    "sealed.query.v1": {"POL": ALL},
    "sealed.answer.v1": {"PS": ALL, "TRA": ALL, "DTX": ALL},
    "courier.stat.v1": {
        "POST": ALL,
        "NCO": "outlet period_from period_to realname_rate inspect_rate xray_rate",
    },
    "courier.suspect.report.v1": {"POL": ALL, "POST": "outlet found_at stage desc isolated"},
    "courier.spotcheck.result.v1": {"NCO": ALL, "POL": ALL},
    "courier.data.request.v1": {"CUR": ALL},
    "precursor.sale.filed.v1": {"POL": ALL},
    "precursor.inspect.result.v1": {
        "POL": ALL,
        "EMA": "uscc date fix_by findings_ema",
        "MPA": "uscc date fix_by findings_mpa",
        "SAMR": "uscc date fix_by findings_samr",
    },
    "precursor.annual.report.v1": {"POL": ALL, "EMA": ALL, "MPA": ALL},
    "precursor.loss.report.v1": {
        "POL": ALL,
        **dict.fromkeys(("EMA", "MPA", "BIZ", "HLT"), "uscc cas qty unit found_at kind"),
    },
    "precursor.permit.change.v1": {"POL": ALL, "SAMR": ALL},
    "tip.sealed.v1": {"POL": ALL},
    "tip.ask.v1": {"POL": ALL},
    "tip.progress.v1": {"COM": ALL, "CHAM": ALL},
    "tip.reward.notice.v1": {"FIN": "receipt_token amount approver"},
    "tip.reward.pay.v1": {"FIN": ALL},
    "share.apply.v1": {"*": ALL},
    "share.reply.v1": {"*": ALL},
    "correct.request.v1": {"*": ALL},
    "correct.result.v1": {"*": ALL},
    "subject.request.v1": {"*": ALL},
    "subject.reply.v1": {"COM": ALL},
    "supervise.notice.v1": {"*": ALL},
    "supervise.reply.v1": {"NCO": ALL},
    "reconcile.register.v1": {},
    "venue.patrol.result.v1": {"POL": ALL, "NCO": "uscc date result fix_by"},
    "school.prevention.report.v1": {"NCO": ALL},
    "staffing.report.v1": {"NCO": "town as_of workers_n"},
    "outreach.report.v1": {"NCO": ALL},
}
"""Domain reference §3: type → recipient role → fields. What the gateway sends is below."""

FROM_GATEWAY: dict[str, str] = {
    "mmt.absence.alert.v1": "CLN",
    "mmt.transfer.alert.v1": "CLN",
    "comm.alert.v1": "COM POL PS",
    "release.alert.v1": "POL PS COM DTX",
    "licence.alert.v1": "POL TRA",
    "courier.alert.v1": "POST POL CUR",
    "precursor.alert.v1": "PS POL ENT EMA MPA BIZ HLT SAMR",
    "precursor.sales.total.v1": "EMA",
    "tip.alert.v1": "POL",
    "share.alert.v1": " ".join(ROLES),
    "county.alert.v1": "NCO POL PS COM EDU",
    "county.digest.v1": "NCO POL PS COM CLN POST EDU",
    "reconcile.difference.v1": "COM PS",
}
"""Type → roles that the gateway may address it to."""

TO_THE_LIKE = {
    "mmt.transfer.request.v1",
    "mmt.transfer.ack.v1",
    "comm.transfer.handover.v1",
    "comm.team.assign.v1",
}
"""Types that go from one member to another of the same role."""

ONE_OF = {
    "comm.team.assign.v1": [
        ({"place": "officer", "member": "ps-01"}, "PS"),
        ({"place": "community_worker", "member": "com-02"}, "COM"),
        ({"place": "social_worker", "member": "soc"}, "SOC"),
    ],
    "aid.referral.v1": [
        ({"need_type": "relief"}, "CIV"),
        ({"need_type": "training"}, "HRS"),
        ({"need_type": "housing"}, "HOU"),
    ],
    "aid.withdrawal.v1": [
        ({"need_type": "child"}, "CIV"),
        ({"need_type": "job"}, "HRS"),
        ({"need_type": "housing"}, "HOU"),
    ],
    "precursor.annual.report.v1": [
        ({"authority": "EMA"}, "POL EMA"),
        ({"authority": "MPA"}, "POL MPA"),
        ({"authority": "POL"}, "POL"),
    ],
    "sealed.answer.v1": [({"to": "ps-01"}, "PS"), ({"to": "tra"}, "TRA"), ({"to": "dtx"}, "DTX")],
    "tip.progress.v1": [({"to": "com-01"}, "COM"), ({"to": "cham"}, "CHAM")],
}
"""Types whose records go to one department or another: what decides, and to whom then."""


def relations(name: str, subject: str) -> RelationFact | None:
    known = {
        "comm.order": RelationFact(True, region=TOWN),
        "mmt.enrolled": RelationFact(True, member="cln-02"),
        "release.place": RelationFact(True, member="dtx"),
    }
    return known.get(name)


def found_for(name: str, record: dict[str, Any], sender: str) -> list[Desk | NoDesk]:
    return desks(
        CATALOGUE.sheets[name],
        record,
        sender=sender,
        message_region=None,
        index=INDEX,
        relations=relations,
    )


def fields_told(name: str, role: str) -> set[str]:
    told = SEES[name][role]
    return set(CATALOGUE.sheets[name].fields) if told == ALL else set(told.split())


CASES = [
    (name, role, changes, set(SEES[name]) if roles is None else set(roles.split()))
    for name in sorted(SEES)
    for role in CATALOGUE.sheets[name].senders
    for changes, roles in ONE_OF.get(name, [({}, None)])
]


def test_every_type_is_either_for_members_or_for_the_gateway_to_send() -> None:
    own = {name for name in CATALOGUE.sheets if name.startswith("sys.")}
    assert {*SEES, *FROM_GATEWAY, *own} == set(CATALOGUE.sheets)
    assert all(CATALOGUE.sheets[name].senders == ("GW",) for name in FROM_GATEWAY)


@pytest.mark.parametrize(
    ("name", "sender_role", "changes", "roles"),
    CASES,
    ids=[f"{name}-{role}-{'.'.join(changes.values())}" for name, role, changes, _ in CASES],
)
def test_a_record_reaches_these_roles_with_these_fields(
    name: str, sender_role: str, changes: dict[str, str], roles: set[str]
) -> None:
    sender = FIRST["CLN" if sender_role == "*" else sender_role]
    record = {**GOOD[name], **changes}
    got: dict[str, set[str]] = {}
    for item in found_for(name, record, sender):
        assert isinstance(item, Desk), item
        assert item.member != sender
        assert item.basis, "shown without a legal basis"
        assert item.role == "*" or ROLE_OF[item.member] == item.role
        got[item.role] = set(project(record, item.fields))
    expected = roles if name in TO_THE_LIKE else roles - {ROLE_OF[sender]}
    assert got == {role: fields_told(name, role) for role in expected}


def test_an_inspection_without_findings_for_a_department_does_not_reach_it() -> None:
    name = "precursor.inspect.result.v1"
    record = {k: v for k, v in GOOD[name].items() if k not in ("findings_mpa", "findings_samr")}
    found = found_for(name, record, "ps-01")
    assert [item.role for item in found] == ["POL", "EMA"]


@pytest.mark.parametrize("name", sorted(FROM_GATEWAY))
def test_the_gateway_tells_only_the_roles_of_the_sheet(name: str) -> None:
    told = {member.id: desk_of(CATALOGUE.sheets[name], member.id, INDEX) for member in MEMBERS}
    found = {member: desk for member, desk in told.items() if desk is not None}
    assert {ROLE_OF[member] for member in found} == set(FROM_GATEWAY[name].split())
    assert len(found) == sum(member.roles[0] in FROM_GATEWAY[name].split() for member in MEMBERS)
    for desk in found.values():
        assert set(project(GOOD[name], desk.fields)) == set(GOOD[name])
        assert set(desk.fields) == set(CATALOGUE.sheets[name].fields)


@pytest.mark.parametrize(
    ("name", "lost"),
    [("mmt.transfer.request.v1", {"to": "cln-99"}), ("aid.result.v1", {"to": "pol"}),
     ("comm.transfer.handover.v1", {"to_town": "519999101000"}),
     ("grid.visit.task.v1", {"place": "519999101201"})],
)  # fmt: skip
def test_a_recipient_that_does_not_exist_is_never_a_silent_drop(
    name: str, lost: dict[str, str]
) -> None:
    sender = FIRST[CATALOGUE.sheets[name].senders[0]]
    found = found_for(name, {**GOOD[name], **lost}, sender)
    assert any(isinstance(item, NoDesk) for item in found)


def test_grid_workers_get_nothing_of_a_test_and_nobody_but_police_a_tip() -> None:
    for role in ROLES:
        assert bool(CATALOGUE.fields_for("tip.sealed.v1", role)) == (role == "POL")
    shown_to_grid = {n for n in SEES if CATALOGUE.fields_for(n, "GRD")}
    open_to_all = {n for n in SEES if "*" in SEES[n]}
    assert shown_to_grid - open_to_all == {"grid.visit.task.v1"}


def test_nothing_of_treatment_reaches_the_traffic_police() -> None:
    for name, sheet in CATALOGUE.sheets.items():
        if sheet.domain == "mmt":
            assert CATALOGUE.fields_for(name, "TRA") == ()


@pytest.mark.parametrize("name", sorted(n for n, s in CATALOGUE.sheets.items() if s.sealed))
def test_a_sealed_field_reaches_the_one_role_that_can_open_it(name: str) -> None:
    sheet = CATALOGUE.sheets[name]
    for field, role in sheet.sealed.items():
        assert {route.role for route in sheet.routes if field in route.fields} == {role}


def test_retention_is_as_the_reference_has_it() -> None:
    for name, sheet in CATALOGUE.sheets.items():
        most = {"mmt": 7, "reconcile": 7, "precursor": 731, "courier": 366}.get(sheet.domain, 30)
        if sheet.subject is not None:
            assert sheet.retention_days <= most, name
        if sheet.domain == "mmt":
            assert sheet.retention_days == 7, name
        if sheet.domain == "precursor":
            assert sheet.retention_days >= 730, name
    assert CATALOGUE.sheets["tip.sealed.v1"].retention_days == 1


def test_what_touches_a_person_s_rights_is_signed_by_a_person() -> None:
    for name in ("mmt.dropout.notice", "mmt.relapse.report", "mmt.terminate.report",
                 "comm.checkin.overdue", "comm.violation.report", "comm.control.exit",
                 "licence.action.result", "licence.restore", "sealed.query", "sealed.answer",
                 "correct.result", "subject.reply"):  # fmt: skip
        assert CATALOGUE.sheets[f"{name}.v1"].approval == "human", name
    for name in ("licence.basis.notice", "courier.data.request"):
        assert CATALOGUE.sheets[f"{name}.v1"].approval == "two", name
