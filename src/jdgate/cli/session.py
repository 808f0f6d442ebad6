"""One invocation of `jdgate`: its language, its form of output, and where its errors go.

Rules:
- every `JdgateError` becomes one sentence on stderr and the exit code of its family; with
  `--json` it is `{"error": {"code", "params", "text"}}` on stdout instead;
- Ctrl-C ends with 130 and no noise; a reader that went away (`| head`) is no error;
- 0 all good, 1 failed, 2 usage, 3 part refused.

    @root.command("status")
    @common
    @pass_session
    def status(session: Session) -> int | None:
        with session.connect() as control:
            session.answer(control.call("status"), lambda reply: status_lines(reply, session.lang))
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

import click

from jdgate.cli.help import Group, Option
from jdgate.cli.usage import group_alone, kind
from jdgate.errors import JdgateError
from jdgate.texts import LANGUAGES, Lang, choose_language, say

if TYPE_CHECKING:
    from jdgate.config import Config, Home
    from jdgate.control import Control

ALL_GOOD, FAILED, USAGE, PART_REFUSED, INTERRUPTED = 0, 1, 2, 3, 130

F = TypeVar("F", bound=Callable[..., Any])


class ReaderGone(Exception):
    """Whoever read what a command prints went away: no fault of the command."""


class Session:
    """What a command needs to know of how it was called."""

    def __init__(self, lang: Lang, *, as_json: bool = False) -> None:
        self.lang = lang
        self.as_json = as_json
        self.config_file: Path | None = None

    def home(self) -> Home:
        """The installation meant. Raises: UsageError `config.missing`."""
        from jdgate.config import find_home

        return find_home(self.config_file)

    def config(self) -> Config:
        """Its configuration. Raises: UsageError `config.*`."""
        from jdgate.config import read_config

        return read_config(self.home())

    def connect(self) -> Control:
        """A connection to its daemon.

        Raises:
            TransportFailed: `control.…`. UsageError: `config.…` where there is no daemon because
                none could start.
        """
        from jdgate.control import connect
        from jdgate.errors import TransportFailed

        try:
            return connect(self.home())
        except TransportFailed:
            self.config()
            raise

    def say(self, code: str, /, **params: object) -> str:
        """The text of `code` in the language of this invocation."""
        return say(code, self.lang, **params)

    @property
    def width(self) -> int | None:
        """Columns to lay tables out for; None (no wrapping) when nobody looks at a terminal."""
        if not sys.stdout.isatty():
            return None
        return max(40, os.get_terminal_size().columns)

    @property
    def interactive(self) -> bool:
        """Whether a person can be asked something."""
        return not self.as_json and sys.stdin.isatty() and sys.stdout.isatty()

    def ask(self, question: str) -> str:
        """What a person answers, not blank. Raises: Abort at the end of the input."""
        while not (told := str(click.prompt(question)).strip()):
            pass
        return told

    def confirmed(self, question: str) -> bool:
        """Whether a person says yes. Raises: Abort at the end of the input."""
        prompt = f"{question} [{self.say('cli.yes')}/{self.say('cli.no')}]"
        while True:
            told = str(click.prompt(prompt, default="", show_default=False)).strip().lower()
            if told in ("y", "yes", "是"):
                return True
            if told in ("", "n", "no", "否"):
                return False
            click.echo(self.say("cli.ask_again"))

    def answer(self, document: Any, lines: Callable[[Any], Iterable[str]]) -> None:
        """Print `document` as JSON, or the lines made of it."""
        if self.as_json:
            self.emit(document)
        else:
            self.tell(lines(document))

    def emit(self, document: Any, *, one_line: bool = False) -> None:
        """Print a JSON document, or one line of JSON."""
        indent = None if one_line else 2
        click.echo(json.dumps(document, ensure_ascii=False, indent=indent, default=str))

    def tell(self, lines: Iterable[str]) -> None:
        """Print lines for a person."""
        for line in lines:
            click.echo(line)

    def note(self, text: str) -> None:
        """A remark beside the answer: on stderr, and not at all with `--json`."""
        if not self.as_json:
            click.echo(text, err=True)

    def member(self, control: Control, given: str | None) -> str:
        """The member to act as: the one named, or the only department this machine hosts.

        Raises:
            UsageError: `cli.member_needed`.
        """
        if given:
            return given
        from jdgate.errors import UsageError

        hosted = [str(one["id"]) for one in control.call("status").get("members", [])]
        if len(hosted) == 1:
            return hosted[0]
        raise UsageError("cli.member_needed", hosted=", ".join(hosted) or "—")

    def fail(
        self, code: str, params: Mapping[str, object], exit_code: int, text: str = ""
    ) -> NoReturn:
        """Report an error and exit. `text` is what the code says, unless it is given."""
        text = text or self.say(code, **params)
        if self.as_json:
            self.emit({"error": {"code": code, "params": dict(params), "text": text}})
        else:
            click.echo(self.say("cli.error", text=text), err=True)
        sys.exit(exit_code)


pass_session = click.make_pass_decorator(Session)


def _set_config(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.find_object(Session).config_file = value  # type: ignore[union-attr]


def _set_lang(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.find_object(Session).lang = cast(Lang, value)  # type: ignore[union-attr]


def _set_json(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        ctx.find_object(Session).as_json = True  # type: ignore[union-attr]


_COMMON = (
    click.option(
        "--json", cls=Option, is_flag=True, expose_value=False, callback=_set_json,
        help="cli.option.json",
    ),
    click.option(
        "--lang", cls=Option, type=click.Choice(LANGUAGES), expose_value=False,
        callback=_set_lang, help="cli.option.lang",
    ),
    click.option(
        "-c", "--config", cls=Option, type=click.Path(path_type=Path), metavar="FILE",
        expose_value=False, callback=_set_config, help="cli.option.config",
    ),
)  # fmt: skip


def common(function: F) -> F:
    """The options every command takes, after its own."""
    for option in _COMMON:
        function = option(function)
    return function


def option(*names: str, **attributes: Any) -> Callable[[F], F]:
    """`click.option` with its help in the text catalogue."""
    return click.option(*names, cls=Option, **attributes)


def as_member(function: F) -> F:
    """The option `--as MEMBER`."""
    return option("--as", "as_member", metavar="MEMBER", help="cli.option.as")(function)


_SYSTEM = {FileNotFoundError: "cli.no_file", PermissionError: "cli.no_access"}
"""What a person can mend without knowing the system's own words."""


