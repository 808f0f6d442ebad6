"""Killing a process at every line of a plugin: SIGKILL, as a power cut would.

A child is forked for each line; it counts the lines that run in the plugin's own files and ends
itself when its number comes. Only a single-threaded process may do this: `kit.victim` is one.

    total = lines_of(work, folders)                 # in a child, to the end
    for line in chosen(total): killed_at(line, work, folders)
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

from jdgate.core.rules import place_of
from jdgate.kit.bench import Broken

MOST_LINES = 40
"""Lines at which a process is killed, evenly spread over those that run."""


class _Counter:
    """Counts lines run in files below `folders`; kills this process at line `last`."""

    def __init__(self, folders: Sequence[str], last: int) -> None:
        self._folders = tuple(folders)
        self._last = last
        self.count = 0

    def watch(self, frame: FrameType, event: str, argument: Any) -> Any:
        """For `sys.settrace`."""
        name = frame.f_code.co_filename
        if not name.startswith(self._folders) or name.endswith("trial.py"):
            return None
        return self._line

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            self.count += 1
            if self.count == self._last:
                os.kill(os.getpid(), signal.SIGKILL)
        return self._line


def in_child(
    work: Callable[[], Any], folders: Sequence[str] = (), last: int = 0
) -> tuple[Any, int] | None:
    """What `work` gives in a child process and how many lines it ran; None when it was killed.

    Raises:
        Broken: when `work` raised.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _run(work, folders, last, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL and last:
        return None
    if not said:
        raise Broken(f"the process ended by itself (status {status})")
    good, value, lines = pickle.loads(said)  # noqa: S301 - our own child wrote it
    if not good:
        raise Broken(value)
    return value, lines


def _run(work: Callable[[], Any], folders: Sequence[str], last: int, writer: int) -> None:
    counter = _Counter(folders, last)
    answer: tuple[bool, Any, int]
    try:
        if folders:
            threading.settrace(counter.watch)
            sys.settrace(counter.watch)
        value = work()
        sys.settrace(None)
        answer = (True, value, counter.count)
    except Broken as broken:
        sys.settrace(None)
        answer = (False, broken.detail, 0)
    except BaseException as error:
        sys.settrace(None)
        if os.environ.get("JDGATE_KIT_TRACE"):
            traceback.print_exc()
        answer = (False, place_of(error), 0)
    if last > 0 and answer[0]:  # the moment after its last line: work done, nobody told
        os.kill(os.getpid(), signal.SIGKILL)
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(pickle.dumps(answer))
    os._exit(0)


def chosen(total: int, most: int = MOST_LINES) -> list[int]:
    """Lines to be killed at, the one after the last among them."""
    if total < most:
        return list(range(1, total + 2))
    step = total / (most - 1)
    return sorted({1 + int(step * number) for number in range(most - 1)} | {total + 1})
