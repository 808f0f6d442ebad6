"""Gives every cell of a column the value that a merged cell shows for all of them.

A merged cell stores its value once, at its top left. A nurse who merges one date over thirty
patients sees the date on every row, so the rows below get it too: the file says so, it is no
guess. Only downwards: a title merged across columns names none but the first.

    fill = MergeFill([(2, 31, 0)])
    cells = fill.apply(row_number, cells)
"""

from __future__ import annotations

from collections.abc import Iterable

from jdgate.files.cells import Cell, is_blank

Merge = tuple[int, int, int]  # first row, last row (1-based), column (0-based)


class MergeFill:
    """Fills merged cells while rows go by in order; holds only the merges now open."""

    def __init__(self, merges: Iterable[Merge]) -> None:
        self._waiting = sorted(merges, reverse=True)
        self._open: list[tuple[int, int, Cell]] = []  # last row, column, value

    def apply(self, number: int, cells: list[Cell]) -> list[Cell]:
        """The row's cells, those covered by a merge from above filled in."""
        if self._open:
            self._open = [merge for merge in self._open if merge[0] >= number]
            for _, column, value in self._open:
                if column >= len(cells):
                    cells.extend([None] * (column + 1 - len(cells)))
                if is_blank(cells[column]):
                    cells[column] = value
        while self._waiting and self._waiting[-1][0] <= number:
            first, last, column = self._waiting.pop()
            if first == number and column < len(cells) and not is_blank(cells[column]):
                self._open.append((last, column, cells[column]))
        return cells
