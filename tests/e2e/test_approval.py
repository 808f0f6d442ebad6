"""What people approve leaves with their names, and comes back to them when it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.e2e.hostile import RawMember
from tests.e2e.kit import DROPOUT, ENROL, County, enrolment, person

from jdgate.core import directory
from jdgate.core.evidence_verify import verify
from jdgate.core.signing import payload_unverified
from jdgate.edge.outbox import kept
from jdgate.errors import Refused
from jdgate.founding import AUTHORITY, pinned_authority
from jdgate.keystore import read_key_file
from jdgate.store import draft_box, outbox, sequences
from jdgate.store.draft_box import DraftBoxRow

pytestmark = pytest.mark.anyio

DOCTOR = "王医生"
DRAFT = "0194f3a0-0000-7000-8000-00000000d0d0"


def dropout(number: int) -> dict[str, Any]:
    return person(number) | {"site": "cln-09", "confirmed_on": "2026-03-01", "confirmer": DOCTOR}


async def test_without_a_person_behind_it_a_member_program_sends_no_notice(tmp_path: Path) -> None:
    county = County.found(tmp_path / "county")
    async with county.running():
        raw = await RawMember.open(county, "cln-09")
        purpose = county.daemon.catalogue.sheets[DROPOUT].purpose
        alone = raw.message(DROPOUT, data=[dropout(1)], purpose=purpose)
        named = raw.message(DROPOUT, data=[dropout(2)], purpose=purpose, approvedby=(DOCTOR,))
        await raw.send(raw.sealed(alone), raw.sealed(named))
        (said,) = await raw.receipts(alone.id)
        assert (said["verdict"], said["code"]) == ("refused", "agreement.approval")
        (said,) = await raw.receipts(named.id)
        assert said["verdict"] == "accepted"
        await raw.close()

        (came,) = await county.until(lambda: county.inbox("pol", DROPOUT))
        assert came["approved_by"] == [DOCTOR]
        assert [one["name"] for one in came["data"]] == [dropout(2)["name"]]
        await county.quiet()
        proof = (await county.ask("evidence.export", id=named.id))["evidence"].encode()
    report = verify(proof, pinned_authority(county.home.authority_public))
    assert report.ok and report.summary is not None, report.failed
    assert report.summary.approved_by == (DOCTOR,)
    assert [step.params["by"] for step in report.steps if step.code == "evidence.approved"] == [
        DOCTOR
    ]


async def test_a_push_that_wants_a_person_names_one(tmp_path: Path) -> None:
    county = County.found(tmp_path / "county")
    async with county.running():
        given = {"member": "cln-01", "type": DROPOUT, "records": [dropout(1)]}
        with pytest.raises(Refused) as refused:
            await county.ask("submit", **given)
        assert refused.value.code == "agreement.approval"
        (verdict,) = await county.push(**given, approved_by=["李医生"])
        assert verdict["verdict"] == "accepted"
        (came,) = await county.until(lambda: county.inbox("pol", DROPOUT))
        assert came["approved_by"] == ["李医生"]


COMPLETES = """
from jdgate.plugins import hookimpl


@hookimpl(tryfirst=True)
def jdgate_complete(draft, register):
    return dict(draft.prefill)
"""


async def draft_for(county: County, member: str, type: str, record: dict[str, Any]) -> str:
    """A draft in a member's box, as a rule's would lie there."""
    assert county.daemon.edge is not None
    desk, id = county.daemon.edge.desk(member), DRAFT

    def put(conn: Any) -> None:
        inside = msgspec.json.encode({"prefill": record, "params": {}})
        now = county.daemon.clock.now()
        sealed = desk.vault.seal(conn, "sys.draft.v1", now.date(), inside, id.encode())
        row = DraftBoxRow(
            member=member, id=id, type=type, rule="test", cause="test", reason_code="draft.refused",
            params={}, key_id=sealed.key_id, prefill=sealed.blob, checks=["custody"],
            received_at=now,
        )  # fmt: skip
        draft_box.add(conn, row)

    await county.daemon.edge.run(put)
    return id


async def revoked(county: County, member: str, at: Any) -> None:
    """Have the authority revoke a member's signing keys at a moment, or take that back."""
    members = [
        msgspec.structs.replace(
            one,
            keys=tuple(
                msgspec.structs.replace(key, revoked_at=at)
                if one.id == member and key.use == "sig"
                else key
                for key in one.keys
            ),
        )
        for one in county.gateway.ground.trust.directory.members
    ]
    before = county.gateway.ground.trust.directory
    newer = msgspec.structs.replace(before, version=before.version + 1, members=tuple(members))
    signer = read_key_file(county.home.keys / f"{AUTHORITY}.key").signer
    await county.gateway.adopt(directory.Trust(newer), directory.publish(newer, signer))


