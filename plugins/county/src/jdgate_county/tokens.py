"""`jdgate-tokens`: an office's register as tokens, and tokens back to its own rows.

The office and the station share a key, carried by hand. A token is a keyed hash (HMAC-SM3, cut
to 128 bits) of the document number, under a key made from theirs for this town and day: without
it nobody can make or read one, and those of two days have nothing in common. The register is
read here, beside jdgate and not in it: no name and no document number comes near the exchange.

    jdgate-tokens key 511623101000.key
    jdgate-tokens make register.xlsx --key … --town 511623101000 --side town \
        --day 2026-11-20 -o tokens.csv
    jdgate push reconcile.register tokens.csv --as com-01
    jdgate inbox show ID --json | jdgate-tokens find register.xlsx --key …
"""

from __future__ import annotations

import base64
import binascii
import csv
import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from cryptography.hazmat.primitives import hashes, hmac

from jdgate.core.identity import ptoken
from jdgate.core.regions import check_division
from jdgate.errors import JdgateError, Refused
from jdgate.files import Column, Importer, open_file
from jdgate.texts import add_file, choose_language, say

from .importers import REGISTER
from .plugin import TEXTS

KEY_BYTES = 32
PEOPLE = Importer(
    type="reconcile.register.v1",
    zh="名册",
    en="register",
    columns=(
        Column("id_no", "id_no", ("身份证号", "身份证号码", "证件号码", "公民身份号码"),
               "ID number", max_chars=32),
        REGISTER.column("status"),
    ),
)  # fmt: skip
"""A register as an office keeps it; every other column stays unread."""


def token(key: bytes, town: str, day: str, id_no: str) -> str:
    """The token of a person on one day of comparison: 22 signs."""
    derived = hmac.HMAC(key, hashes.SM3())
    derived.update(f"jdgate.reconcile.1|{town}|{day}".encode())
    return base64.urlsafe_b64encode(ptoken(derived.finalize(), id_no)).decode().rstrip("=")


def read_key(path: Path) -> bytes:
    """The key in a file that `jdgate-tokens key` made.

    Raises:
        Refused: `county.key_unreadable`.
    """
    try:
        key = base64.urlsafe_b64decode(path.read_text("ascii").strip())
    except (OSError, ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise Refused("county.key_unreadable", file=path.name)
    return key


def people(path: Path) -> Iterator[tuple[int, str, str]]:
    """Row number, document number and status of everybody on a register.

    Raises:
        Refused: `files.*`; `county.row_unreadable` with the row and what is wrong with it.
    """
    seen: dict[str, int] = {}
    with open_file(path, PEOPLE) as reading:
        for row in reading.rows:
            if row.record is None:
                fault = row.faults[0]
                raise Refused("county.row_unreadable", row=row.number, reason=fault.code)
            id_no = str(row.record["id_no"])
            status = row.record.get("status")
            if status is None:
                raise Refused("county.row_unreadable", row=row.number, reason="files.cell_missing")
            if id_no in seen:
                raise Refused("county.row_twice", row=row.number, first=seen[id_no])
            seen[id_no] = row.number
            yield row.number, id_no, str(status)


def records(path: Path, key: bytes, town: str, side: str, day: str) -> list[dict[str, Any]]:
    """What is sent of a register: one record for each person, one without a person if it is empty.

    Raises:
        Refused: as `people`.
    """
    try:
        entries = [(token(key, town, day, id_no), status) for _, id_no, status in people(path)]
    except Refused as reason:
        if reason.code != "files.no_rows":
            raise
        entries = []
    about = {"round": day, "town": town, "side": side, "total": len(entries)}
    if not entries:
        return [about]
    entries.sort()  # the order of the register is nobody else's business
    return [{**about, "token": one, "status": status} for one, status in entries]


def mend(
    path: Path, key: bytes, differences: list[Mapping[str, Any]]
) -> list[tuple[int, str, str]]:
    """The rows of a register that differences are about: row, what to mend, the other's status.

    Raises:
        Refused: as `people`.
    """
    told = {str(one["token"]): one for one in differences}
    dates = {(str(one["town"]), str(one["round"])) for one in differences}
    found = []
    for row, id_no, _ in people(path):
        for town, day in dates:
            one = told.get(token(key, town, day, id_no))
            if one is not None:
                found.append((row, str(one["mend"]), str(one.get("status", ""))))
    return found


@click.group()
@click.option("--lang", type=click.Choice(["zh", "en"]), default=None)
@click.pass_context
def main(context: click.Context, lang: str | None) -> None:
    """名册与密文标识互换，在本单位的机器上运行。 Tokens of a register, on the office's machine."""
    add_file(TEXTS)
    context.obj = lang or choose_language((), os.environ)


@main.command("key")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def make_key(lang: Any, file: Path) -> None:
    """生成双方共用的密钥。 Make the key that both sides share."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        raise click.ClickException(say("county.key_exists", lang, file=file.name)) from None
    with os.fdopen(handle, "w") as out:
        out.write(base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")
    click.echo(say("county.key_made", lang, file=file.name))


@main.command("make")
@click.argument("register", type=click.Path(path_type=Path))
@click.option("--key", required=True, type=click.Path(path_type=Path))
@click.option("--town", required=True)
@click.option("--side", required=True, type=click.Choice(["town", "station"]))
@click.option("--day", required=True, type=click.DateTime(["%Y-%m-%d"]))
@click.option("-o", "out", required=True, type=click.Path(path_type=Path))
@click.pass_obj
def make(lang: Any, register: Path, key: Path, town: str, side: str, day: Any, out: Path) -> None:
    """由名册生成标识文件。 A file of tokens, to be sent with jdgate push reconcile.register."""
    try:
        if check_division(town) is not None:
            raise Refused("county.town_code")
        made = records(register, read_key(key), town, side, day.date().isoformat())
    except JdgateError as reason:
        raise click.ClickException(reason.text(lang)) from None
    titles = {column.field: column.title("zh") for column in REGISTER.columns}
    with out.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(titles.values())
        writer.writerows([one.get(field, "") for field in titles] for one in made)
    total = made[0]["total"]
    click.echo(say("county.tokens_made", lang, count=total, file=out.name))


@main.command("find")
@click.argument("register", type=click.Path(path_type=Path))
@click.option("--key", required=True, type=click.Path(path_type=Path))
@click.pass_obj
def find(lang: Any, register: Path, key: Path) -> None:
    """从标准输入读差异，说出是名册的哪几行。 Which rows the differences on standard input mean."""
    try:
        told = json.load(sys.stdin)
        differences = told["data"] if isinstance(told, dict) else told
        rows = mend(register, read_key(key), [one for one in differences if "mend" in one])
    except (ValueError, KeyError, TypeError):
        raise click.ClickException(say("county.differences_unreadable", lang)) from None
    except JdgateError as reason:
        raise click.ClickException(reason.text(lang)) from None
    for row, what, status in rows:
        click.echo(say(f"county.mend_{what}", lang, row=row, status=status))
    if not rows:
        click.echo(say("county.mend_nothing", lang))
