"""The register: a member's own notes, of which the file shows nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from jdgate.errors import Refused
from jdgate.store.database import Database
from jdgate.store.register import Register
from jdgate.store.vault import Vault

ID_NO = "990000199001010018"


def test_notes_are_put_replaced_found_and_deleted(edge: Database, edge_vault: Vault) -> None:
    with edge.transaction() as conn:
        notes = Register(conn, edge_vault, member="cln-01", plugin="clinic")
        assert notes.get("enrolled", ID_NO) is None
        notes.put("enrolled", ID_NO, {"ref": "0007"})
        notes.put("enrolled", ID_NO, {"ref": "0008"})
        notes.put("other", ID_NO, {"ref": "x"})
        assert notes.get("enrolled", ID_NO) == {"ref": "0008"}
        assert list(notes.find("enrolled")) == [(ID_NO, {"ref": "0008"})]
        notes.delete("enrolled", ID_NO)
        notes.delete("enrolled", ID_NO)
        assert notes.get("enrolled", ID_NO) is None
        assert notes.get("other", ID_NO) == {"ref": "x"}


def test_more_notes_than_a_page_are_all_found(edge: Database, edge_vault: Vault) -> None:
    with edge.transaction() as conn:
        notes = Register(conn, edge_vault, member="cln-01", plugin="clinic")
        for number in range(1100):
            notes.put("enrolled", f"key {number}", {"n": number})
        found = dict(notes.find("enrolled"))
    assert found == {f"key {number}": {"n": number} for number in range(1100)}


def test_members_and_plugins_see_only_their_own(edge: Database, edge_vault: Vault) -> None:
    with edge.transaction() as conn:
        Register(conn, edge_vault, member="cln-01", plugin="clinic").put("k", ID_NO, {"a": 1})
        for member, plugin in (("cln-02", "clinic"), ("cln-01", "courier")):
            other = Register(conn, edge_vault, member=member, plugin=plugin)
            assert other.get("k", ID_NO) is None
            assert list(other.find("k")) == []


def test_notes_survive_opening_again(edge: Database, edge_vault: Vault, tmp_path: Path) -> None:
    with edge.transaction() as conn:
        Register(conn, edge_vault, member="cln-01", plugin="clinic").put("k", ID_NO, {"a": 1})
    again = Vault.unlock(edge, tmp_path / "edge.key")
    with edge.transaction() as conn:
        notes = Register(conn, again, member="cln-01", plugin="clinic")
        assert notes.get("k", ID_NO) == {"a": 1}


def test_the_files_show_neither_key_nor_value(
    tmp_path: Path,
) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'edge.db'}", "edge")
    vault = Vault.unlock(database, tmp_path / "edge.key")
    with database.transaction() as conn:
        notes = Register(conn, vault, member="cln-01", plugin="clinic")
        notes.put("enrolled", ID_NO, {"name": "张三"})
    during = [file.read_bytes() for file in tmp_path.glob("edge.db*")]
    database.close()
    after = [file.read_bytes() for file in tmp_path.glob("edge.db*")]
    for content in during + after:
        assert ID_NO.encode() not in content
        assert "张三".encode() not in content


def test_a_note_moved_to_another_key_is_refused(edge: Database, edge_vault: Vault) -> None:
    with edge.transaction() as conn:
        notes = Register(conn, edge_vault, member="cln-01", plugin="clinic")
        notes.put("k", "one", {"a": 1})
        notes.put("k", "two", {"a": 2})
        conn.exec_driver_sql("UPDATE register SET value = (SELECT min(value) FROM register)")
        refused = 0
        for key in ("one", "two"):
            try:
                notes.get("k", key)
            except Refused as error:
                assert error.code == "books.tampered"
                refused += 1
    assert refused == 1


@pytest.mark.parametrize("value", [{}, {"deep": {"er": [1, None, "张三"]}}])
def test_any_json_object_is_kept_as_it_is(
    edge: Database, edge_vault: Vault, value: dict[str, object]
) -> None:
    with edge.transaction() as conn:
        notes = Register(conn, edge_vault, member="cln-01", plugin="clinic")
        notes.put("k", "one", value)
        assert notes.get("k", "one") == value
