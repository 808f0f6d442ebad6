"""What a plugin's hooks must hold to: their answers, its texts, settings, the edge's hooks."""

from __future__ import annotations

import copy
import string
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jdgate.texts
from jdgate.core.catalogue import default_path
from jdgate.errors import JdgateError, Refused
from jdgate.files import Importer
from jdgate.kit.bench import Bench, Broken, NotApplicable
from jdgate.kit.records import Maker
from jdgate.plugins.adapters import Channel, Sink, Source
from jdgate.plugins.inspection import check_rule
from jdgate.texts import LANGUAGES, all_texts, read_file

SETTINGS_HOOKS = ("jdgate_rules", "jdgate_adapters", "jdgate_channels")
UNKNOWN = "no_such_setting_xyz"
WRONG: tuple[Any, ...] = (None, [], {"a": 1}, -1, 3.5, "", "\u202e", True, 10**30, "x" * 500)
"""Values that are hardly ever what was meant."""


class Notes:
    """A register in memory. It copies what it is given and what it gives, as the real one does."""

    def __init__(self) -> None:
        self.notes: dict[tuple[str, str], dict[str, Any]] = {}

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        return copy.deepcopy(self.notes.get((kind, key)))

    def put(self, kind: str, key: str, value: dict[str, Any]) -> None:
        self.notes[kind, key] = copy.deepcopy(value)

    def delete(self, kind: str, key: str) -> None:
        self.notes.pop((kind, key), None)

    def find(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        mine = {key: value for (one, key), value in self.notes.items() if one == kind}
        return iter(sorted(copy.deepcopy(mine).items()))


class ApprovedDraft:
    """A draft that somebody approved."""

    def __init__(self, type: str, prefill: Mapping[str, Any]) -> None:
        self.id, self.type, self.prefill = "draft-1", type, prefill
        self.decided_by, self.decided_at = "王医生", datetime(2026, 5, 20, tzinfo=UTC)


def answers(bench: Bench) -> None:
    """Each hook called at start gives what it promises."""
    host = bench.host
    for rule in host.rules():
        check_rule(bench.name, rule)
    for importer in host.importers():
        if not isinstance(importer, Importer):
            raise Broken(f"jdgate_importers gave a {type(importer).__name__}")
    for _, channel in host.channels():
        if not isinstance(channel, Channel) or not channel.name.startswith(f"{bench.name}."):
            raise Broken("jdgate_channels gave no channel, or its name lacks the plugin's")
    for suite in host.suites():
        if not isinstance(getattr(suite, "alg", None), str) or not suite.alg:
            raise Broken("jdgate_suites gave something without an alg")
    for _, adapter in host.adapters("nobody-99", ("NCO",)):
        if not isinstance(adapter, Source | Sink):
            raise Broken(f"jdgate_adapters gave a {type(adapter).__name__}")
    for path in host.schemas():
        if not path.is_dir():
            raise Broken("jdgate_schemas names a folder that is not there")


def schemas(bench: Bench) -> None:
    """The plugin's types load beside jdgate's own, and rules and sinks read types that exist."""
    types = {kind for rule in bench.host.rules() for kind in rule.types}
    types |= {importer.type for importer in bench.host.importers()}
    unknown = sorted(types - set(bench.catalogue.sheets))
    if unknown:
        raise Broken(f"no catalogue has {', '.join(unknown)}")
    own = [path for folder in bench.host.schemas() for path in folder.rglob("*.toml")]
    twice = [path.name for path in own if (default_path() / path.parent.name / path.name).exists()]
    if twice:
        raise Broken(f"jdgate has {', '.join(twice)} already")
    if not own and not types:
        raise NotApplicable("no_types")


def texts(bench: Bench) -> None:
    """Every text is there in both languages with the same placeholders; none replaces another's."""
    paths = [Path(one) for _, one in bench.host._collect("jdgate_texts")]
    if not paths:
        raise NotApplicable("no_texts")
    areas = {bench.name.replace("-", "_"), "check"}
    folder = Path(jdgate.texts.__file__).parent
    builtin = {code for path in folder.glob("*.toml") for code in read_file(path)}
    for path in paths:
        for code, entry in read_file(path).items():
            if code.partition(".")[0] not in areas:
                raise Broken(f"{code} does not begin with “{min(areas - {'check'})}.”")
            if code in builtin:
                raise Broken(f"{code} is one of jdgate's own texts and would not be used")
            if set(entry) != set(LANGUAGES) or not all(entry[one].strip() for one in LANGUAGES):
                raise Broken(f"{code} lacks a language")
            chinese, english = (_placeholders(entry[lang]) for lang in LANGUAGES)
            if chinese != english:
                raise Broken(f"{code} has other placeholders in Chinese than in English")
            if any(not name.isidentifier() for name in chinese):
                raise Broken(f"{code} has a placeholder that is more than a name")


def _placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def settings(bench: Bench) -> None:
    """A setting that nobody knows stops the start, and says so in both languages."""
    given = [hook for hook in SETTINGS_HOOKS if hook in bench.hooks()]
    if not given:
        raise NotApplicable("no_settings")
    host = Bench.host_of(bench.found, {UNKNOWN: object()})
    try:
        host.rules()
        host.channels()
        host.adapters(*_member(bench))
    except Refused as reason:
        if reason.code == "plugin.hook_failed":
            raise Broken(reason.text("en")) from None
        if reason.code not in all_texts():
            raise Broken(f"{reason.code} has no text") from None
        return
    raise Broken("a setting that nobody knows is passed over")


def setting_types(bench: Bench) -> None:
    """A setting of the wrong kind is refused with a reason, never a fault of the plugin."""
    known: dict[str, Any] = {}
    if bench.trial is not None:
        with tempfile.TemporaryDirectory(prefix="jdgate-kit-") as folder:
            known = dict(bench.trial(Path(folder)).settings)
    if not known:
        raise NotApplicable("no_settings")
    for name in known:
        for wrong in WRONG:
            host = Bench.host_of(bench.found, {**known, name: wrong})
            try:
                host.rules()
                host.channels()
                host.adapters(*_member(bench))
            except Refused as reason:
                if reason.code == "plugin.hook_failed":
                    raise Broken(f"{name}: {reason.text('en')}") from None
            except JdgateError:
                pass


def _member(bench: Bench) -> tuple[str, tuple[str, ...]]:
    return (bench.trial.member, bench.trial.roles) if bench.trial else ("nco", ("NCO",))


def prepare(bench: Bench) -> None:
    """`jdgate_prepare` leaves others' records alone, changes nothing it was given, and answers
    or refuses: also for incomplete and mistyped rows."""
    if "jdgate_prepare" not in bench.hooks():
        raise NotApplicable("no_hook")
    notes = Notes()
    for kind, record in _rows(bench):
        before = copy.deepcopy(record)
        try:
            got = _ask(bench, "jdgate_prepare", type=kind, record=record, register=notes)
        except Refused as reason:
            _has_text(reason)
            got = None
        if record != before:
            raise Broken(f"the record of {kind} it was given was changed")
        if got is not None and not isinstance(got, dict):
            raise Broken(f"for {kind} it gave a {type(got).__name__}")
    if notes.notes:
        raise Broken("it wrote into the register; notes are for accepted records only")


def accepted(bench: Bench) -> None:
    """`jdgate_accepted` twice, and in any order, leaves the same notes as once; it takes every
    record its type allows, changes none of them, and loses no note when told of none."""
    if "jdgate_accepted" not in bench.hooks():
        raise NotApplicable("no_hook")
    for kind in _types(bench):
        made = Maker(bench.catalogue, 11).records(kind, 12)
        once, twice, other = Notes(), Notes(), Notes()
        _ask(bench, "jdgate_accepted", type=kind, records=made, register=once)
        for _ in range(2):
            _ask(bench, "jdgate_accepted", type=kind, records=made, register=twice)
        for record in reversed([*made, made[0]]):
            _ask(bench, "jdgate_accepted", type=kind, records=[record], register=other)
        if once.notes != twice.notes:
            raise Broken(f"{kind}: told twice, it notes something else")
        if once.notes.keys() != other.notes.keys():
            raise Broken(f"{kind}: in another order, it notes about others")
        _strange(bench, kind, once)


def _strange(bench: Bench, kind: str, notes: Notes) -> None:
    """Records at the edge of their schema: accepted is accepted, so none may break the hook."""
    maker = Maker(bench.catalogue, 14)
    for _ in range(8):
        record = maker.record(kind, extreme=True)
        before = copy.deepcopy(record)
        _ask(bench, "jdgate_accepted", type=kind, records=[record], register=notes)
        if record != before:
            raise Broken(f"the record of {kind} it was given was changed")
    before_nothing = copy.deepcopy(notes.notes)
    _ask(bench, "jdgate_accepted", type=kind, records=[], register=notes)
    if notes.notes != before_nothing:
        raise Broken(f"{kind}: told of no record, it changes its notes")


def complete(bench: Bench) -> None:
    """`jdgate_complete` answers None for drafts of others, and a record or a refusal for its
    own, whatever the rule's prefill lacks; it writes and loses no note."""
    if "jdgate_complete" not in bench.hooks():
        raise NotApplicable("no_hook")
    notes = _noted(bench)
    before = copy.deepcopy(notes.notes)
    for kind in _types(bench):
        record = Maker(bench.catalogue, 12).record(kind)
        wrong = [{**record, field: each} for field in record for each in WRONG]
        for prefill in (record, {}, {"patient_ref": 7}, dict.fromkeys(record), *wrong):
            try:
                got = _ask(
                    bench, "jdgate_complete", draft=ApprovedDraft(kind, prefill), register=notes
                )
            except Refused as reason:
                _has_text(reason)
                continue
            if got is not None and not isinstance(got, dict):
                raise Broken(f"for {kind} it gave a {type(got).__name__}")
    if notes.notes != before:
        raise Broken("it changed the register; a draft that is shown again must be as before")
    stranger = ApprovedDraft("no.such.v1", {})
    if _ask(bench, "jdgate_complete", draft=stranger, register=notes) is not None:
        raise Broken("it completes drafts of a type it can't know")


def _noted(bench: Bench) -> Notes:
    """A register as it is after some of the plugin's own records were accepted."""
    notes = Notes()
    if "jdgate_accepted" in bench.hooks():
        for kind in _types(bench):
            made = Maker(bench.catalogue, 12).records(kind, 6)
            _ask(bench, "jdgate_accepted", type=kind, records=made, register=notes)
    return notes


def _ask(bench: Bench, hook: str, **given: Any) -> Any:
    """The plugin's answer. A fault is reported with its place, as the host records it."""
    (answer,) = bench.host.call(hook, **given)
    if answer.error is not None:
        raise Broken(f"it broke: {answer.error}")
    return answer.value


def _types(bench: Bench) -> list[str]:
    """The types that a record can be made of; the plugin's own importers' must be among them."""
    wanted = {importer.type for importer in bench.host.importers()}
    found = []
    for kind in sorted(bench.catalogue.sheets):
        if kind.startswith("sys."):
            continue
        try:
            Maker(bench.catalogue).record(kind)
        except Refused:
            if kind in wanted:
                raise
            continue
        found.append(kind)
    return found


def _rows(bench: Bench) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in _types(bench):
        maker = Maker(bench.catalogue, 13)
        record = maker.record(kind)
        yield kind, record
        for field in record:
            yield kind, {name: value for name, value in record.items() if name != field}
            for wrong in WRONG:
                yield kind, {**record, field: wrong}
        yield kind, {}
        yield kind, {**record, "id_no": "51162319800101123X"}
        yield kind, {"id_no": 7}


def _has_text(reason: Refused) -> None:
    if reason.code not in all_texts():
        raise Broken(f"{reason.code} has no text")


HOOKS: Mapping[str, Any] = {
    "hooks.answers": answers,
    "hooks.schemas": schemas,
    "hooks.texts": texts,
    "hooks.settings": settings,
    "hooks.setting_types": setting_types,
    "edge.prepare": prepare,
    "edge.accepted": accepted,
    "edge.complete": complete,
}
