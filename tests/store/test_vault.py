"""The vault: what it seals opens only in its place, and not at all once its key is shredded."""

from __future__ import annotations

import stat
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection
from tests.store.conftest import NOW

from jdgate.errors import Refused
from jdgate.store.database import Database
from jdgate.store.vault import Vault

TODAY = NOW.date()
TYPE = "mmt.attendance.v1"


def shred(vault: Vault, conn: Connection, type: str, before: date, at: datetime) -> int:
    """Erase the keys of `type` for all days before `before`; how many."""
    return vault.shred(conn, [key for key in vault.living(conn, before) if key[1] == type], at)


def test_a_body_opens_after_the_vault_is_opened_again(
    books: Database, vault: Vault, tmp_path: Path
) -> None:
    with books.transaction() as conn:
        key_id, blob = vault.seal(conn, TYPE, TODAY, b"body", b"m1")
    again = Vault.unlock(books, tmp_path / "master.key")
    with books.read() as conn:
        assert again.open(conn, key_id, blob, b"m1") == b"body"


def test_bodies_of_a_type_and_day_share_a_key_and_others_do_not(
    books: Database, vault: Vault
) -> None:
    with books.transaction() as conn:
        first = vault.seal(conn, TYPE, TODAY, b"body", b"m1")
        second = vault.seal(conn, TYPE, TODAY, b"body", b"m1")
        tomorrow = vault.seal(conn, TYPE, TODAY + timedelta(days=1), b"body", b"m1")
        other = vault.seal(conn, "comm.order.notice.v1", TODAY, b"body", b"m1")
    assert first.key_id == second.key_id
    assert first.blob != second.blob
    assert len({first.key_id, tomorrow.key_id, other.key_id}) == 3


def test_a_body_moved_to_another_row_does_not_open(books: Database, vault: Vault) -> None:
    with books.transaction() as conn:
        key_id, blob = vault.seal(conn, TYPE, TODAY, b"body", b"m1")
        with pytest.raises(Refused) as caught:
            vault.open(conn, key_id, blob, b"m2")
    assert caught.value.code == "books.tampered"


def test_no_flipped_byte_of_a_body_opens(books: Database, vault: Vault) -> None:
    with books.transaction() as conn:
        key_id, blob = vault.seal(conn, TYPE, TODAY, b"body", b"m1")
        for index in range(len(blob)):
            flipped = bytearray(blob)
            flipped[index] ^= 1
            with pytest.raises(Refused):
                vault.open(conn, key_id, bytes(flipped), b"m1")


def test_a_shredded_day_is_gone_for_every_vault_and_later_days_stay(
    books: Database, vault: Vault, tmp_path: Path
) -> None:
    tomorrow = TODAY + timedelta(days=1)
    with books.transaction() as conn:
        old = vault.seal(conn, TYPE, TODAY, b"old", b"m1")
        kept = vault.seal(conn, TYPE, tomorrow, b"kept", b"m2")
        other = vault.seal(conn, "other.v1", TODAY, b"other", b"m3")
    with books.transaction() as conn:
        assert shred(vault, conn, TYPE, tomorrow, NOW) == 1
        assert shred(vault, conn, TYPE, tomorrow, NOW) == 0
    books.scrub()
    for each in (vault, Vault.unlock(books, tmp_path / "master.key")):
        with books.read() as conn:
            with pytest.raises(Refused) as caught:
                each.open(conn, *old, b"m1")
            assert caught.value.code == "books.erased"
            assert each.open(conn, *kept, b"m2") == b"kept"
            assert each.open(conn, *other, b"m3") == b"other"


def test_a_reader_that_began_before_a_shred_opens_nothing_after_it(
    books: Database, vault: Vault
) -> None:
    with books.transaction() as conn:
        old = vault.seal(conn, TYPE, TODAY, b"old", b"m1")
    with books.read() as reader:
        assert vault.open(reader, *old, b"m1") == b"old"
        with books.transaction() as conn:
            shred(vault, conn, TYPE, TODAY + timedelta(days=1), NOW)
            # it is not committed: the reader takes the key in once more
            assert vault.open(reader, *old, b"m1") == b"old"
        with pytest.raises(Refused) as caught:
            vault.open(reader, *old, b"m1")
    assert caught.value.code == "books.erased"


def test_what_is_sealed_after_a_shred_gets_a_new_key(books: Database, vault: Vault) -> None:
    with books.transaction() as conn:
        old = vault.seal(conn, TYPE, TODAY, b"old", b"m1")
        shred(vault, conn, TYPE, TODAY + timedelta(days=1), NOW)
        new = vault.seal(conn, TYPE, TODAY, b"new", b"m2")
        assert new.key_id != old.key_id
        assert vault.open(conn, *new, b"m2") == b"new"


