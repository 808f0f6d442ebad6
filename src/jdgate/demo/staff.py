"""The demo county's operators: one for each role, and a second one where two have to agree. They
are where the story leaves something to do; what nobody takes on in time moves to the authority's
office.

They share a password that is made with the county and told at each start of the demo. A real county
has nothing like it: there, each person sets their own by a link.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from jdgate.config import Home
from jdgate.people import accounts, credentials
from jdgate.people.house import House
from jdgate.store import people

OPERATORS = (
    ("nurse", "刘护士", "cln-01", "clerk"),
    ("doctor", "王医生", "cln-01", "approver"),
    ("director", "李主任", "cln-01", "approver"),
    ("town", "陈专干", "com-03", "clerk"),
    ("police", "赵警官", "pol", "approver"),
    ("officer", "钱警官", "pol", "approver"),
    ("inspector", "吴警官", "ps-01", "clerk"),
    ("office", "冯主任", "nco", "approver"),
    ("auditor", "孙审计", "nco", "auditor"),
    ("auditor2", "郑审计", "nco", "auditor"),
    ("admin", "周管理", "nco", "administrator"),
)


def hire(home: Home, now: datetime) -> None:
    """Make the operators, and their password."""
    password = credentials.token()[:12]
    kept = credentials.keep(password)

    def work(conn: Connection, house: House) -> None:
        for login, name, member, role in OPERATORS:
            accounts.add(conn, house.key, login=login, name=name, member=member, role=role, now=now)
            people.change(conn, login, password=kept)
            people.drop_links(conn, login)

    with House.open(home) as house:
        house.now(lambda conn: work(conn, house))
    _file(home).touch(mode=0o600)
    _file(home).write_text(password, "ascii")


def password(home: Home) -> str | None:
    """The password of all of them, where they were made."""
    try:
        return _file(home).read_text("ascii").strip()
    except FileNotFoundError:
        return None


def _file(home: Home) -> Path:
    return home.var / "demo-password"
