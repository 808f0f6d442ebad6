"""What was shredded opens from no copy of the database with the keys of today; the rest does."""

from __future__ import annotations

import shutil
import signal
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from tests.store.conftest import NOW
from tests.store.test_vault import shred

from jdgate.errors import Refused, TransportFailed
from jdgate.store.database import Database
from jdgate.store.vault import Sealed, Vault

TODAY = NOW.date()
TOMORROW = TODAY + timedelta(days=1)
TYPE = "mmt.attendance.v1"
OTHER = "comm.order.notice.v1"


class Site:
    """A database file and a keys folder, as they lie on a disk."""

    def __init__(self, folder: Path, template: Path) -> None:
        self.file = folder / "var" / "books.db"
        self.keys = folder / "keys"
        self.file.parent.mkdir()
        shutil.copy(template, self.file)
        self.open()

    @property
    def master(self) -> Path:
        return self.keys / "books.master"

    @property
    def days(self) -> Path:
        return self.keys / "books.days"

    def open(self) -> None:
        self.books = Database.open(f"sqlite:///{self.file}", "books")
        try:
            self.vault = Vault.unlock(self.books, self.master)
        except BaseException:
            self.books.close()
            raise

    def reopen(self) -> None:
        self.books.close()
        self.open()

    def copy(self) -> Path:
        """A copy of the database, as a backup makes it."""
        self.books.scrub()
        return Path(shutil.copy(self.file, self.file.with_name("copy.db")))

    def restore(self, copy: Path) -> None:
        self.books.close()
        for old in self.file.parent.glob("books.db*"):
            old.unlink()
        shutil.copy(copy, self.file)
        self.open()

    def seal(self, body: bytes, type: str = TYPE, day: object = TODAY) -> Sealed:
        with self.books.transaction() as conn:
            return self.vault.seal(conn, type, day, body, b"m")  # type: ignore[arg-type]

    def shred(self, type: str = TYPE) -> int:
        with self.books.transaction() as conn:
            return shred(self.vault, conn, type, TOMORROW, NOW)

    def read(self, sealed: Sealed) -> bytes:
        with self.books.read() as conn:
            return self.vault.open(conn, *sealed, b"m")

    def refusal(self, sealed: Sealed) -> str:
        with pytest.raises(Refused) as caught:
            self.read(sealed)
        return caught.value.code

    def secrets(self) -> set[str]:
        return set(msgspec.json.decode(self.days.read_bytes())["secrets"])


@pytest.fixture
def site(tmp_path: Path, sqlite_templates: object) -> Site:
    return Site(tmp_path, sqlite_templates("books"))  # type: ignore[operator]


def test_an_old_copy_of_the_database_opens_what_is_kept_and_nothing_that_was_shredded(
    site: Site,
) -> None:
    gone, kept = site.seal(b"gone"), site.seal(b"kept", day=TOMORROW)
    other = site.seal(b"other", OTHER)
    copy = site.copy()
    site.shred()
    site.restore(copy)
    assert site.refusal(gone) == "books.erased"
    assert site.read(kept) == b"kept"
    assert site.read(other) == b"other"


def test_neither_the_copy_nor_the_keys_folder_holds_what_a_shredded_key_takes(site: Site) -> None:
    sealed = site.seal(b"gone")
    (row,) = _rows(site)
    secret = msgspec.json.decode(site.days.read_bytes())["secrets"][sealed.key_id].encode()
    copy = site.copy()
    assert row in copy.read_bytes()
    site.shred()
    for file in (copy, *site.keys.iterdir()):
        assert secret not in file.read_bytes(), file.name


def _rows(site: Site) -> list[bytes]:
    with site.books.read() as conn:
        return list(conn.exec_driver_sql("SELECT wrapped FROM body_key").scalars())


def test_a_restored_copy_goes_on_and_seals_the_same_day_anew(site: Site) -> None:
    site.seal(b"gone")
    copy = site.copy()
    site.shred()
    site.restore(copy)
    new = site.seal(b"new")
    site.reopen()
    assert site.read(new) == b"new"


def test_the_file_is_written_once_for_a_type_and_day(site: Site) -> None:
    site.seal(b"first")
    before = site.days.stat()
    for number in range(50):
        site.seal(b"%d" % number)
    site.reopen()
    site.seal(b"again")
    assert site.days.stat().st_ino == before.st_ino
    assert site.days.stat().st_mtime_ns == before.st_mtime_ns
    site.seal(b"other", OTHER)
    assert site.days.stat().st_ino != before.st_ino


def test_only_its_owner_may_read_the_file(site: Site) -> None:
    site.seal(b"body")
    site.shred()
    for file in site.keys.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name


def test_a_file_that_others_may_read_is_refused(site: Site) -> None:
    site.seal(b"body")
    site.days.chmod(0o640)
    with pytest.raises(Refused) as caught:
        site.reopen()
    assert caught.value.code == "vault.loose"


