"""The conformance kit finds what it is there to find: for each check a plugin that fails it."""

# ruff: noqa: E501 - what is replaced in a good plugin stands on one line
from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click.testing
import pytest

from jdgate.cli import main
from jdgate.core.signing import SigningKey
from jdgate.errors import Refused
from jdgate.kit import Report, check_plugin, read_report
from jdgate.kit.bench import Bench, Finding, attempt
from jdgate.kit.hooks import HOOKS
from jdgate.kit.importers import IMPORTERS
from jdgate.kit.places import Place
from jdgate.kit.records import Maker
from jdgate.kit.report import TYP_REPORT
from jdgate.kit.rules import RULES
from jdgate.kit.sinks import SINK
from jdgate.kit.sources import SOURCE
from jdgate.kit.strings import Strings
from jdgate.kit.suites import SUITES
from jdgate.kit.trial import cases_of
from jdgate.plugins.scaffold import write_plugin
from jdgate.texts import LANGUAGES, all_texts

REPOSITORY = Path(__file__).parents[2]
CHECKS = [*HOOKS, *RULES, *IMPORTERS, *SUITES, *SINK, *SOURCE, "hooks.load", "adapters.trial"]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_plugin("rooms", tmp_path_factory.mktemp("made"))


Spoil = Callable[..., Path]


@pytest.fixture
def spoil(made: Path, tmp_path: Path) -> Spoil:
    """A copy of a good plugin with something replaced, under a name of its own: what Python has
    imported once stays imported."""

    def spoilt(file: str, *changes: tuple[str, str]) -> Path:
        folder = tmp_path / "rooms"
        if not folder.exists():
            shutil.copytree(made, folder, ignore=shutil.ignore_patterns("__pycache__"))
        path = folder / "src/jdgate_rooms" / file
        text = path.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
        return folder

    return spoilt


def find(folder: Path, check: str) -> Finding:
    """What one check says of the plugin in a folder, without the others."""
    try:
        bench = Bench.load(folder)
    except Refused as reason:
        return Finding("hooks.load", "failed", "", reason.text("en"))
    if check in HOOKS:
        return attempt(check, "", lambda: HOOKS[check](bench))
    if check in RULES:
        (rule,) = bench.host.rules()
        return attempt(check, rule.name, lambda: RULES[check](rule, bench))
    importer = bench.host.importers()[0]
    return attempt(check, importer.type, lambda: IMPORTERS[check](importer, bench))


def tried(folder: Path, check: str, tmp: Path) -> Finding:
    """What one check of an adapter says, in a process of its own as the kit has it."""
    from jdgate.kit.places import Job
    from jdgate.kit.running import _in_victim

    kind = check.partition(".")[0]
    adapter = {"sink": "rooms.received", "source": "rooms.drop"}[kind]
    (finding,) = _in_victim(Job(str(folder), kind, 0, adapter, [check], str(tmp / "trial")))
    return finding


# --- what is good passes


@pytest.mark.parametrize("plugin", ["clinic", "sm2"])
def test_the_plugins_of_this_project_conform(plugin: str) -> None:
    report = check_plugin(REPOSITORY / "plugins" / plugin)
    assert report.passed, report.advice("en")
    assert report == check_plugin_by_name(plugin, report)


def check_plugin_by_name(plugin: str, like: Report) -> Report:
    """By name it is the same plugin: only the moment differs."""
    import msgspec

    return msgspec.structs.replace(check_plugin(plugin), at=like.at)


def test_every_check_has_its_sentences() -> None:
    for check in CHECKS:
        for part in ("check", "do"):
            entry = all_texts()[f"kit.{part}.{check}"]
            assert all(entry[lang] for lang in LANGUAGES)
    said = {code for code in all_texts() if code.startswith(("kit.check.", "kit.do."))}
    assert {code.split(".", 2)[2] for code in said} == set(CHECKS)


# --- what is bad is found: rules