def test_the_wrapped_key_is_nowhere_in_the_files_after_shred_and_scrub(
    sqlite_books: Database, tmp_path: Path
) -> None:
    vault = Vault.unlock(sqlite_books, tmp_path / "master.key")
    with sqlite_books.transaction() as conn:
        vault.seal(conn, TYPE, TODAY, b"body", b"m1")
        wrapped = conn.exec_driver_sql("SELECT wrapped FROM body_key").scalar_one()
    sqlite_books.scrub()

    def holds() -> bool:
        files = Path(sqlite_books.name).parent.glob("books.db*")
        return any(wrapped in file.read_bytes() for file in files)

    assert holds()
    with sqlite_books.transaction() as conn:
        shred(vault, conn, TYPE, TODAY + timedelta(days=1), NOW)
    assert sqlite_books.scrub()
    assert not holds()


def test_a_key_made_in_a_failed_transaction_is_never_used_again(
    books: Database, vault: Vault, tmp_path: Path
) -> None:
    with pytest.raises(RuntimeError), books.transaction() as conn:
        vault.seal(conn, TYPE, TODAY, b"lost", b"m0")
        vault.seal_state(conn, "rule", "key", b"lost")
        vault.domain_key(conn, "mmt")
        raise RuntimeError
    with books.transaction() as conn:
        key_id, blob = vault.seal(conn, TYPE, TODAY, b"body", b"m1")
        state = vault.seal_state(conn, "rule", "key", b"state")
        domain = vault.domain_key(conn, "mmt")
    again = Vault.unlock(books, tmp_path / "master.key")
    with books.read() as conn:
        assert again.open(conn, key_id, blob, b"m1") == b"body"
        assert again.open_state(conn, "rule", "key", state) == b"state"
        assert again.domain_key(conn, "mmt") == domain


def test_a_shred_that_is_rolled_back_shreds_nothing(books: Database, vault: Vault) -> None:
    with books.transaction() as conn:
        sealed = vault.seal(conn, TYPE, TODAY, b"body", b"m1")
    with pytest.raises(RuntimeError), books.transaction() as conn:
        shred(vault, conn, TYPE, TODAY + timedelta(days=1), NOW)
        raise RuntimeError
    with books.transaction() as conn:
        assert vault.open(conn, *sealed, b"m1") == b"body"
        assert vault.seal(conn, TYPE, TODAY, b"more", b"m2").key_id == sealed.key_id


def test_a_state_opens_for_its_own_rule_and_key_only(books: Database, vault: Vault) -> None:
    with books.transaction() as conn:
        blob = vault.seal_state(conn, "clinic.absence", "k1", b"state")
        assert vault.open_state(conn, "clinic.absence", "k1", blob) == b"state"
        for rule, key in (("clinic.absence", "k2"), ("clinic.dropout", "k1")):
            with pytest.raises(Refused):
                vault.open_state(conn, rule, key, blob)


def test_domains_have_keys_of_their_own_that_stay(books: Database, vault: Vault) -> None:
    with books.transaction() as conn:
        mmt, comm = vault.domain_key(conn, "mmt"), vault.domain_key(conn, "comm")
        assert vault.domain_key(conn, "mmt") == mmt
    assert len(mmt) == len(comm) == 32
    assert mmt != comm


def test_the_master_key_is_made_once_for_its_owner_alone(books: Database, tmp_path: Path) -> None:
    path = tmp_path / "keys" / "master.key"
    Vault.unlock(books, path)
    made = path.read_bytes()
    Vault.unlock(books, path)
    assert path.read_bytes() == made
    assert len(made) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["master.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_master_key_others_may_read_is_refused(
    books: Database, vault: Vault, tmp_path: Path, mode: int
) -> None:
    (tmp_path / "master.key").chmod(mode)
    with pytest.raises(Refused) as caught:
        Vault.unlock(books, tmp_path / "master.key")
    assert caught.value.code == "vault.loose"


def test_a_truncated_master_key_is_refused(books: Database, vault: Vault, tmp_path: Path) -> None:
    (tmp_path / "master.key").write_bytes(b"short")
    with pytest.raises(Refused) as caught:
        Vault.unlock(books, tmp_path / "master.key")
    assert caught.value.code == "vault.length"


def test_a_lost_master_key_is_not_replaced_by_a_new_one(
    books: Database, vault: Vault, tmp_path: Path
) -> None:
    (tmp_path / "master.key").unlink()
    with pytest.raises(Refused) as caught:
        Vault.unlock(books, tmp_path / "master.key")
    assert caught.value.code == "vault.missing"
    assert not (tmp_path / "master.key").exists()


def test_another_databases_master_key_is_refused(
    books: Database, vault: Vault, tmp_path: Path
) -> None:
    (tmp_path / "master.key").write_bytes(b"k" * 32)
    with pytest.raises(Refused) as caught:
        Vault.unlock(books, tmp_path / "master.key")
    assert caught.value.code == "vault.other"
