"""What only a real server shows: transactions that overlap, and its own kinds of columns."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from plugins.police.tests.office import Office
from plugins.police.tests.test_source import Edge, id_no
from sqlalchemy import text
from sqlalchemy.engine import URL

pytestmark = pytest.mark.anyio


@pytest.fixture
def office(postgresql: Callable[[], URL], tmp_path: Path) -> Office:
    return Office(postgresql(), tmp_path)


async def test_a_transaction_that_began_first_and_commits_last_is_not_lost(office: Office) -> None:
    office.found()
    edge = Edge(office)
    change = "INSERT INTO change_log VALUES (:id, '甄', :no, :wh, 'released', '2026-11-19')"
    with office.engine.connect() as slow:
        slow.execute(text(change), {"id": 1, "no": id_no(1), "wh": "D1"})
        office.does(change, id=2, no=id_no(2), wh="D2")
        await edge.round()
        assert list(edge.documents()) == ["D2"]
        slow.commit()
    await edge.round()
    assert not await edge.round()
    assert edge.documents() == {"D1": 1, "D2": 1}


@pytest.mark.parametrize(
    ("key", "marker"),
    [
        ("uuid", "timestamptz"),
        ("bigint", "numeric(20,3)"),
        ("text", "date"),
        ("char(36)", "bigint"),
    ],
)
async def test_keys_and_markers_of_any_kind_go_on_after_a_restart(
    office: Office, key: str, marker: str
) -> None:
    office.found()
    office.does("ALTER TABLE decision RENAME TO plain")
    at = {
        "timestamptz": "p.updated_at AT TIME ZONE 'Asia/Shanghai'",
        "numeric(20,3)": "extract(epoch FROM p.updated_at)",
        "date": "p.updated_at",
        "bigint": "9000000000 + extract(epoch FROM p.updated_at)",
    }[marker]
    office.does("CREATE TABLE name_of (n INTEGER, k TEXT)")
    made = str if key == "bigint" else lambda n: str(uuid.uuid5(uuid.NAMESPACE_OID, str(n)))
    office.does(
        "INSERT INTO name_of VALUES (:n, :k)", *({"n": n, "k": made(n)} for n in range(600))
    )
    office.does(
        "CREATE VIEW decision AS SELECT xm, sfzh, zxd, cs, wh, sdrq,"
        f" name_of.k::{key} AS id, ({at})::{marker} AS updated_at"
        " FROM plain p JOIN name_of ON name_of.n = p.id"
    )
    edge = Edge(office)
    moments = {n: datetime(2026, 11, 19) + timedelta(minutes=n // 3) for n in range(600)}
    _into_plain(office, moments)
    while await edge.round(stop_after=1):
        edge.restarted()
    assert edge.documents() == {f"D{n}": 1 for n in range(600)}


def _into_plain(office: Office, moments: dict[int, datetime]) -> None:
    office.does(
        "INSERT INTO plain VALUES (:id, '甄', :no, '511623100000', '1', :wh, '2026-11-18', :at)",
        *(
            {"id": n, "no": id_no(n), "wh": f"D{n}", "at": at.isoformat(" ")}
            for n, at in moments.items()
        ),
    )