def test_a_failed_transaction_leaves_at_most_one_spare_secret_and_is_tried_again_with_it(
    site: Site,
) -> None:
    for _ in range(5):
        with pytest.raises(RuntimeError), site.books.transaction() as conn:
            site.vault.seal(conn, TYPE, TODAY, b"lost", b"m")
            raise RuntimeError
    sealed = site.seal(b"body")
    assert site.secrets() == {sealed.key_id}
    site.reopen()
    assert site.read(sealed) == b"body"


def test_a_shred_that_is_rolled_back_keeps_the_secret(site: Site) -> None:
    sealed = site.seal(b"body")
    with pytest.raises(RuntimeError), site.books.transaction() as conn:
        shred(site.vault, conn, TYPE, TOMORROW, NOW)
        raise RuntimeError
    site.reopen()
    assert site.read(sealed) == b"body"


def test_a_crash_after_the_shred_was_committed_is_finished_at_the_next_start(site: Site) -> None:
    sealed = site.seal(b"gone")
    copy, before = site.copy(), site.days.read_bytes()
    site.shred()
    site.days.write_bytes(before)  # as if the process had died before it wrote the file
    site.reopen()
    assert site.secrets() == set()
    site.restore(copy)
    assert site.refusal(sealed) == "books.erased"


def test_a_half_written_file_of_a_dead_process_is_removed_at_the_next_start(site: Site) -> None:
    site.seal(b"body")
    draft = site.days.with_name("books.days.new")
    shutil.copy(site.days, draft)
    site.reopen()
    assert not draft.exists()


def test_what_could_not_be_removed_goes_with_the_next_change(site: Site) -> None:
    gone, kept = site.seal(b"gone"), site.seal(b"kept", OTHER)
    draft = site.days.with_name("books.days.new")
    draft.mkdir()  # no draft can be written
    assert site.shred() == 1
    assert site.secrets() == {gone.key_id, kept.key_id}
    assert site.refusal(gone) == "books.erased"
    with pytest.raises(TransportFailed) as caught:
        site.seal(b"new", day=TOMORROW)
    assert caught.value.code == "vault.days_unavailable"
    draft.rmdir()
    new = site.seal(b"new", day=TOMORROW)
    assert site.secrets() == {kept.key_id, new.key_id}


def test_a_lost_file_is_refused_and_never_replaced(site: Site) -> None:
    sealed = site.seal(b"body")
    held = site.days.read_bytes()
    site.days.unlink()
    with pytest.raises(Refused) as caught:
        site.reopen()
    assert caught.value.code == "vault.days_missing"
    assert caught.value.params["count"] == 1
    assert caught.value.params["first"] == caught.value.params["last"] == TODAY.isoformat()
    for lang in ("zh", "en"):
        assert str(site.days) in caught.value.text(lang)  # type: ignore[arg-type]
    assert not site.days.exists()
    site.days.write_bytes(held)
    site.days.chmod(0o600)
    site.open()
    assert site.read(sealed) == b"body"


def test_an_older_file_is_refused_although_it_fits_a_part(site: Site) -> None:
    site.seal(b"one")
    held = site.days.read_bytes()
    site.seal(b"two", day=TOMORROW)
    site.days.write_bytes(held)
    with pytest.raises(Refused) as caught:
        site.reopen()
    assert caught.value.code == "vault.days_missing"
    assert caught.value.params["first"] == TOMORROW.isoformat()


def test_what_is_lost_for_good_can_be_given_up_and_the_rest_stays(site: Site) -> None:
    one = site.seal(b"one")
    held = site.days.read_bytes()
    two = site.seal(b"two", day=TOMORROW)
    site.days.write_bytes(held)
    site.books.close()
    site.books = Database.open(f"sqlite:///{site.file}", "books")
    assert Vault.write_off(site.books, site.master, NOW) == 1
    site.reopen()
    assert site.read(one) == b"one"
    assert site.refusal(two) == "books.erased"


def test_a_wrong_database_costs_no_secret(site: Site, sqlite_templates: object) -> None:
    sealed = site.seal(b"body")
    copy = site.copy()
    site.restore(sqlite_templates("books"))  # type: ignore[operator]
    site.seal(b"elsewhere")
    site.shred()
    site.restore(copy)
    assert site.read(sealed) == b"body"


@pytest.mark.parametrize("content", [b"", b"{", b'{"version":2}', b'{"secrets":{"a":"AAAA"}}'])
def test_a_damaged_file_is_refused_and_left_as_it_is(site: Site, content: bytes) -> None:
    site.seal(b"body")
    site.days.write_bytes(content)
    with pytest.raises(Refused) as caught:
        site.reopen()
    assert caught.value.code == "vault.days_damaged"
    assert site.days.read_bytes() == content


def test_a_file_damaged_while_we_run_holds_up_what_is_new_and_loses_nothing(site: Site) -> None:
    old = site.seal(b"old")
    held = site.days.read_bytes()
    site.days.write_bytes(b"")
    with pytest.raises(TransportFailed):
        site.seal(b"new", OTHER)
    assert site.read(old) == b"old"
    site.days.write_bytes(held)
    assert site.read(site.seal(b"new", OTHER)) == b"new"


