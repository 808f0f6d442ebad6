"""The errors jdgate raises: one base, four families.

    JdgateError
    ├── Refused          their data is bad: answered, recorded, never retried   (exit 1 or 3)
    ├── TransportFailed  the bus, the books or the disk failed: retried         (exit 1)
    ├── UsageError       the person at the keyboard asked for what can't be     (exit 2)
    └── Misuse           our own code called something wrongly: a bug           (exit 1)

An error carries a `code`, a key of the text catalogue (`jdgate.texts`), and the parameters
of that text. Parameters never hold a personal value: a field's path, length or expected form
may be told, its content may not.
"""

from __future__ import annotations

from jdgate.texts import Lang, say


class JdgateError(Exception):
    """Base of all errors; `str(error)` is its English text."""

    exit_code = 1

    def __init__(self, code: str, /, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.params = params

    def text(self, lang: Lang) -> str:
        """The message for a person, in `lang`. A field goes by its title where a sheet is at
        hand (`core.fault`), here by its name."""
        named = {"title": self.params["field"]} if "field" in self.params else {}
        return say(self.code, lang, **{**named, **self.params})

    def __str__(self) -> str:
        return self.text("en")


class Refused(JdgateError):
    """What was sent or loaded is not acceptable as it stands."""


class TransportFailed(JdgateError):
    """A bus, database or disk operation failed and may succeed when tried again."""


class UsageError(JdgateError):
    """The command, configuration or option given can't be carried out."""

    exit_code = 2


class Misuse(JdgateError):
    """An API of ours was called wrongly."""
