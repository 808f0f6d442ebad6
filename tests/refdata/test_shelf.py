"""Stored versions: never overwritten, never changed quietly."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jdgate.errors import Refused
from jdgate.refdata import References
from jdgate.refdata.shelf import Shelf

from .conftest import NOW, Add

ROWS = ({"code": "511623101", "name": "鼎屏镇"},)
DAY = date(2026, 7, 1)


def test_a_version_tells_where_it_comes_from(add: Add, folder: Path) -> None:
    add("divisions", "代码,名称\n511623101000,鼎屏镇\n", "2026-07-01", source=" 民政局\n2026 ")
    (version,) = References(folder).versions("divisions")[1:]
    assert (version.number, version.source, version.since) == (1, "民政局 2026", DAY)
    assert version.imported == "2026-11-21T08:00:00.000Z"
    assert len(version.digest) == 64
    text = (folder / "divisions" / "0001.csv").read_text(encoding="utf-8")
    assert text.splitlines()[1] == "# source: 民政局 2026"
    assert text.endswith("code,name\n511623101,鼎屏镇\n")


def test_imports_are_kept_and_never_overwritten(folder: Path) -> None:
    shelf = Shelf(folder)
    first = shelf.add("divisions", ROWS, source="a", since=DAY, now=NOW)
    before = (folder / "divisions" / "0001.csv").read_bytes()
    second = shelf.add("divisions", ROWS, source="a", since=DAY, now=NOW)
    assert (first.number, second.number) == (1, 2)
    assert first.digest != second.digest, "each says which one it follows"
    assert (folder / "divisions" / "0001.csv").read_bytes() == before
    assert sorted(path.name for path in (folder / "divisions").iterdir()) == [
        "0001.csv",
        "0002.csv",
    ]


def test_two_that_import_at_once_both_get_their_version(folder: Path) -> None:
    def add(name: int) -> int:
        return Shelf(folder).add("divisions", ROWS, source=str(name), since=DAY, now=NOW).number

    with ThreadPoolExecutor(8) as pool:
        numbers = sorted(pool.map(add, range(16)))
    assert numbers == list(range(1, 17))
    sources = {volume.version.source for volume in Shelf(folder).volumes("divisions")}
    assert sources == {str(name) for name in range(16)}


def test_every_changed_byte_is_noticed(folder: Path) -> None:
    Shelf(folder).add("divisions", ROWS, source="a", since=DAY, now=NOW)
    path = folder / "divisions" / "0001.csv"
    good = path.read_bytes()
    for index in range(len(good)):
        path.write_bytes(good[:index] + bytes([good[index] ^ 1]) + good[index + 1 :])
        with pytest.raises(Refused) as refused:
            Shelf(folder).volumes("divisions")
        assert refused.value.code == "refdata.changed", index
    path.write_bytes(good)
    assert len(Shelf(folder).volumes("divisions")) == 1


@pytest.mark.parametrize("cut", [0, 1, 40, 200])
def test_a_file_cut_short_is_noticed(cut: int, folder: Path) -> None:
    Shelf(folder).add("divisions", ROWS, source="a", since=DAY, now=NOW)
    path = folder / "divisions" / "0001.csv"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(Refused) as refused:
        Shelf(folder).volumes("divisions")
    assert refused.value.code == "refdata.changed"


def test_a_version_that_is_gone_or_put_elsewhere_is_noticed(folder: Path) -> None:
    shelf = Shelf(folder)
    for name in ("a", "b", "c"):
        shelf.add("divisions", ROWS, source=name, since=DAY, now=NOW)
    place = folder / "divisions"
    (place / "0002.csv").rename(place / "away")
    with pytest.raises(Refused) as refused:
        shelf.volumes("divisions")
    assert refused.value.code == "refdata.gap"
    shutil.copy(place / "0003.csv", place / "0002.csv")
    with pytest.raises(Refused) as refused:
        shelf.volumes("divisions")
    assert refused.value.code == "refdata.gap"
    (folder / "grounds").mkdir()
    shutil.copy(place / "0001.csv", folder / "grounds" / "0001.csv")
    with pytest.raises(Refused) as refused:
        shelf.volumes("grounds")
    assert refused.value.code == "refdata.changed"


def test_nothing_is_added_on_top_of_what_was_changed(folder: Path) -> None:
    shelf = Shelf(folder)
    shelf.add("divisions", ROWS, source="a", since=DAY, now=NOW)
    path = folder / "divisions" / "0001.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("鼎屏", "城北"), encoding="utf-8")
    with pytest.raises(Refused):
        shelf.add("divisions", ROWS, source="b", since=DAY, now=NOW)
    assert [one.name for one in path.parent.iterdir()] == ["0001.csv"]


def test_a_folder_that_can_not_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(Refused) as refused:
        Shelf(tmp_path / "file").add("divisions", ROWS, source="a", since=DAY, now=NOW)
    assert refused.value.code == "refdata.unwritable"


words = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20)


@settings(max_examples=50)
@given(st.lists(words, min_size=1, max_size=4), words)
def test_rows_come_back_as_they_were_stored(
    tmp_path_factory: pytest.TempPathFactory, notes: list[str], source: str
) -> None:
    shelf = Shelf(tmp_path_factory.mktemp("shelf"))
    rows = [{"date": f"2026-01-0{n}", "working": "yes", "note": note}
            for n, note in enumerate(notes, start=1)]  # fmt: skip
    shelf.add("working-days", rows, source=source, since=DAY, now=NOW)
    (volume,) = shelf.volumes("working-days")
    assert list(volume.rows) == rows
    assert volume.version.source == " ".join(source.split())