@pytest.mark.parametrize(
    ("check", "old", "new"),
    [
        # the last to arrive wins
        ("rule.order", "latest = max((state.day, state.bad), (fact.data",
         "latest = max((\"\", False), (fact.data"),
        # counts instead of merging
        ("rule.repeat", "new = Place(fact.source, fact.data[\"place\"], *latest)",
         "new = Place(fact.source, state.place + \"x\", *latest)"),
        # changes what it was given
        ("rule.pure", "class Place(Struct, frozen=True):", "class Place(Struct):"),
        ("rule.effects", "title_code=\"rooms.not_good\"", "title_code=\"rooms.unsaid\""),
        ("rule.clock", "return state, ()", "return state, 7"),
        ("rule.extreme", "        latest = max(", "        assert fact.data[\"date\"] > \"1950\"\n        latest = max("),
        ("rule.many", "new = Place(fact.source, fact.data[\"place\"], *latest)",
         "new = Place(fact.source, state.place + fact.message_id * 90, *latest)"),
    ],
)  # fmt: skip
def test_a_rule_that_does_not_hold_is_found(spoil: Spoil, check: str, old: str, new: str) -> None:
    changes = [(old, new)]
    if check == "rule.pure":
        changes.append(
            ("        new = Place(", "        state.member = fact.source\n        new = Place(")
        )
    if check == "rule.clock":
        changes = [
            ("import Alert,", "import Alert, Expect,"),
            ("return new, changes(", 'return new, [Expect("x", now)] + changes('),
            ("        return state, ()", '        return state, [Expect("", now)]'),
        ]
    if check == "rule.many":
        changes.append(("return f\"{fact.source}/{fact.data['place']}\"", "return fact.source"))
    found = find(spoil("rules.py", *changes), check)
    assert (found.check, found.outcome) == (check, "failed"), found


def test_a_rule_that_changes_the_records_it_reads_is_found(spoil: Spoil) -> None:
    change = ("        latest = max(", '        fact.data["seen"] = True\n        latest = max(')
    found = find(spoil("rules.py", change), "rule.pure")
    assert (found.outcome, found.detail) == ("failed", "step changed the record it was given")


# --- importers


@pytest.mark.parametrize(
    ("check", "old", "new"),
    [
        ("importer.fields", 'Column("good",', 'Column("god",'),
        ("importer.fields", 'Column("date", "date", ("检查日期", "日期"), "checked on"),', ""),
        ("importer.round_trip", 'Column("good", "bool"', 'Column("good", "text"'),
        ("importer.records", 'Column("good", "bool"', 'Column("good", "text"'),
        ("importer.header", '"checked on"),', '"checked on", required=False),'),
        ("importer.choices", 'PLACE = Column("place", "code", ("场所编号", "场所", "编号"), "place", max_chars=32)',
         'PLACE = Column("place", "choice", ("场所编号",), "place", choices={"A": "a", "Ａ": "b"})'),
    ],
)  # fmt: skip
def test_an_importer_that_does_not_hold_is_found(
    spoil: Spoil, check: str, old: str, new: str
) -> None:
    folder = spoil("importers.py", (old, new))
    found = find(folder, check)
    if (check, "required=False" in new) == ("importer.header", True):
        # a column that may lack is no fault of the header; its records are
        assert find(folder, "importer.header").outcome == "ok"
        return
    assert (found.check, found.outcome) == (check, "failed"), found


# --- hooks


@pytest.mark.parametrize(
    ("check", "file", "old", "new"),
    [
        ("hooks.texts", "texts.toml", 'en = "ROO1 not', 'fr = "ROO1 not'),
        ("hooks.texts", "texts.toml", "checked on {day}", "checked on {date}"),
        ("hooks.texts", "texts.toml", "[rooms.rule_not_good]", "[record.bad_date]"),
        ("hooks.settings", "plugin.py", "settings, Settings)",
         "{k: v for k, v in settings.items() if k in ('folder',)}, Settings)"),
        ("hooks.setting_types", "plugin.py", 'read_settings("rooms", settings, Settings)',
         'Settings(**settings) if "folder" in settings else read_settings("", settings, Settings)'),
        ("hooks.answers", "plugin.py", "return list(IMPORTERS)", "return [1]"),
        ("hooks.schemas", "importers.py", 'type="rooms.check.v1"', 'type="rooms.chek.v1"'),
        ("hooks.load", "plugin.py", "def jdgate_rules()", "def jdgate_rule()"),
        ("hooks.load", "schemas/rooms/check.v1.toml", 'share = "conditional"', 'share = "maybe"'),
    ],
)  # fmt: skip
def test_a_hook_that_does_not_hold_is_found(
    spoil: Spoil, check: str, file: str, old: str, new: str
) -> None:
    found = find(spoil(file, (old, new)), check)
    assert (found.check, found.outcome) == (check, "failed"), found


