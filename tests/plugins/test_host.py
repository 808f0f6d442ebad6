"""Loading plugins from a folder, refusing wrong ones with a reason, isolating faulty ones."""

from __future__ import annotations

import textwrap
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from jdgate.errors import Refused
from jdgate.plugins.host import PluginFailed, PluginHost
from jdgate.refdata import References
from jdgate.texts import LANGUAGES, say


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def plugin_file(folder: Path, name: str, body: str) -> Path:
    return write(folder / name, "from jdgate.plugins import *\n" + textwrap.dedent(body))


GOOD = """
@hookimpl
def jdgate_prepare(type, record):
    return {**record, "by": "good"}
"""


class Seconds:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def load(folder: Path, **given: Any) -> PluginHost:
    return PluginHost(folder, use_installed=False, **given)


def refusal(folder: Path, **given: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        load(folder, **given)
    for lang in LANGUAGES:
        assert "{" not in refused.value.text(lang).replace("{folder}", "")
    return refused.value


def test_a_single_file_is_a_plugin(tmp_path: Path) -> None:
    plugin_file(tmp_path, "good.py", GOOD)
    host = load(tmp_path)
    assert host.names == ["good"]
    assert host.ask("jdgate_prepare", type="t", record={"a": 1}, register=None) == {
        "a": 1,
        "by": "good",
    }


def test_a_package_is_a_plugin_with_its_hooks_in_plugin_py(tmp_path: Path) -> None:
    write(tmp_path / "pkg_one/__init__.py", "")
    write(tmp_path / "pkg_one/words.py", "BY = 'package'")
    write(
        tmp_path / "pkg_one/plugin.py",
        """
        from jdgate.plugins import hookimpl
        from pkg_one.words import BY

        @hookimpl
        def jdgate_prepare(record):
            return {"by": BY}
        """,
    )
    host = load(tmp_path)
    assert host.names == ["pkg_one"]
    assert host.ask("jdgate_prepare", type="t", record={}, register=None) == {"by": "package"}


def test_a_project_with_its_code_in_src_is_a_plugin(tmp_path: Path) -> None:
    write(
        tmp_path / "aid/pyproject.toml",
        """
        [project]
        name = "county-aid"
        version = "3.1"
        [project.entry-points."jdgate.plugins"]
        aid = "county_aid.hooks"
        """,
    )
    write(tmp_path / "aid/src/county_aid/__init__.py", "")
    write(tmp_path / "aid/src/county_aid/rules.py", "VALUE = 5")
    plugin_file(
        tmp_path,
        "aid/src/county_aid/hooks.py",
        """
        from .rules import VALUE

        @hookimpl
        def jdgate_prepare(record):
            return {"value": VALUE}
        """,
    )
    host = load(tmp_path)
    assert host.ask("jdgate_prepare", type="t", record={}, register=None) == {"value": 5}
    assert [(one.name, one.version) for one in host.status()] == [("aid", "3.1")]


def test_each_host_loads_afresh(tmp_path: Path) -> None:
    for at, text in (("one", "first"), ("two", "second")):
        write(tmp_path / at / "same_name/__init__.py", "")
        write(
            tmp_path / at / "same_name/plugin.py",
            f"""
            from jdgate.plugins import hookimpl

            @hookimpl
            def jdgate_prepare(record):
                return {{"by": "{text}"}}
            """,
        )
    for at, text in (("one", "first"), ("two", "second")):
        host = load(tmp_path / at)
        assert host.ask("jdgate_prepare", type="t", record={}, register=None) == {"by": text}


def test_disabled_hidden_and_foreign_files_are_passed_over(tmp_path: Path) -> None:
    plugin_file(tmp_path, "good.py", GOOD)
    plugin_file(tmp_path, "off.py", "raise RuntimeError")
    plugin_file(tmp_path, "_draft.py", "raise RuntimeError")
    write(tmp_path / "README.md", "words")
    write(tmp_path / ".git/config", "")
    assert load(tmp_path, disabled=("off",)).names == ["good"]


def test_a_plugin_that_can_not_be_imported_stops_the_start(tmp_path: Path) -> None:
    plugin_file(tmp_path, "broken.py", "import a_module_nobody_has")
    error = refusal(tmp_path)
    assert error.code == "plugin.import_failed"
    assert "broken" in str(error) and "a_module_nobody_has" in str(error)


@pytest.mark.parametrize("body", ["raise SystemExit(3)", "def (", "1 / 0"])
def test_whatever_goes_wrong_in_an_import_names_the_plugin(tmp_path: Path, body: str) -> None:
    plugin_file(tmp_path, "broken.py", body)
    assert refusal(tmp_path).code == "plugin.import_failed"


def test_a_misspelt_hook_is_refused_with_the_name_meant(tmp_path: Path) -> None:
    plugin_file(tmp_path, "typo.py", "@hookimpl\ndef jdgate_rule(settings): return []\n")
    error = refusal(tmp_path)
    assert error.code == "plugin.hook_unknown"
    assert error.params["near"] == "jdgate_rules"


def test_a_hook_with_a_parameter_it_does_not_have_is_refused(tmp_path: Path) -> None:
    plugin_file(tmp_path, "wrong.py", "@hookimpl\ndef jdgate_rules(config): return []\n")
    error = refusal(tmp_path)
    assert error.code == "plugin.hook_signature"
    assert "(settings, references)" in str(error) and "(config)" in str(error)


@pytest.mark.parametrize(
    "definition",
    [
        "def jdgate_rules(settings=None): return []",
        "async def jdgate_rules(settings): return []",
        "def jdgate_rules(*args): return []",
    ],
)
def test_parameters_nobody_would_fill_are_refused(tmp_path: Path, definition: str) -> None:
    plugin_file(tmp_path, "wrong.py", f"@hookimpl\n{definition}\n")
    assert refusal(tmp_path).code == "plugin.hook_signature"


def test_a_hook_that_was_never_marked_is_refused(tmp_path: Path) -> None:
    plugin_file(tmp_path, "shy.py", GOOD + "\ndef jdgate_rules(settings): return []\n")
    assert refusal(tmp_path).code == "plugin.hook_unmarked"


def test_a_wrapper_is_refused(tmp_path: Path) -> None:
    plugin_file(
        tmp_path, "wrap.py", "@hookimpl(wrapper=True)\ndef jdgate_rules(settings): return (yield)\n"
    )
    assert refusal(tmp_path).code == "plugin.hook_wrapper"


def test_a_plugin_without_hooks_is_refused(tmp_path: Path) -> None:
    plugin_file(tmp_path, "empty.py", "")
    assert refusal(tmp_path).code == "plugin.no_hooks"


def test_two_plugins_of_one_name_are_refused(tmp_path: Path) -> None:
    plugin_file(tmp_path, "good.py", GOOD)
    write(tmp_path / "good/__init__.py", "from jdgate.plugins import hookimpl\n" + GOOD)
    assert refusal(tmp_path).code == "plugin.duplicate_name"


def test_a_package_named_like_another_module_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "email/__init__.py", GOOD)
    error = refusal(tmp_path)
    assert error.code == "plugin.name_taken"
    assert error.params["module"] == "email"


