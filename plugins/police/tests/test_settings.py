"""A setting or a mapping that makes no sense is refused with its place, and never shows the URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from plugins.police.tests.office import MAPPING

from jdgate.core import catalogue as catalogues
from jdgate.errors import Refused
from jdgate.texts import say
from jdgate_police import mapping, plugin, settings

CATALOGUE = catalogues.load([catalogues.default_path()])
URL = "postgresql://officer:geheim@db.example/registry"


def refusal(call: Any, *args: Any) -> Refused:
    with pytest.raises(Refused) as raised:
        call(*args)
    for lang in ("zh", "en"):
        words = raised.value.text(lang)  # type: ignore[arg-type]
        assert "{" not in words and words != raised.value.code
        assert "geheim" not in words
    return raised.value


def planned(tmp_path: Path, text: str) -> mapping.Plan:
    file = tmp_path / "registry.toml"
    file.write_text(text, "utf-8")
    return mapping.read(file, CATALOGUE)


def test_without_settings_the_plugin_rests() -> None:
    assert settings.read({}) is None
    assert plugin.jdgate_adapters(member="pol", roles=("POL",), settings={}, home=Path()) == []


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({"databas_env": "X"}, "plugin.setting_unknown"),
        ({"create_inbox": True}, "police.database_which"),
        ({"database_env": "X", "database_file": "y"}, "police.database_which"),
        ({"database_env": 7}, "police.setting_text"),
        ({"database_env": "X", "create_inbox": "yes"}, "police.setting_flag"),
        ({"database_env": "X", "receive": "all"}, "police.setting_types"),
        ({"database_env": "X", "inbox_table": "a; DROP"}, "police.setting_table"),
    ],
)
def test_settings_are_refused(table: dict[str, Any], code: str) -> None:
    assert refusal(settings.read, table).code == code


def test_the_url_comes_from_the_environment_or_a_file_nobody_else_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings.read({"database_env": "JD_TEST_URL"})
    assert chosen is not None
    assert refusal(chosen.url, Path()).code == "police.env_missing"
    monkeypatch.setenv("JD_TEST_URL", URL)
    assert chosen.url(Path()).drivername == "postgresql+psycopg"
    file = tmp_path / "url"
    chosen = settings.read({"database_file": str(file)})
    assert chosen is not None
    assert refusal(chosen.url, Path()).code == "police.url_file"
    file.write_text(URL, "utf-8")
    file.chmod(0o644)
    assert refusal(chosen.url, Path()).code == "police.url_open"
    file.chmod(0o600)
    assert chosen.url(Path()).password == "geheim"
    file.write_text("geheim geheim", "utf-8")
    assert refusal(chosen.url, Path()).code == "police.url_bad"
    file.write_text("sqlite:///registry.db", "utf-8")
    beside = settings.read({"database_file": "url"})
    assert beside is not None
    assert beside.url(tmp_path).database == str(tmp_path / "registry.db")


def test_the_mapping_of_the_tests_is_good(tmp_path: Path) -> None:
    plan = planned(tmp_path, MAPPING)
    assert [one.name for one in plan.sections] == ["orders", "status"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('type = "comm.order.notice.v1"', 'type = "comm.order.v9"', "police.mapping_type"),
        ('type = "comm.order.notice.v1"', 'type = "sys.receipt.v1"', "police.mapping_type"),
        (
            'type = "comm.order.notice.v1"',
            'type = "mmt.dropout.notice.v1"',
            "police.mapping_sender",
        ),
        ('town = "zxd"', 'risk = "zxd"', "police.mapping_field"),
        ('town = "zxd"\n', "", "police.mapping_missing"),
        ('"1" = "community_treatment"', '"1" = "treatment"', "police.mapping_value"),
        ('key = "id"', "key = 7", "police.mapping_key"),
        ('table = "decision"', 'tabel = "decision"', "police.mapping_unknown"),
        ("late = 600", "late = -1", "police.mapping_key"),
        ("[send.orders]", "[send.orders", "police.mapping_file"),
        ("[send.orders]", "[sent.orders]", "police.mapping_unknown"),
        ('id_type = "ric"', 'name = "x"\nid_type = "ric"', "police.mapping_key"),
    ],
)
def test_a_mapping_is_refused_with_its_place(tmp_path: Path, old: str, new: str, code: str) -> None:
    assert old in MAPPING
    assert refusal(planned, tmp_path, MAPPING.replace(old, new, 1)).code == code


def test_what_needs_a_person_needs_the_column_that_names_one(tmp_path: Path) -> None:
    text = """
