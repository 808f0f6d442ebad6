"""The process that adapters are tried in, so that a plugin that hangs or kills hurts nobody.

    python -m jdgate.kit.victim '{"target": …, "kind": "sink", "member": 0, "name": …, …}'

It does the checks named in the job one after the other and prints a line of JSON before and
after each. Whoever started it ends it when a check takes too long.
"""

from __future__ import annotations

import gc
import json
import logging
import sys
from pathlib import Path

import msgspec

from jdgate.kit.bench import Bench, attempt
from jdgate.kit.places import Job, Place
from jdgate.kit.sinks import SINK
from jdgate.kit.sources import SOURCE
from jdgate.kit.trial import cases_of


def main(job: Job) -> None:
    """Do the checks of a job."""
    # the report tells how an adapter did: jdgate's own log of it would stand among its lines
    logging.getLogger("jdgate").addHandler(logging.NullHandler())
    bench = Bench.load(job.target)
    gc.freeze()  # hundreds of children are forked: what is here already is not looked at in each
    assert bench.trial is not None
    case = cases_of(bench.trial)[job.case]
    functions = SINK if job.kind == "sink" else SOURCE
    for check in job.checks:
        print(json.dumps({"started": check}), flush=True)
        place = Place(bench, case, job.adapter, Path(job.folder) / check.replace(".", "-"))
        found = attempt(check, job.adapter, lambda: functions[check](place))  # noqa: B023
        print(msgspec.json.encode(found).decode(), flush=True)


if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1].encode(), type=Job))