def test_a_folder_that_is_no_plugin_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "data/list.csv", "")
    assert refusal(tmp_path).code == "plugin.folder_empty"
    assert refusal(tmp_path / "nowhere").code == "plugin.folder_missing"


def test_a_name_that_can_not_be_a_setting_is_refused(tmp_path: Path) -> None:
    plugin_file(tmp_path, "My Plugin.py", GOOD)
    assert refusal(tmp_path).code == "plugin.name_bad"


def test_an_unreadable_project_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "aid/pyproject.toml", "[project")
    assert refusal(tmp_path).code == "plugin.project_unreadable"


def test_settings_for_a_plugin_nobody_loaded_are_refused(tmp_path: Path) -> None:
    plugin_file(tmp_path, "good.py", GOOD)
    error = refusal(tmp_path, settings={"clinik": {"absence_days": 7}})
    assert error.code == "plugin.settings_without_plugin"


def test_settings_of_a_disabled_plugin_may_stay(tmp_path: Path) -> None:
    plugin_file(tmp_path, "good.py", GOOD)
    assert load(tmp_path, disabled=("off",), settings={"off": {"a": 1}}).names == ["good"]


def test_each_plugin_gets_its_own_settings(tmp_path: Path) -> None:
    for name in ("one", "two"):
        plugin_file(
            tmp_path, f"{name}.py", "@hookimpl\ndef jdgate_channels(settings): return [settings]\n"
        )
    host = load(tmp_path, settings={"one": {"a": 1}})
    assert host.channels() == [("one", {"a": 1}), ("two", {})]


