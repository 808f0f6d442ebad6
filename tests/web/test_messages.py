"""Finding messages at the console: who finds which, each with its chain of proof."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import update
from tests.e2e.kit import ENROL, County, attendance, enrolment, id_no
from tests.e2e.test_corrections import RESULT, finding, two_dropouts
from tests.web.browsing import Browser, token_of
from tests.web.test_desk import alert, looked

from jdgate.cli import main
from jdgate.core.evidence_verify import verify
from jdgate.founding import pinned_authority
from jdgate.gateway import persons
from jdgate.people import accounts
from jdgate.store import drafts, ledger
from jdgate.store.tables import message as message_table

pytestmark = pytest.mark.anyio
Browse = Callable[..., Browser]
NOBODY = "0194f3a0-0000-7000-8000-000000000001"
numbers = iter(range(300, 900, 10))


async def enrolled(county: County, number: int | None = None) -> str:
    """A message that the clinic sent and the police got; its id."""
    number = number if number is not None else next(numbers)
    (id,) = await county.submit("cln-01", ENROL, [enrolment(number)])
    await county.verdicts([id])
    await county.quiet()
    return id


async def letter(county: County, id: str, recipient: str) -> str:
    """The delivery of a message to a member; its id."""
    found = await county.ask("messages.show", id=id)
    return next(str(one["id"]) for one in found["letters"] if one["recipient"] == recipient)


async def signed_in(browse: Browse, login: str, **headers: str) -> Browser:
    """Somebody's browser, with a session: a password takes its time on purpose."""
    browser = browse(**headers)
    daemon = browser.county.daemon
    assert daemon.house is not None
    token = await daemon.house.run(lambda conn: accounts.begin(conn, login, daemon.clock.now()))
    browser.client.cookies.set("jdgate", token, domain="127.0.0.1")
    return browser


# --- searching


async def test_a_department_finds_what_it_sent_and_what_it_got(
    county: County, browse: Browse
) -> None:
    sent = await enrolled(county)
    got = await letter(county, sent, "pol")
    nurse, police = await signed_in(browse, "nurse"), await signed_in(browse, "police")
    elsewhere = await signed_in(browse, "elsewhere")
    assert f'href="/messages/{sent}"' in (await nurse.open("/messages")).text
    assert f'href="/messages/{sent}"' not in (await nurse.open("/messages?side=received")).text
    for path in ("/messages", f"/messages?type={ENROL}", "/messages?side=received"):
        assert f'href="/messages/{got}"' in (await police.open(path)).text, path
    page = await police.open("/messages")
    assert f'href="/messages/{sent}"' not in page.text, "it knows it by what it got"
    assert "甄患者" not in page.text
    for path in ("/messages", "/messages?member=cln-01", "/messages?member=pol&side=received"):
        page = await elsewhere.open(path)
        assert sent not in page.text and got not in page.text, path


async def test_the_authority_finds_by_member_type_verdict_and_day(
    county: County, browse: Browse
) -> None:
    await enrolled(county, 250)
    (told,) = await county.push("cln-02", "mmt.attendance.v1", [attendance(9999, "2026-11-01")])
    assert told["verdict"] == "refused"
    refused = told["id"]
    checker = await signed_in(browse, "checker")
    today = county.daemon.clock.now().date().isoformat()

    async def found(query: str) -> str:
        answer = await checker.open(f"/messages?{query}")
        assert answer.status_code == 200, answer.text
        return answer.text

    assert refused in await found("verdict=refused&member=cln-02")
    assert refused in await found(f"member=cln-02&side=sent&since={today}&until=2999-01-01")
    assert refused not in await found("verdict=accepted&member=cln-02")
    assert refused not in await found(f"member=cln-02&type={ENROL}")
    assert refused not in await found("member=cln-02&until=2020-01-01")
    page = await checker.open(f"/messages/{refused}")
    assert "网关退回了第二门诊发来的消息" in page.text and "没有对应的登记备案" in page.text
    for wrong in ("since=yesterday", "verdict=perhaps", "member=pol&side=up", "before=x"):
        answer = await checker.open(f"/messages?{wrong}")
        assert answer.status_code == 422 and 'role="alert"' in answer.text, wrong


async def test_pages_together_hold_each_message_once(county: County) -> None:
    for _ in range(3):
        await enrolled(county)
    whole = await county.ask("messages.search", limit=200)
    assert whole["next"] is None
    rows: list[dict[str, Any]] = []
    before: str | None = None
    while True:
        page = await county.ask("messages.search", limit=2, before=before)
        assert len(page["rows"]) <= 2
        rows += page["rows"]
        before = page["next"]
        if before is None:
            break
    assert rows == whole["rows"]


