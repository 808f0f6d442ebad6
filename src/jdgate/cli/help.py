"""Help in the reader's language: texts come from the catalogue when help is shown.

A command's help is the text `cli.help.<command>` (`cli.help.<group>_<command>` inside a group);
its first paragraph is the short help. An option's `help` is a code too. Lines that begin with
two spaces are examples and stay as they are.

    @root.command("status")            # help: cli.help.status
    @click.option("--follow", is_flag=True, help="cli.option.follow")
"""

from __future__ import annotations

from typing import Any, cast

import click

from jdgate.cli.show import GAP, columns, pad, wrap
from jdgate.texts import Lang, say

WIDEST = 100
_INDENT = 2


def language(ctx: click.Context) -> Lang:
    """The language of this invocation."""
    return cast(Lang, getattr(ctx.find_root().obj, "lang", "en"))


class Formatter(click.HelpFormatter):
    """Lays help out by columns, not characters, and names its sections in `lang`."""

    lang: Lang = "en"

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        self.write(f"{say('cli.help_usage', self.lang)}{prog} {args}".rstrip() + "\n")

    def write_heading(self, heading: str) -> None:
        names = {"Options": "cli.help_options", "Commands": "cli.help_commands"}
        code = names.get(heading)
        title = say(code, self.lang) if code else f"{heading}:"
        self.write(f"{' ' * self.current_indent}{title}\n")

    def write_text(self, text: str) -> None:
        room = self.width - self.current_indent
        for line in text.splitlines():
            kept = [line] if line.startswith("  ") or not line else wrap(line, room)
            for part in kept:
                self.write(f"{' ' * self.current_indent}{part}".rstrip() + "\n")

    def write_dl(self, rows: Any, col_max: int = 34, col_spacing: int = GAP) -> None:
        rows = list(rows)
        first = min(max((columns(term) for term, _ in rows), default=0), col_max) + col_spacing
        left = " " * self.current_indent
        room = max(20, self.width - self.current_indent - first)
        for term, text in rows:
            lines = wrap(text, room) if text else [""]
            if columns(term) > col_max:
                self.write(f"{left}{term}\n")
            else:
                self.write(f"{left}{pad(term, first)}{lines.pop(0)}".rstrip() + "\n")
            for line in lines:
                self.write(f"{left}{' ' * first}{line}\n")


class Context(click.Context):
    """Makes formatters that know the language."""

    formatter_class = Formatter

    def make_formatter(self) -> click.HelpFormatter:
        formatter = super().make_formatter()
        if isinstance(formatter, Formatter):
            formatter.lang = language(self)
        return formatter


class Option(click.Option):
    """An option whose `help` is a code of the text catalogue."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        if record is None or not self.help:
            return record
        return record[0], say(self.help, language(ctx))


class Helped(click.Command):
    """What `Command` and `Group` share: help looked up when it is shown."""

    context_class = Context

    def __init__(self, name: str | None, *args: Any, **attributes: Any) -> None:
        super().__init__(name, *args, **attributes)
        self.help_code = f"cli.help.{name}"

    def get_short_help_str(self, limit: int = 45) -> str:
        ctx = click.get_current_context(silent=True)
        text = say(self.help_code, language(ctx) if ctx else "en")
        return text.partition("\n")[0]

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(say(self.help_code, language(ctx)))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        shown = []
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is not None:  # arguments are told in the command's own help
                ours = isinstance(param, Option)
                shown.append(record if ours else (record[0], say("cli.option.help", language(ctx))))
        with formatter.section("Options"):
            formatter.write_dl(shown)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)


class Command(Helped):
    """A command with help in both languages."""


class Group(Helped, click.Group):
    """A group whose commands find their own help by their names."""

    command_class = Command
    top = False

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of use, not of the alphabet

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        super().add_command(cmd, name)
        if isinstance(cmd, Helped) and not self.top:
            cmd.help_code = f"{self.help_code}_{name or cmd.name}"
