"""Where the gateway's time goes, measured from outside: functions are wrapped, the product's own
code knows nothing of it.

A stage gets the time spent in its functions less the time of stages inside them, so the shares
add up. Time is counted twice: by the clock, which also sees waiting (for the disk, for the
interpreter's lock, for a core), and as processor time of the thread. The wrapping costs about
2 µs a call; what is called for every record and takes no longer is left inside its stage.

    watch = Stopwatch()
    install(watch)
    ...
    watch.take()          # {"verify": (seconds, processor seconds, calls), …} since the last time
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy.engine import RootTransaction

from jdgate.core import admission
from jdgate.gateway import (
    answers,
    compose,
    pipeline,
    system,
    timekeeper,
    traces,
    workers,
)
from jdgate.gateway.effects import Effects
from jdgate.gateway.past import PastView
from jdgate.store import (
    alerts,
    deliveries,
    expectations,
    ledger,
    messages,
    meta,
    receipts,
    rulestate,
    sequences,
    subjects,
)
from jdgate.store.vault import Vault

# stage → functions by the name under which they are called
STAGES: dict[str, list[tuple[Any, str]]] = {
    "open": [(admission, "unseal")],
    "verify": [(admission, "verify"), (admission, "peek")],
    "decode": [(admission, "decode")],
    "schema": [(admission, "check_records")],
    "admit (rest)": [(pipeline, "_judge_all")],
    "pseudonyms": [(PastView, "_alias_token"), (PastView, "pseudonym")],
    "state load": [(pipeline, "load_states")],
    "state save": [(pipeline, "save_states")],
    "rules": [(pipeline, "run_rules"), (pipeline, "_facts")],
    "routing": [(pipeline, "_route")],
    "effects": [(Effects, "apply"), (Effects, "flush")],
    "receipts taken": [(system, "take")],
    "compose": [(pipeline, "compose"), (timekeeper, "compose")],
    "sign": [(compose, "sign_plan"), (answers, "sign_plan")],
    "receipts given": [(answers, "receipts"), (answers, "enter")],
    "seal at rest": [(Vault, "seal")],
    "ledger": [(traces, "write_ledger"), (ledger, "append")],
    "SQL messages": [(messages, "seen"), (messages, "add_many")],
    "SQL deliveries": [
        (deliveries, name) for name in ("add_many", "due", "unreceipted", "close_many")
    ],
    "SQL references": [(subjects, "find_aliases"), (subjects, "add_aliases")],
    "SQL relations": [(subjects, "merge_relations"), (subjects, "relations")],
    "SQL subject index": [(subjects, "add_appearances"), (subjects, "add_unshown")],
    "SQL sequences": [(sequences, name) for name in ("note", "used", "next_sequences")],
    "SQL rule states": [(rulestate, "load"), (rulestate, "save")],
    "SQL rest": [
        *((receipts, name) for name in ("add", "get_many")),
        *((alerts, name) for name in ("raise_or_fold", "save", "unsettled", "due")),
        *((expectations, name) for name in ("expect", "settle", "due")),
        (meta, "raise_clock"),
    ],
    "commit": [(RootTransaction, "commit")],
    "pipeline (rest)": [(pipeline, "process")],
    "timekeeper": [(timekeeper, "run_due")],
    "seal to recipient": [(workers, "_seal")],
}


class Stopwatch:
    """Seconds and calls per stage. Each thread has its own stack of open stages."""

    def __init__(self) -> None:
        self._found: dict[str, list[float]] = {}
        self._local = threading.local()

    def wrap(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function` with its time counted for `stage`."""
        found, local, clock, processor = (
            self._found,
            self._local,
            time.perf_counter,
            time.thread_time,
        )

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            stack: list[list[float]] | None = getattr(local, "inner", None)
            if stack is None:
                stack = local.inner = []
            inner = [0.0, 0.0]
            stack.append(inner)
            begun, used = clock(), processor()
            try:
                return function(*args, **kwargs)
            finally:
                used, took = processor() - used, clock() - begun
                stack.pop()
                if stack:
                    stack[-1][0] += took
                    stack[-1][1] += used
                total = found.get(stage)
                if total is None:
                    total = found[stage] = [0.0, 0.0, 0]
                total[0] += took - inner[0]
                total[1] += used - inner[1]
                total[2] += 1

        return timed

    def take(self) -> dict[str, tuple[float, float, int]]:
        """What was counted since the last time."""
        taken = {stage: (a, b, int(n)) for stage, (a, b, n) in self._found.items()}
        self._found.clear()
        return taken


def install(watch: Stopwatch) -> None:
    """Wrap the functions of every stage; a name that is gone is an error, not a zero."""
    for stage, places in STAGES.items():
        for owner, name in places:
            setattr(owner, name, watch.wrap(stage, getattr(owner, name)))