EDGE = {
    "edge.prepare": [
        "def jdgate_prepare(record):\n    record['x'] = 1",
        "def jdgate_prepare(record):\n    return record['id_no'].strip()",
        "def jdgate_prepare(record, register):\n    register.put('a', 'b', {})",
        "def jdgate_prepare(record):\n    raise Refused('no.such_text')",
        "def jdgate_prepare(record):\n    return 7",
    ],
    "edge.accepted": [
        "def jdgate_accepted(type, records, register):\n"
        "    n = (register.get('n', type) or {'n': 0})['n']\n"
        "    register.put('n', type, {'n': n + len(records)})",
        "def jdgate_accepted(records, register):\n    register.put('last', str(records[0]), {})",
        "def jdgate_accepted(records):\n    records[0]['no_such_field']",
        "def jdgate_accepted(type, records, register):\n"
        "    register.put('n', type, {'n': bool(records)})",
        "def jdgate_accepted(records):\n    for record in records:\n        record.popitem()",
        "def jdgate_accepted(records):\n"
        "    for record in records:\n        assert '2099' not in str(record)",
    ],
    "edge.complete": [
        "def jdgate_complete(draft):\n    return dict(draft.prefill)",
        "def jdgate_complete(draft):\n    return draft.prefill['name']",
        "def jdgate_complete(draft, register):\n    register.put('a', draft.type, {})",
        "def jdgate_complete(draft):\n"
        "    return {} if draft.prefill.get('id_no', '').isascii() else None",
    ],
}


@pytest.mark.parametrize(
    ("check", "body"), [(check, body) for check, bodies in EDGE.items() for body in bodies]
)
def test_an_edge_hook_that_does_not_hold_is_found(tmp_path: Path, check: str, body: str) -> None:
    path = tmp_path / "bad.py"
    path.write_text(
        f"from jdgate.plugins import *\nfrom jdgate.plugins import hookimpl, Refused\n"
        f"@hookimpl\n{body}\n"
    )
    bench = Bench.load(path)
    found = attempt(check, "", lambda: HOOKS[check](bench))
    assert found.outcome == "failed", found


# --- adapters, in processes that are killed


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        # notes the id before the effect is there: killed in between, the effect never comes
        ("sink.crash", [("        write_table(path, ", "        path.touch()\n        write_table(path, ")]),
        # does not recognise what comes again
        ("sink.once", [("        if path.exists():\n            return\n", ""),
                       ('f"{delivery.id}.xlsx"', 'f"{delivery.id}.{__import__(\'time\').time_ns()}.xlsx"')]),
        ("sink.wrong", [("        titles = [", "        delivery.records[0][\"place\"].strip()\n        titles = [")]),
        ("sink.huge", [("        titles = [", "        assert len(delivery.records) < 300\n        titles = [")]),
        ("sink.away", [("raise TransportFailed(\"rooms.folder_missing\")", "return")]),
        ("sink.check", [("there = folder.is_dir()", "(folder / 'touched').touch()\n    there = folder.is_dir()")]),
        ("sink.check", [("there = folder.is_dir()", "there = False")]),
    ],
)  # fmt: skip
def test_a_sink_that_does_not_hold_is_found(
    spoil: Spoil, tmp_path: Path, check: str, changes: list[tuple[str, str]]
) -> None:
    folder = spoil("folder.py", *changes)
    if check == "sink.once":
        spoil("trial.py", ("return [path.stem for", "return [path.name.split('.')[0] for"))
    found = tried(folder, check, tmp_path)
    assert (found.check, found.outcome) == (check, "failed"), found


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        # puts the file away before its rows are kept
        ("source.crash", [("                async for batch in self._send",
                           "                done.parent.mkdir(exist_ok=True)\n"
                           "                moved = path.replace(done)\n"
                           "                path = moved\n"
                           "                async for batch in self._send"),
                          ("            path.replace(done)\n", "")]),
        # the mark knows the file and not the row
        ("source.resume", [('"row": good[-1].number', '"row": 0')]),
        ("source.complete", [("row.number > after", "row.number > 3")]),
        ("source.huge", [("ROWS = 200", "ROWS = 600")]),
        ("source.away", [('raise TransportFailed("rooms.folder_missing")', "return []")]),
    ],
)  # fmt: skip
def test_a_source_that_does_not_hold_is_found(
    spoil: Spoil, tmp_path: Path, check: str, changes: list[tuple[str, str]]
) -> None:
    found = tried(spoil("folder.py", *changes), check, tmp_path)
    assert (found.check, found.outcome) == (check, "failed"), found


