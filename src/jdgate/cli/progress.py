"""A progress bar on stderr, for people only: without a terminal, or with `--json`, it is nothing.

with Progress(session, "reading") as bar:
    bar.show(done, total)
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import rich.progress

    from jdgate.cli.session import Session


class Progress:
    """One bar; `show` may be called as often as one likes."""

    def __init__(self, session: Session, label: str) -> None:
        self._label = label
        self._bar: rich.progress.Progress | None = None
        self._task: rich.progress.TaskID | None = None
        self._wanted = not session.as_json and sys.stderr.isatty()

    def __enter__(self) -> Progress:
        if self._wanted:
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f}%"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task(self._label, total=None)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, done: int, total: int, label: str | None = None) -> None:
        """`done` of `total`, in any unit."""
        if self._bar is not None and self._task is not None:
            self._bar.update(
                self._task,
                completed=done,
                total=max(total, 1),
                description=label or self._label,
            )
