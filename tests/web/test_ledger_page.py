"""The ledger and the catalogue at the console."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.e2e.kit import County
from tests.web.browsing import Browser, token_of
from tests.web.test_messages import NOBODY, enrolled, letter, signed_in

from jdgate.core.encoding import b64u
from jdgate.core.ledger import leaf_hash
from jdgate.gateway import upkeep
from jdgate.store import ledger, witness
from jdgate.store.witness import WitnessRow
from jdgate.web.pages.ledger import Verifier
from jdgate.web.site import Site

pytestmark = pytest.mark.anyio
Browse = Callable[..., Browser]


async def test_the_head_is_signed_and_its_witnesses_agree(county: County, browse: Browse) -> None:
    await enrolled(county)
    await upkeep.sign_head(county.gateway)
    size = (await county.ask("ledger.head"))["checkpoint_size"]

    async def held() -> bool:
        rows = await county.ask("ledger.witnesses")
        return len(rows) > 2 and all(row["size"] >= size for row in rows)

    await county.until(held)
    assert all(row["same"] for row in await county.ask("ledger.witnesses"))
    checker, clerk = await signed_in(browse, "checker"), await signed_in(browse, "clerk")
    page = await checker.open("/ledger")
    assert "网关签名有效" in page.text and "✓ 一致" in page.text and "不一致" not in page.text
    mine = await clerk.open("/ledger")
    assert "派出所" in mine.text and "第一门诊" not in mine.text, "a department sees its own"


async def test_a_witness_of_another_history_is_noticed(county: County, browse: Browse) -> None:
    await enrolled(county)
    assert county.daemon.edge is not None
    size, now = (await county.ask("ledger.head"))["size"], county.daemon.clock.now()
    row = WitnessRow("com-02", size, b"another history".ljust(32), b"jws", now)
    await county.daemon.edge.run(lambda conn: witness.keep(conn, row))
    checker = await signed_in(browse, "checker")
    assert "不一致：历史被改动" in (await checker.open("/ledger")).text


async def test_the_whole_ledger_is_verified_one_at_a_time(county: County, browse: Browse) -> None:
    await enrolled(county)
    keeper = await signed_in(browse, "keeper")
    page = await keeper.open("/ledger")
    begun = await keeper.send(page, "/ledger/verify")
    assert (begun.status_code, begun.headers["location"]) == (303, "/ledger#verify")
    again = await keeper.send(page, "/ledger/verify")
    assert again.status_code in (303, 409)

    async def done() -> bool:
        live = await keeper.open("/ledger", headers={"X-Jdgate-Live": "1"})
        return "条全部相符" in live.text and "keeper甲" in live.text

    await county.until(done)
    clerk = await signed_in(browse, "clerk")
    page = await clerk.open("/ledger")
    assert "/ledger/verify" not in page.text and "keeper甲" not in page.text
    assert (await clerk.send(page, "/ledger/verify")).status_code == 403


async def test_a_ledger_that_was_tampered_with_is_said_to_be_broken(
    county: County, browse: Browse
) -> None:
    await enrolled(county)
    await upkeep.sign_head(county.gateway)
    stored = await county.books(lambda conn: ledger.leaf(conn, 1))
    assert stored is not None

    def write(body: bytes) -> None:
        with county.gateway.books.transaction() as conn:
            conn.exec_driver_sql('UPDATE ledger_leaf SET body = ? WHERE "index" = 1', (body,))

    await county.gateway.aside(lambda: write(stored.body.replace(b"2", b"3")))
    try:
        checker = await signed_in(browse, "checker")
        page = await checker.open("/ledger")
        await checker.send(page, "/ledger/verify")

        async def told() -> bool:
            return '<p class="error">✗' in (await checker.open("/ledger")).text

        await county.until(told)
        entry = await checker.open("/ledger?q=1")
        assert "✗ 证明不成立" in entry.text
    finally:
        await county.gateway.aside(lambda: write(stored.body))


async def test_an_entry_is_found_by_number_and_by_id(county: County, browse: Browse) -> None:
    sent = await enrolled(county)
    (accepted, disclosed, *_) = (await county.ask("messages.show", id=sent))["entries"]
    checker = await signed_in(browse, "checker")
    page = await checker.open(f"/ledger?q={accepted['index']}")
    stored = await county.books(lambda conn: ledger.leaf(conn, accepted["index"]))
    assert stored is not None and "网关接收了第一门诊" in page.text
    assert b64u(leaf_hash(stored.body)) in page.text, "the authority sees its exact text and hash"
    assert "向县公安局禁毒大队提供" in (await checker.open(f"/ledger?q={sent}")).text
    got = await letter(county, sent, "pol")
    police, elsewhere = await signed_in(browse, "police"), await signed_in(browse, "elsewhere")
    mine = await police.open(f"/ledger?q={got}")
    assert mine.status_code == 200 and "县公安局禁毒大队签收" in mine.text
    assert sent not in mine.text and "leaf_hash" not in mine.text
    for q in (accepted["index"], disclosed["index"], sent, got, NOBODY, "9" * 15, "9" * 40):
        assert (await elsewhere.open(f"/ledger?q={q}")).status_code == 404, q
    assert (await elsewhere.open("/ledger?q=0")).status_code == 200, "directories are everybody's"


async def test_what_is_looked_up_is_only_text(county: County, browse: Browse) -> None:
    checker = await signed_in(browse, "checker")
    attack = '"><script>alert(1)</script>'
    page = await checker.open("/ledger", params={"q": f"{attack}\x00"})
    assert page.status_code == 404 and "<script>alert" not in page.text
    page = await checker.open(f"/catalogue/{attack.replace('/', '%2F')}")
    assert page.status_code == 404 and "<script>alert" not in page.text


async def test_the_catalogue_says_what_may_be_exchanged(county: County, browse: Browse) -> None:
    nurse = await signed_in(browse, "nurse")
    page = await nurse.open("/catalogue")
    for type in county.daemon.catalogue.sheets:
        assert f'href="/catalogue/{type}"' in page.text, type
    row = page.text.split('href="/catalogue/mmt.dropout.notice.v1"')[1].split("</tr>")[0]
    assert "本单位可发" in row and "本单位可收" not in row
    sheet = await nurse.open("/catalogue/mmt.dropout.notice.v1")
    for words in ("乡镇（街道）", "须一名具名人员批准", "[已核对原文]", "个人信息", "comm.order"):
        assert words in sheet.text, words
    sheet = await nurse.open("/catalogue/precursor.inspect.result.v1")
    row = sheet.text.split("stocks.unit</span>")[1].split("</tr>")[0]
    for words in ("千克", "必填", "禁毒大队"):
        assert words in row, "what lies inside a list, and who sees it"
    english = await signed_in(browse, "nurse", **{"Accept-Language": "en"})
    for type in county.daemon.catalogue.sheets:
        page = await english.open(f"/catalogue/{type}")
        assert page.status_code == 200 and "web." not in page.text.split("<main")[1], type


@pytest.mark.parametrize("path", ["/messages", "/dead", "/ledger", "/catalogue"])
async def test_strangers_are_sent_to_sign_in(county: County, browse: Browse, path: str) -> None:
    stranger = browse()
    answer = await stranger.open(path)
    assert answer.headers["location"].startswith("/sign-in")
    page = await stranger.open("/sign-in")
    for act in ("/messages/person", "/ledger/verify", f"/dead/{NOBODY}/retry"):
        form = {"form_token": token_of(page)}
        assert (await stranger.client.post(act, data=form)).status_code in (401, 403)


async def test_a_verification_that_breaks_off_says_so(county: County) -> None:
    async def broken() -> AsyncIterator[Any]:
        yield {"done": 1, "total": 2, "checkpoints": 0}
        raise RuntimeError("no such thing")

    house = county.daemon.house
    assert house is not None
    site = Site(county.daemon, house, tls=False)
    site.ask["ledger.verify"] = broken
    verifier = Verifier(site)
    verifier.begin("checker甲")
    await county.until(lambda: not verifier.running)
    assert verifier.last is not None and verifier.last.ended_at is not None
    assert verifier.last.fault is not None and verifier.last.fault.code == "control.failed"
    site.close()
