"""Figures over time, for charts: what digests told, and what rules note of single things.

Rows of digests hold what was told and nothing more: a number that was too small to be told is not
here either. Who may see which is decided by who asks (`commands.overseeing`).

    figures.put(conn, [FigureRow(chart="courier.realname", unit="cur-01", item="W-12", …)])
    figures.since(conn, "courier.realname", "2026-01-01")
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from sqlalchemy import Connection, bindparam, delete, select

from jdgate.store.bulk import Upsert
from jdgate.store.columns import Reader, values
from jdgate.store.tables import figure

COUNTY, UNIT = "county", "unit"
MOST = 20_000


class FigureRow(Struct, kw_only=True):
    """`n` of `of` for `item` of `unit` from day `first` to day `last`; see `picture_tables`."""

    chart: str
    first: str
    last: str
    unit: str
    item: str = ""
    audience: str = UNIT
    n: int | None = None
    of: int | None = None


_ROWS = Reader(figure, FigureRow)
_PUT = Upsert(figure, on=["chart", "first", "unit", "item", "audience"], update=["last", "n", "of"])
_SINCE = (
    _ROWS.select.where(
        figure.c.chart == bindparam("name"),
        figure.c.first >= bindparam("since"),
        figure.c.audience == bindparam("for_whom"),
    )
    .order_by(figure.c.first.desc(), figure.c.unit, figure.c.item)
    .limit(MOST)
)
_CHARTS = select(figure.c.chart).distinct()
_FORGET = delete(figure).where(figure.c.chart == bindparam("of_"), figure.c.first < bindparam("to"))


def put(conn: Connection, rows: Iterable[FigureRow]) -> None:
    """Keep figures, over what was there for the same period."""
    _PUT.run(conn, values(rows))


def since(
    conn: Connection, chart: str, first: str, *, audience: str = UNIT, unit: str | None = None
) -> list[FigureRow]:
    """Figures of periods that began on the day `first` or later, the latest first, of one chart:
    of all units or of one. At most `MOST`."""
    query = _SINCE.where(figure.c.unit == unit) if unit is not None else _SINCE
    given = {"name": chart, "since": first, "for_whom": audience}
    return _ROWS.rows(conn.execute(query, given))


def forget(conn: Connection, before: str) -> None:
    """Forget figures of periods that began before this day."""
    for chart in list(conn.execute(_CHARTS).scalars()):
        conn.execute(_FORGET, {"of_": chart, "to": before})