def test_a_hook_that_breaks_at_start_names_its_plugin(tmp_path: Path) -> None:
    plugin_file(tmp_path, "bad.py", "@hookimpl\ndef jdgate_rules(settings): 1 / 0\n")
    host = load(tmp_path)
    with pytest.raises(Refused, match=r"bad.*ZeroDivisionError"):
        host.rules()


def test_a_hook_that_gives_no_list_is_refused(tmp_path: Path) -> None:
    plugin_file(tmp_path, "bad.py", "@hookimpl\ndef jdgate_rules(settings): return 'rules'\n")
    with pytest.raises(Refused) as refused:
        load(tmp_path).rules()
    assert refused.value.code == "plugin.hook_answer"


RULE = """
import msgspec

class State(msgspec.Struct):
    n: int = 0

class R:
    name, version, types, state = "{name}", 1, frozenset({{"a.b.v1"}}), State
    def key(self, fact): return None
    def step(self, state, fact, now): return state, []
    def due(self, state, name, now): return state, []

@hookimpl
def jdgate_rules(settings): return [R()]
"""


def test_rules_are_collected(tmp_path: Path) -> None:
    plugin_file(tmp_path, "one.py", RULE.format(name="one.first"))
    assert [rule.name for rule in load(tmp_path).rules()] == ["one.first"]


def test_a_rule_outside_its_plugins_name_is_refused(tmp_path: Path) -> None:
    plugin_file(tmp_path, "one.py", RULE.format(name="other.first"))
    with pytest.raises(Refused) as refused:
        load(tmp_path).rules()
    assert refused.value.code == "plugin.rule_malformed"
    assert refused.value.params["field"] == "name"


def test_two_rules_of_one_name_are_refused(tmp_path: Path) -> None:
    twice = RULE.replace("[R()]", "[R(), R()]").format(name="one.first")
    plugin_file(tmp_path, "one.py", twice)
    with pytest.raises(Refused) as refused:
        load(tmp_path).rules()
    assert refused.value.code == "plugin.rule_duplicate"


def test_a_plugins_texts_are_added(tmp_path: Path) -> None:
    write(tmp_path / "texts.toml", '[host_test.hello]\nzh = "你好"\nen = "hello"\n')
    path = tmp_path / "texts.toml"
    plugin_file(tmp_path, "words.py", f"@hookimpl\ndef jdgate_texts(): return [{str(path)!r}]\n")
    load(tmp_path)
    assert say("host_test.hello", "zh") == "你好"


def test_texts_that_can_not_be_read_stop_the_start(tmp_path: Path) -> None:
    plugin_file(tmp_path, "words.py", "@hookimpl\ndef jdgate_texts(): return ['/nowhere.toml']\n")
    assert refusal(tmp_path).code == "plugin.texts_unreadable"


BAD = """
@hookimpl
def jdgate_prepare(record):
    raise ValueError("a name that must not be told")
"""


def test_one_plugins_fault_does_not_stop_the_others(tmp_path: Path) -> None:
    plugin_file(tmp_path, "bad.py", BAD)
    plugin_file(tmp_path, "good.py", GOOD)
    host = load(tmp_path)
    answers = host.call("jdgate_prepare", type="t", record={}, register=None)
    assert [(one.plugin, one.value) for one in answers] == [("bad", None), ("good", {"by": "good"})]
    assert {one.name: one.condition.state for one in host.status()} == {
        "bad": "failing",
        "good": "running",
    }


def test_a_fault_is_told_by_class_and_place_never_by_its_words(tmp_path: Path) -> None:
    plugin_file(tmp_path, "bad.py", BAD)
    host = load(tmp_path)
    with pytest.raises(PluginFailed) as failed:
        host.ask("jdgate_prepare", type="t", record={}, register=None)
    assert "ValueError" in str(failed.value) and "must not be told" not in str(failed.value)
    assert "must not be told" not in str(host.status())