[send.exits]
type = "comm.control.exit.v1"
table = "t"
key = "id"
marker = "at"
approved_by = "officer"
fields = { name = "a", id_type = "b", id_no = "c", date = "d" }
"""
    assert planned(tmp_path, text).sections[0].approved_by == ("officer",)
    both = text.replace('"officer"', '["officer", "second"]')
    assert planned(tmp_path, both).sections[0].approved_by == ("officer", "second")
    without = text.replace('approved_by = "officer"', "")
    assert refusal(planned, tmp_path, without).code == "police.mapping_approval"


def test_a_class_without_a_rule_would_always_be_answered_with_yes(tmp_path: Path) -> None:
    bar = '[[eligibility]]\nrule_code = "162-87"\ntable = "t"\nid_no = "n"\n'
    assert planned(tmp_path, bar).bars[0].rule_code == "162-87"
    narrow = bar + 'classes = ["school_bus"]\n'
    assert refusal(planned, tmp_path, narrow).code == "police.mapping_classes"
    assert refusal(planned, tmp_path, bar.replace("162-87", "none")).code == "police.mapping_value"


def given(tmp_path: Path, who: str, roles: tuple[str, ...], **more: Any) -> list[Any]:
    file = tmp_path / "registry.toml"
    if not file.exists():
        file.write_text(MAPPING, "utf-8")
    url = tmp_path / "url"
    url.write_text(f"sqlite:///{tmp_path}/r.db", "utf-8")
    url.chmod(0o600)
    table = {"database_file": str(url), "mapping": str(file), **more}
    return plugin.jdgate_adapters(member=who, roles=roles, settings=table, home=Path())


def test_the_police_alone_get_the_registry(tmp_path: Path) -> None:
    assert [one.name for one in given(tmp_path, "pol", ("POL",))] == [
        "police.registry",
        "police.inbox",
    ]
    assert given(tmp_path, "cln-01", ("CLN",)) == []
    assert given(tmp_path, "pol-2", ("POL",), member="pol") == []


def test_the_inbox_takes_what_the_police_are_sent_and_no_tip_off(tmp_path: Path) -> None:
    (_, inbox) = given(tmp_path, "pol", ("POL",))
    assert {"mmt.dropout.notice.v1", "sealed.query.v1"} <= inbox.types
    assert not [one for one in inbox.types if one.startswith(("sys.", "tip.")) or ".alert." in one]
    (_, inbox) = given(tmp_path, "pol", ("POL",), receive=["mmt.dropout.notice.v1"])
    assert inbox.types == {"mmt.dropout.notice.v1"}
    call = lambda: given(tmp_path, "pol", ("POL",), receive=["mmt.attendance.v1"])  # noqa: E731
    assert refusal(call).code == "police.receive_type"


def test_another_body_in_the_same_database_is_named(tmp_path: Path) -> None:
    text = """
[send.releases]
type = "release.prenotice.v1"
member = "dtx-01"
table = "t"
key = "id"
marker = "at"
[send.releases.fields]
name = "a"
id_type = "b"
id_no = "c"
town = "d"
release_on = "e"
next_measure = "f"
"""
    (tmp_path / "registry.toml").write_text(text, "utf-8")
    (source,) = given(tmp_path, "dtx-01", ("DTX",))
    assert source.name == "police.registry"
    assert [one.name for one in given(tmp_path, "pol", ("POL",))] == ["police.inbox"]
    call = lambda: given(tmp_path, "dtx-01", ("CLN",))  # noqa: E731
    assert refusal(call).code == "police.mapping_sender"


def test_no_error_of_the_database_shows_the_url_or_a_value() -> None:
    for code in ("police.unreachable", "police.no_such_table", "police.inbox_missing"):
        assert "{" not in say(code, "zh") + say(code, "en")
