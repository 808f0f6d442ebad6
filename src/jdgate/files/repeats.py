"""Rows of one file that are about the same thing: said twice, or said in two ways.

An importer names the fields that make a row what it is about (`unique`: a patient and a day). Two
rows that agree in them and in everything else are one. Two that differ in the rest contradict each
other: nobody but the file's owner knows which is right, so both are refused.

It takes a pass over the file before the one that yields rows, and 24 bytes for each row.

    repeats = find(importer, rows)        # all good rows of the file
    repeats.contradicted.get(number)      # the row that contradicts this one
    number in repeats.again               # it says once more what an earlier row says
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from msgspec import Struct

from jdgate.files.importer import Importer, Row


class Repeats(Struct, frozen=True):
    """What was found; both by row number."""

    contradicted: Mapping[int, int] = {}
    """Row → the first row that contradicts it."""
    again: frozenset[int] = frozenset()
    """Rows that say the same as an earlier one."""


NONE = Repeats()


def find(importer: Importer, rows: Iterable[Row]) -> Repeats:
    """The repeats among the good rows of a file. Row numbers stay below 2**32."""
    keys, wholes, numbers = array("q"), array("q"), array("L")
    fields = [column.field for column in importer.columns]
    for row in rows:
        if row.record is None:
            continue
        keys.append(_hash(row, importer.unique))
        wholes.append(_hash(row, fields))
        numbers.append(row.number)
    contradicted: dict[int, int] = {}
    again: set[int] = set()
    for group in _groups(keys):
        firsts: dict[int, int] = {}  # what is said → the first row that says it
        for at in group:
            if firsts.setdefault(wholes[at], numbers[at]) != numbers[at]:
                again.add(numbers[at])
        if len(firsts) > 1:
            first, second, *_ = firsts
            for at in group:
                other = firsts[second if wholes[at] == first else first]
                contradicted[numbers[at]] = other
                again.discard(numbers[at])
    return Repeats(contradicted, frozenset(again))


def _hash(row: Row, fields: Iterable[str]) -> int:
    values = map((row.record or {}).get, fields)
    return hash(tuple(tuple(one) if isinstance(one, list) else one for one in values))


def _groups(keys: array[int]) -> Iterator[list[int]]:
    """Positions that share a key, in order; only where there are several."""
    order = sorted(range(len(keys)), key=keys.__getitem__)
    for _, group in groupby(order, key=keys.__getitem__):
        positions = list(group)
        if len(positions) > 1:
            yield positions
