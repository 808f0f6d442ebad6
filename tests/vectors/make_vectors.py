"""Writes the hostile vectors of this folder and their index.

    python -m tests.vectors.make_vectors

The signatures come out the same each time; sealed bodies don't, as sealing draws a fresh key.
What is written is judged by `tests/core/test_admission_vectors.py`, which never writes.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.vectors.arrivals import arrivals
from tests.vectors.directories import directories
from tests.vectors.payloads import payloads
from tests.vectors.signatures import signatures

HERE = Path(__file__).parent


def write() -> None:
    """Write every vector and the index."""
    index = []
    for vector in (*payloads(), *signatures(), *directories(), *arrivals()):
        path = HERE / vector.name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(vector.data)
        entry = {"file": vector.name, "how": vector.how, "expect": vector.expect, "why": vector.why}
        index.append({**entry, **vector.more})
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in index)
    (HERE / "index.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    write()