async def test_any_id_of_it_leads_to_its_chain(county: County, browse: Browse) -> None:
    sent = await enrolled(county)
    got = await letter(county, sent, "pol")
    checker = await signed_in(browse, "checker")
    for id in (sent, got, f"  {sent.upper()} "):
        answer = await checker.open("/messages", params={"id": id})
        assert answer.headers["location"] == f"/messages/{id.strip().lower()}"
        page = await checker.open(answer.headers["location"])
        assert "向县公安局禁毒大队提供 1 条记录" in page.text, id
    raised = await alert(county, "PSCHAIN")
    page = await checker.open(f"/messages/{raised}")
    assert "发出提醒（派出所）" in page.text
    answer = await checker.open("/messages", params={"id": NOBODY})
    assert answer.status_code == 404 and NOBODY in answer.text


async def test_the_command_line_finds_the_same(county: County) -> None:
    sent = await enrolled(county)

    def run(*words: str) -> Any:
        given = ["messages", *words, "--json", "-c", str(county.home.config)]
        result = CliRunner().invoke(main, given)
        assert result.exit_code == 0, result.output
        return json.loads(result.output)

    listed = await asyncio.to_thread(run, "list", "--member", "cln-01", "--type", ENROL)
    assert sent in [row["id"] for row in listed["rows"]]
    chain = await asyncio.to_thread(run, "show", sent)
    assert chain["message"]["verdict"] == "accepted" and chain["entries"][0]["holds"] is not False


# --- the chain


async def test_a_chain_says_who_was_shown_what_on_which_basis(
    county: County, browse: Browse
) -> None:
    sent = await enrolled(county)
    got = await letter(county, sent, "pol")
    police = await signed_in(browse, "police")
    await police.open(f"/inbox/{got}")
    await county.until(lambda: looked(county, got))
    checker = await signed_in(browse, "checker")
    page = await checker.open(f"/messages/{sent}")
    for words in (
        "网关接收了第一门诊发来的 1 条记录", "向县公安局禁毒大队提供 1 条记录", "可见项目",
        "[已核对原文]", "县公安局禁毒大队签收", "县公安局禁毒大队的 police 查看了内容",
        "内容保存到",
    ):  # fmt: skip
        assert words in page.text, words
    assert id_no(300) not in page.text and "甄患者" not in page.text
    assert f'href="/inbox/{got}"' not in page.text, "it lies on another desk"
    mine = await police.open(f"/messages/{got}")
    assert f'href="/inbox/{got}"' in mine.text and "县公安局禁毒大队签收" in mine.text


async def test_verifying_now_goes_through_the_plan_step_by_step(
    county: County, browse: Browse
) -> None:
    sent = await enrolled(county)
    checker = await signed_in(browse, "checker")
    page = await checker.open(f"/messages/{sent}")
    done = await checker.send(page, f"/messages/{sent}/verify")
    assert done.status_code == 200 and "每一步都成立" in done.text
    for number in range(1, 12):
        assert f'<li value="{number}">' in done.text, number
    assert "等待下一个检查点" not in done.text, "a checkpoint was signed for it"


async def test_a_sender_is_not_told_who_else_knows_a_person(county: County, browse: Browse) -> None:
    sent = await two_dropouts(county, next(numbers))
    got = await letter(county, sent, "com-01")
    nurse = await signed_in(browse, "nurse")
    page = await nurse.open(f"/messages/{sent}")
    assert "网关接收了第一门诊发来的 2 条记录" in page.text
    assert "社区戒毒办" not in page.text and got not in page.text, "it may have an order there"
    entry = (await county.ask("messages.show", id=sent, member="cln-01"))["entries"]
    assert [one["kind"] for one in entry] == ["accepted"]
    assert "deliveries" not in entry[0]["leaf"]
    done = await nurse.send(page, f"/messages/{sent}/verify")
    assert "以上条目都在台账中" in done.text and "社区戒毒办" not in done.text
    assert (await nurse.send(page, f"/messages/{sent}/evidence")).status_code == 404
    elsewhere = await signed_in(browse, "elsewhere")
    mine = await elsewhere.open(f"/messages/{got}")
    assert "向甲镇社区戒毒办提供 1 条记录" in mine.text and "公安局" not in mine.text


