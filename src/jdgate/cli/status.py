"""`jdgate status`: what the daemon does, what waits, and what needs somebody's attention.

The exit code is 1 when something is broken (the bus, a member's connection), so that a monitor
can ask too; warnings alone leave it 0.
"""

from __future__ import annotations

from typing import Any

import click

from jdgate.cli.help import Command
from jdgate.cli.offline import sheets
from jdgate.cli.session import ALL_GOOD, FAILED, Session, common, pass_session
from jdgate.cli.show import listed, local, pairs, table
from jdgate.errors import UsageError
from jdgate.texts import Lang, say


def healthy(reply: dict[str, Any]) -> bool:
    """Whether nothing is broken."""
    parts = [*([reply["bus"]] if reply.get("bus") else []), *(reply.get("members") or [])]
    return all(one.get("healthy", True) for one in parts)


def status_lines(reply: dict[str, Any], lang: Lang, width: int | None = None) -> list[str]:
    """The answer of the control method `status`, for a person."""
    county = reply.get("county") or {}
    lines = [
        say(
            "cli.status.head",
            lang,
            version=reply.get("version", "?"),
            name=county.get("name", "?"),
            region=county.get("region", "?"),
            pid=reply.get("pid", "?"),
        ),
        "",
        *pairs(_facts(reply, lang), width),
    ]
    if members := reply.get("members"):
        names = ("member", "name", "state", "outbox", "inbox", "drafts", "adapters")
        titles = [say(f"cli.title.{name}", lang) for name in names]
        lines += ["", *table(titles, [_member(one, lang) for one in members], width)]
    for warning in reply.get("warnings") or []:
        text = say(warning["code"], lang, **(warning.get("params") or {}))
        lines += ["", say("cli.status.warning", lang, text=text)]
    return lines


def _facts(reply: dict[str, Any], lang: Lang) -> list[tuple[str, object]]:
    bus = reply.get("bus") or {}
    lag = bus.get("lag") or {}
    ledger = reply.get("ledger") or {}
    directory = reply.get("directory") or {}
    behind = float(reply.get("clock_behind_s") or 0)

    def label(name: str) -> str:
        return say(f"cli.status.{name}", lang)

    connected = say("cli.state.up" if bus.get("healthy") else "cli.state.down", lang)
    where = f"{say('cli.state.' + str(bus.get('mode', 'unknown')), lang)} {bus.get('url') or ''}"
    facts: list[tuple[str, object]] = [
        (label("roles"), listed(say(f"cli.role.{one}", lang) for one in reply.get("roles") or [])),
        (label("bus"), f"{connected} · {where.strip()}" if bus else ""),
        (
            label("lag"),
            say(
                "cli.status.lag_text",
                lang,
                ingress=_number(lag.get("ingress")),
                mailboxes=_number(lag.get("mailboxes")),
            )
            if lag
            else "",
        ),
        (label("books"), (reply.get("books") or {}).get("name")),
    ]
    if ledger:
        facts.append(
            (
                label("ledger"),
                say(
                    "cli.status.ledger_text",
                    lang,
                    size=_number(ledger.get("size")),
                    root=str(ledger.get("root") or "—")[:16],
                    at=local(ledger.get("checkpoint_at")),
                ),
            )
        )
    oldest = _oldest(reply)
    facts += [
        (label("oldest"), local(oldest) if oldest else say("cli.status.nothing_open", lang)),
        (
            label("directory"),
            say(
                "cli.status.directory_text",
                lang,
                version=directory.get("version", "?"),
                expires=local(directory.get("expires")),
            ),
        ),
        (label("plugins"), listed(_plugin(one, lang) for one in reply.get("plugins") or [])),
        (label("dead"), _number(reply.get("dead"))),
        (label("web"), reply.get("web_url")),
    ]
    if behind >= 1:
        facts.append((label("clock"), say("cli.status.clock_text", lang, seconds=f"{behind:,.0f}")))
    return facts


def _member(one: dict[str, Any], lang: Lang) -> list[object]:
    return [
        one.get("id"),
        one.get("name") or "",
        say("cli.state.up" if one.get("healthy", True) else "cli.state.down", lang),
        _number(one.get("outbox_open")),
        _number(one.get("inbox")),
        _number(one.get("drafts")),
        listed(_adapter(each, lang) for each in one.get("adapters") or []),
    ]


def _adapter(one: Any, lang: Lang) -> str:
    """An adapter's name, and what is wrong with it if something is."""
    if not isinstance(one, dict):
        return str(one)
    name = str(one.get("name", "?"))
    trouble = one.get("trouble")
    words = one.get("params") or {}
    return f"{name}: {say(str(trouble), lang, **words)}" if trouble else name


def _plugin(one: Any, lang: Lang) -> str:
    if not isinstance(one, dict):
        return str(one)
    condition = one.get("condition") or {}
    state = one.get("state") or condition.get("state") or "running"
    name = str(one.get("name", "?"))
    return name if state == "running" else f"{name} ({say(f'cli.state.{state}', lang)})"


def _oldest(reply: dict[str, Any]) -> str | None:
    """Since when the oldest message waits for a receipt: of the gateway's and of the members'."""
    parts = [reply, *(reply.get("members") or [])]
    return min((str(one["oldest_open"]) for one in parts if one.get("oldest_open")), default=None)


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "—" if value is None else str(value)


@click.command("status", cls=Command)
@common
@pass_session
def status(session: Session) -> int:
    with session.connect() as control:
        reply = control.call("status")
    try:
        session.config()
    except UsageError as wrong:  # what runs began with an older one
        params = {"reason": wrong.text(session.lang)}
        reply["warnings"].append({"code": "status.config_wrong", "params": params})
    if any(each["trouble"] for one in reply["members"] for each in one.get("adapters", ())):
        sheets(session)  # what an adapter says is in the words of its plugin
    session.answer(reply, lambda answer: status_lines(answer, session.lang, session.width))
    return ALL_GOOD if healthy(reply) else FAILED
