"""Numbers in the text format of Prometheus (exposition format 0.0.4).

"".join(family("jdgate_alerts", "gauge", [({"state": "raised"}, 3)]))
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

Line = tuple[Mapping[str, str], float]


def family(name: str, kind: str, lines: Iterable[Line]) -> Iterator[str]:
    """A metric: its type, then each series."""
    yield f"# TYPE {name} {kind}\n"
    for labels, value in lines:
        yield one(name, labels, value)


def histogram(
    name: str,
    labels: Mapping[str, str],
    within: Iterable[tuple[float, int]],
    count: int,
    total: float,
) -> Iterator[str]:
    """One series of a histogram, without its type. `within`: how many were not above each bound."""
    for bound, many in within:
        yield one(f"{name}_bucket", {**labels, "le": f"{bound:g}"}, many)
    yield one(f"{name}_bucket", {**labels, "le": "+Inf"}, count)
    yield one(f"{name}_sum", labels, total)
    yield one(f"{name}_count", labels, count)


def one(name: str, labels: Mapping[str, str], value: float) -> str:
    """One line. Whole numbers are written whole: a counter must not lose its last digits."""
    shown = ",".join(f'{key}="{_quoted(text)}"' for key, text in labels.items())
    number = f"{value:d}" if isinstance(value, int) else repr(float(value))
    return f"{name}{{{shown}}} {number}\n" if shown else f"{name} {number}\n"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
