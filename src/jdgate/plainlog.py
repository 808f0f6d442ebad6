"""What broke, in a log that anybody may read: types, codes and places, and never a value.

An exception's message may quote what it broke on: a parameter of SQL, a piece of JSON, a key that
is an identity number. So nothing here prints one. `broke` is how our own code logs an exception;
`PlainFormatter` and `on_loop` do the same for what libraries and the event loop log.

    except Exception as error:
        broke(log, "a group of %d messages could not be processed", len(group), error=error)
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from types import TracebackType
from typing import Any

_MOST_FRAMES = 40
_MOST_CAUSES = 8


def broke(log: logging.Logger, text: str, *args: object, error: BaseException) -> None:
    """Log that `error` happened. `text` and `args` hold no value of a record."""
    log.error(f"{text}\n%s", *args, described(error))


def described(error: BaseException) -> str:
    """The exception and what caused it: type, code if it has one, and where it was raised."""
    parts: list[str] = []
    now: BaseException | None = error
    while now is not None and len(parts) < _MOST_CAUSES:
        code = getattr(now, "code", None)
        name = type(now).__name__ + (f" {code}" if isinstance(code, str) else "")
        parts.append("\n".join([name, *_places(now.__traceback__)]))
        now = now.__cause__ or (None if now.__suppress_context__ else now.__context__)
    return "\nbecause of ".join(parts)


def _places(trace: TracebackType | None) -> list[str]:
    frames = traceback.StackSummary.extract(traceback.walk_tb(trace), lookup_lines=False)
    return [f"  {one.filename}:{one.lineno} in {one.name}" for one in frames[-_MOST_FRAMES:]]


class PlainFormatter(logging.Formatter):
    """A formatter that prints an exception as `described` does."""

    def formatException(self, ei: Any) -> str:
        """See `logging.Formatter`."""
        return described(ei[1]) if ei[1] is not None else ""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter`."""
        # another handler may have left its own text here, which quotes the exception
        record.exc_text = None
        return super().format(record)


def on_loop(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An event loop's exception handler: its own prints the exception, and with it the values."""
    error = context.get("exception")
    if error is None:
        logging.getLogger(__name__).error("%s", context.get("message"))
    else:
        broke(logging.getLogger(__name__), "%s", context.get("message"), error=error)