def test_a_file_taken_away_while_we_run_is_written_again(site: Site) -> None:
    old = site.seal(b"old")
    site.days.unlink()
    site.seal(b"new", OTHER)
    site.reopen()
    assert site.read(old) == b"old"


def test_another_gateway_finds_the_secrets_of_the_first(books: Database, tmp_path: Path) -> None:
    first = Vault.unlock(books, tmp_path / "books.master")
    second = Vault.unlock(books, tmp_path / "books.master")
    with books.transaction() as conn:
        one = first.seal(conn, TYPE, TODAY, b"one", b"m")
    with books.transaction() as conn:
        assert second.open(conn, *one, b"m") == b"one"
        two = second.seal(conn, OTHER, TODAY, b"two", b"m")
    with books.transaction() as conn:
        assert first.open(conn, *two, b"m") == b"two"
        assert shred(second, conn, TYPE, TOMORROW, NOW) == 1
    third = Vault.unlock(books, tmp_path / "books.master")
    with books.transaction() as conn, pytest.raises(Refused):
        third.open(conn, *one, b"m")


def test_a_gateway_without_the_others_file_says_so_and_waits(
    books: Database, tmp_path: Path
) -> None:
    first = Vault.unlock(books, tmp_path / "one" / "books.master")
    (tmp_path / "two").mkdir()
    shutil.copy(tmp_path / "one" / "books.master", tmp_path / "two")
    second = Vault.unlock(books, tmp_path / "two" / "books.master")
    with books.transaction() as conn:
        sealed = first.seal(conn, TYPE, TODAY, b"body", b"m")
    with books.read() as conn:
        with pytest.raises(TransportFailed) as caught:
            second.open(conn, *sealed, b"m")
        assert caught.value.code == "vault.days_missing"
        shutil.copy(tmp_path / "one" / "books.days", tmp_path / "two")
        assert second.open(conn, *sealed, b"m") == b"body"


def test_keys_in_use_are_not_shredded(books: Database, vault: Vault) -> None:
    with books.transaction() as conn:
        kept = vault.seal(conn, TYPE, TODAY, b"kept", b"m")
        idle = vault.seal(conn, OTHER, TODAY, b"idle", b"m")
        new = vault.seal(conn, OTHER, TOMORROW, b"new", b"m")
        idle_keys = [key for key in vault.living(conn, TOMORROW) if key[0] != kept.key_id]
        assert vault.shred(conn, idle_keys, NOW) == 1
        assert vault.open(conn, *kept, b"m") == b"kept"
        assert vault.open(conn, *new, b"m") == b"new"
        with pytest.raises(Refused):
            vault.open(conn, *idle, b"m")


DIES = """
import os, signal, sys
from datetime import date, datetime, timedelta, UTC
from pathlib import Path
from jdgate.store.database import Database
from jdgate.store.vault import Vault

steps, left = int(sys.argv[1]), [0]

def dying(real):
    def call(*given, **named):
        left[0] += 1
        if left[0] == steps:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given, **named)
    return call

os.fsync, os.replace = dying(os.fsync), dying(os.replace)
books = Database.open("sqlite:///" + sys.argv[2], "books")
vault = Vault.unlock(books, Path(sys.argv[3]))
first, at = date(2026, 11, 1), datetime(2026, 12, 1, tzinfo=UTC)
for number in range(4):
    day = first + timedelta(days=number)
    with books.transaction() as conn:
        sealed = vault.seal(conn, "t.v1", day, b"%d" % number, b"m")
    print("sealed", number, sealed.key_id, sealed.blob.hex(), flush=True)
    if number % 2:
        with books.transaction() as conn:
            vault.shred(conn, vault.living(conn, day), at)
        print("shredded", number, flush=True)
"""


@pytest.mark.parametrize("steps", range(1, 20))
def test_a_process_killed_at_any_step_loses_no_body_and_keeps_no_shredded_one(
    site: Site, steps: int
) -> None:
    site.books.close()
    child = subprocess.run(
        [sys.executable, "-c", DIES, str(steps), str(site.file), str(site.master)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert child.returncode in (0, -signal.SIGKILL), child.stderr
    said = [line.split() for line in child.stdout.splitlines()]
    before = max((int(words[1]) for words in said if words[0] == "shredded"), default=0)
    site.open()
    shredded = set()
    with site.books.read() as conn:
        for key_id, wrapped in conn.exec_driver_sql("SELECT id, wrapped FROM body_key"):
            if wrapped is None:
                shredded.add(key_id)
    for words in said:
        if words[0] == "sealed":
            sealed = Sealed(words[2], bytes.fromhex(words[3]))
            if int(words[1]) < before or sealed.key_id in shredded:
                assert site.refusal(sealed) == "books.erased"
            else:
                assert site.read(sealed) == words[1].encode()
    assert not site.days.exists() or not site.secrets() & shredded