async def test_a_refused_draft_waits_again_with_the_reason_and_goes_once(tmp_path: Path) -> None:
    county = County.found(tmp_path / "county")
    async with county.running():
        await county.push("cln-01", ENROL, [enrolment(5)])
        await county.quiet()
        known = {"patient_ref": "P00005", "site": "cln-01", "last_attended": "2026-02-01"}
        id = await draft_for(county, "cln-01", DROPOUT, known)
        approve = {"id": id, "by": DOCTOR, "checked": ["custody"]}
        await revoked(county, "cln-01", county.daemon.clock.now())
        refused_id = (await county.ask("drafts.approve", **approve))["message"]

        async def waits() -> Any:
            return await county.ask("drafts.list", member="cln-01", state="waiting")

        (row,) = await county.until(waits)
        assert (row["state"], row["refused"]["code"]) == ("refused", "key.revoked")
        assert (row["by"], row["message"]) == (None, None)

        await revoked(county, "cln-01", None)
        again = await county.ask("drafts.approve", **approve)
        assert again["message"] != refused_id
        await county.until(lambda: county.inbox("pol", DROPOUT))

        async def no_gap() -> bool:
            where = await county.books(lambda conn: sequences.position(conn, "cln-01"))
            return where.highest > 0 and where.contiguous == where.highest

        # the numbers of what was refused are not waited for, and it is not sent a second time
        await county.until(no_gap)
        await county.quiet()
        assert len(await county.inbox("pol", DROPOUT)) == 1
        edge = county.daemon.edge
        assert edge is not None
        row = await edge.run(lambda conn: outbox.get(conn, refused_id))
        assert row is not None and row.state == "refused"


async def test_two_people_approve_what_two_must(tmp_path: Path) -> None:
    county = County.found(tmp_path / "county", plugins={"completes": COMPLETES})
    demand = "courier.data.request.v1"
    record = {
        "to": "cln-01",
        "legal_doc_no": "W-1",
        "waybill_no": "SF1000001",
        "scope": ["images"],
    }
    async with county.running():
        id = await draft_for(county, "pol", demand, record)
        approve = {"id": id, "checked": ["custody"]}
        first = await county.ask("drafts.approve", **approve, by="李警官")
        assert first == {"decision": None, "message": None}
        with pytest.raises(Refused) as refused:
            await county.ask("drafts.approve", **approve, by="李 警官")
        assert refused.value.code == "approval.same_person"
        shown = await county.ask("drafts.show", id=id)
        assert (shown["state"], shown["approvers"]) == ("waiting", ["李警官"])

        done = await county.ask("drafts.approve", **approve, by="赵警官")
        (verdict,) = await county.verdicts([done["message"]])
        assert verdict["verdict"] == "accepted", verdict


SOURCES = """
from jdgate.plugins import Batch, Health, hookimpl

ENROL, DROPOUT = "mmt.enrol.filed.v1", "mmt.dropout.notice.v1"
NOTICE = {notice}
GIVEN = {{
    "alone": Batch(DROPOUT, [NOTICE], mark="1"),
    "purpose": Batch(ENROL, [{enrolment}], mark="1", purpose="curiosity"),
    "draft": Batch(DROPOUT, [NOTICE], mark="1", inreplyto="{draft}", approved_by=("王医生",)),
    "good": Batch(DROPOUT, [NOTICE], mark="1", purpose="mmt.continuity",
                  inreplyto="{answered}", approved_by=("赵医生",)),
}}


class Given:
    def __init__(self, which):
        self.name = f"given.{{which}}"
        self.batch = GIVEN[which]

    async def check(self):
        return Health(ok=True)

    async def collect(self, mark=None):
        if mark is None:
            yield self.batch


@hookimpl
def jdgate_adapters(member, roles, settings):
    return [Given(which) for which in GIVEN] if member == "cln-01" else []
"""
ANSWERED = "0194f3a0-0000-7000-8000-00000000a0a0"


async def test_a_source_names_who_approved_and_answers_no_draft(tmp_path: Path) -> None:
    source = SOURCES.format(
        notice=dropout(1), enrolment=enrolment(1), draft=DRAFT, answered=ANSWERED
    )
    county = County.found(tmp_path / "county")
    async with county.running():
        await draft_for(county, "cln-01", DROPOUT, dropout(1))
    (county.plugins_dir / "given.py").write_text(source, "utf-8")
    async with county.running():
        edge = county.daemon.edge
        assert edge is not None
        wanted = {
            "given.alone": "agreement.approval",
            "given.purpose": "agreement.purpose",
            "given.draft": "draft.not_by_source",
            "given.good": "",
        }
        await county.until(
            lambda: (
                {c.name: c.trouble for c in edge.conditions if c.failures} | {"given.good": ""}
                == wanted
            )
        )
        (came,) = await county.until(lambda: county.inbox("pol", DROPOUT))
        assert came["approved_by"] == ["赵医生"]
        (row,) = await edge.run(lambda conn: outbox.search(conn, "cln-01"))
        assert row.type == DROPOUT, "something else left"
        desk = edge.desk("cln-01")
        payload = await edge.run(lambda conn: payload_unverified(kept(conn, desk, row)))
        assert f'"inreplyto":"{ANSWERED}"'.encode() in payload
