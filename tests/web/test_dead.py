"""Dead letters at the console: why they lie there, who sees them, who tries again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.e2e.kit import ENROL, County
from tests.web.browsing import Browser, token_of
from tests.web.test_messages import enrolled, letter, signed_in

from jdgate.store import dead
from jdgate.store.dead import DeadRow

pytestmark = pytest.mark.anyio
Browse = Callable[..., Browser]


async def set_aside(county: County, id: str, member: str = "pol", **changes: Any) -> None:
    """A dead letter in the books."""
    given: dict[str, Any] = {
        "id": id, "direction": "out", "member": member, "type": ENROL,
        "code": "admission.record_count", "params": {"got": 0, "most": 500},
        "at": county.daemon.clock.now(), "attempts": 3,
    }  # fmt: skip
    await county.books(lambda conn: dead.add(conn, [DeadRow(**(given | changes))]))


async def test_the_authority_tries_a_letter_again_under_its_name(
    county: County, browse: Browse
) -> None:
    sent = await enrolled(county)
    id = await letter(county, sent, "pol")
    await set_aside(county, id)
    keeper = await signed_in(browse, "keeper")
    listed = await keeper.open("/dead")
    assert f'href="/dead/{id}"' in listed.text and "县公安局禁毒大队" in listed.text
    page = await keeper.open(f"/dead/{id}")
    assert "要送达的" in page.text and f'href="/messages/{id}"' in page.text
    done = await keeper.send(page, f"/dead/{id}/retry", by="somebody else")
    assert (done.status_code, done.headers["location"]) == (303, f"/dead/{id}")
    page = await keeper.open(f"/dead/{id}")
    assert "已重试" in page.text and "keeper甲" in page.text and "/retry" not in page.text
    assert f'href="/dead/{id}"' not in (await keeper.open("/dead")).text
    assert f'href="/dead/{id}"' in (await keeper.open("/dead?state=retried")).text
    acts = [one for one in await county.leaves() if one.get("act") == "dead.retried"]
    assert (acts[-1]["operator"], acts[-1]["target"]) == ("keeper甲", id)
    form = {"form_token": token_of(await keeper.open("/messages"))}
    again = await keeper.client.post(f"/dead/{id}/retry", data=form)
    assert again.status_code == 422 and 'role="alert"' in again.text


async def test_what_still_stands_in_the_way_is_said(county: County, browse: Browse) -> None:
    id = "0194f3a0-0000-7000-8000-00000000dead"
    await set_aside(county, id, direction="in", member="cln-01")
    keeper = await signed_in(browse, "keeper")
    page = await keeper.open(f"/dead/{id}")
    answer = await keeper.send(page, f"/dead/{id}/retry")
    assert answer.status_code == 422 and 'role="alert"' in answer.text
    row = await county.ask("dead.show", id=id)
    assert row["state"] == "open"


async def test_a_department_sees_its_own_and_changes_nothing(
    county: County, browse: Browse
) -> None:
    mine, other = "0194f3a0-0000-7000-8000-0000000000a1", "0194f3a0-0000-7000-8000-0000000000a2"
    await set_aside(county, mine, "ps-01")
    await set_aside(county, other, "com-01")
    for login in ("clerk", "admin"):
        browser = await signed_in(browse, login)
        listed = await browser.open("/dead")
        assert mine in listed.text and other not in listed.text
        page = await browser.open(f"/dead/{mine}")
        assert page.status_code == 200 and "/retry" not in page.text
        assert (await browser.open(f"/dead/{other}")).status_code == 404
        form = {"form_token": token_of(listed)}
        for id in (mine, other):
            answer = await browser.client.post(f"/dead/{id}/retry", data=form)
            assert answer.status_code == 403, (login, id)
    checker = await signed_in(browse, "checker")
    page = await checker.open(f"/dead/{other}")
    assert "由县禁毒办的管理员重试" in page.text
    assert (await checker.send(page, f"/dead/{other}/retry")).status_code == 403


async def test_letters_come_page_by_page(county: County, browse: Browse) -> None:
    ids = [f"0194f3a0-0000-7000-8000-00000000b{each:03d}" for each in range(60)]
    for id in ids:
        await set_aside(county, id, "cln-02")
    keeper = await signed_in(browse, "keeper")
    seen, path = "", "/dead"
    for _ in range(4):
        page = await keeper.open(path)
        seen += page.text
        if 'rel="next"' not in page.text:
            break
        path = page.text.split('rel="next"')[0].rpartition('href="')[2].rstrip('" ')
        path = path.replace("&amp;", "&")
    assert [seen.count(f'href="/dead/{id}"') for id in ids] == [1] * len(ids)


async def test_what_a_letter_says_is_only_text(county: County, browse: Browse) -> None:
    attack = "<script>alert(1)</script>"
    id = "0194f3a0-0000-7000-8000-00000000cafe"
    await set_aside(
        county, id, type=attack, code="plugin.failed",
        params={"plugin": attack, "hook": attack, "error": attack, "message": attack},
    )  # fmt: skip
    keeper = await signed_in(browse, "keeper")
    for path in ("/dead", f"/dead/{id}", f"/dead/{attack.replace('/', '%2F')}", "/dead?state=<b>"):
        page = await keeper.open(path)
        assert attack not in page.text and "<b>" not in page.text, path