async def test_corrections_of_a_message_stand_in_its_chain(county: County, browse: Browse) -> None:
    sent = await two_dropouts(county, next(numbers))
    (told,) = await county.push("cln-01", RESULT, [finding(sent, 0, "confirmed_on")])
    assert told["verdict"] == "accepted", told
    await county.quiet()
    checker = await signed_in(browse, "checker")
    page = await checker.open(f"/messages/{sent}")
    assert f'href="/messages/{told["id"]}"' in page.text and "第 1 条" in page.text
    got = await letter(county, sent, "com-01")
    other = await county.ask("messages.show", id=got, member="com-01")
    assert other["corrections"] == [], "the record that was corrected is none of its own"


async def test_what_was_erased_leaves_its_proof(county: County, browse: Browse) -> None:
    sent = await enrolled(county)
    now = county.daemon.clock.now()

    def erase(conn: Any) -> None:
        gone = update(message_table).where(message_table.c.id == sent)
        conn.execute(gone.values(body=None, key_id=None, erased_at=now))
        ledger.erase(conn, sent)

    await county.books(erase)
    checker = await signed_in(browse, "checker")
    page = await checker.open(f"/messages/{sent}")
    assert "内容已删除，证明仍然有效" in page.text
    done = await checker.send(page, f"/messages/{sent}/verify")
    assert "以上条目都在台账中" in done.text and "✓ 已验证" in done.text


async def test_a_draft_leads_to_what_was_sent_for_it(county: County, browse: Browse) -> None:
    sent = await enrolled(county)
    drafted = "0194f3a0-0000-7000-8000-00000000dada"

    def offer(conn: Any) -> None:
        row = drafts.DraftRow(
            id=drafted, rule="clinic.absence", cause="c", owner="cln-01", type=ENROL, key_id="k",
            prefill=None, reason_code="draft.refused", params={}, checks=[],
            created_at=county.daemon.clock.now(), state="accepted", by="王医生", message_id=sent,
        )  # fmt: skip
        drafts.offer(conn, row)

    await county.books(offer)
    nurse, police = await signed_in(browse, "nurse"), await signed_in(browse, "police")
    page = await nurse.open(f"/messages/{drafted}")
    assert f'href="/messages/{sent}"' in page.text and "王医生" in page.text
    assert re.search(r"缺服药.* <small class=\"hint\">clinic.absence</small>", page.text)
    assert (await police.open(f"/messages/{drafted}")).status_code == 404


# --- taking evidence


async def test_evidence_is_taken_by_who_was_given_all_of_it(county: County, browse: Browse) -> None:
    sent = await enrolled(county)
    nurse = await signed_in(browse, "nurse")
    page = await nurse.open(f"/messages/{sent}")
    file = await nurse.send(page, f"/messages/{sent}/evidence")
    assert file.headers["content-disposition"] == f'attachment; filename="{sent}.jws"'
    report = verify(file.content, pinned_authority(county.home.authority_public))
    assert report.ok and report.summary is not None and report.summary.message == sent
    await county.until(lambda: looked(county, sent))
    assert await looked(county, sent) == [("cln-01", "nurse", "work")]

    got = await letter(county, sent, "pol")
    asked = {"nurse": sent, "police": got, "checker": sent, "keeper": sent, "elsewhere": got}
    statuses = {}
    for login, id in asked.items():
        browser = await signed_in(browse, login)
        form = {"form_token": token_of(await browser.open("/messages"))}
        answer = await browser.client.post(f"/messages/{id}/evidence", data=form)
        statuses[login] = answer.status_code
    assert statuses == {"nurse": 200, "police": 404, "checker": 404, "keeper": 403,
                        "elsewhere": 404}  # fmt: skip
    assert len(await looked(county, sent)) <= 2, "what is refused is no look"


async def test_the_authority_takes_entries_without_content(county: County, browse: Browse) -> None:
    number = next(numbers)
    sent = await enrolled(county, number)
    keeper, nurse = await signed_in(browse, "keeper"), await signed_in(browse, "nurse")
    page = await keeper.open(f"/messages/{sent}")
    proof = (await keeper.send(page, f"/messages/{sent}/proof")).json()
    assert [one["kind"] for one in proof["entries"]] == ["accepted", "disclosed", "delivered"]
    assert all(one["path"] for one in proof["entries"])
    assert id_no(number) not in str(proof)
    assert not re.search(r"""salt\w*\W*["'] *:""", str(proof)), "hashes may hold the word"
    page = await nurse.open(f"/messages/{sent}")
    assert (await nurse.send(page, f"/messages/{sent}/proof")).status_code == 403


