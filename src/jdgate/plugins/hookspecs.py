"""The hooks a plugin may implement. A plugin implements those it needs, each once.

    from jdgate.plugins import hookimpl

    @hookimpl
    def jdgate_rules(settings):
        return [MyRule(settings)]

- A hook takes any of the parameters named here, by these names, and no others.
- `settings` is the county's table `[rules.<plugin>]`, plain values; {} when there is none.
  `jdgate.plugins.read_settings` reads it into the plugin's own Struct.
- `references` are the county's tables (`jdgate.refdata.References`): working days, precursors,
  divisions and grounds, with what the county imported over what jdgate brings along.
- `home` is the county's folder, where `jdgate.toml` lies; relative paths in settings begin there.
- Hooks run one plugin at a time; an exception in one never stops another plugin.
- `Refused` carries an answer for a person ("this patient is not enrolled") and goes back to
  whoever asked. Any other exception is a fault of the plugin. At start it stops the start
  and names the plugin; afterwards it is recorded and shown in `jdgate status`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from jdgate.core.rules import Rule
from jdgate.plugins.adapters import Channel, DraftView, Register, Sink, Source

if TYPE_CHECKING:
    from jdgate.core.signing import Suite
    from jdgate.files.importer import Importer
    from jdgate.refdata import References

PROJECT = "jdgate"
ENTRY_POINTS = "jdgate.plugins"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def jdgate_schemas() -> list[Path]:  # type: ignore[empty-body]
    """Folders of schemas and exchange sheets to load beside jdgate's own.

    When: once at start, and by `jdgate catalogue check`.

    Example:
        return [Path(__file__).parent / "schemas"]

    Errors: a schema or sheet that does not load stops the start with `catalogue.…`.
    """


@hookspec
def jdgate_texts() -> list[Path]:  # type: ignore[empty-body]
    """TOML files with the plugin's texts, Chinese and English under each code.

    When: once at start, before any other hook is called.

    Example:
        return [Path(__file__).parent / "texts.toml"]

    Errors: a file that is missing or is not TOML stops the start (`plugin.texts_unreadable`).
    """


@hookspec
def jdgate_rules(  # type: ignore[empty-body]
    settings: Mapping[str, Any], references: References
) -> list[Rule]:
    """The plugin's rules. They run at the gateway.

    When: once at start; the same objects are used from then on, from one thread.

    Example:
        return [AbsenceRule(days=settings.get("absence_days", 7))]

    Errors: raise `Refused("plugin.setting…")` for a setting that makes no sense; it stops the
    start. Two rules of one name stop the start (`plugin.rule_duplicate`).
    """


@hookspec
def jdgate_importers() -> list[Importer]:  # type: ignore[empty-body]
    """Readers that turn a department's CSV and XLSX files into records of one type.

    When: once at start of an edge, and by `jdgate push`.

    Example:
        return [Importer(type="mmt.attendance.v1", columns=[...])]

    Errors: two importers for one type stop the start (`plugin.importer_duplicate`).
    """


@hookspec
def jdgate_adapters(  # type: ignore[empty-body]
    member: str, roles: tuple[str, ...], settings: Mapping[str, Any], home: Path
) -> list[Source | Sink]:
    """The sources and sinks that connect `member`'s own system.

    When: once per member at start of its edge.

    Example:
        return [Registry(settings["database"])] if "POL" in roles else []

    Errors: raise `Refused("plugin.setting…")` for a wrong setting; it stops the start. What
    the adapters raise later is told in `jdgate.plugins.adapters`.
    """


@hookspec
def jdgate_channels(  # type: ignore[empty-body]
    settings: Mapping[str, Any], home: Path
) -> list[Channel]:
    """Channels that tell people that something waits (mail, webhook).

    When: once at start of the gateway, which asks them when an urgent alert comes onto a desk, or
    any alert comes late.

    Example:
        return [Mail(settings["smtp"])] if "smtp" in settings else []

    Errors: raise `Refused("plugin.setting…")` for a wrong setting; it stops the start.
    """


@hookspec
def jdgate_suites() -> list[Suite]:  # type: ignore[empty-body]
    """Signature suites beside the built-in ones.

    When: once at start, before any key is read.

    Example:
        return [Sm2Sm3()]

    Errors: a suite whose name is taken stops the start (`plugin.suite_duplicate`).
    """


@hookspec
def jdgate_prepare(
    type: str, record: Mapping[str, Any], register: Register, references: References
) -> dict[str, Any] | None:
    """Turn a row as the department writes it into the record that is sent.

    When: at the sender's edge, for each record that does not fit its schema as it stands, before
    it is signed. The first plugin that answers with a record decides; None means "not mine".

    Example:
        if type == "mmt.attendance.v1" and "id_no" in record:
            ref = register.get("patient_by_id", record["id_no"])
            return {"patient_ref": ref["patient_ref"], ...}

    Errors: raise `Refused("record.…")` to refuse this row with a reason a clerk can act on.
    """


@hookspec
def jdgate_accepted(type: str, records: Sequence[Mapping[str, Any]], register: Register) -> None:
    """Note the member's own records that the gateway accepted.

    When: at the sender's edge, after the signed receipt, with the records of one message or of
    several of the same type, and again after a crash or a fault: writing the same notes twice
    must do no harm.

    Example:
        for record in records:
            register.put("patient", record["patient_ref"], {"name": record["name"], ...})

    Errors: a fault leaves the message noted as unfinished; it is called again later.
    """


@hookspec
def jdgate_complete(draft: DraftView, register: Register) -> dict[str, Any] | None:
    """The record that an approved draft sends.

    When: at the owner's edge, after a named person approved the draft. The first plugin that
    answers decides.

    Example:
        patient = register.get("patient", draft.prefill["patient_ref"])
        return {"name": patient["name"], "confirmer": draft.decided_by, ...}

    Errors: raise `Refused("…")` when the record can't be made; the approver is told why and
    the draft stays open.
    """