def test_a_plugin_that_keeps_failing_is_paused_longer_and_longer(tmp_path: Path) -> None:
    plugin_file(tmp_path, "bad.py", BAD)
    seconds = Seconds()
    host = load(tmp_path, clock=seconds)
    pauses = []
    for _ in range(6):
        host.call("jdgate_prepare", type="t", record={}, register=None)
        condition = host.status()[0].condition
        pauses.append(condition.retry_in)
        seconds.now += condition.retry_in
    assert pauses == [0, 0, 1, 2, 4, 8]


def test_while_paused_a_plugin_is_not_called_and_then_tried_again(tmp_path: Path) -> None:
    plugin_file(
        tmp_path,
        "moody.py",
        """
        calls = []
        @hookimpl
        def jdgate_prepare(record):
            calls.append(1)
            if len(calls) <= 3:
                raise ValueError
            return {"calls": len(calls)}
        """,
    )
    seconds = Seconds()
    host = load(tmp_path, clock=seconds)
    ask = {"type": "t", "record": {}, "register": None}
    for _ in range(3):
        host.call("jdgate_prepare", **ask)
    assert host.call("jdgate_prepare", **ask)[0].error == "paused"
    assert host.status()[0].condition.state == "paused"
    seconds.now = 1.5
    assert host.ask("jdgate_prepare", **ask) == {"calls": 4}
    assert host.status()[0].condition.state == "running"


def test_a_refusal_is_an_answer_and_not_a_fault(tmp_path: Path) -> None:
    plugin_file(
        tmp_path,
        "strict.py",
        "@hookimpl\ndef jdgate_prepare(record): raise Refused('record.not_enrolled')\n",
    )
    host = load(tmp_path)
    with pytest.raises(Refused) as refused:
        host.ask("jdgate_prepare", type="t", record={}, register=None)
    assert refused.value.code == "record.not_enrolled"
    assert host.status()[0].condition.state == "running"


def test_no_answer_from_anyone_is_none(tmp_path: Path) -> None:
    plugin_file(tmp_path, "quiet.py", "@hookimpl\ndef jdgate_prepare(record): return None\n")
    assert load(tmp_path).ask("jdgate_prepare", type="t", record={}, register=None) is None


SINK = """
class Desk:
    name = "{name}"
    types = frozenset({{"comm.order.notice.v1"}})

    async def deliver(self, delivery):
        return None

    async def check(self):
        return None


@hookimpl
def jdgate_adapters(member, roles, settings):
    return [Desk()]
"""


def test_two_sinks_for_one_type_stop_the_start_and_neither_is_passed_over(tmp_path: Path) -> None:
    plugin_file(tmp_path, "one.py", SINK.format(name="one.desk"))
    plugin_file(tmp_path, "two.py", SINK.format(name="two.desk"))
    with pytest.raises(Refused) as refused:
        load(tmp_path).adapters("com-01", ("COM",))
    assert refused.value.code == "plugin.sink_duplicate"
    assert "comm.order.notice.v1" in refused.value.text("zh")
    assert len(load(tmp_path, disabled=("two",)).adapters("com-01", ("COM",))) == 1


def test_a_rule_is_made_with_the_county_s_own_tables(tmp_path: Path) -> None:
    rule = RULE.format(name="one.first").replace(
        "def jdgate_rules(settings): return [R()]",
        "def jdgate_rules(references):\n    R.tables = references\n    return [R()]",
    )
    plugin_file(tmp_path / "plugins", "one.py", rule)
    write(tmp_path / "days.csv", "日期,是否工作日\n2027-01-02,是\n")
    tables = References(tmp_path / "refdata")
    day = date(2027, 1, 2)
    now = datetime(2026, 11, 21, tzinfo=UTC)
    tables.add("working-days", tmp_path / "days.csv", source="县政府", since=day, now=now)
    (made,) = load(tmp_path / "plugins", references=tables).rules()
    assert made.tables.working_days.is_working(day)  # type: ignore[attr-defined]