class Root(Group):
    """The command `jdgate`: sets the session up and turns every error into an answer."""

    top = True

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # which click would make an exit code of 1
            raise ReaderGone from None

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> NoReturn:
        words = list(sys.argv[1:] if args is None else args)
        session = Session(choose_language(words, os.environ), as_json="--json" in words)
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")  # a terminal that lacks a character
        extra.update(standalone_mode=False, prog_name="jdgate", obj=session)
        try:
            outcome = super().main(words, max_content_width=100, **extra)
            sys.stdout.flush()
        except JdgateError as error:
            session.fail(error.code, error.params, error.exit_code, error.text(session.lang))
        except click.Abort:
            sys.exit(INTERRUPTED)
        except click.ClickException as error:
            _usage(session, error)
        except (ReaderGone, BrokenPipeError):
            _drop_output()
            sys.exit(ALL_GOOD)
        except OSError as error:
            name = Path(os.fsdecode(error.filename)).name if error.filename else "—"
            name = name.removesuffix(".new")  # as files are called while they are written
            code = next((code for kind, code in _SYSTEM.items() if isinstance(error, kind)), "")
            if code:
                session.fail(code, {"file": name}, FAILED)
            reason = error.strerror or type(error).__name__
            session.fail("cli.system", {"file": name, "reason": reason}, FAILED)
        sys.exit(outcome if isinstance(outcome, int) else ALL_GOOD)


def _usage(session: Session, error: click.ClickException) -> NoReturn:
    """A wrong call, told in the reader's language."""
    ctx = getattr(error, "ctx", None)
    command = ctx.command_path if ctx else "jdgate"
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and ctx:
        _help(ctx)
    if group_alone(error) and ctx and not session.as_json:
        _help(ctx)
    code, params = kind(session, error)
    session.fail(code, {"command": command, **params}, USAGE)


def _help(ctx: click.Context) -> NoReturn:
    with ctx.scope(cleanup=False):  # which tells the texts their language
        click.echo(ctx.get_help(), err=True)
    sys.exit(USAGE)


def _drop_output() -> None:
    """Keep the interpreter from complaining, when it ends, of a pipe nobody reads."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