# --- by person


async def test_an_auditor_of_the_authority_finds_by_person_and_that_is_noted(
    county: County, browse: Browse
) -> None:
    number = next(numbers)
    sent = await enrolled(county, number)
    checker = await signed_in(browse, "second-checker")
    page = await checker.open("/messages")
    before = len(await searches(county))
    found = await checker.send(page, "/messages/person", id_type="ric", id_no=id_no(number))
    assert found.status_code == 200 and f'href="/messages/{sent}"' in found.text
    assert id_no(number) not in found.text + str(found.url)
    leaves = await searches(county)
    assert len(leaves) == before + 1 and leaves[-1]["operator"] == "second-checker"
    tokens = await county.books(
        lambda conn: persons.pseudonyms(conn, county.gateway.ground.vault, id_no(number))
    )
    assert leaves[-1]["target"] not in (id_no(number), *(one.hex() for one in tokens.values()))

    again = await checker.send(
        page, "/messages/person", id_type="pseudonym", id_no=tokens["mmt"].hex()
    )
    assert f'href="/messages/{sent}"' in again.text and tokens["mmt"].hex() not in again.text
    for kind, typed in (("ric", "999999199001010010"), ("pseudonym", "00"), ("name", "甄患者")):
        wrong = await checker.send(page, "/messages/person", id_type=kind, id_no=typed)
        assert wrong.status_code == 422 and 'role="alert"' in wrong.text, kind
        assert typed not in wrong.text or typed == "00"
    assert len(await searches(county)) == before + 2, "what is no number is not searched for"


async def searches(county: County) -> list[dict[str, Any]]:
    return [one for one in await county.leaves() if one.get("act") == "messages.searched"]


async def test_searches_by_person_are_few_a_day(county: County, browse: Browse) -> None:
    county.turned.stay_within_a_day()
    checker = await signed_in(browse, "checker")
    page = await checker.open("/messages")
    most = county.gateway.ground.queries.persons
    given = {"id_type": "pseudonym", "by": "checker"}
    for each in range(most):
        await county.ask("messages.person", **given, id_no=f"{each:032x}")
    answer = await checker.send(page, "/messages/person", id_type="pseudonym", id_no="f" * 32)
    assert answer.status_code == 422 and f"最多按人员查找 {most} 次" in answer.text


@pytest.mark.parametrize("login", ["auditor", "keeper", "office", "police", "nurse"])
async def test_nobody_else_finds_by_person(county: County, browse: Browse, login: str) -> None:
    browser = await signed_in(browse, login)
    page = await browser.open("/messages")
    assert "/messages/person" not in page.text
    answer = await browser.send(page, "/messages/person", id_type="ric", id_no=id_no(1))
    assert answer.status_code == 403


# --- attacks


async def test_ids_of_others_and_of_nobody_lead_nowhere(county: County, browse: Browse) -> None:
    sent = await enrolled(county)
    got = await letter(county, sent, "pol")
    raised = await alert(county, "PSFAR")
    elsewhere = await signed_in(browse, "elsewhere")
    form = {"form_token": token_of(await elsewhere.open("/messages"))}
    for id in (sent, got, raised, NOBODY):
        for path in (f"/messages/{id}", f"/messages?id={id}"):
            assert (await elsewhere.open(path)).status_code == 404, path
        for act in ("verify", "evidence"):
            answer = await elsewhere.client.post(f"/messages/{id}/{act}", data=form)
            assert answer.status_code == 404, act
        bare = await elsewhere.client.post(f"/messages/{id}/verify")
        assert bare.status_code == 403, "no token of a form"


async def test_what_is_searched_for_is_only_text(county: County, browse: Browse) -> None:
    checker = await signed_in(browse, "checker")
    attack = "\"><script>alert(1)</script>'{{7777*7777}}"
    for name in ("id", "member", "type", "verdict", "side", "since", "until", "before"):
        page = await checker.open("/messages", params={name: attack})
        assert page.status_code in (200, 404, 422), name
        assert "<script>alert" not in page.text and "60481729" not in page.text
    for day in ("0001-01-01", "9999-12-31"):  # where the calendar of computers ends
        page = await checker.open("/messages", params={"since": day, "until": day})
        assert page.status_code == 422 and 'role="alert"' in page.text, day
    page = await checker.open("/messages", params={"type": "a\x00b\r\nset-cookie: x=y"})
    assert page.status_code == 200 and "x=y" not in str(page.headers)