def test_a_plugin_that_ends_its_process_is_told_and_the_rest_goes_on(
    spoil: Spoil, tmp_path: Path
) -> None:
    from jdgate.kit.places import Job
    from jdgate.kit.running import _in_victim

    folder = spoil(
        "plugin.py",
        ("    chosen = read", "    import os\n    os._exit(3)\n    chosen = read"),
    )
    job = Job(str(folder), "sink", 0, "rooms.received", ["sink.check", "sink.once"], str(tmp_path))
    assert [one.outcome for one in _in_victim(job)] == ["failed", "failed"]


def test_adapters_without_a_trial_are_not_passed_over(spoil: Spoil) -> None:
    folder = spoil("trial.py", ("class Trial", "class Other"))
    report = check_plugin(folder)
    assert not report.passed
    assert [line.check for line in report.checks if line.outcome == "failed"] == ["adapters.trial"]


# --- the report and the command


def jdgate(*args: str) -> tuple[int, str]:
    done = click.testing.CliRunner().invoke(main, list(args))
    return done.exit_code, done.output


def test_the_command_ends_with_1_and_says_what_to_do(spoil: Spoil, tmp_path: Path) -> None:
    folder = spoil("texts.toml", ('en = "ROO1 not', 'fr = "ROO1 not'))
    code, said = jdgate("plugin", "check", str(folder), "--lang", "en",
                        "-o", str(tmp_path / "report.json"))  # fmt: skip
    assert code == 1
    assert "complete or correct the texts: rooms.rule_not_good lacks a language" in said
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["plugin"] == "rooms" and report["passed"] is False
    assert {line["outcome"] for line in report["checks"]} >= {"ok", "failed", "none"}
    assert all(line["text"]["zh"] and line["text"]["en"] for line in report["checks"])


def test_a_signed_report_holds_for_these_very_bytes_only() -> None:
    report = check_plugin("sm2")
    key = SigningKey("com-01.sig.1", "EdDSA", bytes(range(32)))
    signed = report.sign(key)
    assert read_report(signed, key.public()) == report
    assert TYP_REPORT == "jd-report+json"
    for at in range(0, len(signed), 37):
        spoilt = signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :]
        with pytest.raises(Refused):
            read_report(spoilt, key.public())


def test_what_is_not_there_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(Refused) as refused:
        check_plugin("no-such-plugin")
    assert refused.value.code == "kit.no_plugin"


def test_a_signature_suite_that_takes_anything_is_found(tmp_path: Path) -> None:
    path = tmp_path / "yes.py"
    path.write_text(
        textwrap.dedent(
            """
            from jdgate.plugins import hookimpl

            class Yes:
                alg = "YES"
                def public_of(self, private): return private
                def sign(self, private, data): return b"x" * 64
                def verify(self, public, signature, data): return True

            @hookimpl
            def jdgate_suites():
                return [Yes()]
            """
        )
    )
    report = check_plugin(path)
    assert [line.check for line in report.checks if line.outcome == "failed"] == ["suite.refuses"]


# --- records


def test_the_maker_makes_good_records_of_every_type_and_the_same_ones_each_time() -> None:
    bench = Bench.load("clinic")
    for kind in sorted(bench.catalogue.sheets):
        for extreme in (False, True):
            once = Maker(bench.catalogue, 1).records(kind, 10, extreme=extreme)
            assert once == Maker(bench.catalogue, 1).records(kind, 10, extreme=extreme)


@pytest.mark.parametrize(
    "pattern",
    ["^[A-Z]{2}-[0-9]{4}$", "^(a|b)+d?$", r"^\d{3}\.\w*$", "^[^0-9]{5}$", r"^\p{L}{2,4}$"],
)
def test_texts_fit_their_pattern(pattern: str) -> None:
    import random

    from jdgate.core.schema import compile_schema

    form: dict[str, Any] = {"type": "string", "pattern": pattern, "maxLength": 12}
    validator = compile_schema({"type": "object", "properties": {"a": form}})
    texts = Strings(random.Random(1))
    assert all(validator.valid({"a": texts.text(form, extreme)}) for extreme in (0, 1) * 20)


def test_the_members_of_a_trial_are_those_it_names() -> None:
    class Trial:
        member, roles, gives = "com-01", ("COM",), ("a.b.v1",)
        cases = (("nco", ("NCO",), ()),)

    assert [case.member for case in cases_of(Trial)] == ["com-01", "nco"]  # type: ignore[arg-type]
    assert Place  # the place a case is tried at
