"""A department's system posts a table: each row gets its answer, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest
from tests.e2e.kit import ATTENDANCE, ENROL, County, enrolment
from tests.web.test_api import client

from jdgate.commands.tables import MOST_BYTES
from jdgate.web.api.tables import ANY, CSV, XLSX

pytestmark = pytest.mark.anyio
SAMPLE = Path(__file__).parents[2] / "samples" / "attendance-mistakes.csv"


@pytest.fixture(scope="module")
async def system(county: County) -> AsyncIterator[httpx.AsyncClient]:
    made = await county.ask(
        "token.add", member="cln-01", name="HIS", types=[ATTENDANCE], receives=False, days=9
    )
    await county.push("cln-01", ENROL, [enrolment(900 + n, patient_ref=f"P010{n}") for n in (1, 2)])
    async with client(county, made["token"]) as found:
        yield found


async def post(system: httpx.AsyncClient, id: str, data: bytes, **more: Any) -> httpx.Response:
    headers = {"content-type": more.pop("kind", CSV), **more.pop("headers", {})}
    return await system.post("/api/v1/tables", params={"id": id, **more}, content=data,
                             headers=headers)  # fmt: skip


async def test_each_row_of_a_table_is_answered_and_the_table_is_sent_once(
    county: County, system: httpx.AsyncClient
) -> None:
    first = await post(system, "t-1", SAMPLE.read_bytes())
    assert first.status_code == 202, first.text
    told = first.json()
    assert told["type"] == ATTENDANCE
    by_row = {one["row"]: one for one in told["rows"]}
    assert by_row[3]["state"] == "waiting" and by_row[6]["state"] == "refused"
    assert set(by_row[6]["reasons"][0]["texts"]) == {"zh", "en"}
    assert "示例四" not in first.text, "a row's values are in no answer"
    await county.verdicts(told["messages"])

    again = (await post(system, "t-1", SAMPLE.read_bytes())).json()
    assert again["messages"] == told["messages"]
    assert again["counts"]["waiting"] == 0 and again["counts"]["accepted"] >= 2
    assert (await system.get("/api/v1/tables/t-1")).json() == again
    other = await post(system, "t-1", SAMPLE.read_bytes() + b"\n")
    assert other.status_code == 409

    book = await post(system, "t-1", SAMPLE.read_bytes(), headers={"accept": XLSX})
    assert book.headers["content-type"] == XLSX
    sheet = openpyxl.load_workbook(BytesIO(book.content)).active
    assert sheet is not None and sheet.max_row >= again["counts"]["refused"]


async def test_ids_of_tables_and_of_records_are_apart(system: httpx.AsyncClient) -> None:
    for id in ("table:q", "q"):
        sent = {"id": id, "type": ATTENDANCE, "records": [{"site": "cln-01"}]}
        assert (await system.post("/api/v1/messages", json=sent)).status_code == 202
    assert (await system.get("/api/v1/tables/q")).status_code == 404
    assert (await post(system, "q", SAMPLE.read_bytes())).status_code == 202


async def test_what_is_no_table_of_this_token_is_refused(
    county: County, system: httpx.AsyncClient
) -> None:
    headings = await post(system, "t-8", "编号,日期,是否到诊\n".encode())
    assert headings.json()["title"] == "files.no_rows"
    other = await post(system, "t-9", b"a,b\n1,2\n")
    assert other.json()["title"] == "web.table_none"
    bare = await system.post("/api/v1/tables", content=b"x", headers={"content-type": ANY})
    assert bare.json()["texts"]["en"].endswith("at: id"), "it says which parameter lacks"
    cases = {
        422: [
            headings,
            other,
            await post(system, "t-2", b""),
            await post(system, "t-3", b"\x00\x01\x02", kind=ANY),
            await post(system, "t-4", b"PK\x03\x04broken", kind=XLSX, type=ATTENDANCE),
        ],
        403: [await post(system, "t-5", SAMPLE.read_bytes(), type=ENROL)],
        415: [await post(system, "t-6", b"x", kind="text/html")],
        413: [await post(system, "t-7", b" " * (MOST_BYTES + 1))],
        400: [bare, await post(system, "a/b", b"x"), await post(system, "x" * 65, b"x")],
        404: [await system.get("/api/v1/tables/none")],
    }
    for status, answers in cases.items():
        assert [one.status_code for one in answers] == [status] * len(answers)
